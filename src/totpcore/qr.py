"""QR codes for enrolment, drawn by segno. Needs `totpcore[qr]`.

Rules of this file:

1. Error correction M: on a screen nothing is damaged, and a denser code scans worse. Never a logo.
2. A quiet zone of four modules and an explicit white background, so that a dark page does not swallow the code.
3. Never Micro QR, which many scanners cannot read.
4. The image says what it is in words, and never what is in it: no secret, no URI, no name in any text or attribute.
5. Whole cells of a terminal are painted by their background: the block characters of a font leave seams.
"""

from io import BytesIO
from itertools import groupby
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
    return _svg(hidden, module_pixels, file=False)


def svg_file(uri: str, *, module_pixels: int = 5) -> str:
    """Return the same as the content of an SVG file, which names what it is written in."""
    hidden = Hidden(uri)
    del uri
    return _svg(hidden, module_pixels, file=True)


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
    matrix = [tuple(map(bool, row)) for row in _make(hidden).matrix_iter(border=_QUIET_ZONE)]
    lines = []
    for upper, lower in zip(matrix[::2], [*matrix[1::2], (False,) * len(matrix[0])], strict=False):
        line = ""
        for dark, cells in groupby(zip(upper, lower, strict=True), key=lambda cell: cell[0]):
            line += _PAPER[dark] + "".join(" " if below is dark else _LOWER_HALF for _, below in cells)
        lines.append(f"{line}\x1b[0m")
    return "\n".join(lines) + "\n"


# A cell is two modules. The upper one is the background, and the lower one, where it is another, half a block.
_PAPER: Final = {False: "\x1b[30;107m", True: "\x1b[97;40m"}  # black on bright white, and the reverse
_LOWER_HALF: Final = "\N{LOWER HALF BLOCK}"


def _svg(uri: Hidden[str], module_pixels: int, *, file: bool) -> str:
    code, written = _make(uri), BytesIO()
    code.save(
        written,
        kind="svg",
        scale=module_pixels,
        border=_QUIET_ZONE,
        dark="#000",
        light="#fff",
        svgclass=None,
        lineclass=None,
        omitsize=False,
        xmldecl=False,
        svgns=file,
        nl=file,
    )
    # Without a `viewBox` a page that makes it smaller cuts it off: `max-width: 100%` on a phone.
    size = code.symbol_size(scale=module_pixels, border=_QUIET_ZONE)[0]
    said = f'role="img" aria-label="{LABEL}" shape-rendering="crispEdges" viewBox="0 0 {size} {size}"'
    return written.getvalue().decode().replace("<svg ", f"<svg {said} ", 1)


def _make(uri: Hidden[str]) -> segno.QRCode:
    # boost_error raises the correction level only where the version stays the same, which costs nothing.
    return segno.make_qr(uri.value, error="m", boost_error=True)
