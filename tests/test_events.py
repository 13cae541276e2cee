"""What leaves totpcore beside its answers: events, log records, exceptions, tracebacks, copies; and no secret in any.

Rules of this file:

1. A secret is looked for in every form in which it could be written: raw, hex, base32, base64, grouped, escaped.
2. Tracebacks are rendered with the locals of each frame, as error reporters do. Frames outside of the package are the
   caller's own.
"""

import base64
import contextlib
import copy
import dataclasses
import hmac
import io
import json
import logging
import pickle
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import totpcore
from records.life import NOW, RAW, STEP, USER, Life, NewLife, reason_of, wrong_recovery_code
from silence.listening import attributes_of
from totpcore import HOTP, TOTP, KeyURI, Plaintext, Policy, RecoveryCodes, Secret, TwoFactor, errors, hotp, totp
from totpcore._guard import Hidden
from totpcore.audit import LOGGER_NAME, log_event
from totpcore.errors import Refused, TotpcoreError
from totpcore.events import Event, EventKind
from totpcore.testing import Phone

pytest_plugins = ["records.fixtures"]


PACKAGE = str(Path(totpcore.__file__).parent)
ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")  # of an object: its digits may be those of a code


@pytest.fixture
def on(life: Life) -> Life:
    """A user with a confirmed second factor, whose code of now is unspent."""
    return life.on()


# ---- events ----


def told(life: Life, call: Callable[[], object]) -> tuple[Any, ...]:
    """The one event that a call leaves, without user and time, which are checked."""
    life.events.clear()
    with contextlib.suppress(TotpcoreError):
        call()
    (event,) = life.events
    assert (event.user, event.at) == (USER, life.clock())
    return event.kind.value, event.reason, event.failures, event.codes_left, event.actor


def test_accepted_calls_are_told(life: Life) -> None:
    """Each change leaves one event, under the call's name, with the recovery codes left after it."""
    service = life.service
    assert told(life, life.enrol) == ("enrol", "ok", 0, 0, None)
    assert told(life, lambda: service.confirm(USER, life.code())) == ("confirm", "ok", 0, 10, None)
    life.clock.tick(30)
    assert told(life, lambda: service.verify(USER, life.code())) == ("verify", "ok", 0, 10, None)
    life.clock.tick(30)
    codes: list[str] = []

    def renew() -> None:
        codes.extend(service.renew_recovery_codes(USER, life.code()))

    assert told(life, renew) == ("renew_recovery_codes", "ok", 0, 10, None)
    assert told(life, lambda: service.recover(USER, codes[0])) == ("recover", "ok", 0, 9, None)
    assert told(life, lambda: service.replace(USER, codes[1], account="a")) == ("replace", "ok", 0, 8, None)
    assert told(life, lambda: service.raise_floor(USER)) == ("raise_floor", "ok", 0, 0, None)
    reset = told(life, lambda: service.reset(USER, actor="bob", reason="lost phone"))
    assert reset == ("reset", "lost phone", 0, 0, "bob")
    token = HOTP(Secret(RAW))
    assert told(life, lambda: service.adopt(USER, token, spent=-1)) == ("adopt", "ok", 0, 10, None)
    assert told(life, lambda: service.resync(USER, token.code(7), token.code(8))) == ("resync", "ok", 0, 10, None)
    assert told(life, lambda: service.disable(USER, token.code(9))) == ("disable", "ok", 0, 0, None)


