"""The recipes of `docs/examples` that belong to no panel."""

import doctest
import logging
import os
import re
import socketserver
import threading
import time
import warnings
from collections.abc import Iterator
from functools import partial

import pytest

import event_mails
from event_mails import Mail, Postman, by_smtp, each, mail_about
from totpcore import Event, EventKind, MemoryStore, Plaintext, Policy, Refused, TwoFactor
from totpcore.testing import HandClock, Phone

START = 1_800_000_000


def about(kind: EventKind, reason: str = "ok", **more: int) -> Mail | None:
    """What is told of an event."""
    event = Event(kind=kind, user="7", at=START, reason=reason, failures=more.get("failures", 0))
    return mail_about(event, site="ACME")


def test_examples_give_what_they_say() -> None:
    """Every `>>>` in the recipe is run."""
    assert doctest.testmod(event_mails).failed == 0


@pytest.mark.parametrize(
    ("kind", "reason", "failures", "told"),
    [
        (EventKind.CONFIRM, "ok", 0, "a device was set up"),
        (EventKind.ADOPT, "ok", 0, "a device was set up"),
        (EventKind.REPLACE, "ok", 0, "another device has begun"),
        (EventKind.RECOVER, "ok", 0, "a recovery code was used"),
        (EventKind.RENEW_RECOVERY_CODES, "ok", 0, "new recovery codes"),
        (EventKind.DISABLE, "ok", 0, "turned off"),
        (EventKind.RESET, "phone lost", 0, "an administrator reset"),
        (EventKind.RAISE_FLOOR, "ok", 0, "became void"),
        (EventKind.VERIFY, "wrong", 3, "3 wrong codes in a row"),
        (EventKind.RECOVER, "wrong", 10, "10 wrong codes in a row"),
        (EventKind.VERIFY, "wrong", 100, "locked"),
        (EventKind.DISABLE, "wrong", 3, "3 wrong codes in a row were typed in an open session"),
        (EventKind.REPLACE, "wrong", 10, "10 wrong codes in a row were typed in an open session"),
        (EventKind.RENEW_RECOVERY_CODES, "wrong", 30, "30 wrong codes in a row were typed in an open session"),
        (EventKind.DISABLE, "wrong", 100, "100 wrong codes in a row were typed in an open session"),
    ],
)
def test_who_is_told_what(kind: EventKind, reason: str, failures: int, told: str) -> None:
    """Added, replaced, reset, recovery code used, right password with wrong codes, disabled, locked."""
    mail = about(kind, reason, failures=failures)
    assert mail is not None
    assert told in mail.subject
    assert mail.subject.startswith("ACME: ")
    assert "Friday, 15 January 2027, 08:00 UTC" in mail.text
    assert "If it was not: change your password" in mail.text
    assert "http" not in mail.text
    assert "phone lost" not in mail.subject + mail.text, "the operator's reason is for the audit trail"


@pytest.mark.parametrize(
    ("kind", "reason", "failures"),
    [
        (EventKind.VERIFY, "ok", 0),
        (EventKind.ENROL, "ok", 0),
        (EventKind.RESYNC, "ok", 0),
        (EventKind.VERIFY, "wrong", 1),
        (EventKind.VERIFY, "wrong", 4),
        (EventKind.VERIFY, "malformed", 3),
        (EventKind.VERIFY, "throttled", 10),
        (EventKind.VERIFY, "locked", 100),
        (EventKind.RECOVER, "wrong", 100),
        (EventKind.CONFIRM, "wrong", 3),
        (EventKind.DISABLE, "wrong", 2),
        (EventKind.REPLACE, "malformed", 3),
        (EventKind.RENEW_RECOVERY_CODES, "locked", 100),
    ],
)
def test_who_is_not_bothered(kind: EventKind, reason: str, failures: int) -> None:
    """A log-in, a slip, what a guesser sends on and on: no e-mail."""
    assert about(kind, reason, failures=failures) is None


