"""V44: the shared secret and the code in reprs, logs, events and tracebacks.

Rules of this file:

1. What may not be seen is looked for in every form that `silence.finder` knows.
2. What could stand somewhere by chance is not looked for: `WRONG` says which wrong code is typed.
"""

import json
import logging
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from traceback import TracebackException
from typing import Any, Final, cast

from silence.finder import Finder
from totpcore import Accepted, Confirmed, InvalidCode, Recovered, Secret, TwoFactor
from weaknesses.frame import TOTPCORE, Library, User, holds, weakness
from weaknesses.twins import BASE32, KEY, adopted

WRONG: Final = 777  # of the wrong codes, one that stands in no time by chance


# ---- V44: the secret in what is printed ----


def shows_itself() -> Library:
    """A secret with a helpful `repr`."""

    class Open(Secret):
        __slots__ = ()

        def __repr__(self) -> str:
            return f"Secret({self.base32!r})"

    return replace(TOTPCORE, secret=Open)


@weakness("V44", twin=shows_itself)
def no_value_shows_what_it_holds(lib: Library) -> None:
    """Neither `repr`, `str`, `format`, `%r`, JSON with `default=str`, `vars` nor `asdict` shows a secret or a code.

    Only `reveal`, `base32` and `grouped` do. `faulthandler` shows no values, `cgitb` the variables of frames, which are
    a check of their own; that pickle and `copy` are refused is one of V83.
    """
    secret = lib.secret(KEY)
    user = adopted(lib)
    enrolment = User(lib).service.enrol("alice", account="alice")
    codes = lib.recovery_codes.generate(2)
    confirmed = Confirmed(recovery_codes=codes, counter=1)
    token = lib.totp_token(secret)
    finder = Finder(
        {"secret": KEY, "pending": enrolment.secret.reveal(), "recovery 1": codes[0], "recovery 2": codes[1]}
    )
    holds(bool(finder.find(BASE32)) and bool(finder.find(codes[0])), "what is looked for would be found")
    for value in (
        secret, token, lib.hotp_token(secret), lib.key_uri(token, account="a"), enrolment, codes, confirmed,
        user.service, user.store, user.service.status("alice"), [secret], {"secret": token}, user.policy,
        InvalidCode(attempts_left=1),
    ):  # fmt: skip
        shown = [repr(value), str(value), ascii(value), f"{value}", f"{value!r:>99}"]
        shown.append(logging.makeLogRecord({"msg": "%r %s", "args": (value, value)}).getMessage())
        with suppress(TypeError):
            shown.append(json.dumps(value, default=str))
        with suppress(TypeError):
            shown.append(str(vars(value)))
        with suppress(TypeError):
            shown.append(str(asdict(cast("Any", value))))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with suppress(TypeError, pickle.PicklingError, AttributeError):
                shown.append(repr(pickle.dumps(value, protocol)))
        holds(not finder.find(*shown), f"a {type(value).__name__} shows nothing of what it holds")
    for closed in (secret, enrolment, codes, token):
        holds(not hasattr(closed, "__dict__"), "there is no dictionary of its fields")
    public = {name for name in dir(lib.secret) if not name.startswith("_")}
    holds(public == {"generate", "from_base32", "reveal", "base32", "grouped", "weak"}, "it is shown by its own calls")


class Logs(TwoFactor):
    """Logs what was typed, to help support."""

    def verify(self, user: str, code: str) -> Accepted:
        logging.getLogger("totpcore.debug").debug("verify %s %s", user, code)
        return super().verify(user, code)


def logs_the_code() -> Library:
    """A service that leaves the code in a log."""
    return replace(TOTPCORE, two_factor=Logs)