def test_refused_calls_are_told(on: Life) -> None:
    """Each refusal leaves one event, with its reason and the tally of the kind of code used."""
    service, codes = on.service, on.codes

    def verify(code: str) -> tuple[Any, ...]:
        return told(on, lambda: service.verify(USER, code))

    assert verify(on.wrong()) == ("verify", "wrong", 1, 10, None)
    assert verify("12345") == ("verify", "malformed", 1, 10, None)
    assert verify(on.code(-1)) == ("verify", "replayed", 1, 10, None)
    assert told(on, lambda: service.recover(USER, wrong_recovery_code())) == ("recover", "wrong", 1, 10, None)
    assert told(on, lambda: service.recover(USER, "x")) == ("recover", "malformed", 1, 10, None)
    service.recover(USER, codes[0])
    assert told(on, lambda: service.recover(USER, codes[0])) == ("recover", "replayed", 0, 9, None)
    on.clock.tick(-3600)
    assert verify(on.code()) == ("verify", "clock_behind", 1, 9, None)
    on.clock.tick(3660)
    on.fail(4)
    assert verify(on.code()) == ("verify", "throttled", 5, 9, None)
    assert told(on, lambda: service.disable(USER, on.code())) == ("disable", "throttled", 5, 9, None)
    on.fail(95)
    assert verify(on.code()) == ("verify", "locked", 100, 9, None)
    assert told(on, lambda: service.replace(USER, on.code(), account="a")) == ("replace", "locked", 100, 9, None)
    service.reset(USER, actor="bob", reason="locked")
    assert verify("123456") == ("verify", "not_enrolled", 0, 0, None)
    assert told(on, lambda: service.confirm(USER, "123456")) == ("confirm", "expired", 0, 0, None)
    on.enrol()
    assert told(on, lambda: service.confirm(USER, on.code(5))) == ("confirm", "clock_off", 1, 0, None)
    assert told(on, lambda: service.confirm(USER, on.wrong())) == ("confirm", "wrong", 2, 0, None)
    assert told(on, lambda: service.confirm(USER, "x")) == ("confirm", "malformed", 2, 0, None)


def test_reading_is_not_told(on: Life) -> None:
    """Calls that only read leave no event."""
    on.service.gate(USER)
    on.service.status(USER)
    on.service.statuses([USER])
    on.service.pending(USER)
    assert on.events == []


def test_a_developer_s_mistake_is_not_told(on: Life) -> None:
    """A call that does not fit the state, or an argument that is no good, is no attempt of anybody's."""
    assert reason_of(on.enrol) == "AlreadyEnrolled"
    assert reason_of(lambda: on.service.adopt(USER, on.token, spent=-1)) == "AlreadyEnrolled"
    assert reason_of(lambda: on.service.resync(USER, "123456", "123456")) == "StateError"
    with pytest.raises(TypeError):
        on.service.verify(USER, 123456)  # type: ignore[arg-type]
    assert on.events == []


def test_every_reason_is_a_word_of_the_contract() -> None:
    """The words for the audit log are stable: one for each refusal."""
    refusals = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Refused)]
    words = {kind.reason for kind in refusals} | {
        errors.InvalidCode(malformed=True).reason,
        Event.__dataclass_fields__["reason"].default,
    }
    assert words - {"refused"} == {
        "ok", "wrong", "malformed", "replayed", "clock_off", "clock_behind", "throttled", "locked", "expired",
        "not_enrolled",
    }  # fmt: skip


def test_every_kind_is_a_call() -> None:
    """The kinds of events are the names of calls."""
    for kind in EventKind:
        assert callable(getattr(TwoFactor, kind))


def test_an_event_cannot_be_changed() -> None:
    """What happened, happened."""
    event = Event(kind=EventKind.VERIFY, user=USER, at=NOW)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.reason = "ok"  # type: ignore[misc]
    assert not hasattr(event, "__dict__")


# ---- the log ----


@pytest.mark.parametrize(("event", "level", "text"), [
    (Event(kind=EventKind.VERIFY, user="7", at=5, codes_left=9), logging.INFO,
     "two-factor kind='verify' user='7' at=5 reason='ok' failures=0 codes_left=9"),
    (Event(kind=EventKind.VERIFY, user="7\nroot", at=5, reason="wrong", failures=3), logging.WARNING,
     r"two-factor kind='verify' user='7\nroot' at=5 reason='wrong' failures=3 codes_left=0"),
    (Event(kind=EventKind.RESET, user="7", at=5.5, reason="lost phone", actor="bob"), logging.INFO,
     "two-factor kind='reset' user='7' at=5.5 reason='lost phone' actor='bob' failures=0 codes_left=0"),
], ids=["accepted", "refused", "reset"])  # fmt: skip
def test_the_log_record_of_an_event(caplog: pytest.LogCaptureFixture, event: Event, level: int, text: str) -> None:
    """One line, on which no user id can forge another; accepted at INFO, refused at WARNING."""
    caplog.set_level(logging.INFO, LOGGER_NAME)
    log_event(event)
    (record,) = caplog.records
    shown = (
        record.getMessage()
        .replace("<EventKind.VERIFY: 'verify'>", "'verify'")
        .replace("<EventKind.RESET: 'reset'>", "'reset'")
    )
    assert (record.name, record.levelno, shown) == ("totpcore", level, text)
    for name in ("kind", "user", "at", "reason", "actor", "failures", "codes_left"):
        assert getattr(record, f"totpcore_{name}") == getattr(event, name)