def test_every_kind_of_event_was_thought_of() -> None:
    """Each kind is told when it is accepted, or is one of the three that are not."""
    silent = {kind for kind in EventKind if about(kind) is None}
    assert silent == {EventKind.VERIFY, EventKind.ENROL, EventKind.RESYNC}


class Life:
    """A user, an intruder who knows the password, and the mailbox."""

    def __init__(self, policy: Policy) -> None:
        self.mailbox: list[Mail] = []
        self.clock = HandClock(START)
        self.postman = Postman(lambda _, mail: self.mailbox.append(mail), site="ACME", policy=policy)
        self.factor = TwoFactor(
            MemoryStore(), issuer="ACME", sealer=Plaintext(), policy=policy, clock=self.clock, audit=self.postman.tell
        )

    def set_up(self) -> Phone:
        """A device, and the recovery codes."""
        self.phone = Phone.scan(self.factor.enrol("7", account="alice").uri)
        self.codes = self.factor.confirm("7", self.phone.code(self.clock())).recovery_codes
        self.clock.tick(60)
        return self.phone

    def guess(self, times: int) -> None:
        """Wrong codes, waiting as long as needed."""
        for _ in range(times):
            self.clock.tick(3600)
            near = {self.phone.code(self.clock() + 30 * steps) for steps in (-1, 0, 1)}
            with pytest.raises(Refused):
                self.factor.verify(
                    "7", next(code for code in ("000000", "1" * 6, "2" * 6, "3" * 6) if code not in near)
                )


def test_what_a_mailbox_holds_after_a_life() -> None:
    """In the order in which it happened; a hundred guesses are four e-mails; no code of any kind is in one."""
    life = Life(Policy())
    phone = life.set_up()
    codes = list(life.codes)
    life.factor.verify("7", typed := phone.code(life.clock()))
    life.guess(100)
    life.factor.recover("7", codes[0])
    life.clock.tick(60)
    life.factor.replace("7", codes[1], account="alice")
    life.factor.reset("7", actor="bob", reason="phone lost")
    life.postman.close(60)
    assert [mail.subject.removeprefix("ACME: ") for mail in life.mailbox] == [
        "a device was set up for two-factor authentication",
        "3 wrong codes in a row were typed",
        "10 wrong codes in a row were typed",
        "30 wrong codes in a row were typed",
        "codes of your device were locked",
        "a recovery code was used to log in",
        "the set-up of another device has begun",
        "an administrator reset two-factor authentication",
    ]
    everything = " ".join(mail.subject + mail.text for mail in life.mailbox)
    assert not any(hidden in everything for hidden in (typed, "000000", *codes))


def test_guesses_in_an_open_session_are_told_too() -> None:
    """Whoever has a session and guesses at its forms is told of as one who guesses at the log-in, up to the lock."""
    life = Life(Policy())
    phone = life.set_up()
    factor = life.factor
    forms = factor.disable, factor.renew_recovery_codes, partial(factor.replace, account="alice")
    for number in range(100):
        life.clock.tick(3600)
        near = {phone.code(life.clock() + 30 * steps) for steps in (-1, 0, 1)}
        with pytest.raises(Refused):
            forms[number % 3]("7", next(code for code in ("000000", "1" * 6, "2" * 6, "3" * 6) if code not in near))
    life.postman.close(60)
    _, *mails = life.mailbox
    assert [mail.subject.split()[1] for mail in mails] == ["3", "10", "30", "100"]
    assert factor.status("7").state == "locked"
    assert [("locked" in mail.text) for mail in mails] == [False, False, False, True]


def test_the_lock_follows_the_policy() -> None:
    """Where fewer wrong codes lock, the e-mail comes with the one that does."""
    life = Life(Policy(lock_after=7))
    life.set_up()
    life.guess(7)
    life.postman.close(60)
    assert [mail.subject for mail in life.mailbox][-1] == "ACME: codes of your device were locked"


