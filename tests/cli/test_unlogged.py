"""No change of an operator's goes unlogged: not where a stream is closed, a server dies, or somebody types Ctrl-C."""

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from argparse import Namespace
from pathlib import Path

import pytest

from cli.stores import PATIENCE, House, Run, command
from totpcore import EventKind, State, StoreContended, StoreError
from totpcore.cli import _auditing
from totpcore.events import Event

pytest_plugins = ["cli.stores"]

RESET = ("reset", "7", "--actor", "grace", "--reason", "phone lost", "--yes")
EVENT = Event(kind=EventKind.RESET, user="7", at=0.0, reason="phone lost", actor="grace")
LINE = "reset user='7' actor='grace' reason='phone lost'"


@pytest.mark.parametrize("how", ["2>/dev/full", ""])
def test_standard_error_that_cannot_be_written(how: str, house: House) -> None:
    """It is full, or a pipe that nobody reads: the event is on standard output, and the command fails."""
    house.add("7")
    reads, writes = os.pipe()
    os.close(reads)
    typed = shlex.join([*command(), *RESET])
    done = subprocess.run(
        ["sh", "-c", f"exec {typed} {how}"], cwd=house.folder, env=house.environment(), stdout=subprocess.PIPE,
        stderr=writes, check=False, text=True, timeout=PATIENCE,
    )  # fmt: skip
    os.close(writes)
    assert house.service().status("7").state is State.OFF
    assert LINE in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize("how", ["2>&-", ">&-", ">&- 2>&-"])
def test_a_stream_that_is_closed(how: str, house: House) -> None:
    """Nothing is done that could not be told."""
    house.add("7")
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.join([*command(), *RESET])} {how}"], cwd=house.folder, env=house.environment(),
        capture_output=True, check=False, text=True, timeout=PATIENCE,
    )  # fmt: skip
    told = "totpcore: standard output and standard error must be open\n" if how == ">&-" else ""
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)
    assert house.service().status("7").state is State.ON


class Broken:
    """A stream that cannot be written."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_where_an_event_goes_instead(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """To standard output, and that is told in the end."""
    told = r"^it is done, but standard error could not be written\. Its lines stand on standard output$"
    with pytest.raises(OSError, match=told), _auditing.log(Namespace(audit_log=None)) as log:  # noqa: PT012  # in it
        monkeypatch.setattr(sys, "stderr", Broken())
        log(EVENT)
        monkeypatch.undo()
    assert LINE in capsys.readouterr().out


class Unsure:
    """A store that does what it is asked for, and then gives no answer."""

    def __init__(self, house: House, error: BaseException) -> None:
        self.real, self.error = house.store, error

    def load(self, user: str, /) -> bytes | None:
        return self.real.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.real.swap(user, old, new)
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"), [(StoreError("the server is gone"), 2), (OSError(5, "I/O"), 2), (KeyboardInterrupt(), 130)]
)
def test_a_store_that_gives_no_answer(
    error: BaseException, code: int, house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user may be reset: the log says that it is done, or not."""
    house.add("7")
    monkeypatch.setattr("totpcore.stores.from_url", lambda _url, **_options: Unsure(house, error))
    said = run(*RESET, "--audit-log", "log")
    assert (said.code, house.service().status("7").state) == (code, State.OFF)
    [event] = [json.loads(line) for line in Path("log").read_text().splitlines()]
    assert event["reason"] == "phone lost (no answer came: it is done, or not)"
    assert (event["kind"], event["user"], event["actor"]) == ("reset", "7", "grace")
    assert event["at"] == pytest.approx(time.time(), abs=PATIENCE)


def test_what_was_not_done_is_not_logged(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others win each round, and where the reason is too long, nothing was changed."""
    house.add("7")

    class Contended(Unsure):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return False

    monkeypatch.setattr("totpcore.stores.from_url", lambda _url, **_options: Contended(house, StoreContended("")))
    assert run(*RESET, "--audit-log", "log").code == 2
    assert run(*RESET[:4], "--reason", "x" * 1001, "--yes", "--audit-log", "log").code == 2
    assert Path("log").read_text() == ""


@pytest.mark.parametrize("typed", [RESET, ("raise-floor", "7", "--yes"), ("import", "pyotp", "secrets.csv")])
def test_ctrl_c_while_the_store_is_busy(typed: tuple[str, ...], house: House) -> None:
    """It waits until what was begun is done and logged; the exit code is that of Ctrl-C."""
    house.add("8" if typed[0] == "import" else "7")
    Path("secrets.csv").write_text(f"user,secret\n7,{'GEZDGNBV' * 4}\n9,{'GEZDGNBV' * 4}\n")
    busy = sqlite3.connect("2fa.db", isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    process = subprocess.Popen(
        [*command(), *typed, "--audit-log", "log"], cwd=house.folder, env=house.environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    # The file is opened before the store is. What works, or would if it had a processor, is not asleep.
    stat, asleep, deadline = Path(f"/proc/{process.pid}/stat"), 0, time.monotonic() + PATIENCE
    while asleep < 10 and time.monotonic() < deadline:
        asleep = asleep + 1 if Path("log").exists() and ") S " in stat.read_text() else 0
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    busy.execute("COMMIT")
    busy.close()
    out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (130, b"", b"")
    events = [json.loads(line) for line in Path("log").read_text().splitlines()]
    kind = {"reset": "reset", "raise-floor": "raise_floor", "import": "adopt"}[typed[0]]
    assert [(event["kind"], event["user"], event["reason"]) for event in events] == [
        (kind, "7", "phone lost" if kind == "reset" else "ok")
    ]


def test_ctrl_c_waits_for_the_end() -> None:
    """And is not forgotten."""
    done = list[str]()
    with pytest.raises(KeyboardInterrupt), _auditing.undivided():  # noqa: PT012  # what it waits for
        signal.raise_signal(signal.SIGINT)
        done.append("all")
    assert done == ["all"]


def test_what_was_told_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it is stopped after the event was written, it is known that it was done."""
    log = _auditing.Log(None)
    with pytest.raises(KeyboardInterrupt), log.reset("7", actor="grace", reason="phone lost"):  # noqa: PT012  # in it
        log(EVENT)
        raise KeyboardInterrupt
    assert capsys.readouterr().err == f"totpcore: 1970-01-01T00:00:00Z {LINE}\n"


def test_a_second_ctrl_c_does_not_wait() -> None:
    """A server that does not answer holds nobody."""
    done = list[str]()
    with pytest.raises(KeyboardInterrupt), _auditing.undivided():  # noqa: PT012  # what it waits for
        signal.raise_signal(signal.SIGINT)
        done.append("the first")
        signal.raise_signal(signal.SIGINT)
        done.append("the second")
    assert done == ["the first"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_that_is_ignored_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the background of a shell, or where another thread or another program's handler has it."""
    ours = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with _auditing.undivided():
            signal.raise_signal(signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, ours)
    seen = []

    def elsewhere() -> None:
        with _auditing.undivided():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_nobody_to_read_ids_from(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where standard input is closed, nobody is named, which is a mistake; a file without an end is not read to it."""
    monkeypatch.setattr(sys, "stdin", None)
    assert run("users", "--ids", "-") == (2, "", "totpcore: the file of --ids was not read: it is empty\n")
    monkeypatch.setattr("totpcore.cli._files.LARGEST", 1024**2)
    reason = "it is larger than 1024 KiB: is it the right one? If so, split it"
    assert run("users", "--ids", "/dev/zero") == (2, "", f"totpcore: the file of --ids was not read: {reason}\n")
