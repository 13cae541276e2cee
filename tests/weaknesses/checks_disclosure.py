"""V46, V47 and V48: whom the shared secret is shown to, and when.

Rules of this file:

1. What may not be seen is looked for in every form that `silence.finder` knows.
2. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
"""

import ast
import inspect
import re
import socket
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, cast
from unittest.mock import patch

from gates import offences
from need import miss
from silence.finder import Finder
from totpcore import TOTP, Accepted, AlreadyEnrolled, Confirmed, Enrolment, Secret, Status, TwoFactor, _states
from totpcore._record import Record
from totpcore._states import Decision, Moment, Proposal
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import BASE32, KEY, enrols_as, faulty, seeded, with_line

DOCS: Final = Path(__file__).parents[2] / "docs"

QR_SERVICES: Final = ("googleapis", "qrserver", "image-charts", "quickchart", "goqr.me")


# ---- V46: shown again ----


def shows_it_again() -> Library:
    """What can be shown while it is pending can be shown later as well."""

    def pending(record: Record, moment: Moment) -> Decision[Enrolment | None]:
        if record.active is None or not isinstance(record.active.token, TOTP):
            return _PENDING(record, moment)
        return Decision(record, Proposal.of(record.active.token, moment.user, moment.issuer).shown(moment.now))

    return replace(TOTPCORE, two_factor=faulty((_states, "pending", pending)))


_PENDING: Final = _states.pending


@weakness("V46", twin=shows_it_again)
def an_active_secret_is_never_shown(lib: Library) -> None:
    """Until it is confirmed, `pending` shows the same QR code again; from then on no call returns anything of it.

    A new set-up shows a new secret, and needs a code where one is active.
    """
    user = User(lib).enrol()
    again = user.service.pending("alice")
    holds(again is not None and again.secret == user.phone.uri.token.secret, "what is pending is shown again")
    user.on()
    secret = user.phone.uri.token.secret
    finder = Finder({"secret": secret.reveal()})
    holds(user.service.pending("alice") is None, "what is confirmed is not")
    answers: list[object] = [user.service.status("alice"), user.service.statuses(["alice"]), user.service.gate("alice")]
    answers.append(user.service.verify("alice", user.code()))
    answers.append(user.service.recover("alice", user.codes[0]))
    answers.append(list(user.service.renew_recovery_codes("alice", user.codes[1])))
    made = user.service.enrol("alice", account="alice")  # a recovery code was just accepted
    holds(made.secret != secret, "a new set-up has a new secret")
    answers += [made.uri, made.manual_key, made.secret.base32, user.service.pending("alice")]
    answers += [
        getattr(one, field.name) for one in answers if isinstance(one, Accepted | Status) for field in fields(one)
    ]
    holds(not finder.find(*answers, *user.events), "no answer holds it")
    other = User(lib).on()
    holds(refuses(partial(other.service.enrol, "alice", account="alice"), AlreadyEnrolled), "it is not begun over")


# ---- V47: a QR code drawn elsewhere ----


def draws_it_elsewhere() -> Library:
    """A line that lets another server draw the picture."""
    return with_line("qr.py", "SERVICE = 'https://chart.googleapis.com/chart?cht=qr&chl='")


@weakness("V47", twin=draws_it_elsewhere)
def nothing_in_the_package_speaks_to_a_network(lib: Library) -> None:
    """No module has an address in it or imports what opens a connection; no page of the documents uses a service.

    The stores are for that, and what waits for them: they open a connection to the server that they are given.
    """
    for module, source in lib.sources.items():
        holds(not offences("network", module, source), f"{module} imports nothing that opens a connection")
        for node in ast.walk(ast.parse(source)):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            holds(not re.search("https?:|//www", text), f"{module} has no address in it")
        holds(not any(service in source for service in QR_SERVICES), f"{module} names no service")
    for file in (*DOCS.parent.glob("*.md"), *DOCS.rglob("*.md"), *DOCS.rglob("*.py"), *DOCS.rglob("*.html")):
        told = file.read_text("utf-8") if file.name != "weaknesses.md" else ""
        holds(not re.search(f"https?://[^ )]*({'|'.join(QR_SERVICES)})", told), f"{file.name} uses no service")


def asks_another_server() -> Library:
    """The picture is fetched."""

    class Fetched(Enrolment):
        __slots__ = ()

        def qr_svg(self) -> str:
            with socket.create_connection(("qr.invalid", 443)) as connection:
                connection.sendall(self.uri.encode())
            return "<svg/>"

    return enrols_as(Fetched)


@weakness("V47", twin=asks_another_server)
def a_set_up_opens_no_connection(lib: Library) -> None:
    """Set-up, QR codes in three forms, log-in and removal work where every socket raises, and none is asked for.

    The whole suite runs so too, in `tests/surroundings`.
    """
    if find_spec("segno") is None:
        miss("needs segno")
    asked = list[str]()

    def closed(name: str, *_arguments: object, **_options: object) -> None:
        asked.append(name)
        raise OSError("there is no network")

    with ExitStack() as patches:
        for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname"):
            patches.enter_context(patch.object(socket, name, partial(closed, name)))
        user = User(lib)
        enrolment = user.service.enrol("alice", account="alice")
        for draw in (enrolment.qr_svg, enrolment.qr_png, enrolment.qr_terminal):
            holds(outcome(draw) == "ok", "the picture is drawn here")
        user.on()
        holds(user.verify(user.code()) == user.recover(user.codes[0]) == "ok", "log-in needs no network")
    holds(not asked, "no connection is asked for")


# ---- V48: the secret comes back from the client ----


class Trusting(TwoFactor):
    """Confirms whatever secret comes back with the form."""

    def confirm(self, user: str, code: str, secret: str | None = None) -> Confirmed:
        if secret is None:
            return super().confirm(user, code)
        self._store.swap(user, self._store.load(user), None)
        return self.adopt(user, TOTP(Secret.from_base32(secret)), spent=-1)


def trusts_the_form() -> Library:
    """A service for which the client says which secret is meant."""
    return replace(TOTPCORE, two_factor=Trusting)


@weakness("V48", twin=trusts_the_form)
def the_secret_to_confirm_is_the_one_that_is_kept(lib: Library) -> None:
    """`confirm` takes a user and a code, no more; codes of another secret, a visitor's own or another user's, fail.

    There is no token to be tampered with: what is pending is kept by the store, under the user's own id.
    """
    for name, call in inspect.getmembers(lib.two_factor, inspect.isfunction):
        if not name.startswith("_") and name != "adopt":  # which is for programs that move in
            given = set(inspect.signature(call).parameters) - {"self"}
            holds(not given & {"secret", "token", "key", "uri", "digits", "period"}, f"{name} is told no secret")
    holds(
        list(inspect.signature(lib.two_factor.confirm).parameters) == ["self", "user", "code"], "confirm takes a code"
    )
    with seeded(48):
        user = User(lib).enrol()
        mallory = User(lib, store=user.store, user="mallory").enrol()
    own = lib.totp_token(lib.secret(KEY))
    for code in (own.code(NOW), mallory.code()):
        holds(outcome(partial(user.service.confirm, "alice", code)) == "wrong", "a code of another secret fails")
    holds(refuses(partial(cast("Any", user.service).confirm, "alice", own.code(NOW), BASE32), TypeError), "and is all")
    holds(user.service.status("alice").state == "pending", "nothing is on")
    holds(outcome(partial(user.service.confirm, "alice", user.code())) == "ok", "a code of the kept one confirms")
