"""`totpcore code --watch`: one line in a terminal, a line for each code elsewhere."""

import io
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import RFC, RFC_CODES, RFC_SECRET, shell, standard_input, surroundings, terminal
from cli.stores import PATIENCE, command
from totpcore import TOTP, cli
from totpcore.cli import _watching
from totpcore.cli._watching import line_of

pytest_plugins = ["cli.stores", "cli.running"]

TOKEN = TOTP(RFC_SECRET)
BLOCKS = "\N{FULL BLOCK}\N{LIGHT SHADE}"
SHOWN = re.compile(rf"\d{{6}}  [{BLOCKS}]{{30}}  [ \d]\d s")


class Clock:
    """A clock that is moved by sleeping, and stops the program at the end."""

    def __init__(self, start: float, end: float) -> None:
        self.now, self.end, self.slept = start, end, list[float]()

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.now >= self.end:
            raise KeyboardInterrupt


class Screen(io.StringIO):
    """A standard output that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """From the middle of the first time step into the third."""
    made = Clock(10.25, 61)
    monkeypatch.setattr(_watching, "time", made)
    monkeypatch.setattr(sys, "stdin", standard_input(RFC))
    return made


# ---- in a terminal ----


def test_it_is_drawn_anew_and_gone_after_ctrl_c(folder: Path) -> None:
    """One line, with a bar and the seconds, which moves; Ctrl-C is quiet and leaves nothing of it on the screen."""
    with terminal(folder, "code", "--watch", "--secret-file", "secret.txt") as screen:
        screen.wait_for(" s")
        (first,) = screen.lines
        assert SHOWN.fullmatch(first)
        drawn = screen.text.count("\r")
        while screen.text.count("\r") < drawn + 2:
            screen.wait_for(screen.text + "\r")
        (later,) = screen.lines
        assert SHOWN.match(later)
        assert later != first
        screen.type("\x03")
        assert screen.end() == 130
    assert screen.lines == [""]
    assert "\x1b" not in screen.text


def test_every_second_shows_what_is_left(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The code of each moment, and how long it lasts, rounded up; drawn once at the start, then at each full second."""
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["code", "--watch"]) == 130
    start, *drawn, gone = screen.getvalue().split("\r")[:-1]
    assert start == ""
    assert clock.slept == [0.75, *[1.0] * 50]
    assert [line[:6] for line in drawn] == [RFC_CODES[0]] * 20 + [RFC_CODES[1]] * 30 + [RFC_CODES[2]]
    assert [line[-4:] for line in drawn[:3]] == ["20 s", "19 s", "18 s"]
    assert [line[-4:] for line in drawn[19:22]] == [" 1 s", "30 s", "29 s"]
    assert [line.count("\N{FULL BLOCK}") for line in drawn[18:22]] == [2, 1, 30, 29]
    assert all(SHOWN.fullmatch(line) for line in drawn)
    assert gone == " " * (len(drawn[0]) + len("^C"))


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (80, "287082  ##############################  30 s"),
        (45, "287082  ##############################  30 s"),
        (44, "287082  #############################  30 s"),
        (20, "287082  #####  30 s"),
        (19, "287082  30 s"),
        (13, "287082  30 s"),
        (12, "287082  30 "),
        (7, "287082"),
        (4, "287"),
    ],
)
def test_the_line_fits_the_terminal(columns: int, line: str) -> None:
    """The bar gives way first, the code last; the last column stays free."""
    assert line_of(TOKEN, 30, columns - 1, ("#", ".")) == line
    assert len(line) < columns


def test_the_bar_shows_the_share_that_is_left() -> None:
    """Full at the start of a time step, one cell in the last second, whatever the period is."""
    slow = TOTP(RFC_SECRET, period=300)
    bars = [line_of(slow, at, 79, ("#", "."))[8:38] for at in (300, 449, 450, 451, 599)]
    assert [bar.count("#") for bar in bars] == [30, 16, 15, 15, 1]
    assert {bar.strip("#").strip(".") for bar in bars} == {""}
    assert [line_of(slow, at, 79, ("#", "."))[-5:] for at in (300, 451, 599.9)] == ["300 s", "149 s", "  1 s"]


def test_what_was_longer_before_is_wiped(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is room for it: a line that is too short for the old one covers it with spaces."""
    screen, lines = Screen(), iter(["long line", "short"])
    clock.end = 12
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(_watching, "line_of", lambda *_: next(lines))
    assert cli.main(["code", "--watch"]) == 130
    assert screen.getvalue() == "\rlong line\rshort    \r       \r"


def test_a_narrower_terminal_is_not_written_over(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its width is looked at each time, also where the bar is of ASCII."""
    screen = Screen()
    screen.encoding = "ascii"
    widths = iter([79, 19, 19])
    clock.end = 12
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(_watching, "_room", lambda: next(widths))
    assert cli.main(["code", "--watch"]) == 130
    _, wide, narrow, gone, _ = screen.getvalue().split("\r")
    assert wide == f"{RFC_CODES[0]}  {'#' * 20}{'.' * 10}  20 s"
    assert narrow == f"{RFC_CODES[0]}  ####.  19 s"
    assert gone == " " * 19


# ---- in a pipe ----


@pytest.fixture
def piped(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The installed script, whose output is read by this test."""
    with subprocess.Popen(
        [*command(), "code", "--watch", "--secret-file", "secret.txt"],
        cwd=folder, env=surroundings(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield process
        process.kill()


def test_a_line_comes_through_a_pipe_at_once(piped: "subprocess.Popen[str]") -> None:
    """It is flushed, and no more than the code; Ctrl-C is quiet here too."""
    assert piped.stdout
    assert piped.stderr
    began = time.time()
    assert select.select([piped.stdout], [], [], PATIENCE)[0]
    code = piped.stdout.readline()
    assert code in {f"{TOKEN.code(at)}\n" for at in (began, time.time())}
    piped.send_signal(signal.SIGINT)
    assert piped.wait(PATIENCE) == 130
    assert len(piped.stdout.read().split()) <= 1  # a new time step may have begun meanwhile
    assert piped.stderr.read() == ""


def test_a_pipe_has_a_line_for_each_new_code(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing in between."""
    assert cli.main(["code", "--watch"]) == 130
    assert capsys.readouterr() == ("".join(f"{code}\n" for code in RFC_CODES[:3]), "")
    assert clock.slept == [0.75, *[1.0] * 50]


def test_a_clock_that_is_set_back_shows_the_code_of_its_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is shown is always the code of now."""
    times = iter([31.0, 29.0, 30.0])
    monkeypatch.setattr(clock, "time", lambda: next(times))
    with pytest.raises(StopIteration):
        cli.main(["code", "--watch"])
    assert capsys.readouterr().out.split() == [RFC_CODES[1], RFC_CODES[0], RFC_CODES[1]]


def test_nobody_who_reads_any_more_ends_it_quietly(folder: Path) -> None:
    """At the next code."""
    told = shell("totpcore code --watch --period 10 < secret.txt | head -1", folder)
    assert (told.code, told.err, told.out.count("\n")) == (0, "", 1)