@weakness("V44", twin=logs_the_code)
def no_log_line_and_no_event_holds_a_code(lib: Library) -> None:
    """A whole life with every logger at DEBUG: no line, no event and no warning holds a code or a secret."""
    user = User(lib)
    user.service = lib.two_factor(user.store, issuer="ACME", sealer=user.sealer, clock=user.clock)
    lines = list[str]()
    with logged(lines), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        user.on()
        typed = [
            user.code(),
            user.wrong(WRONG),
            user.code(),
            user.codes[0],
            user.codes[0],
            "ZZZZ-" * 5 + "ZZZZ",
            "12 34",
        ]
        for code in typed:
            user.verify(code)
            user.recover(code)
        user.clock.tick(3600)
        typed.append(user.code())
        again = user.service.replace("alice", typed[-1], account="alice")
        user.service.status("alice")
        user.service.reset("alice", actor="root", reason="lost")
    user.service = user.another()
    user.on().service.disable("alice", user.code())
    finder = Finder({f"typed {number}": code for number, code in enumerate(typed) if len(code) > 5})
    finder.add({"secret": user.phone.uri.token.secret.reveal(), "new": again.secret.reveal()})
    finder.add({f"code {number}": code for number, code in enumerate(user.codes)})
    holds(len(lines) > 15 and any("wrong" in line for line in lines), "the calls are in the log")
    holds(not finder.find(*lines), "no line of the log holds one")
    holds(len(user.events) == 3 and not finder.find(*map(repr, user.events)), "no event holds one")
    holds(not finder.find(*(str(one.message) for one in caught)), "no warning holds one")


@contextmanager
def logged(lines: list[str]) -> Iterator[None]:
    """Every line of every logger, from DEBUG on, with what totpcore attaches to it, without the time."""

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept = {name: value for name, value in vars(record).items() if name.startswith("totpcore")}
            kept.pop("totpcore_at", None)
            lines.append(f"{re.sub('at=[0-9]+', '', record.getMessage())} {kept} {record.args}")

    root, handler = logging.getLogger(), Listening()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


class KeepsItBare(TwoFactor):
    """Has what was typed in a variable of its own, while something raises."""

    def verify(self, user: str, code: str) -> Accepted:
        return super().verify(user, code)

    def recover(self, user: str, code: str) -> Recovered:
        return super().recover(user, code)


def keeps_it_bare() -> Library:
    """A service whose frames show the code to whoever reports an error."""
    return replace(TOTPCORE, two_factor=KeepsItBare)


@weakness("V44", twin=keeps_it_bare)
def no_traceback_with_locals_shows_a_code(lib: Library) -> None:
    """What a reporter of errors prints of the library's frames, with their variables, holds no code and no secret.

    The frame that calls is the application's own, and is left out.
    """
    user = adopted(lib)
    finder = Finder(
        {"wrong": user.wrong(WRONG), "recovery": "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ", "secret": KEY, "key": BASE32}
    )
    calls: list[tuple[Callable[..., object], tuple[object, ...]]] = [
        (user.service.verify, ("alice", user.wrong(WRONG))),
        (user.service.recover, ("alice", "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ")),
        (user.service.disable, ("alice", user.wrong(WRONG))),
        (user.service.verify, ("alice", [user.wrong(WRONG)])),
        (lib.secret, (bytearray(KEY),)),
        (lib.secret.from_base32, (BASE32 + "1",)),
        (lib.hotp, (KEY, -1)),
        (lib.totp_token, (KEY,)),
        (lib.hotp_token, (BASE32,)),
        (lib.key_uri.parse, (f"otpauth://totp/a?secret={BASE32}&digits=x",)),
    ]
    for call, arguments in calls:
        shown = ""
        try:
            call(*arguments)
        except Exception as error:  # noqa: BLE001  # whatever is raised is reported
            below = error.__traceback__.tb_next if error.__traceback__ else None
            report = TracebackException(type(error), error, below, capture_locals=True)
            shown = "".join(report.format()) + repr(error.args) + str(vars(error))
        holds("line" in shown, "the call raises in a frame of the library's")
        holds(not finder.find(shown), f"the traceback of {call.__name__} shows nothing")
