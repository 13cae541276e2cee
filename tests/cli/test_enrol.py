"""`totpcore enrol`: from the QR code on the screen to the recovery codes, for a user who sits at the terminal."""

import io
import json
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.stores import House, Said, Terminal, example, is_one_line, keys_file, script
from totpcore import TOTP, CodeReplayed, Secret, State, cli, stores

pytest_plugins = ["cli.stores"]

NAMES = ("--issuer", "ACME", "--account", "alice@example.com")
KEY = re.compile(r"^  ((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})\r?$", re.MULTILINE)
CODE = re.compile(r"^  ((?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4})\r?$", re.MULTILINE)
QUESTION = "Code that the app shows: "


def token_of(shown: str) -> TOTP:
    """What an app makes of the key on the screen."""
    (key,) = KEY.findall(shown)
    return TOTP(Secret.from_base32(key))


def wrong(token: TOTP, at: float) -> str:
    """A code that is not right for some minutes around."""
    near = {token.code(at + 30 * step) for step in range(-15, 16)}
    return next(code for code in map("{:06}".format, range(40)) if code not in near)


def off(token: TOTP, seconds: int) -> str:
    """The code of a clock that is off by so much; by a step less, where by chance a step around has the same code."""
    at = time.time()
    near = [token.code(at + 30 * step) for step in range(-7, 8)]
    return min(token.code(at + seconds), token.code(at + seconds * 4 // 5), key=near.count)


class Screen(io.TextIOWrapper):
    """A terminal, to write on or to type at."""

    def __init__(self, typed: "Typed | io.BytesIO | None" = None) -> None:
        super().__init__(typed or io.BytesIO(), encoding="utf-8", write_through=True)

    def isatty(self) -> bool:
        """It is one."""
        return True


class Typed(io.BytesIO):
    """What somebody types, line after line, who sees the screen meanwhile."""

    def __init__(self, screen: Screen, lines: list[Callable[[TOTP], str]]) -> None:
        super().__init__()
        self._screen, self._lines = screen, iter(lines)

    def readline(self, _size: int | None = -1, /) -> bytes:
        """Type the next line; nothing is the end."""
        line = next(self._lines, None)
        return b"" if line is None else f"{line(token_of(shown_on(self._screen)))}\n".encode()


def shown_on(screen: Screen) -> str:
    """What was written."""
    held = screen.buffer
    assert isinstance(held, io.BytesIO)
    return held.getvalue().decode()


Sit = Callable[..., Said]


@pytest.fixture
def sit(house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Sit]:
    """Sit at a terminal, enrol user 7, and type these lines, each made of the token on the screen."""
    assert not house.service().status("7").code_required
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "40")

    def at(*lines: Callable[[TOTP], str], options: tuple[str, ...] = NAMES) -> Said:
        screen = Screen()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "stdin", Screen(Typed(screen, list(lines))))
        capsys.readouterr()
        code = cli.main(["enrol", "7", *options])
        return Said(code, shown_on(screen), capsys.readouterr().err)

    yield at
    monkeypatch.undo()


def now(token: TOTP) -> str:
    """The code of now."""
    return token.code(time.time())


def test_from_the_picture_to_the_recovery_codes(house: House) -> None:
    """A wrong code, nothing, an emoji and a phone whose clock is off are each told; then it is on, and all fits."""
    with Terminal(house.environment(), house.folder, "enrol", "7", *NAMES) as screen:
        screen.wait_for(QUESTION)
        token = token_of(screen.text)
        for typed, answer in (
            (wrong(token, time.time()), "that is not the code of now: type the one that the app shows"),
            ("", "a code has six digits: type the one that the app shows"),
            ("\N{PILE OF POO}", "a code has six digits: type the one that the app shows"),
            (off(token, 150), " s ahead of this machine: set its date and time to automatic"),
            (off(token, -150), " s behind this machine: set its date and time to automatic"),
        ):
            screen.type(f"{typed}\n")
            screen.wait_for(f"{answer}\r\n{QUESTION}")
        screen.type(f"{now(token)}\n")
        assert screen.end() == 0
    assert screen.text.count("\x1b[30;107m") > 20, "the picture"
    codes = CODE.findall(screen.text)
    house.clock.now = time.time()
    assert (len(codes), house.service().status("7").state) == (10, State.ON)
    assert house.service().recover("7", codes[3]).codes_left == 9
    house.clock.tick(90)
    assert house.service().verify("7", token.code(house.clock())).user == "7"


def test_the_code_that_confirmed_is_spent(house: House, sit: Sit) -> None:
    """As on a page: it does not open the door as well."""
    typed = list[str]()

    def kept(token: TOTP) -> str:
        typed.append(now(token))
        return typed[0]

    assert sit(kept).code == 0
    house.clock.now = time.time()
    with pytest.raises(CodeReplayed):
        house.service().verify("7", typed[0])


@pytest.mark.parametrize(("seconds", "way"), [(150, "ahead of"), (-150, "behind")])
def test_a_phone_whose_clock_is_off(seconds: int, way: str, sit: Sit) -> None:
    """It is told by how much, and which way; then another code is asked for."""
    said = sit(lambda token: off(token, seconds), now)
    told = rf"the phone is 1[2-8]0 s {way} this machine: set its date and time to automatic\n{QUESTION}$"
    assert (said.code, bool(re.search(told, said.err))) == (0, True)


