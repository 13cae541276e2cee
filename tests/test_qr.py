"""QR codes: what real decoders read, and what is never in the image."""

import builtins
import importlib
import io
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from decoding import qr_codes
from need import need
from totpcore import TOTP, KeyURI, MemoryStore, Plaintext, Secret, TwoFactor, qr
from totpcore.answers import Enrolment
from totpcore.errors import InvalidParameters

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
    (found,) = qr_codes(image)
    return found


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


def test_the_svg_file_says_what_it_is() -> None:
    """What opens files finds the name of the format in it; beside that it is the element of the page."""
    shown = enrolment()
    file = qr.svg_file(shown.uri)
    assert ET.fromstring(file).tag == "{http://www.w3.org/2000/svg}svg"
    assert file.replace(' xmlns="http://www.w3.org/2000/svg"', "").strip() == shown.qr_svg().strip()


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


def test_the_svg_can_be_made_smaller() -> None:
    """It says how large it is inside, so that `max-width: 100%` in a narrow page shrinks it and cuts nothing off."""
    root = ET.fromstring(enrolment().qr_svg())
    width, height = root.attrib["width"], root.attrib["height"]
    assert root.attrib["viewBox"] == f"0 0 {width} {height}"
    assert width == height


SHADES = {"30;107": (0, 255), "97;40": (255, 0)}  # of the letters, and of what is behind them


def drawn(text: str) -> Image.Image:
    """What a terminal shows in which a cell is exactly as high as two columns are wide."""
    rows: list[list[int]] = []
    for line in text.splitlines():
        upper: list[int] = []
        lower: list[int] = []
        assert line.startswith("\x1b[30;107m")
        assert line.endswith("\x1b[0m")
        for escape, cells in re.findall(r"\x1b\[([0-9;]+)m([^\x1b]*)", line.removesuffix("\x1b[0m")):
            ink, paper = SHADES[escape]
            upper += [paper for _ in cells]
            lower += [{" ": paper, "\N{LOWER HALF BLOCK}": ink}[cell] for cell in cells]
        rows += [upper, lower]
    image = Image.new("L", (len(rows[0]), len(rows)))
    image.putdata([shade for row in rows for shade in row])
    return image


def test_the_terminal_form_reads() -> None:
    """What a terminal draws, black on white by its own colours, is read by a decoder."""
    shown = enrolment()
    image = drawn(shown.qr_terminal())
    assert read(image.resize((4 * image.width, 4 * image.height), Image.Resampling.NEAREST)) == shown.uri


def test_the_terminal_form_is_the_same_picture() -> None:
    """Module by module it is that of the PNG, with its border; under an odd number of rows is one more of white."""
    shown = enrolment()
    png = Image.open(io.BytesIO(shown.qr_png())).convert("L")
    size = png.width // 5
    text = drawn(shown.qr_terminal())
    assert text.size == (size, size + 1)
    assert text.crop((0, 0, size, size)).tobytes() == png.resize((size, size), Image.Resampling.NEAREST).tobytes()
    assert set(text.crop((0, size, size, size + 1)).tobytes()) == {255}


def test_a_terminal_paints_whole_cells_by_their_background() -> None:
    """No full block and no upper half stands in the text: fonts leave seams above them, and cut the code apart."""
    assert set(re.sub(r"\x1b\[[0-9;]+m", "", enrolment().qr_terminal())) == set(" \N{LOWER HALF BLOCK}\n")


awkward = st.text(
    st.one_of(
        st.sampled_from("&?#%+/ =;\"'`\\$<>-_.~@"),
        st.characters(codec="utf-8"),
        st.sampled_from("\u05d0\u0623\u0627\u0301\u0308\u0130\u0131\u3042\U0001f600\U0001f1e9"),
    ),
    min_size=1,
    max_size=24,
)


def made(issuer: str, account: str) -> KeyURI | InvalidParameters:
    """A URI of these names, or the refusal."""
    try:
        return KeyURI(TOTP(Secret(bytes(range(20)))), issuer=issuer, account=account)
    except InvalidParameters as refused:
        return refused


@settings(max_examples=60)
@given(awkward, awkward)
def test_any_name_is_refused_or_scanned(issuer: str, account: str) -> None:
    """A name is refused by its argument's name, or scanned as exactly what was put in, in its one spelling."""
    uri = made(issuer, account)
    if isinstance(uri, InvalidParameters):
        assert re.match("(issuer|account) must ", str(uri))
        return
    scanned = KeyURI.parse(read(Image.open(io.BytesIO(qr.png(uri.text, module_pixels=3)))))
    put_in = [unicodedata.normalize("NFC", name).strip() for name in (issuer, account)]
    assert [scanned.issuer, scanned.account] == put_in
    assert scanned == uri


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
