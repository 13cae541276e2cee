"""Two decoders of QR codes that know nothing of each other."""

import subprocess
from pathlib import Path

import zxingcpp
from PIL import Image

from need import need


def by_zbar(picture: Path) -> str:
    """What zbarimg reads off a file in which there is exactly one code."""
    need("zbarimg")
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)]
    found = subprocess.run(command, capture_output=True, check=False)
    return found.stdout.decode().removesuffix("\n")


def by_zxing(picture: Path) -> str:
    """What zxing-cpp reads off it."""
    with Image.open(picture) as image:
        found = zxingcpp.read_barcodes(
            image.convert("RGB"), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        )
    return "\n".join(one.text for one in found)