def test_the_default_sink_is_the_log(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    """Without an audit sink events go to the logger `totpcore`."""
    caplog.set_level(logging.INFO, LOGGER_NAME)
    TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=life.clock).enrol(USER, account="alice")
    assert [record.totpcore_kind for record in caplog.records] == ["enrol"]  # type: ignore[attr-defined]


# ---- no secret in any of it ----


def forms(raw: bytes) -> set[str]:
    """The ways in which the bytes of a secret could be written."""
    in_base32, in_base64 = base64.b32encode(raw).decode().rstrip("="), base64.b64encode(raw).decode().rstrip("=")
    shown = {repr(raw)[2:-1], raw.hex(), raw.hex().upper(), in_base32, in_base32.lower(), in_base64}
    shown |= {base64.urlsafe_b64encode(raw).decode().rstrip("="), str(list(raw))[1:-1]}
    shown.add(" ".join(in_base32[start : start + 4] for start in range(0, len(in_base32), 4)))
    return shown


def code_forms(codes: list[str]) -> set[str]:
    """The ways in which codes could be written."""
    return {form for code in codes for form in (code, code.replace("-", ""), code.replace("-", "").lower())}


def confidential(life: Life) -> set[str]:
    """Everything that nobody may see: secrets, codes near now, and recovery codes, of what is active and pending."""
    found = code_forms(life.codes)
    for part in (life.record.active, life.record.pending):
        if part is not None:
            found |= forms(part.token.secret.reveal())
            token, now = part.token, life.clock()
            found |= {
                token.code(now + 30 * step) if isinstance(token, TOTP) else token.code(step + 2)
                for step in range(-2, 3)
            }
    return found


def rendered(error: BaseException) -> Iterator[str]:
    """All that an error reporter shows of the package's frames, and of the exceptions themselves, chained ones too."""
    report: traceback.TracebackException | None = traceback.TracebackException(
        type(error), error, error.__traceback__, capture_locals=True
    )
    waiting = [report]
    while waiting:
        report = waiting.pop()
        if report is None:
            continue
        yield "".join(report.format_exception_only())
        for frame in report.stack:
            if frame.filename.startswith(PACKAGE):
                for name, value in (frame.locals or {}).items():
                    yield f"{frame.filename}:{frame.lineno} {name} = {value}"
        waiting += [report.__cause__, None if report.__suppress_context__ else report.__context__]
    yield repr(error)
    yield str(vars(error))
    yield str(error.args)


def assert_silent(call: Callable[[], object], hidden: set[str]) -> None:
    """The call raises, and nothing that is shown of it holds any of what is hidden."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # whatever it is
        for line in rendered(error):
            for form in hidden:
                assert form not in ADDRESS.sub("", line)
    else:
        pytest.fail("did not raise")


class Trouble(Exception):
    """What breaks."""


class Breaking:
    """A store, sealer and clock around a life, of which one step raises."""

    def __init__(self, life: Life, breaks: str) -> None:
        self.life, self.breaks = life, breaks

    def step(self, name: str) -> None:
        """Raise where it is the step that breaks."""
        if name == self.breaks:
            raise Trouble

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        self.step("load")
        return self.life.store.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap nothing."""
        self.step("swap")
        return None if self.breaks == "answer" else False  # type: ignore[return-value]

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Seal nothing."""
        self.step("seal")
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Open nothing, or not at all: with the plaintext in the exception, as a careless sealer might."""
        if self.breaks == "open":
            raise Trouble(sealed)
        return sealed + b"x" if self.breaks == "noise" else sealed

    def __call__(self) -> float:
        """The time."""
        self.step("clock")
        return self.life.clock()


