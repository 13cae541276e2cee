"""QR codes for enrolment, drawn by segno. Needs `totpcore[qr]`.

Rules of this file:

1. Error correction M: on a screen nothing is damaged, and a denser code scans worse. Never a logo.
2. A quiet zone of four modules and an explicit white background, so that a dark page does not swallow the code.
3. Never Micro QR, which many scanners cannot read.
4. The image says what it is in words, and never what is in it: no secret, no URI, no name in any text or attribute.
"""

from io import BytesIO
from typing import Final

from ._guard import Hidden

try:
    import segno
except ImportError as _missing:
    raise ImportError('QR codes need segno: pip install "totpcore[qr]"') from _missing

LABEL: Final = "QR code to set up two-factor authentication; the setup key is next to it as text"
_QUIET_ZONE: Final = 4  # modules, ISO/IEC 18004


def svg(uri: str, *, module_pixels: int = 5) -> str:
    """Return an `<svg>` element to be placed in a page. It has no style and no script, so that a strict CSP lets it."""
    hidden = Hidden(uri)
    del uri
    body: str = _make(hidden).svg_inline(
        scale=module_pixels,
        border=_QUIET_ZONE,
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
        omitsize=False,
    )
    return body.replace("<svg ", f'<svg role="img" aria-label="{LABEL}" shape-rendering="crispEdges" ', 1)


def png(uri: str, *, module_pixels: int = 5) -> bytes:
    """Return a PNG file, black on white."""
    hidden = Hidden(uri)
    del uri
    file = BytesIO()
    _make(hidden).save(file, kind="png", scale=module_pixels, border=_QUIET_ZONE, dark="#000", light="#fff")
    return file.getvalue()


def terminal(uri: str) -> str:
    """Return text for a terminal that draws black on white, whatever the terminal's own colours are."""
    hidden = Hidden(uri)
    del uri
    matrix = [tuple(row) for row in _make(hidden).matrix_iter(border=_QUIET_ZONE)]
    lines = []
    for top, bottom in zip(matrix[::2], [*matrix[1::2], (0,) * len(matrix[0])], strict=False):
        blocks = "".join(_HALVES[bool(upper), bool(lower)] for upper, lower in zip(top, bottom, strict=True))
        lines.append(f"\x1b[30;107m{blocks}\x1b[0m")  # black on bright white
    return "\n".join(lines) + "\n"


_HALVES: Final = {
    (False, False): " ",
    (True, False): "\N{UPPER HALF BLOCK}",
    (False, True): "\N{LOWER HALF BLOCK}",
    (True, True): "\N{FULL BLOCK}",
}


def _make(uri: Hidden[str]) -> segno.QRCode:
    # boost_error raises the correction level only where the version stays the same, which costs nothing.
    return segno.make_qr(uri.value, error="m", boost_error=True)
