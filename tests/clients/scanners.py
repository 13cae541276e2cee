"""Two decoders of QR codes that know nothing of each other."""

import subprocess
from pathlib import Path

from PIL import Image

from decoding import qr_codes
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
        return "\n".join(qr_codes(image))