def test_a_slow_mail_server_slows_nobody() -> None:
    """`tell` returns at once while a mail is stuck, and what waits is sent when it moves on, in order."""
    stuck, sent = threading.Event(), list[str]()

    def send(user: str, _: Mail) -> None:
        assert stuck.wait(60)
        sent.append(user)

    postman = Postman(send, site="ACME")
    began = time.perf_counter()
    for user in ("1", "2", "3"):
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    assert time.perf_counter() - began < 30
    assert not sent
    stuck.set()
    postman.close(60)
    assert sent == ["1", "2", "3"]


def test_a_mail_server_that_is_down_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Who was not told of what is in the log, and the next e-mail is tried."""
    sent: list[str] = []

    def send(user: str, _: Mail) -> None:
        if user == "1":
            raise OSError("connection refused")
        sent.append(user)

    postman = Postman(send, site="ACME")
    for user in ("1", "2"):
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    postman.close(60)
    assert sent == ["2"]
    assert "User 1 was not told: ACME: two-factor authentication was turned off" in caplog.text
    assert "connection refused" in caplog.text


def test_too_many_that_wait_are_dropped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The memory of the server is no mailbox: above a limit the log has to do."""
    stuck = threading.Event()

    def send(_user: str, _mail: Mail) -> None:
        stuck.wait(60)

    postman = Postman(send, site="ACME", most=2)
    for user in "123456":
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    stuck.set()
    postman.close(60)
    dropped = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert 3 <= len(dropped) <= 4
    assert "user 6 was not told" in caplog.text


def test_it_can_be_closed_and_used_again() -> None:
    """Closing twice, or without a mail, is nothing; a mail afterwards starts it anew."""
    sent: list[str] = []
    postman = Postman(lambda user, _: sent.append(user), site="ACME")
    postman.close(60)
    for user in ("1", "2"):
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
        postman.close(60)
        postman.close(60)
    assert sent == ["1", "2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worker_that_was_forked_sends_for_itself() -> None:
    """It has no thread yet, and sends what it was told itself: nothing of what waits in the process before it."""
    reads, writes = os.pipe()
    stuck = threading.Event()

    def send(user: str, _: Mail) -> None:
        if user == "1":
            stuck.wait(60)
        os.write(writes, user.encode())

    postman = Postman(send, site="ACME")
    for user in ("1", "2"):
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a process with threads, which is what this is about
        child = os.fork()
    if child == 0:
        postman.tell(Event(kind=EventKind.DISABLE, user="3", at=START))
        postman.close(60)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    stuck.set()
    postman.close(60)
    assert os.read(reads, 10) == b"312"
    os.close(reads)
    os.close(writes)


def test_closing_does_not_wait_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    """A mail server that hangs does not keep the program from ending."""
    stuck = threading.Event()

    def send(_user: str, _mail: Mail) -> None:
        stuck.wait(60)

    postman = Postman(send, site="ACME", most=1)
    for user in "123":
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    began = time.perf_counter()
    postman.close(0.1)
    assert time.perf_counter() - began < 30
    stuck.set()
    assert "was not told" in caplog.text


def test_what_is_not_sent_in_time_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """How many, and of which users: the one that is on its way too, as nobody will know. No subject, no address."""
    stuck, first_is_out = threading.Event(), threading.Event()

    def send(user: str, _mail: Mail) -> None:
        if user != "1":
            first_is_out.set()
            stuck.wait(60)

    postman = Postman(send, site="ACME")
    for user in "12332":
        postman.tell(Event(kind=EventKind.DISABLE, user=user, at=START))
    assert first_is_out.wait(60)
    postman.close(0.1)
    stuck.set()
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert line == "4 e-mails were not sent in time; these users were not told: 2, 3"


def test_telling_while_it_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """`tell` does not wait for `close`, and what it is told then is not lost behind the end of the queue."""
    stuck, sent = threading.Event(), list[str]()

    def send(user: str, _mail: Mail) -> None:
        if user == "1":
            stuck.wait(60)
        sent.append(user)

    postman = Postman(send, site="ACME")
    postman.tell(Event(kind=EventKind.DISABLE, user="1", at=START))
    closing = threading.Thread(target=postman.close, args=(60,))
    closing.start()
    ends = time.monotonic() + 20
    while postman._thread is not None and time.monotonic() < ends:  # until it is being closed
        time.sleep(0.01)
    began = time.perf_counter()
    postman.tell(Event(kind=EventKind.DISABLE, user="2", at=START))
    assert time.perf_counter() - began < 30
    assert closing.is_alive()
    postman.close(60)
    assert sent == ["2"]
    stuck.set()
    closing.join(60)
    assert sent == ["2", "1"]
    assert not caplog.records


def test_each_sink_is_told_whatever_the_others_do(caplog: pytest.LogCaptureFixture) -> None:
    """The trail is kept where the post fails, and the answer stands; totpcore logs that a sink raised."""
    told: list[str] = []

    def broken(_: Event) -> None:
        raise OSError("no post today")

    sinks = each(lambda event: told.append(event.kind), broken, lambda event: told.append(event.user))
    factor = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=HandClock(START), audit=sinks)
    factor.enrol("7", account="alice")
    assert told == ["enrol", "7"]
    assert "no post today" in caplog.text


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a mail server as `smtplib` asks for."""

    received: list[str]

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        lines: list[str] = []
        while line := self.rfile.readline():
            verb = line.split()[0].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.decode())
                self.received.append("".join(lines))
            elif verb in {b"MAIL", b"RCPT"}:
                lines.append(line.decode())
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


@pytest.fixture
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Its port, and what it received."""
    received: list[str] = []
    handler = type("Smtp", (_Smtp,), {"received": received})
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1], received
        server.shutdown()
        thread.join()


