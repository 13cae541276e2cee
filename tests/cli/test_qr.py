"""`totpcore qr`: in the terminal, and in files that are their owner's alone."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from cli.running import RFC, Call, examples, shell, standard_input, surroundings, terminal
from cli.stores import PATIENCE, command, is_one_line
from decoding import qr_codes
from need import need
from totpcore import KeyURI, cli

pytest_plugins = ["cli.stores", "cli.running"]

NAMES = ("--issuer", "ACME", "--account", "alice@example.com")
URI = f"otpauth://totp/ACME:alice%40example.com?secret={RFC}&issuer=ACME"


def read(image: Image.Image) -> str:
    """What a decoder reads off an image in which there is exactly one code."""
    (found,) = qr_codes(image)
    return found


def screenshot(lines: list[str], paper: int) -> Image.Image:
    """What a terminal shows that is black or white by itself: of each cell its upper and its lower half."""
    colours = {"30": 0, "97": 255, "107": 255, "40": 0}
    rows = list[tuple[list[int], list[int]]]()
    for line in lines:
        upper, lower, ink, ground = list[int](), list[int](), 255 - paper, paper
        for part in line.split("\x1b[")[1:]:
            codes, _, cells = part.partition("m")
            if codes == "0":
                ink, ground = 255 - paper, paper
            else:
                ink, ground = (colours[code] for code in codes.split(";"))
            for cell in cells:
                upper.append(ink if cell in "\N{UPPER HALF BLOCK}\N{FULL BLOCK}" else ground)
                lower.append(ink if cell in "\N{LOWER HALF BLOCK}\N{FULL BLOCK}" else ground)
        rows.append((upper, lower))
    size, width = 4, max(len(upper) for upper, _ in rows)
    image = Image.new("L", ((width + 8) * size, (2 * len(rows) + 8) * size), paper)
    for y, shade in enumerate(half for row in rows for half in row):
        for x, value in enumerate(shade):
            image.paste(value, ((x + 4) * size, (y + 4) * size, (x + 5) * size, (y + 5) * size))
    return image


@pytest.mark.parametrize("paper", [0, 255])
def test_a_decoder_reads_it_off_a_terminal(paper: int, folder: Path) -> None:
    """Whether the terminal is black or white: the code brings its own colours."""
    with terminal(folder, "qr", *NAMES, "--secret-file", "secret.txt") as screen:
        assert screen.end() == 0
    lines = [line for line in screen.text.split("\r\n") if line.startswith("\x1b")]
    assert read(screenshot(lines, paper)) == URI


def test_a_terminal_that_is_too_narrow_is_told(folder: Path) -> None:
    """Lines that wrap are no code: it says how many columns it needs."""
    with terminal(folder, "qr", *NAMES, "--secret-file", "secret.txt", columns=40) as screen:
        assert screen.end() == 2
    assert screen.text.startswith("totpcore: the QR code needs ")
    assert "and here are 40: widen the terminal, or use --svg or --png" in screen.text.replace("\r\n", "")
    assert "\x1b" not in screen.text


class Screen(io.StringIO):
    """A standard output that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "totpcore: the QR code needs 41 columns, and here are 40: widen the terminal, or use --svg or --png\n"),
        (
            ("--png", "-"),
            "totpcore: standard output is a terminal, which shows no PNG: name a file, or leave --png out\n",
        ),
    ],
)
def test_what_a_terminal_cannot_show_is_not_written(
    options: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing at all: half a code, or a file's bytes, would be in the way."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdin", standard_input(f"otpauth://totp/a?secret={RFC}"))
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "40")
    assert cli.main(["qr", *options]) == 2
    assert screen.getvalue() == ""
    assert capsys.readouterr().err.endswith(says)


