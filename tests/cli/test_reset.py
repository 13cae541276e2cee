"""`totpcore reset`: under whose name, after which questions, and what is written down."""

import errno
import io
import json
import os
import resource
import signal
import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from cli.stores import LOST, NOW, OLD, OLD_ENTRY, House, Run, Terminal, example, is_one_line, keys_file, script, shell
from totpcore import TOTP, NotEnrolled, Policy, Refused, Secret, SQLiteStore, TwoFactor

pytest_plugins = ["cli.stores"]

WHO = ("--actor", "grace", "--reason", "phone lost, came by")
_LIMIT = 1_000_000  # bytes of a file: more than the store has, and its log
EVENT = "2023-11-14T22:13:20Z reset user='ada' actor='grace' reason='phone lost, came by'"
DONE = (
    "The second factor of ada is removed. What is left to do, in the application:\n"
    "- give them a new password: whoever knows the old one can set up the next second factor;\n"
    "- clear its own flag that they have a second factor, and end their sessions.\n"
)


@pytest.fixture
def ada(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house where Ada has a second factor, at a fixed time."""
    house.add("ada")
    monkeypatch.setattr("time.time", lambda: float(NOW))
    return house


# ---- done ----


def test_it_removes_tells_and_says_what_is_left(ada: House, run: Run) -> None:
    """The event is a line on standard error; what is left to do by hand is on standard output."""
    assert run("reset", "ada", *WHO, "--yes") == (0, DONE, f"totpcore: {EVENT}\n")
    assert ada.store.load("ada") is None


def test_the_event_goes_to_a_file(ada: House, run: Run, tmp_path: Path) -> None:
    """As a line of JSON behind what is there, with the event's fields, and then not to standard error."""
    log = tmp_path / "audit.log"
    log.write_text("before\n")
    assert run("reset", "ada", *WHO, "--yes", "--audit-log", "audit.log") == (0, DONE, "")
    before, line = log.read_text().splitlines()
    assert before == "before"
    assert json.loads(line) == {
        "kind": "reset", "user": "ada", "at": NOW, "reason": "phone lost, came by", "actor": "grace", "failures": 0,
        "codes_left": 0,
    }  # fmt: skip


def test_a_new_log_is_its_owners_alone(ada: House, run: Run, tmp_path: Path) -> None:
    """Names and reasons stand in it."""
    run("reset", "ada", *WHO, "--yes", "--audit-log", "audit.log")
    assert stat.S_IMODE((tmp_path / "audit.log").stat().st_mode) == 0o600


def test_what_was_typed_moves_no_cursor(ada: House, run: Run, tmp_path: Path) -> None:
    """Neither in the line of the event, nor in the file, nor on standard output; and it makes no second line."""
    ada.add("e\x1b[2J")
    said = run("reset", "e\x1b[2J", "--actor", "g\x1b[2J", "--reason", "x\ntotpcore: forged \u202e", "--yes")
    assert said.code == 0
    assert "\x1b" not in said.out + said.err
    assert is_one_line(said.err)
    assert "\u202e" not in said.err
    run("reset", "ada", "--actor", "g\x1b[2J", "--reason", "x\nforged", "--yes", "--audit-log", "audit.log")
    assert len((tmp_path / "audit.log").read_bytes().splitlines()) == 1
    assert b"\x1b" not in (tmp_path / "audit.log").read_bytes()


@pytest.mark.parametrize("how", ["lost", "changed", "pending"])
def test_it_works_on_whatever_is_there(ada: House, run: Run, how: str) -> None:
    """A record that does not open is what it is for; so is a set-up that somebody else began."""
    if how == "lost":
        ada.add("eve", sealer=LOST)
    elif how == "changed":
        ada.add("eve")
        ada.spoil("eve")
    else:
        ada.begin("eve")
    assert run("reset", "eve", *WHO, "--yes").code == 0
    assert ada.store.load("eve") is None


def test_keys_of_another_store_are_noticed(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is asked is told first that a record does not open, which can mean that these are the wrong keys."""
    ada.add("eve", sealer=LOST)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no\n")))
    said = run("reset", "eve", *WHO)
    assert said.err.splitlines()[0] == "eve: unreadable: be sure that its key is lost, and not only missing here"


def test_one_code_is_no_plural(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of whoever was moved in."""
    policy = Policy(recovery_codes=1, recovery_low=1)
    service = TwoFactor(ada.store, issuer="ACME", sealer=OLD, policy=policy, clock=ada.clock, audit=lambda _event: None)
    service.adopt("bob", TOTP(Secret(bytes(range(20)))), spent=-1)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no\n")))
    assert run("reset", "bob", *WHO).err.startswith("bob: on, 1 recovery code left, last used -\n")


def test_without_keys_where_all_are_lost(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --plaintext no key is needed."""
    monkeypatch.delenv("TOTPCORE_KEYS")
    assert run("reset", "ada", *WHO, "--yes", "--plaintext").code == 0
    assert ada.store.load("ada") is None


# ---- not done ----


def test_a_user_without_a_record(ada: House, run: Run) -> None:
    """It is a slip more often than not: nothing is done, no event is left, and the exit code is 1."""
    said = run("reset", "adaa", *WHO, "--yes")
    assert said == (
        1,
        "",
        "totpcore: there is no record of adaa: nothing was changed. `totpcore users` lists the ids\n",
    )


@pytest.mark.parametrize("missing", ["--actor", "--reason"])
def test_without_a_terminal_who_and_why_have_to_be_there(ada: House, run: Run, missing: str) -> None:
    """One line, and neither a store nor a log is opened."""
    at = WHO.index(missing)
    said = run("reset", "ada", *WHO[:at], *WHO[at + 2 :], "--yes", "--audit-log", "audit.log")
    assert said == (
        2, "", "totpcore: --actor and --reason must say who does it and why, for the audit log: nothing was changed\n",
    )  # fmt: skip
    assert not Path("audit.log").exists()
    assert ada.store.load("ada") is not None


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x" * 256, "x"), ("x", ""), ("x", "y" * 1001), ("a\0b", "x")])
def test_who_and_why_that_are_none(ada: House, run: Run, who: str, why: str) -> None:
    """They are refused with what is allowed, before anything is changed."""
    said = run("reset", "ada", "--actor", who, "--reason", why, "--yes")
    assert (said.code, said.out) == (2, "")
    assert is_one_line(said.err)
    assert ada.store.load("ada") is not None


def test_where_nobody_says_yes(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another word changes nothing, which is exit code 1; the end of the input is a mistake."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"y\n")))
    said = run("reset", "ada", *WHO)
    assert (said.code, said.out) == (1, "")
    assert said.err == (
        "ada: on, 10 recovery codes left, last used 2023-11-14T22:13:20Z\n"
        "Remove the second factor of ada? Be sure who asked for it. Type yes: \n"
        "totpcore: nobody typed yes: nothing was changed\n"
    )
    said = run("reset", "ada", *WHO)
    assert (said.code, said.err.splitlines()[-1]) == (
        2, "totpcore: nobody is there to ask, and nothing was changed: with --yes it is done",
    )  # fmt: skip
    assert ada.store.load("ada") is not None


def test_a_log_that_cannot_be_opened(ada: House, run: Run) -> None:
    """It is found before anything is changed."""
    said = run("reset", "ada", *WHO, "--yes", "--audit-log", "no/such/folder.log")
    assert said == (
        2, "",
        f"totpcore: nothing was changed: the file of --audit-log cannot be opened: {os.strerror(errno.ENOENT)}\n",
    )  # fmt: skip
    assert ada.store.load("ada") is not None


def test_a_log_that_is_full(ada: House, run: Run) -> None:
    """What was done is written to standard error then, and the command fails: no reset goes unlogged."""
    said = run("reset", "ada", *WHO, "--yes", "--audit-log", "/dev/full")
    assert said.out == DONE
    assert (said.code, said.err.splitlines()) == (
        2,
        [
            f"totpcore: {EVENT}",
            (
                f"totpcore: it is done, but the file of --audit-log could not be written: {os.strerror(errno.ENOSPC)}. "
                "Its lines stand above"
            ),
        ],
    )


def test_a_line_that_fits_only_in_part(ada: House, tmp_path: Path, run: Run) -> None:
    """A system that writes half of it has written none of it, as far as the command is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (_LIMIT, hard))
        (tmp_path / "audit.log").write_text("x" * (_LIMIT - 10))
        said = run("reset", "ada", *WHO, "--yes", "--audit-log", "audit.log")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert said.code == 2
    assert said.err.splitlines()[0] == f"totpcore: {EVENT}"


# ---- at a terminal ----


class Keyboard(io.TextIOWrapper):
    """Standard input, where somebody sits."""

    def isatty(self) -> bool:
        return True


class Pressed(io.BytesIO):
    """Where Ctrl-C is pressed."""

    def readline(self, size: int | None = -1, /) -> bytes:
        raise KeyboardInterrupt


def test_what_is_missing_is_asked_for(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, after what there is to lose; spaces around an answer are none of it."""
    monkeypatch.setattr(sys, "stdin", Keyboard(io.BytesIO(b" grace \nphone lost, came by\nyes\n")))
    said = run("reset", "ada")
    assert (said.code, said.out) == (0, DONE)
    assert said.err == (
        "ada: on, 10 recovery codes left, last used 2023-11-14T22:13:20Z\n"
        "Who does it, for the audit log: Why: "
        "Remove the second factor of ada? Be sure who asked for it. Type yes: "
        f"totpcore: {EVENT}\n"
    )


@pytest.mark.parametrize(
    ("typed", "code", "last"),
    [
        (io.BytesIO(b"\n"), 2, "Why: totpcore: the audit log needs who does it and why: nothing was changed"),
        (io.BytesIO(b""), 2, "totpcore: the audit log needs who does it and why: nothing was changed"),
        (Pressed(), 130, "Why: "),
    ],
)
def test_an_answer_that_is_none(
    ada: House, run: Run, monkeypatch: pytest.MonkeyPatch, *, typed: io.BytesIO, code: int, last: str
) -> None:
    """Nothing is changed, and whatever comes next stands on a line of its own."""
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    said = run("reset", "ada", "--actor", "grace")
    assert (said.code, said.out, said.err.splitlines()[-1]) == (code, "", last)
    assert said.err.endswith("\n")
    assert ada.store.load("ada") is not None


def test_it_asks_for_what_is_missing(ada: House) -> None:
    """Who, why, and whether: after it has shown what there is to lose."""
    with Terminal(ada.environment(), ada.folder, "reset", "ada") as terminal:
        terminal.wait_for("ada: on, 10 recovery codes left, last used 2023-11-14T22:13:20Z")
        terminal.wait_for("Who does it, for the audit log: ")
        terminal.type("grace\n")
        terminal.wait_for("Why: ")
        terminal.type("phone lost\n")
        terminal.wait_for("Type yes: ")
        assert ada.store.load("ada") is not None
        terminal.type("yes\n")
        assert terminal.end() == 0
    assert "reset user='ada' actor='grace' reason='phone lost'" in terminal.text
    assert "The second factor of ada is removed." in terminal.text
    assert ada.store.load("ada") is None


def test_with_yes_it_asks_for_who_and_why_alone(ada: House) -> None:
    """What stands in the arguments is not asked for again."""
    with Terminal(ada.environment(), ada.folder, "reset", "ada", "--reason", "lost", "--yes") as terminal:
        terminal.wait_for("Who does it, for the audit log: ")
        terminal.type("grâce\n")
        assert terminal.end() == 0
    assert "actor='grâce' reason='lost'" in terminal.text
    assert "Type yes" not in terminal.text


@pytest.mark.parametrize("typed", ["\n", "  \n", "\x04"])
def test_who_has_to_be_somebody(ada: House, typed: str) -> None:
    """An empty answer, or Ctrl-D, ends it: nothing was changed."""
    with Terminal(ada.environment(), ada.folder, "reset", "ada", "--yes") as terminal:
        terminal.wait_for("Who does it, for the audit log: ")
        terminal.type(typed)
        assert terminal.end() == 2
    assert terminal.lines[-2] == "totpcore: the audit log needs who does it and why: nothing was changed"
    assert ada.store.load("ada") is not None


@pytest.mark.parametrize("question", ["Who does it", "Why: ", "Type yes: "])
def test_ctrl_c_at_a_question(ada: House, question: str) -> None:
    """It is quiet, exit code 130, the prompt of the shell is on a line of its own, and nothing was changed."""
    with Terminal(ada.environment(), ada.folder, "reset", "ada", "--audit-log", "audit.log") as terminal:
        for asked, answer in (("Who does it", "grace\n"), ("Why: ", "lost\n"), ("Type yes: ", "")):
            terminal.wait_for(asked)
            if asked == question:
                break
            terminal.type(answer)
        time.sleep(0.2)  # nobody is quicker than the program, which has asked and does not listen yet
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    assert terminal.text.endswith("\n")
    assert ada.store.load("ada") is not None
    assert (ada.folder / "audit.log").read_text() == ""


# ---- through the script ----


def test_the_example_does_what_it_says(house: House) -> None:
    """That of --help, with somebody who says yes."""
    house.add("7")
    keys_file(house, OLD_ENTRY)
    said = shell(house, example(house, "reset"), given="yes\n")
    assert (said.code, said.out.splitlines()[0].partition(".")[0]) == (0, "The second factor of 7 is removed")
    assert "reset user='7' actor='grace' reason='phone lost, came by in person'" in said.err
    assert house.store.load("7") is None


def test_standard_error_is_a_log(ada: House) -> None:
    """With a script that passes --yes, the one line there is the event."""
    said = script(ada, "reset", "ada", *WHO, "--yes")
    assert said.out == DONE
    assert is_one_line(said.err)
    assert said.err.rstrip().endswith(EVENT.partition("Z")[2])


# ---- beside log-ins ----


def test_a_log_in_that_had_begun_does_not_bring_it_back(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loaded the record before the reset and would write it after: it is refused, and the record stays away."""
    load, code = SQLiteStore.load, _next_code(ada, "ada")

    def slow(store: SQLiteStore, user: str, /) -> bytes | None:
        found = load(store, user)
        monkeypatch.setattr(SQLiteStore, "load", load)
        assert run("reset", "ada", *WHO, "--yes").code == 0
        return found

    monkeypatch.setattr(SQLiteStore, "load", slow)
    with pytest.raises(NotEnrolled):
        ada.service().verify("ada", code)
    assert ada.store.load("ada") is None


def test_a_log_in_in_the_midst_of_it_does_not_stop_it(ada: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record changes between the look and the swap: it is removed all the same, with one event."""
    swap, code = SQLiteStore.swap, _next_code(ada, "ada")

    def crossed(store: SQLiteStore, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        monkeypatch.setattr(SQLiteStore, "swap", swap)
        assert ada.service().verify("ada", code).user == "ada"
        return swap(store, user, old, new)

    monkeypatch.setattr(SQLiteStore, "swap", crossed)
    said = run("reset", "ada", *WHO, "--yes")
    assert (said.code, said.err) == (0, f"totpcore: {EVENT}\n")
    assert ada.store.load("ada") is None


def _next_code(house: House, user: str) -> str:
    house.clock.tick(30)
    return house.code(user)


def test_log_ins_race_with_a_reset(house: House) -> None:
    """Threads try codes all the time, while the script resets: from then on nobody is let in, and nothing is left."""
    house.clock.now = time.time() - 60  # so that the code of now is not spent
    house.add("ada")
    service = TwoFactor(house.store, issuer="ACME", sealer=OLD, audit=lambda _event: None)
    phone = house.phones["ada"]
    ended, refusals, accepted_after = threading.Event(), set[str](), list[str]()
    removed = threading.Event()

    def log_in() -> None:
        while not ended.is_set():
            late = removed.is_set()
            try:
                service.verify("ada", phone.code(time.time()))
            except Refused as refused:
                refusals.add(refused.reason)
            else:
                accepted_after.extend(["late"] if late else [])

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    said = script(house, "reset", "ada", *WHO, "--yes")
    removed.set()
    time.sleep(0.2)
    ends = time.monotonic() + 60
    while "not_enrolled" not in refusals and time.monotonic() < ends:  # until somebody came, however busy it is
        time.sleep(0.05)
    ended.set()
    for thread in threads:
        thread.join()
    assert said.code == 0
    assert "not_enrolled" in refusals
    assert accepted_after == []
    assert house.store.load("ada") is None


def test_two_resets_at_once(house: House) -> None:
    """Each is done or finds nothing; whoever did one has left an event."""
    house.add("ada")
    said = list[tuple[int, str]]()

    def reset() -> None:
        done = script(house, "reset", "ada", *WHO, "--yes")
        said.append((done.code, done.err))

    threads = [threading.Thread(target=reset) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.store.load("ada") is None
    assert 0 in {code for code, _ in said}
    assert {code for code, _ in said} <= {0, 1}
    assert all(("actor='grace'" in err) == (code == 0) for code, err in said)