def test_only_in_a_terminal(house: House) -> None:
    """What a pipe or a file would keep is not written at all, and nothing was changed."""
    said = script(house, "enrol", "7", *NAMES, given="123456\n")
    assert (said.code, said.out, is_one_line(said.err)) == (2, "", True)
    assert house.store.load("7") is None


@pytest.mark.parametrize("piped", ["stdin", "stdout"])
def test_one_side_that_is_no_terminal(
    piped: str, house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither with what is shown in a pipe, nor with what is typed, though the other is a terminal."""
    for name in ("stdin", "stdout"):
        stream = io.TextIOWrapper(io.BytesIO(b"123456\n")) if name == piped else Screen()
        monkeypatch.setattr(sys, name, stream)
    assert cli.main(["enrol", "7", *NAMES]) == 2
    assert capsys.readouterr().err == (
        "totpcore: this is for a terminal: the key and the recovery codes belong in no pipe and no file\n"
    )
    assert house.store.load("7") is None


def test_who_has_one_keeps_it(house: House, sit: Sit) -> None:
    """It is their own, or an operator's, to remove."""
    house.add("7")
    held = house.held("7")
    said = sit()
    assert (said.code, said.out, is_one_line(said.err)) == (1, "", True)
    assert "there is a second factor already" in said.err
    assert house.held("7") == held


def test_nobody_confirms(house: House, sit: Sit) -> None:
    """Ctrl-D: it is not on, and can be begun again, with another key."""
    first = sit()
    assert (first.code, first.err.endswith("the key above is void in ten minutes\n")) == (1, True)
    assert not CODE.findall(first.out)
    assert not house.service().status("7").code_required
    second = sit(now)
    assert (second.code, token_of(first.out) == token_of(second.out)) == (0, False)


def test_it_takes_too_long(sit: Sit, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten minutes the key is void, whatever the code."""
    start = time.time()

    def late(token: TOTP) -> str:
        monkeypatch.setattr(time, "time", lambda: start + 601)
        return token.code(start + 601)

    said = sit(late)
    assert (said.code, "this set-up has ended" in said.err) == (1, True)
    assert not house.service().status("7").code_required


def test_too_many_wrong_codes(sit: Sit) -> None:
    """Twenty end the set-up."""
    said = sit(*[lambda token: wrong(token, time.time())] * 21)
    assert (said.code, said.err.count("that is not the code of now")) == (1, 20)


def test_without_a_picture(sit: Sit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without segno, or in a narrow terminal, the key is there to type."""
    monkeypatch.setenv("COLUMNS", "40")
    narrow = sit()
    assert "\x1b" not in narrow.out
    assert re.match(r"totpcore: there is no QR code: .* needs \d+ columns, and here are 40: widen the", narrow.err)
    assert "Type this key into an authenticator app, as a time-based one" in narrow.out
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setitem(sys.modules, "segno", None)
    monkeypatch.delitem(sys.modules, "totpcore.qr", raising=False)
    monkeypatch.delattr("totpcore.qr", raising=False)
    bare = sit(options=("--issuer", "ACME", "--account", "bob"))
    assert bare.err.startswith('totpcore: there is no QR code: QR codes need segno: pip install "totpcore[qr]"\n')
    assert KEY.findall(bare.out)


def test_ctrl_c_loses_no_recovery_codes(sit: Sit, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once it is on they are shown, whatever is typed at that moment: nothing else ever shows them."""
    swap = stores.SQLiteStore.swap

    def interrupted(self: stores.SQLiteStore, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        done = swap(self, user, old, new)
        if old is not None:
            os.kill(os.getpid(), signal.SIGINT)
        return done

    monkeypatch.setattr(stores.SQLiteStore, "swap", interrupted)
    said = sit(now)
    assert (said.code, len(CODE.findall(said.out))) == (130, 10)
    assert house.service().status("7").state is State.ON


def test_the_events_go_to_a_file_alone(sit: Sit, tmp_path: Path) -> None:
    """Standard error is the terminal, which shows what is done. In the file is neither a key nor a code."""
    said = sit(lambda _: "12", now, options=(*NAMES, "--audit-log", "audit.log"))
    lines = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("enrol", "ok"), ("confirm", "malformed"), ("confirm", "ok"),
    ]  # fmt: skip
    assert said.err == f"{QUESTION}totpcore: a code has six digits: type the one that the app shows\n{QUESTION}"
    log = (tmp_path / "audit.log").read_text()
    assert not any(secret in log for secret in (*CODE.findall(said.out), token_of(said.out).secret.base32))


def test_the_names_are_checked(house: House, sit: Sit) -> None:
    """As on a page: in a line that says which, and nothing was changed."""
    said = sit(options=("--issuer", "Steam", "--account", "alice"))
    assert (said.code, said.out, said.err.startswith("totpcore: issuer must not be Steam")) == (2, "", True)
    assert house.store.load("7") is None


def test_the_example_of_help(house: House) -> None:
    """It goes as it is typed."""
    keys_file(house, house.environment()["TOTPCORE_KEYS"])
    typed = shlex.split(example(house, "enrol").replace("\\\n", ""))
    assert typed[0] == "totpcore"
    with Terminal(house.environment(), house.folder, *typed[1:]) as screen:
        screen.wait_for(QUESTION)
        screen.type(f"{now(token_of(screen.text))}\n")
        assert screen.end() == 0
