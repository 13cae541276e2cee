"""V83 and V87: what is stored, and read back as nothing else.

Rules of this file:

1. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
2. Mutations are seeded. The long runs of the same kind are elsewhere: fuzzing.
"""

import copy
import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from gates import offences
from totpcore import Secret, _core, _record
from totpcore._guard import Hidden
from totpcore.testing import Phone
from weaknesses.frame import TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import KEY, altered_record, faulty, seeded, stored, with_line

GOLDEN: Final = Path(__file__).parents[1] / "records" / "version-1.json"


# ---- V83: pickle, copy, eval ----


def lets_itself_be_pickled() -> Library:
    """A secret that pickle takes."""

    class Open(Secret):
        __slots__ = ()

        def __reduce_ex__(self, protocol: object) -> tuple[object, ...]:  # type: ignore[override]  # that is the fault
            return Secret, (self.reveal(),)

    return replace(TOTPCORE, secret=Open)


@weakness("V83", twin=lets_itself_be_pickled)
def what_holds_a_secret_cannot_be_pickled_or_copied(lib: Library) -> None:
    """Pickle in every protocol, `copy`, `deepcopy` and `asdict` are a `TypeError`, and so is what holds it in turn."""
    secret = lib.secret(KEY)
    token = lib.totp_token(secret)
    user = User(lib)
    enrolment = user.service.enrol("bob", account="bob")
    confirmed = user.service.confirm("bob", Phone.scan(enrolment.uri).code(user.clock()))
    for value in (
        secret, token, lib.hotp_token(secret), lib.key_uri(token, account="a"), enrolment, confirmed,
        confirmed.recovery_codes,
    ):  # fmt: skip
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            holds(refuses(partial(pickle.dumps, value, protocol), TypeError), "pickle is refused")
        holds(refuses(partial(copy.deepcopy, value), TypeError), "a deep copy is refused")
    for value in (secret, confirmed.recovery_codes):
        holds(refuses(partial(copy.copy, value), TypeError), "a copy is refused")
    for holder in (token, enrolment, confirmed):
        holds(refuses(partial(asdict, holder), TypeError), "asdict is refused")


def takes_the_damaged_for_empty() -> Library:
    """What cannot be read is as good as nothing."""

    def decode(data: Hidden[bytes]) -> _record.Record:
        found = _record.decode(data)
        return found if isinstance(found, _record.Record) else _record.EMPTY

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V83", twin=takes_the_damaged_for_empty)
def a_damaged_record_is_unreadable_and_nothing_else(lib: Library) -> None:
    """Two thousand mutations of a record: `RecordUnreadable` or a refusal of the code, never a factor that is off."""
    with seeded(83):
        user = User(lib).on()
    source = Random(83)
    whole, told, wrong = stored(user), set(), user.wrong()
    for number in range(2000):
        damaged = bytearray(whole)
        for _ in range(source.randint(1, 4)):
            place = source.randrange(len(damaged))
            damaged[place : place + source.choice((0, 1, 1, 9))] = source.choice(
                (b"", bytes([source.randrange(256)]), b'"', b"{}", b"null", b"-1", b"1e999", b"\\ud800", b"NaN", b"[[")
            )
        if bytes(damaged) == whole:
            continue
        user.store = lib.memory_store()
        user.store.swap(user.user, None, bytes(damaged))
        user.service = user.another()
        answer = user.verify(wrong)
        told.add(answer)
        holds(answer in ("RecordUnreadable", "wrong", "throttled", "locked", "clock_behind"), f"{number}: {answer}")
        if answer == "RecordUnreadable":
            holds(stored(user) == bytes(damaged), "what cannot be read is not overwritten")
    holds("RecordUnreadable" in told, "some were unreadable")


def unpickles() -> Library:
    """A store format that runs code."""
    return with_line("_record.py", "def _old(data):\n    import pickle\n    return pickle.loads(data)")


@weakness("V83", twin=unpickles)
def nothing_is_evaluated(lib: Library) -> None:
    """No module imports pickle or its kind, nor calls `eval`, `exec`, `compile` or a loader of YAML."""
    for module, source in lib.sources.items():
        holds(not offences("pickle", module, source), f"{module} imports nothing that evaluates")
        holds(not offences("eval", module, source), f"{module} evaluates nothing")


# ---- V87: state upgraded or downgraded silently ----


def fills_in_what_is_missing() -> Library:
    """An old record has nothing spent, and a newer one will do."""

    def decode(data: Hidden[bytes]) -> _record.Record | _record.Unreadable:
        fields = json.loads(data.value) | {"v": 1}
        if fields.get("active"):
            fields["active"].setdefault("spent", -1)
        return _record.decode(Hidden(json.dumps(fields).encode()))

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V87", twin=fills_in_what_is_missing)
def a_record_of_another_version_is_not_guessed_at(lib: Library) -> None:
    """An unknown version, a field too few or too many: `RecordUnreadable` for all but `reset`; nothing is written."""
    changes: dict[str, Callable[[dict[str, dict[str, object]]], object]] = {
        "without its spent counter": lambda record: record["active"].pop("spent"),
        "without a tally": lambda record: record.pop("code_tally"),
        "without a version": lambda record: record.pop("v"),
        "without its recovery codes": lambda record: record["active"].pop("recovery"),
        "with a field more": lambda record: record["active"].update(device="phone"),
        **{f"of version {v!r}": partial(with_version, version=v) for v in (0, 2, 99, -1, "1", 1.0, True, None)},
    }
    for name, change in changes.items():
        user = User(lib).on()
        altered_record(user, change)
        before = stored(user)
        service, code = user.service, user.code()
        for call in (
            partial(service.verify, user.user, code), partial(service.recover, user.user, user.codes[0]),
            partial(service.enrol, user.user, account="a"), partial(service.status, user.user),
            partial(service.confirm, user.user, code), partial(service.gate, user.user),
            partial(service.disable, user.user, code), partial(service.raise_floor, user.user),
        ):  # fmt: skip
            holds(outcome(call) == "RecordUnreadable", f"a record {name} is not read")
        holds(stored(user) == before, f"a record {name} is not written over")
        service.reset(user.user, actor="root", reason="unreadable")
        holds(not stored(user), "an operator can reset it")


def with_version(record: dict[str, dict[str, object]], version: object) -> None:
    """Write another version."""
    record["v"] = version  # type: ignore[assignment]  # the one field that is no part


def reads_only_what_it_writes() -> Library:
    """Records have a new field, and the old ones lack it."""

    def decode(data: Hidden[bytes]) -> _record.Record | _record.Unreadable:
        return _record.decode(data) if b'"label":' in data.value else _record.Unreadable("it has no label")

    return replace(TOTPCORE, two_factor=faulty((_core, "decode", decode)))


@weakness("V87", twin=reads_only_what_it_writes)
def a_released_record_stays_readable(lib: Library) -> None:
    """Every record of the golden file of each released version is read, with what it said about the user."""
    golden: Mapping[str, Mapping[str, object]] = json.loads(GOLDEN.read_text("utf-8"))
    holds(len(golden) >= 5, "there is a golden file")
    for name, row in golden.items():
        raw, meaning = str(row["bytes"]).encode(), row["record"]
        user = User(lib)
        user.store.swap(user.user, None, raw)
        holds(outcome(partial(user.service.status, user.user)) == "ok", f"{name} is read")
        status = user.service.status(user.user)
        confirmed = isinstance(meaning, dict) and meaning.get("active") is not None
        holds(status.code_required is confirmed, f"{name} is on where it was on")
        holds(stored(user) == raw, "reading changes nothing")