Typed = Callable[[TwoFactor, str, str], object]
CALLS: dict[str, Typed] = {
    "verify": lambda service, code, _recovery: service.verify(USER, code),
    "recover": lambda service, _code, recovery: service.recover(USER, recovery),
    "replace": lambda service, code, _recovery: service.replace(USER, code, account="alice"),
    "replace by recovery code": lambda service, _code, recovery: service.replace(USER, recovery, account="alice"),
    "confirm": lambda service, code, _recovery: service.confirm(USER, code),
    "renew_recovery_codes": lambda service, code, _recovery: service.renew_recovery_codes(USER, code),
    "renew by recovery code": lambda service, _code, recovery: service.renew_recovery_codes(USER, recovery),
    "disable": lambda service, code, _recovery: service.disable(USER, code),
    "disable by recovery code": lambda service, _code, recovery: service.disable(USER, recovery),
    "resync": lambda service, code, _recovery: service.resync(USER, code, code),
    "raise_floor": lambda service, _code, _recovery: service.raise_floor(USER),
    "pending": lambda service, _code, _recovery: service.pending(USER),
    "status": lambda service, _code, _recovery: service.status(USER),
    "gate": lambda service, _code, _recovery: service.gate(USER),
}
READING = ("pending", "status", "gate", "resync")


@pytest.fixture
def both(on: Life) -> Life:
    """A user with an active and a pending secret."""
    on.service.replace(USER, on.codes[0], account="alice")
    on.clock.tick(60)
    return on


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("breaks", ["load", "clock", "open", "noise", "seal", "swap", "answer", "contended"])
def test_no_traceback_shows_a_secret(both: Life, name: str, breaks: str) -> None:
    """Wherever a store, a sealer or a clock raises, the package's frames, locals and all, show no secret."""
    if breaks in ("seal", "swap", "answer", "contended") and name in READING:
        return
    world = Breaking(both, breaks)
    service = TwoFactor(world, issuer="ACME", sealer=world, clock=world, audit=both.events.append)
    token = both.token
    if name == "confirm":
        pending = both.record.pending
        assert pending
        token = pending.token
    assert isinstance(token, TOTP)
    code = token.code(both.clock())
    assert_silent(lambda: CALLS[name](service, code, both.codes[1]), confidential(both))


@pytest.mark.requirement("A5-16.2.5")
@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("raise_floor", "pending", "status", "gate")])
@pytest.mark.parametrize("kind", ["wrong", "spent", "malformed", "bytes", "list"])
def test_no_refusal_shows_what_was_typed(both: Life, name: str, kind: str) -> None:
    """Whether a code is wrong, spent, malformed or of another type: neither exception nor traceback shows it."""
    code, recovery = both.code(), both.codes[0]
    if kind == "wrong":
        code, recovery = both.wrong(), wrong_recovery_code(123456789)
    if kind == "spent":
        both.service.verify(USER, code)
    if kind == "malformed":
        code, recovery = f"x{code}", f"{recovery}-U"
    hidden = confidential(both) | code_forms([code, recovery])
    typed: list[Any] = [code, recovery]
    if kind == "bytes":
        typed = [code.encode(), recovery.encode()]
    if kind == "list":
        typed = [[code], [recovery]]
    if (name, kind) in (("confirm", "spent"), ("resync", "spent")):
        typed = ["000000", recovery]
    assert_silent(lambda: CALLS[name](both.service, typed[0], typed[1]), hidden)


