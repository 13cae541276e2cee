"""No value that totpcore gives shows a secret, however it is written out.

Beyond `tests/test_events.py`: every value, every exception, in containers, and by the protocols below pickle.
"""

import copy
import dataclasses
import inspect
import json
import logging
import pickle
import pprint
import reprlib
import sys
import types
from collections.abc import Callable, Iterator
from functools import cache, partial
from io import StringIO
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from string import Formatter, Template
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

import totpcore
from records.life import RAW, STEP, USER, Life, caught
from silence.finder import Finder
from totpcore import (
    HOTP,
    TOTP,
    AsyncTwoFactor,
    Enforcement,
    KeyURI,
    Match,
    Plaintext,
    Policy,
    RecoveryCodes,
    Rule,
    Secret,
    TwoFactor,
    errors,
)
from totpcore._guard import Hidden
from totpcore.stores import InThreads
from totpcore.testing import HandClock, Phone
from trouble.scenes import repeatable


@dataclasses.dataclass(frozen=True)
class Museum:
    """One of each kind of value, and what none of them may show."""

    values: dict[str, Any]
    finder: Finder


@cache
def museum() -> Museum:
    """Made once, by a life that meets everything."""
    with repeatable(5), TemporaryDirectory() as name:
        life = Life().on()
        active, code, codes = life.token, life.code(), list(life.codes)
        accepted = life.service.verify(USER, code)
        recovered = life.service.recover(USER, codes[0])
        enrolment = life.service.replace(USER, codes[1], account="alice")
        pending = TOTP(enrolment.secret)
        life.clock.tick(90)
        new = pending.code(life.clock())
        record, status = life.record, life.service.status(USER)
        wrong = life.wrong()
        refused = caught(lambda: life.service.verify(USER, wrong))
        confirmed = life.service.confirm(USER, new)
        unreadable = life.service.statuses([USER])
        sqlite = totpcore.SQLiteStore(Path(name) / "factors.db", create=True)
        sqlite.swap(USER, None, life.raw)
        uri = KeyURI.parse(enrolment.uri)
        values: dict[str, Any] = {
            "Secret": enrolment.secret, "weak Secret": Secret(RAW[:10]), "TOTP": active, "HOTP": HOTP(Secret(RAW)),
            "Match": Match(counter=STEP, offset=0), "KeyURI": uri, "Enrolment": enrolment, "Confirmed": confirmed,
            "RecoveryCodes": confirmed.recovery_codes, "some RecoveryCodes": confirmed.recovery_codes[2:4],
            "Accepted": accepted, "Recovered": recovered, "Status": status, "statuses": unreadable,
            "Event": life.events[-1], "Policy": Policy(), "Enforcement": Enforcement(Rule.REQUIRE), "refused": refused,
            "TwoFactor": life.service, "InThreads": InThreads(life.store),
            "MemoryStore": life.store, "SQLiteStore": sqlite, "Plaintext": Plaintext(),
            "AsyncTwoFactor": AsyncTwoFactor(InThreads(life.store), issuer="ACME", sealer=Plaintext()),
            "HandClock": HandClock(5), "Phone": Phone(uri), "Hidden": Hidden(code), "Record": record,
            **{f"exception {one.__name__}": one() for one in exceptions()},
        }  # fmt: skip
        sqlite.close()
        assert isinstance(active, TOTP)
        canaries: dict[str, bytes | str] = {
            "active secret": active.secret.reveal(), "pending secret": pending.secret.reveal(), "RFC secret": RAW,
            "code": code, "new code": new, "wrong code": wrong,
            **{f"old recovery code {number}": one for number, one in enumerate(codes[:3])},
            **{f"recovery code {number}": one for number, one in enumerate(confirmed.recovery_codes)},
        }  # fmt: skip
    return Museum(values, Finder(canaries))


def exceptions() -> Iterator[type[errors.TotpcoreError]]:
    """Every exception of totpcore's."""
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.TotpcoreError):
            yield kind


def logged(value: object) -> str:
    """What a log at DEBUG shows, with the value as message, as argument and as an extra."""
    stream, logger = StringIO(), logging.Logger("of this test", logging.DEBUG)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(args)s %(value)s"))
    logger.addHandler(handler)
    logger.debug(value, extra={"value": value})
    logger.debug("%s %r %a", value, value, value, extra={"value": [value]})
    logger.debug("%(value)s", {"value": value}, extra={"value": {"value": value}})
    return stream.getvalue()


def written(value: object) -> str:
    """By `str`, which warns of bytes under `-bb`."""
    return repr(value) if isinstance(value, bytes) else str(value)


def raised(value: object) -> str:
    """An exception that carries it, and is shown with the locals of this frame."""
    try:
        raise RuntimeError(value)
    except RuntimeError:
        return "".join(str(part) for part in (inspect.trace(), sys.exc_info(), inspect.trace()[0].frame.f_locals))


