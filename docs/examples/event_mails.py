"""E-mails about a second factor, made of totpcore's events. No framework.

Rule 1. An e-mail says what happened, and what to do if it was not them. It holds no code, since no event does, and no
link: whoever is used to links in such an e-mail follows the one of a phisher too.
Rule 2. `Postman` sends from a thread of its own, after the answer: a mail server that is slow or down slows no log-in.
Rule 3. Whoever guesses codes does not fill a mailbox: of the wrong ones in a row only some are told.
"""

import logging
import os
import smtplib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from queue import SimpleQueue
from typing import Final

from totpcore import Event, EventKind, Policy

LOG = logging.getLogger(__name__)
POLICY: Final = Policy()
# Fewer is a slip of the finger, and is told at the next log-in. From the third on somebody may know the password.
TOLD_IN_A_ROW: Final = (3, 10, 30)


@dataclass(frozen=True, slots=True)
class Mail:
    """What somebody is told."""

    subject: str
    text: str


def mail_about(event: Event, *, site: str, policy: Policy = POLICY) -> Mail | None:
    """What to tell the user of an event, or nothing; `policy` is that of the `TwoFactor` whose event it is.

    Example:
        >>> mail = mail_about(Event(kind=EventKind.DISABLE, user="7", at=1_800_000_000), site="Example Panel")
        >>> mail.subject
        'Example Panel: two-factor authentication was turned off'
        >>> print(mail.text)
        Friday, 15 January 2027, 08:00 UTC: two-factor authentication was turned off for your account at Example Panel.
        Your password alone opens it now.
        <BLANKLINE>
        If this was you, there is nothing to do. If it was not: change your password, and call an administrator.
    """
    told = _told(event, policy)
    if told is None:
        return None
    what, more = told
    when = time.strftime("%A, %d %B %Y, %H:%M UTC", time.gmtime(event.at))
    text = f"""{when}: {what} for your account at {site}.
{more}

If this was you, there is nothing to do. If it was not: change your password, and call an administrator."""
    return Mail(f"{site}: {what}", text)


def _told(event: Event, policy: Policy) -> tuple[str, str] | None:
    """What happened, and what follows from it."""
    match event.kind, event.reason:
        case EventKind.CONFIRM | EventKind.ADOPT, "ok":
            more = (
                "Log-in takes a code of that device from now on. A device that you had before opens nothing any more."
            )
            return "a device was set up for two-factor authentication", more
        case EventKind.REPLACE, "ok":
            more = "The present device works until the new one is confirmed, and not afterwards."
            return "the set-up of another device has begun", more
        case EventKind.RECOVER, "ok":
            return "a recovery code was used to log in", f"You have {event.codes_left} left."
        case EventKind.RENEW_RECOVERY_CODES, "ok":
            return "new recovery codes were made", "Those that you stored before open nothing any more."
        case EventKind.DISABLE, "ok":
            return "two-factor authentication was turned off", "Your password alone opens it now."
        case EventKind.RESET, _:
            more = "You get a new password from an administrator, and set your device up anew."
            return "an administrator reset two-factor authentication", more
        case EventKind.RAISE_FLOOR, "ok":
            return "all recovery codes became void", "Log in with your device, and make new recovery codes."
        case EventKind.VERIFY, "wrong" if event.failures == policy.lock_after:
            more = "Too many of them were wrong. Log in with a recovery code, and set your device up anew."
            return "codes of your device were locked", more
        case EventKind.VERIFY | EventKind.RECOVER, "wrong" if event.failures in TOLD_IN_A_ROW:
            more = "The password was right. Whoever types it without a right code is not let in."
            return f"{event.failures} wrong codes in a row were typed", more
        case EventKind.REPLACE | EventKind.RENEW_RECOVERY_CODES | EventKind.DISABLE, "wrong":
            if event.failures not in (*TOLD_IN_A_ROW, policy.lock_after):
                return None
            more = "Whoever typed them is logged in as you, and wants to change your second factor."
            if event.failures == policy.lock_after:  # recovery codes are never locked; the event does not tell which
                more += " If they were codes of your device, log in with a recovery code: those are locked now."
            return f"{event.failures} wrong codes in a row were typed in an open session", more
    return None