SECRET, CODE = Secret(RAW), hotp(RAW, STEP)
TEXT = SECRET.base32
URI = f"otpauth://totp/ACME:alice?secret={TEXT}"
FAILING: dict[str, Callable[[], object]] = {
    "hotp, key": lambda: hotp(bytearray(RAW), STEP),  # type: ignore[arg-type]
    "hotp, counter": lambda: hotp(RAW, -1),
    "hotp, digits": lambda: hotp(RAW, STEP, digits=9),
    "hotp, algorithm": lambda: hotp(RAW, STEP, algorithm="MD5"),
    "totp, time": lambda: totp(RAW, -1),
    "totp, period": lambda: totp(RAW, NOW, period=5),
    "totp, digits": lambda: totp(RAW, NOW, digits=5),
    "Secret, type": lambda: Secret(bytearray(RAW)),  # type: ignore[arg-type]
    "Secret, length": lambda: Secret(RAW * 10),
    "base32, character": lambda: Secret.from_base32(f"{TEXT}!"),
    "base32, length": lambda: Secret.from_base32(f"{TEXT}A"),
    "base32, padding": lambda: Secret.from_base32(f"{TEXT}="),
    "base32, type": lambda: Secret.from_base32(TEXT.encode()),  # type: ignore[arg-type]
    "base32, too long": lambda: Secret.from_base32(TEXT * 30),
    "TOTP, digits": lambda: TOTP(SECRET, digits=5),
    "TOTP, t0": lambda: TOTP(SECRET, t0=-1),
    "HOTP, algorithm": lambda: HOTP(SECRET, algorithm="MD5"),
    "TOTP.code": lambda: TOTP(SECRET).code(-1),
    "TOTP.match, time": lambda: TOTP(SECRET).match(CODE, -1, after=-1),
    "TOTP.match, after": lambda: TOTP(SECRET).match(CODE, NOW, after=-2),
    "TOTP.match, window": lambda: TOTP(SECRET).match(CODE, NOW, after=-1, window=(3, 3)),
    "TOTP.match, type": lambda: TOTP(SECRET).match(CODE.encode(), NOW, after=-1),  # type: ignore[arg-type]
    "HOTP.match, after": lambda: HOTP(SECRET).match(CODE, after=-2),
    "HOTP.match, look-ahead": lambda: HOTP(SECRET).match(CODE, after=-1, look_ahead=101),
    "HOTP.match, type": lambda: HOTP(SECRET).match([CODE], after=-1),  # type: ignore[arg-type]
    "HOTP.resync, after": lambda: HOTP(SECRET).resync([CODE, CODE], after=-2),
    "HOTP.resync, number": lambda: HOTP(SECRET).resync([CODE] * 11, after=-1),
    "HOTP.resync, type": lambda: HOTP(SECRET).resync(CODE, after=-1),
    "HOTP.resync, inner type": lambda: HOTP(SECRET).resync([CODE, CODE.encode()], after=-1),  # type: ignore[list-item]
    "KeyURI, name": lambda: KeyURI(TOTP(SECRET), account="a:b"),
    "KeyURI, token": lambda: KeyURI(SECRET, account="a"),  # type: ignore[arg-type]
    "parse, type": lambda: KeyURI.parse(URI.encode()),  # type: ignore[arg-type]
    "parse, scheme": lambda: KeyURI.parse(f"http{URI}"),
    "parse, kind": lambda: KeyURI.parse(URI.replace("totp", "motp")),
    "parse, fragment": lambda: KeyURI.parse(f"{URI}#"),
    "parse, long": lambda: KeyURI.parse(URI * 100),
    "parse, surrogate": lambda: KeyURI.parse(f"{URI}\ud800"),
    "parse, steam": lambda: KeyURI.parse(f"{URI}&encoder=steam"),
    "parse, twice": lambda: KeyURI.parse(f"{URI}&secret={TEXT}"),
    "parse, digits": lambda: KeyURI.parse(f"{URI}&digits=9"),
    "parse, period": lambda: KeyURI.parse(f"{URI}&period=x"),
    "parse, counter": lambda: KeyURI.parse(f"{URI}&counter=-1"),
    "parse, algorithm": lambda: KeyURI.parse(f"{URI}&algorithm=MD5"),
    "parse, secret": lambda: KeyURI.parse(f"{URI}!"),
    "parse, the secret alone": lambda: KeyURI.parse(TEXT),
    "parse, the secret as scheme": lambda: KeyURI.parse(f"{TEXT}://totp/a"),
    "parse, the secret as kind": lambda: KeyURI.parse(f"otpauth://{TEXT}"),
    "parse, the secret of Steam": lambda: KeyURI.parse(f"steam://{TEXT}"),
    "parse, the secret as encoder": lambda: KeyURI.parse(f"{URI}&encoder={TEXT}&digits=9"),
    "TOTP, text": lambda: TOTP(TEXT),  # type: ignore[arg-type]
    "TOTP, bytes": lambda: TOTP(RAW),  # type: ignore[arg-type]
    "HOTP, text": lambda: HOTP(TEXT),  # type: ignore[arg-type]
    "Phone": lambda: Phone.scan(f"{URI}&digits=9"),
}


@pytest.mark.parametrize("name", FAILING)
def test_no_mistake_shows_a_secret(name: str) -> None:
    """A developer's mistake with a secret or a code in hand: neither exception nor traceback shows it.

    The MAC is as good as the code, which is cut from it.
    """
    mac = hmac.digest(RAW, STEP.to_bytes(8, "big"), "sha1")
    assert_silent(FAILING[name], forms(RAW) | forms(mac) | {CODE, TEXT})


