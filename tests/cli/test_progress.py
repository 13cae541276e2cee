"""How far a command has come: on a terminal a line that is redrawn, elsewhere a line every so many."""

import io
from types import SimpleNamespace

import pytest

from totpcore.cli import _progress
from totpcore.cli._progress import Progress, complain


class Screen(io.StringIO):
    """Standard error, of a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Clock:
    """Seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A terminal of 80 columns."""
    made = Screen(terminal=True)
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=made))  # pytest changes that of `sys` once more
    monkeypatch.setenv("COLUMNS", "80")
    return made


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """No terminal."""
    made = Screen(terminal=False)
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=made))  # pytest changes that of `sys` once more
    return made


def work(progress: Progress, clock: Clock, numbers: range, kind: type[BaseException]) -> None:
    """Do some, the first of which takes its time, and then fail."""
    with progress:
        clock.now += 1
        for number in numbers:
            progress.show(number)
        raise kind


def test_a_line_is_drawn_over_itself_ten_times_a_second(screen: Screen, clock: Clock) -> None:
    """Not for each of thirty-two in a second."""
    with Progress("done", total=32, clock=clock) as progress:
        for number in range(1, 33):
            clock.now += 1 / 32
            progress.show(number)
        drawn = screen.getvalue().split("\r")
    assert drawn == ["", *(f"{number} of 32 done" for number in range(4, 33, 4))]


def test_what_is_done_at_once_shows_none(screen: Screen, clock: Clock) -> None:
    """A line that is gone before it was read would only flicker."""
    with Progress("done", total=2, clock=clock) as progress:
        progress.show(1)
        clock.now += 0.09
        progress.show(2)
    assert screen.getvalue() == ""


def test_a_shorter_line_leaves_nothing_of_a_longer_one(screen: Screen, clock: Clock) -> None:
    """What is left of it is written over."""
    progress = Progress("done", clock=clock)
    clock.now += 1
    progress.show(1, "9 not")
    clock.now += 1
    progress.show(2)
    assert screen.getvalue() == "\r1 done, 9 not\r2 done       "


def test_it_is_wiped_in_the_end(screen: Screen, clock: Clock) -> None:
    """The cursor stands where it was."""
    with Progress("done", total=2, clock=clock) as progress:
        clock.now += 1
        progress.show(1)
    assert screen.getvalue() == "\r1 of 2 done\r           \r"


def test_a_narrow_terminal(screen: Screen, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is too long is cut, and never fills the last column: it would not be drawn over."""
    monkeypatch.setenv("COLUMNS", "12")
    progress = Progress("looked at", total=1000, clock=clock)
    clock.now += 1
    progress.show(1)
    assert screen.getvalue() == "\r1 of 1000 l"


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError])
def test_where_it_was_stopped_is_left_standing(screen: Screen, clock: Clock, kind: type[BaseException]) -> None:
    """With the last figure, on a line of its own."""
    with pytest.raises(kind):
        work(Progress("done", total=9, clock=clock), clock, range(1, 6), kind)
    assert screen.getvalue() == "\r1 of 9 done\r5 of 9 done\n"


def test_a_complaint_stands_above(screen: Screen, clock: Clock) -> None:
    """The line is wiped for it, and drawn again by the next that is done."""
    progress = Progress("done", clock=clock)
    clock.now += 1
    progress.show(1)
    progress.say("7: no")
    progress.say("8: no")
    progress.show(2)
    assert screen.getvalue() == "\r1 done\r      \rtotpcore: 7: no\ntotpcore: 8: no\n\r2 done"


def test_elsewhere_it_is_a_line_every_thousand(log: Screen, clock: Clock) -> None:
    """However fast or slow."""
    with Progress("done", total=2500, clock=clock) as progress:
        for number in range(1, 2501):
            clock.now += 60
            progress.show(number, "1 not" if number == 2000 else "")
    assert log.getvalue() == "1000 of 2500 done\n2000 of 2500 done, 1 not\n"


@pytest.mark.parametrize(("kind", "told"), [(OSError, "1001 done\n"), (KeyboardInterrupt, "")])
def test_elsewhere_trouble_is_told_with_how_far_it_came(
    log: Screen, clock: Clock, kind: type[BaseException], told: str
) -> None:
    """Whoever pressed Ctrl-C knows."""
    with pytest.raises(kind):
        work(Progress("done", clock=clock), clock, range(1000, 1002), kind)
    assert log.getvalue() == f"1000 done\n{told}"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("kind", [None, OSError])
def test_quietly(monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: type[BaseException] | None) -> None:
    """Nothing but complaints."""
    written = Screen(terminal=terminal)
    monkeypatch.setattr(_progress, "sys", SimpleNamespace(stderr=written))
    try:
        with Progress("done", quiet=True) as progress:
            progress.show(1000)
            progress.say("7: no")
            if kind is not None:
                raise kind
    except OSError:
        pass
    assert written.getvalue() == "totpcore: 7: no\n"


@pytest.mark.parametrize("kind", [None, OSError])
def test_nothing_to_show(screen: Screen, kind: type[BaseException] | None) -> None:
    """Where nothing was done, nothing is drawn, wiped or ended."""
    try:
        with Progress("done"):
            if kind is not None:
                raise kind
    except OSError:
        pass
    assert screen.getvalue() == ""


def test_standard_output_has_nothing_of_it(screen: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    """Results are never mixed with it."""
    with Progress("done") as progress:
        progress.show(1)
        progress.say("7: no")
    complain("8: no")
    assert capsys.readouterr().out == ""