def test_a_mail_goes_out_by_smtp(mail_server: tuple[int, list[str]]) -> None:
    """To the address of the user, from ours, in plain text, marked as sent by a program."""
    port, received = mail_server
    send = by_smtp("127.0.0.1", port, sender="panel@acme.example", address_of=lambda user: f"{user}@acme.example")
    postman = Postman(send, site="ACME")
    postman.tell(Event(kind=EventKind.RECOVER, user="7", at=START, codes_left=9))
    postman.close(60)
    (message,) = received
    assert "rcpt to:<7@acme.example>" in message.lower()  # in capitals or not, as the version of Python has it
    assert "Subject: ACME: a recovery code was used to log in" in message
    assert "From: panel@acme.example" in message
    assert "Auto-Submitted: auto-generated" in message
    assert re.search(r"^Date: \w{3}, \d{1,2} \w{3} \d{4} [\d:]{8} [+-]\d{4}\r?$", message, re.MULTILINE)
    assert re.search(r"^Message-ID: <[^@\s]+@acme\.example>\r?$", message, re.MULTILINE)
    assert "You have 9 left." in message


@pytest.mark.parametrize("found", ["a@acme.example, b@acme.example", "all: a@acme.example, b@acme.example;", ""])
def test_a_mail_goes_to_one_address(
    mail_server: tuple[int, list[str]], caplog: pytest.LogCaptureFixture, found: str
) -> None:
    """A list of addresses is no address: nobody is told, and the log says why, without an address."""
    port, received = mail_server
    postman = Postman(by_smtp("127.0.0.1", port, sender="panel@acme.example", address_of=lambda _: found), site="ACME")
    postman.tell(Event(kind=EventKind.RECOVER, user="7", at=START, codes_left=9))
    postman.close(60)
    assert not received
    assert "User 7 was not told" in caplog.text
    assert "address_of must return one address" in caplog.text
    assert "acme.example" not in caplog.text