# ---- values ----


@pytest.fixture
def values(both: Life) -> dict[str, Any]:
    """One of each type of value that totpcore gives, most of them about the same user."""
    pending = both.service.pending(USER)
    record = both.record
    assert pending
    both.service.verify(USER, both.code())
    accepted = Life().adopt()
    return {
        "Enrolment": pending,
        "Confirmed": both.service.confirm(USER, TOTP(pending.secret).code(both.clock())),
        "Accepted": accepted.service.verify(USER, accepted.code()),
        "Recovered": accepted.service.recover(USER, accepted.codes[0]),
        "Status": accepted.service.status(USER),
        "RecoveryCodes": RecoveryCodes(both.codes),
        "Secret": SECRET,
        "TOTP": both.token,
        "HOTP": HOTP(SECRET),
        "KeyURI": KeyURI.parse(pending.uri),
        "Event": both.events[-1],
        "Policy": Policy(),
        "TwoFactor": both.service,
        "Record": record,
    }


VALUES = [
    "Enrolment", "Confirmed", "Accepted", "Recovered", "Status", "RecoveryCodes", "Secret", "TOTP", "HOTP", "KeyURI",
    "Event",
    "Policy", "TwoFactor", "Record",
]  # fmt: skip


def logged(value: object) -> str:
    """What a log with every field shows."""
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("test of totpcore")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        logger.debug("%s %r", value, value, extra={"value": value})
    finally:
        logger.removeHandler(handler)
    return stream.getvalue()


WAYS: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "format": "{0} {0!r} {0!s} {0!a}".format,
    "percent": lambda value: f"{value!s:>5}",
    "json": lambda value: json.dumps({"value": value}, default=repr),
    "json of a list": lambda value: json.dumps([value], default=repr),
    "log": logged,
    "vars": vars,
    "asdict": dataclasses.asdict,
    "astuple": dataclasses.astuple,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": partial(pickle.dumps, protocol=protocol) for protocol in range(6)},
    "exception": lambda value: "".join(traceback.format_exception_only(ValueError(value))),
    "warning": lambda value: warnings.formatwarning(value, UserWarning, "file", 1),
}


@pytest.mark.requirement("A5-6.4.6", "A5-16.2.5")
@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_no_value_shows_a_secret(both: Life, values: dict[str, Any], name: str, way: str) -> None:
    """However a value is written out or copied, what comes of it shows no secret, no code and no recovery code."""
    hidden = confidential(both) | forms(RAW) | code_forms(list(values["Confirmed"].recovery_codes))
    hidden |= forms(values["Enrolment"].secret.reveal())
    try:
        shown = WAYS[way](values[name])
    except TypeError as error:
        shown = str(error)
    text = repr(shown) + (shown.decode("latin-1") if isinstance(shown, bytes) else str(shown))
    for form in hidden:
        assert form not in ADDRESS.sub("", text)


@pytest.mark.parametrize("name", ["Enrolment", "Confirmed", "RecoveryCodes", "Secret", "TOTP", "HOTP", "KeyURI"])
@pytest.mark.parametrize("way", ["pickle 0", "pickle 5", "deepcopy", "asdict"])
def test_what_holds_a_secret_refuses_to_be_taken_along(values: dict[str, Any], name: str, way: str) -> None:
    """Pickle, `deepcopy` and `asdict` raise a `TypeError`, instead of making a second copy somewhere."""
    with pytest.raises(TypeError):
        WAYS[way](values[name])


@pytest.mark.parametrize("name", ["Accepted", "Recovered", "Status", "Event", "Policy"])
def test_what_holds_no_secret_can_be_taken_along(values: dict[str, Any], name: str) -> None:
    """Answers without a secret can be pickled and copied, and are equal to what they were."""
    value = values[name]
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