WAYS: Final[dict[str, Callable[[Any], object]]] = {
    "%r": lambda value: "%r %a %s" % (value, value, value),  # noqa: UP031  # a way of its own
    "!a": lambda value: f"{value!a} {value!r:>50} {value!s:.500}",
    "format": format,
    "Formatter": lambda value: Formatter().format("{0} {0!r}", value),
    "Template": lambda value: Template("$value").substitute(value=value),
    "in a list": lambda value: f"{[value]} {(value,)} { {1: value} }",
    "SimpleNamespace": lambda value: repr(types.SimpleNamespace(value=value)),
    "partial": lambda value: repr(partial(print, value, key=value)),
    "pprint": lambda value: pprint.pformat({"value": value}, width=10, compact=True),
    "reprlib": lambda value: reprlib.repr([value]),
    "dir": dir,
    "vars": vars,
    "asdict": dataclasses.asdict,
    "fields": lambda value: [getattr(value, field.name) for field in dataclasses.fields(value)],
    "json": lambda value: json.dumps({"value": [value]}, default=written),
    "json by repr": lambda value: json.dumps(value, default=repr, skipkeys=True),
    "json by vars": lambda value: json.dumps(value, default=vars),
    "log": logged,
    "raise": raised,
    "reduce": lambda value: value.__reduce__(),
    "reduce_ex": lambda value: [value.__reduce_ex__(protocol) for protocol in range(6)],
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle of a list": lambda value: pickle.dumps([value]),
    "multiprocessing": lambda value: bytes(ForkingPickler.dumps(value)),
    "bytes": bytes,
    "hash": hash,
    "warning": lambda value: str(Warning(value)),
    "class": lambda value: (type(value).__qualname__, getattr(value, "__annotations__", "")),
}  # fmt: skip
REFUSALS: Final = (TypeError, ValueError, AttributeError)


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_writing_a_value_out_shows_a_secret(way: str) -> None:
    """Every value, every exception: what comes of it, or the refusal, shows nothing of a secret or a code."""
    found = museum()
    for name, value in found.values.items():
        try:
            shown = WAYS[way](value)
        except REFUSALS as refused:
            shown = refused
        parts = (shown,) if isinstance(shown, str | bytes) else (str(shown), repr(shown))
        # What `TwoFactor` and the stores are made of is written out too; a store's records are the store's.
        found.finder.check(f"{way} of {name}", *parts)


def test_the_museum_is_complete() -> None:
    """Every public class is shown: what is added to the face is added here."""
    shown = {type(value) for value in museum().values.values()} | {dict}
    public = [kind for kind in (getattr(totpcore, name) for name in totpcore.__all__) if isinstance(kind, type)]
    wordless = (str, Warning)  # enumerations and categories of warnings, which hold nothing
    kinds = {kind for kind in public if not issubclass(kind, wordless) and not getattr(kind, "_is_protocol", False)}
    assert kinds - shown == set()


def test_the_museum_holds_what_is_looked_for() -> None:
    """By name, on purpose, the same values do show it: the search above is for something that is there."""
    values, finder = museum().values, museum().finder
    for asked in (
        values["Secret"].reveal(), values["Secret"].base32, values["Secret"].grouped, values["Enrolment"].uri,
        values["Enrolment"].manual_key, values["KeyURI"].text, values["RecoveryCodes"][0], values["Hidden"].value,
        values["TOTP"].secret.reveal(), *values["some RecoveryCodes"],
    ):  # fmt: skip
        assert finder.find(asked) != []


HOLDERS: Final = ("Secret", "RecoveryCodes", "Hidden", "TOTP", "HOTP", "KeyURI", "Enrolment", "Confirmed")
PROTOCOLS: Final[dict[str, Callable[[Any], object]]] = {
    "copy of a list": lambda value: copy.deepcopy([value]),
    "pickle of a dict": lambda value: pickle.dumps({"value": value}),
    "multiprocessing": ForkingPickler.dumps,
}


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_holds_a_secret_refuses_every_protocol(name: str, protocol: str) -> None:
    """In a container too, and on the way to another process: no second copy comes to be in a queue or a cache."""
    with pytest.raises(TypeError):
        PROTOCOLS[protocol](museum().values[name])


@pytest.mark.parametrize("name", ["Secret", "RecoveryCodes", "Hidden"])
def test_what_holds_a_secret_gives_no_state(name: str) -> None:
    """`__getstate__`, which every object has since Python 3.11 and serializers beside pickle call, is refused too."""
    value = museum().values[name]
    try:
        state = value.__getstate__()
    except TypeError as refused:
        state = refused
    museum().finder.check(name, str(state))


def test_a_service_shows_nothing_of_its_parts() -> None:
    """Neither issuer nor sealer nor records are in what a service says of itself."""
    for name, module in (("TwoFactor", "service"), ("AsyncTwoFactor", "aio")):
        service = museum().values[name]
        assert isinstance(service, TwoFactor | AsyncTwoFactor)
        assert repr(service).startswith(f"<totpcore.{module}.{name} object at 0x")
    assert isinstance(museum().values["RecoveryCodes"], RecoveryCodes)
