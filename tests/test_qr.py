"""QR codes: what real decoders read, and what is never in the image."""

import builtins
import importlib
import io
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import segno
import zxingcpp
from PIL import Image, ImageOps

from need import need
from totpcore import MemoryStore, Plaintext, TwoFactor, qr
from totpcore.answers import Enrolment

NAMES = [
    ("ACME", "alice@example.com"),
    ("ACME Co & Sons", "alice+admin@example.com"),
    ("Журнал", "Алиса"),
    ("株式会社", "\N{GRINNING FACE}"),
]


def enrolment(issuer: str = "ACME", account: str = "alice@example.com") -> Enrolment:
    """A new secret for these names."""
    return TwoFactor(MemoryStore(), issuer=issuer, sealer=Plaintext(), audit=lambda _: None).enrol("7", account=account)


pytestmark = pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")


def read(image: Image.Image) -> str:
    """Return what zxing-cpp reads off an image in which there is exactly one code."""
    (found,) = zxingcpp.read_barcodes(image.convert("RGB"))
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return found.text


def screenshot(svg: str, background: str, folder: Path) -> Image.Image:
    """Return what Chromium shows of a page of that colour with the SVG in it."""
    need("chromium")
    page, picture = folder / "page.html", folder / "page.png"
    page.write_text(f'<!doctype html><body style="background: {background}; padding: 40px">{svg}', "utf-8")
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    command = [
        "chromium",
        *flags.split(),
        f"--user-data-dir={folder / 'profile'}",
        f"--screenshot={picture}",
        str(page),
    ]
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    return Image.open(picture)


@pytest.mark.parametrize(("issuer", "account"), NAMES)
def test_a_real_decoder_reads_the_png(issuer: str, account: str, tmp_path: Path) -> None:
    """zxing-cpp and zbarimg read the URI, to the letter, off the PNG."""
    need("zbarimg")
    shown = enrolment(issuer, account)
    (tmp_path / "qr.png").write_bytes(shown.qr_png())
    assert read(Image.open(tmp_path / "qr.png")) == shown.uri
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(tmp_path / "qr.png")]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip() == shown.uri


def test_the_png_is_black_on_white_with_a_quiet_zone_of_four() -> None:
    """The border is white for four modules on each side, whatever page it is put on."""
    image = Image.open(io.BytesIO(enrolment().qr_png())).convert("L")
    dark = ImageOps.invert(image).getbbox()
    assert dark is not None
    assert dark[:2] == (20, 20)
    assert (image.width - dark[2], image.height - dark[3]) == (20, 20)
    assert set(image.tobytes()) == {0, 255}


@pytest.mark.parametrize("background", ["white", "#121212"])
def test_the_svg_reads_on_light_and_dark_pages(background: str, tmp_path: Path) -> None:
    """The SVG paints its own white background, so that a dark page does not swallow the code."""
    shown = enrolment()
    assert read(screenshot(shown.qr_svg(), background, tmp_path)) == shown.uri


def test_the_svg_holds_nothing_but_the_code() -> None:
    """No text, name, secret, script, style or link is in it: a strict CSP lets it through, and it tells nothing."""
    shown = enrolment("Issuer-canary", "account-canary")
    svg = shown.qr_svg()
    root = ET.fromstring(svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == qr.LABEL
    assert "".join(root.itertext()).strip() == ""
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not {name for name in attributes if name in {"style", "href", "class"} or name.startswith("on")}
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "path", "g"}
    for hidden in ("canary", shown.secret.base32, shown.manual_key, "otpauth"):
        assert hidden not in svg


def test_the_terminal_form_reads() -> None:
    """What a terminal draws, black on white by its own colours, is read by a decoder."""
    shown = enrolment()
    lines = shown.qr_terminal().splitlines()
    assert all(line.startswith("\x1b[30;107m") and line.endswith("\x1b[0m") for line in lines)
    rows = [line.removeprefix("\x1b[30;107m").removesuffix("\x1b[0m") for line in lines]
    size = 4
    image = Image.new("L", (len(rows[0]) * size, len(rows) * 2 * size), 255)
    for y, row in enumerate(rows):
        for x, character in enumerate(row):
            for half, blocks in ((0, "\N{UPPER HALF BLOCK}\N{FULL BLOCK}"), (1, "\N{LOWER HALF BLOCK}\N{FULL BLOCK}")):
                if character in blocks:
                    top = (2 * y + half) * size
                    image.paste(0, (x * size, top, (x + 1) * size, top + size))
    assert read(image) == shown.uri


def test_correction_m_and_never_micro(monkeypatch: pytest.MonkeyPatch) -> None:
    """Level M is asked for, a higher one taken only where it is free; even a short text is no Micro QR."""
    made: list[segno.QRCode] = []
    make_qr = segno.make_qr

    def remembered(content: str, error: str, boost_error: bool) -> segno.QRCode:
        made.append(make_qr(content, error=error, boost_error=boost_error))
        return made[-1]

    monkeypatch.setattr(segno, "make_qr", remembered)
    qr.png("A")
    enrolment().qr_png()
    assert not any(code.is_micro for code in made)
    assert all(code.error in {"M", "Q", "H"} for code in made)
    assert made[1].version == make_qr("x" * 90, error="m").version


def test_without_segno_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where segno is not installed, the first QR code says what to install; the rest works without."""
    real = builtins.__import__

    def without_segno(name: str, *given: object, **named: object) -> object:
        if name == "segno":
            raise ImportError(name)
        return real(name, *given, **named)  # type: ignore[arg-type]  # handed through

    monkeypatch.delitem(sys.modules, "totpcore.qr")
    monkeypatch.setattr(builtins, "__import__", without_segno)
    with pytest.raises(ImportError, match=r"totpcore\[qr\]"):
        importlib.import_module("totpcore.qr")