@pytest.mark.parametrize("name", [name for name in VALUES if name not in ("TwoFactor", "Record")])
def test_values_cannot_be_changed(values: dict[str, Any], name: str) -> None:
    """Every value is frozen and slotted: no field can be set, deleted or added."""
    value = values[name]
    fields = [field.name for field in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
    for field in [*fields, "something"]:
        with pytest.raises((AttributeError, TypeError)):
            setattr(value, field, None)
    for field in fields:
        with pytest.raises((AttributeError, TypeError)):
            delattr(value, field)
    assert not hasattr(value, "__dict__")


@pytest.mark.requirement("A5-16.2.5", "OMFA-6")
def test_events_and_log_show_no_secret(new_life: NewLife, caplog: pytest.LogCaptureFixture) -> None:
    """Over a whole life, accepted and refused, neither events nor log records hold anything secret."""
    caplog.set_level(logging.DEBUG)
    life = new_life()
    hidden: set[str] = set()
    for audit in (life.events.append, None):
        service = TwoFactor(life.store, issuer="ACME", sealer=Plaintext(), clock=life.clock, audit=audit)
        secret = service.enrol(USER, account="alice").secret
        token = life.token = TOTP(secret)
        life.codes = list(service.confirm(USER, token.code(life.clock())).recovery_codes)
        hidden |= confidential(life) | code_forms([life.wrong()])
        for code in (life.code(), life.code(1), life.wrong(), "12345x", life.codes[0]):
            reason_of(partial(service.verify, USER, code))
            reason_of(partial(service.recover, USER, code))
        service.renew_recovery_codes(USER, life.codes[1])
        life.clock.tick(60)
        hidden |= confidential(life)
        service.disable(USER, life.code())
    shown = "".join(str(event) for event in life.events)
    shown += "".join(attributes_of(record) + record.getMessage() for record in caplog.records)
    assert len(caplog.records) >= 10
    for form in hidden:
        assert form not in shown


@pytest.mark.parametrize("way", [repr, str, "{}".format])
def test_what_is_hidden_stays_hidden(way: Callable[[Any], str]) -> None:
    """The cover under which secrets travel inside shows nothing, and refuses pickle and copies."""
    assert way(Hidden(RAW)) == "<Hidden: hidden>"
    for taken in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="refuses to be pickled or copied"):
            taken(Hidden(RAW))


# ---- exceptions ----

EXCEPTIONS: list[TotpcoreError] = [
    errors.InvalidCode(attempts_left=4),
    errors.InvalidCode(malformed=True, attempts_left=5),
    errors.CodeReplayed(attempts_left=3),
    errors.ClockOff(seconds=-90, attempts_left=19),
    errors.ClockBehind(),
    errors.Throttled(retry_after=30.5),
    errors.Locked(),
    errors.NotEnrolled(),
    errors.EnrolmentExpired(),
    errors.StateError("text"),
    errors.AlreadyEnrolled("text"),
    errors.InvalidSecret("text", position=3),
    errors.InvalidURI("text"),
    errors.InvalidParameters("text"),
    errors.StoreError("text"),
    errors.StoreContended("text"),
    errors.RecordUnreadable("text"),
    errors.RecordMissing("text"),
]
each_exception = pytest.mark.parametrize("error", EXCEPTIONS, ids=lambda error: f"{type(error).__name__}: {error}")


def test_every_exception_is_tried() -> None:
    """The list above is complete."""
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TotpcoreError)}
    assert kinds - {type(error) for error in EXCEPTIONS} == {TotpcoreError, Refused, errors.InvalidInput}


@each_exception
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_exceptions_can_be_taken_along(error: TotpcoreError, way: Callable[[Any], Any]) -> None:
    """A task queue or a process pool gets the exception as it was, with its attributes."""
    again = way(error)
    assert (type(again), vars(again), str(again), again.args) == (type(error), vars(error), str(error), error.args)


@each_exception
def test_exceptions_say_what_they_are(error: TotpcoreError) -> None:
    """The text of a refusal is its reason and its numbers; that of another exception what was said."""
    if isinstance(error, Refused):
        details = {name: value for name, value in vars(error).items() if name != "reason"}
        shown = ", ".join(f"{name}={value}" for name, value in details.items())
        assert str(error) == (f"{error.reason} ({shown})" if shown else error.reason)
        assert error.args == ()
    else:
        assert str(error) == "text"


def test_a_note_is_no_detail() -> None:
    """What a program adds to an exception does not change its text."""
    error = errors.Locked()
    error.add_note("seen at the front desk")
    assert str(error) == "locked"


def test_a_position_is_optional() -> None:
    """`InvalidSecret` names a position only where there is one."""
    assert errors.InvalidSecret().position is None
