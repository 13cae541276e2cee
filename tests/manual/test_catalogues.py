"""The catalogues of errors and of events are complete: what can be raised and told is tried, and compared both ways."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TypeVar, get_type_hints

import pytest

from manual.tables import page, rows, section, words
from records.life import RAW, USER, Life, wrong_recovery_code
from totpcore import HOTP, Event, EventKind, Refused, Secret, errors
from totpcore.errors import TotpcoreError
from totpcore.sealing import BrokenSeal, UnknownKey
from totpcore.throttle import Tally

# ---- errors ----


E = TypeVar("E", bound=TotpcoreError)


def family(of: type[E]) -> Iterator[type[E]]:
    """Every kind of an exception of totpcore's that has a public name."""
    for one in of.__subclasses__():
        if one.__module__.startswith("totpcore.") and not one.__name__.startswith("_"):
            yield one
            yield from family(one)


def test_every_exception_is_in_the_catalogue() -> None:
    """Each has its heading, its cause, and what a developer does; a refusal, also what to tell the user."""
    assert {UnknownKey, BrokenSeal} <= set(family(TotpcoreError))
    text = page("errors")
    kinds = {errors.Refused, errors.InvalidInput}  # of which each has its kinds
    for error in set(family(TotpcoreError)) - kinds:
        entry = section(text, f"### {error.__name__}")
        assert "- **Cause.** " in entry, error
        assert "- **Do.** " in entry, error
        if issubclass(error, Refused):
            assert '- **Tell the user.** "' in entry, error
    headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert headings - {"TypeError"} == {error.__name__ for error in set(family(TotpcoreError)) - kinds}


def test_the_attributes_of_refusals() -> None:
    """The table has those that each exception has, and its reasons."""
    shown = {words(row[0])[0]: row for row in rows(section(page("errors"), "## Refused"))}
    for error in family(Refused):
        made = error()
        attributes = {name for name in vars(made) if name not in ("reason", "malformed")}
        attributes |= {"malformed"} if error is errors.InvalidCode else set()
        assert set(words(shown[error.__name__][3]) if len(shown[error.__name__]) > 3 else ()) == attributes, error
        reasons = {made.reason} | ({"malformed"} if error is errors.InvalidCode else set())
        assert set(words(shown[error.__name__][1])) == reasons
    assert len(shown) == len(list(family(Refused)))


# ---- events ----


def pending(life: Life) -> None:
    """A secret was shown."""
    life.enrol()


def on(life: Life) -> None:
    """A confirmed second factor."""
    life.on()


def waiting(life: Life) -> None:
    """Too many wrong one-time codes."""
    life.on().fail(5)


def waiting_to_recover(life: Life) -> None:
    """Too many wrong recovery codes."""
    life.on()
    for _ in range(5):
        with contextlib.suppress(Refused):
            life.service.recover(USER, wrong_recovery_code())


def locked(life: Life) -> None:
    """A hundred wrong one-time codes."""
    life.on().put(life.record._replace(code_tally=Tally(failures=100)))


def set_back(life: Life) -> None:
    """The machine's clock was set back."""
    life.on().clock.tick(-3600)


def replacing(life: Life) -> None:
    """A new secret beside the active one, after a recovery code."""
    life.on()
    life.service.recover(USER, life.codes[1])
    life.enrol()


def by_counter(life: Life) -> None:
    """A counter-based token."""
    life.token = HOTP(Secret(RAW))
    life.codes = list(life.service.adopt(USER, life.token, spent=-1).recovery_codes)


def waiting_by_counter(life: Life) -> None:
    """Too many wrong codes of one."""
    by_counter(life)
    life.fail(5)


def nothing(_life: Life) -> None:
    """No second factor."""


SITUATIONS = (
    nothing, pending, on, waiting, waiting_to_recover, locked, set_back, replacing, by_counter, waiting_by_counter,
)  # fmt: skip
TYPED: tuple[Callable[[Life], str], ...] = (
    lambda life: life.code() if hasattr(life, "token") else "123456",
    lambda life: life.code(-1) if hasattr(life, "token") and not isinstance(life.token, HOTP) else "123456",
    lambda life: life.code(5) if hasattr(life, "token") else "123456",
    lambda life: life.wrong() if hasattr(life, "token") else "123456",
    lambda _life: "12345",
    lambda life: (life.codes or [wrong_recovery_code()])[0],
    lambda life: (life.codes or [wrong_recovery_code()])[-1],
    lambda _life: wrong_recovery_code(),
)
CALLS: dict[EventKind, Callable[[Life, str], object]] = {
    EventKind.VERIFY: lambda life, code: life.service.verify(USER, code),
    EventKind.RECOVER: lambda life, code: life.service.recover(USER, code),
    EventKind.ENROL: lambda life, _: life.service.enrol(USER, account="alice"),
    EventKind.REPLACE: lambda life, code: life.service.replace(USER, code, account="alice"),
    EventKind.CONFIRM: lambda life, code: life.service.confirm(USER, code),
    EventKind.RENEW_RECOVERY_CODES: lambda life, code: life.service.renew_recovery_codes(USER, code),
    EventKind.DISABLE: lambda life, code: life.service.disable(USER, code),
    EventKind.RESYNC: lambda life, code: life.service.resync(
        USER, code, life.code(1) if hasattr(life, "token") else "123456"
    ),
    EventKind.RESET: lambda life, _: life.service.reset(USER, actor="bob", reason="the operator's own"),
    EventKind.ADOPT: lambda life, _: life.service.adopt(USER, HOTP(Secret(RAW)), spent=-1),
    EventKind.RAISE_FLOOR: lambda life, _: life.service.raise_floor(USER),
}


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_and_its_reasons(kind: EventKind) -> None:
    """The call in every situation, with everything that can be typed, twice: the reasons are those of the page."""
    found = set()
    for situation in SITUATIONS:
        for typed in TYPED:
            life = Life()
            situation(life)
            life.events.clear()
            code = typed(life)
            for _ in range(2):
                with contextlib.suppress(TotpcoreError):
                    CALLS[kind](life, code)
            assert {event.kind for event in life.events} <= {kind}
            found |= {event.reason for event in life.events}
    shown = {words(row[0])[0]: row for row in rows(section(page("events"), "## Kinds"))}
    assert words(shown[kind.value][1]) == [kind.value]
    assert set(words(shown[kind.value][2]) or [shown[kind.value][2]]) == found
    assert set(shown) == {kind.value for kind in EventKind}


def test_every_reason_is_explained() -> None:
    """The table has each word of a refusal, with the exception whose word it is."""
    shown = {words(row[0])[0]: words(row[1]) for row in rows(section(page("events"), "## Reasons"))}
    refusals = {error.reason: [error.__name__] for error in family(Refused)}
    assert shown == refusals | {"ok": [], "malformed": ["InvalidCode"]}


def test_every_field_of_an_event() -> None:
    """The table has each, with its type."""
    table = rows(section(page("events"), "## Fields"))
    shown = {words(row[0])[0]: row[1].replace("`", "").replace(" or ", " | ") for row in table}
    types = {name: getattr(hint, "__name__", str(hint)) for name, hint in get_type_hints(Event).items()}
    assert shown == types