@pytest.mark.parametrize(("lines", "told"), [(24, True), (25, True), (26, False)])
def test_a_terminal_that_is_too_low_is_told(
    lines: int, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code is drawn: one can scroll, or make the letters smaller. The line after it is the shell's."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdin", standard_input(RFC))
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", str(lines))
    assert cli.main(["qr", *NAMES, "--digits", "8"]) == 0
    assert screen.getvalue().count("\n") == 25
    says = f"totpcore: warning: the QR code needs 26 lines, and here are {lines}: make the terminal higher, or "
    assert (says in capsys.readouterr().err) is told


def test_a_terminal_without_block_characters_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escapes in their place would be no code."""
    monkeypatch.setattr(sys, "stdin", standard_input(RFC))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert cli.main(["qr", *NAMES]) == 2
    assert capsys.readouterr().err == (
        "totpcore: this terminal's encoding has no block characters: use one in UTF-8, or use --svg or --png\n"
    )


def test_a_png_file(folder: Path, call: Call) -> None:
    """A decoder reads it; nobody else can."""
    assert call("qr", *NAMES, "--png", "qr.png") == (0, "", "")
    assert read(Image.open("qr.png")) == URI
    assert Path("qr.png").stat().st_mode & 0o777 == 0o600


def test_an_svg_file(folder: Path, call: Call) -> None:
    """What draws files draws it, and a decoder reads that; nobody else can."""
    need("chromium")
    assert call("qr", *NAMES, "--svg", "qr.svg") == (0, "", "")
    assert Path("qr.svg").stat().st_mode & 0o777 == 0o600
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-sync"
    subprocess.run(
        ["chromium", *flags.split(), f"--user-data-dir={folder / 'profile'}", f"--screenshot={folder / 'shown.png'}",
         (folder / "qr.svg").as_uri()],
        capture_output=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    assert read(Image.open("shown.png")) == URI
    assert "otpauth" not in Path("qr.svg").read_text("utf-8")


def test_files_are_their_owners_whatever_the_umask(folder: Path) -> None:
    """Also where new files are everybody's, and where an old one that is replaced was."""
    assert shell("umask 0; totpcore qr --issuer A --account b --svg qr.svg < secret.txt", folder) == (0, "", "")
    assert (folder / "qr.svg").stat().st_mode & 0o777 == 0o600
    (folder / "qr.svg").chmod(0o666)
    assert shell("totpcore qr --issuer A --account b --svg qr.svg --force < secret.txt", folder) == (0, "", "")
    assert (folder / "qr.svg").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("option", ["--svg", "--png"])
def test_an_existing_file_is_left_alone(option: str, folder: Path, call: Call) -> None:
    """Unless that is said."""
    Path("kept").write_text("kept", "ascii")
    assert call("qr", *NAMES, option, "kept") == (
        2, "", "totpcore: the file exists already: with --force it is replaced\n"
    )  # fmt: skip
    assert Path("kept").read_text("ascii") == "kept"
    assert call("qr", *NAMES, option, "kept", "--force") == (0, "", "")
    assert Path("kept").read_bytes()[:4] in {b"<svg", b"\x89PNG"}


def test_a_link_is_replaced_and_not_followed(folder: Path, call: Call) -> None:
    """What it leads to stays as it is, there or not."""
    Path("kept").write_text("kept", "ascii")
    for target in ("kept", "missing"):
        Path("link").unlink(missing_ok=True)
        Path("link").symlink_to(target)
        assert call("qr", *NAMES, "--png", "link").code == 2
        assert call("qr", *NAMES, "--png", "link", "--force") == (0, "", "")
        assert not Path("link").is_symlink()
    assert Path("kept").read_text("ascii") == "kept"
    assert not Path("missing").exists()


@pytest.mark.parametrize("name", [".", "pipe"])
def test_what_is_no_file_is_never_replaced(name: str, folder: Path, call: Call) -> None:
    """A folder, or something that is no plain file."""
    os.mkfifo("pipe")
    told = call("qr", *NAMES, "--png", name, "--force")
    assert told == (2, "", "totpcore: what stands there is no file, so --force does not replace it\n")
    assert Path(name).exists()


def test_a_folder_that_is_missing_is_one_line(folder: Path, call: Call) -> None:
    """It names the file."""
    told = call("qr", *NAMES, "--png", "missing/qr.png")
    assert told == (2, "", f"totpcore: missing/qr.png: {os.strerror(errno.ENOENT)}\n")


def test_a_hyphen_is_standard_output(folder: Path) -> None:
    """Of a pipe: the file, and nothing else."""
    png, svg = (
        subprocess.run(
            [*command(), "qr", *NAMES, option, "-"], input=RFC.encode(), env=surroundings(), capture_output=True,
            check=True, timeout=PATIENCE,
        )
        for option in ("--png", "--svg")
    )  # fmt: skip
    assert (png.stderr, svg.stderr) == (b"", b"")
    assert read(Image.open(io.BytesIO(png.stdout))) == URI
    assert b' xmlns="http://www.w3.org/2000/svg" ' in svg.stdout.partition(b">")[0]
    assert svg.stdout.endswith(b"</svg>\n")
    assert not list(folder.glob("-"))


@pytest.mark.parametrize("option", ["--png", "--svg"])
def test_what_is_written_to_standard_output_is_what_is_in_the_file(
    option: str, folder: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stdin", standard_input(RFC))
        assert cli.main(["qr", *NAMES, option, "-"]) == 0
    call("qr", *NAMES, option, "file")
    output.seek(0)
    assert output.buffer.read() == Path("file").read_bytes()


def test_no_png_is_written_to_a_terminal(folder: Path) -> None:
    """It would show nothing that one could scan."""
    with terminal(folder, "qr", *NAMES, "--png", "-", "--secret-file", "secret.txt") as screen:
        assert screen.end() == 2
    assert (
        screen.text
        == "totpcore: standard output is a terminal, which shows no PNG: name a file, or leave --png out\r\n"
    )


def test_one_file_at_a_time(call: Call) -> None:
    """An SVG or a PNG."""
    assert "not allowed with argument --svg" in call("qr", *NAMES, "--svg", "a", "--png", "b").err


def test_warnings_are_on_standard_error(folder: Path, call: Call) -> None:
    """As of `totpcore uri`."""
    told = call("qr", *NAMES, "--digits", "8", "--png", "qr.png")
    assert (told.code, told.out) == (0, "")
    assert told.err.startswith("totpcore: warning: ")
    assert is_one_line(told.err)


def test_without_the_library_it_says_what_to_install(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, with the command, before a secret is asked for."""
    monkeypatch.delitem(sys.modules, "totpcore.qr", raising=False)
    monkeypatch.delattr("totpcore.qr", raising=False)
    monkeypatch.setitem(sys.modules, "segno", None)
    told = call("qr", *NAMES, typed="")
    assert told == (2, "", 'totpcore: QR codes need segno: pip install "totpcore[qr]"\n')


def test_the_examples_run(folder: Path) -> None:
    """As `--help` has them."""
    drawn, written = examples("qr")
    assert shell(drawn, folder).out.count("\n") > 20
    assert shell(written, folder) == (0, "", "")
    assert (folder / "qr.svg").exists()


def test_a_uri_is_drawn_as_it_is(call: Call) -> None:
    """Nothing else has to be said."""
    told = call("qr", typed=URI)
    assert (told.code, told.err) == (0, "")
    assert read(screenshot(told.out.splitlines(), 0)) == URI
    assert KeyURI.parse(URI).text == URI
