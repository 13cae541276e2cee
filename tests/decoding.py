"""What zxing-cpp, a decoder that has nothing to do with what draws, reads off an image."""

import zxingcpp
from PIL import Image


def qr_codes(image: Image.Image) -> list[str]:
    """Return the texts of all QR codes in it.

    In the dots of one it finds, once in some thousand, the bars of other kinds of code: these are not asked for.
    """
    kinds = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return [found.text for found in zxingcpp.read_barcodes(image.convert("RGB"), formats=kinds)]