class Postman:
    """Sends in a thread of its own.

    Example:
        >>> sent = []
        >>> postman = Postman(lambda user, mail: sent.append((user, mail.subject)), site="Example Panel")
        >>> postman.tell(Event(kind=EventKind.DISABLE, user="7", at=1_800_000_000))
        >>> postman.close()
        >>> sent
        [('7', 'Example Panel: two-factor authentication was turned off')]
    """

    def __init__(
        self, send: Callable[[str, Mail], None], *, site: str, policy: Policy = POLICY, most: int = 1000
    ) -> None:
        """Take what sends a mail to a user; it may take its time, and raise. At most `most` mails wait for it."""
        self._send = send
        self._site = site
        self._policy = policy
        self._most = most
        self._begin()
        if hasattr(os, "register_at_fork"):
            # A worker that was forked has no thread of the process before it, and must not send what waits over there.
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._waiting: SimpleQueue[tuple[str, Mail] | None] = SimpleQueue()
        self._untold: list[str] = []  # the users whose mail is in the queue, or on its way
        self._thread: threading.Thread | None = None

    def tell(self, event: Event) -> None:
        """Have the user told of an event, soon. It waits for nothing."""
        mail = mail_about(event, site=self._site, policy=self._policy)
        if mail is None:
            return
        with self._lock:
            full = len(self._untold) >= self._most
            if not full:
                self._untold.append(event.user)
                self._waiting.put((event.user, mail))
                if self._thread is None:
                    given = self._waiting, self._untold
                    thread = threading.Thread(target=self._carry, args=given, daemon=True)
                    thread.start()
                    self._thread = thread
        if full:
            LOG.error("Too many e-mails are waiting; user %s was not told: %s", event.user, mail.subject)

    def close(self, seconds: float = 10) -> None:
        """Send what is waiting, for at most so many seconds; what is not sent by then is logged, by its users."""
        with self._lock:  # and wait outside of it: `tell` begins anew meanwhile
            waiting, untold, thread = self._waiting, self._untold, self._thread
            self._begin_anew()
        if thread is not None:
            waiting.put(None)
            thread.join(seconds)
        if left := untold.copy():
            users = ", ".join(dict.fromkeys(left))
            LOG.error("%s e-mails were not sent in time; these users were not told: %s", len(left), users)

    def _carry(self, waiting: SimpleQueue[tuple[str, Mail] | None], untold: list[str]) -> None:
        while (found := waiting.get()) is not None:
            user, mail = found
            try:
                self._send(user, mail)
            except Exception:
                LOG.exception("User %s was not told: %s", user, mail.subject)
            del untold[0]


def each(*sinks: Callable[[Event], None]) -> Callable[[Event], None]:
    """One audit sink out of many: each is told, whatever the others raise."""

    def tell(event: Event) -> None:
        with ExitStack() as stack:
            for sink in reversed(sinks):
                stack.callback(sink, event)

    return tell


def by_smtp(host: str, port: int, *, sender: str, address_of: Callable[[str], str]) -> Callable[[str, Mail], None]:
    """Send by a relay on this host, which asks for no password and no TLS.

    `address_of` looks up where a user reads: one address, and no list.
    """

    def send(user: str, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, address_of(user), mail.subject
        to = [address.addr_spec for address in message["To"].addresses]
        if len(to) != 1:
            raise ValueError("address_of must return one address")
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=message["From"].addresses[0].domain or None)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
        message.set_content(mail.text)
        with smtplib.SMTP(host, port, timeout=30) as server:
            server.send_message(message, to_addrs=to)

    return send
