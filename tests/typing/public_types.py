"""The types of the public face, as a type checker sees them. Checked by mypy and by pyright, never run."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import assert_type

from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    Algorithm,
    AsyncStore,
    AsyncTwoFactor,
    Confirmed,
    Enforcement,
    Enrolment,
    Event,
    EventKind,
    Gate,
    KeyURI,
    Match,
    MemoryStore,
    Plaintext,
    Policy,
    RecordUnreadable,
    Recovered,
    RecoveryCodes,
    Refused,
    Rule,
    Sealer,
    Secret,
    SQLiteStore,
    State,
    Status,
    Store,
    TwoFactor,
    hotp,
    totp,
)
from totpcore.ports import AsyncListsUsers, AsyncLoadsMany, ListsUsers, LoadsMany
from totpcore.stores import DurabilityWarning, InThreads, async_from_url, from_url
from totpcore.testing import AsyncStoreContract, AsyncStoreFactory, HandClock, Phone, StoreContract, StoreFactory
from totpcore.vectors import Base32Vector, HOTPVector, TOTPVector, rfc4226, rfc4648, rfc6238


def values(secret: Secret) -> None:
    """Codes and URIs."""
    assert_type(hotp(secret.reveal(), 0, digits=6, algorithm="SHA1"), str)
    assert_type(totp(secret.reveal(), 59.5, period=30, t0=0, digits=8, algorithm=Algorithm.SHA256), str)
    assert_type(Secret.generate(), Secret)
    assert_type(Secret.from_base32(secret.base32), Secret)
    assert_type(secret.grouped, str)
    assert_type(secret.weak, bool)
    token = TOTP(secret, digits=6, period=30, t0=0, algorithm="sha1")
    assert_type(token.code(59), str)
    assert_type(token.counter(59.0), int)
    assert_type(token.seconds_left(59), float)
    assert_type(token.match("123456", 59, after=-1, window=(1, 1)), Match | None)
    counter_token = HOTP(secret, digits=6, algorithm=Algorithm.SHA1)
    assert_type(counter_token.match("123456", after=-1, look_ahead=10), Match | None)
    assert_type(counter_token.resync(["123456", "654321"], after=-1, look_ahead=100), Match | None)
    match = Match(counter=1, offset=0)
    assert_type((match.counter, match.offset), tuple[int, int])
    uri = KeyURI(token, account="alice", issuer="ACME", counter=0)
    assert_type(uri.text, str)
    assert_type(uri.issuer_mismatch, str | None)
    assert_type(KeyURI.parse(uri.text), KeyURI)
    assert_type(uri.token, TOTP | HOTP)


def calls(two_factor: TwoFactor, token: TOTP) -> None:
    """Every call of the lifecycle."""
    assert_type(two_factor.gate("7", Enforcement(Rule.REQUIRE, deadline=1.0), expected=None), Gate)
    assert_type(two_factor.verify("7", "123456"), Accepted)
    assert_type(two_factor.recover("7", "code"), Recovered)
    assert_type(two_factor.enrol("7", account="alice"), Enrolment)
    assert_type(two_factor.replace("7", "123456", account="alice"), Enrolment)
    assert_type(two_factor.pending("7"), Enrolment | None)
    confirmed = two_factor.confirm("7", "123456")
    assert_type(confirmed, Confirmed)
    assert_type(confirmed.recovery_codes, RecoveryCodes)
    assert_type(confirmed.recovery_codes[0], str)
    assert_type(list(confirmed.recovery_codes), list[str])
    assert_type(two_factor.renew_recovery_codes("7", "123456"), RecoveryCodes)
    assert_type(two_factor.resync("7", "123456", "654321"), Accepted)
    assert_type(two_factor.status("7"), Status)
    assert_type(two_factor.status("7").state, State)
    assert_type(two_factor.status("7").generation, str | None)
    assert_type(two_factor.statuses(["7"]), dict[str, Status | RecordUnreadable])
    assert_type(two_factor.adopt("7", token, spent=-1, allow_weak=False), Confirmed)
    enrolment = two_factor.enrol("7", account="alice")
    assert_type(enrolment.secret, Secret)
    assert_type((enrolment.uri, enrolment.manual_key, enrolment.expires_at), tuple[str, str, float])
    assert_type((enrolment.qr_svg(), enrolment.qr_png(), enrolment.qr_terminal()), tuple[str, bytes, str])


async def awaited_calls(two_factor: AsyncTwoFactor, token: TOTP) -> None:
    """The same, awaited."""
    assert_type(await two_factor.gate("7", Enforcement(Rule.REQUIRE, deadline=1.0), expected=None), Gate)
    assert_type(await two_factor.verify("7", "123456"), Accepted)
    assert_type(await two_factor.recover("7", "code"), Recovered)
    assert_type(await two_factor.enrol("7", account="alice"), Enrolment)
    assert_type(await two_factor.replace("7", "123456", account="alice"), Enrolment)
    assert_type(await two_factor.pending("7"), Enrolment | None)
    assert_type(await two_factor.confirm("7", "123456"), Confirmed)
    assert_type(await two_factor.renew_recovery_codes("7", "123456"), RecoveryCodes)
    assert_type(await two_factor.resync("7", "123456", "654321"), Accepted)
    assert_type(await two_factor.status("7"), Status)
    assert_type(await two_factor.statuses(["7"]), dict[str, Status | RecordUnreadable])
    assert_type(await two_factor.adopt("7", token, spent=-1, allow_weak=False), Confirmed)
    await two_factor.disable("7", "123456")
    await two_factor.reset("7", actor="bob", reason="lost phone")
    await two_factor.raise_floor("7")


def refused(error: Refused) -> str:
    """Refusals carry a word."""
    return assert_type(error.reason, str)


def audit(event: Event) -> None:
    """An audit sink takes an event."""
    assert_type(event.kind, EventKind)
    assert_type(event.actor, str | None)


def parts() -> None:
    """Stores, sealers and clocks are structural: whatever fits, fits."""
    store: Store = MemoryStore()
    sealer: Sealer = Plaintext()
    TwoFactor(store, issuer="ACME", sealer=sealer, policy=Policy.strict(), clock=HandClock(0.0), audit=audit)
    another: Store = SQLiteStore("factors.db", create=True)
    assert_type(another.load("7"), bytes | None)
    assert_type(another.swap("7", None, b"value"), bool)
    assert_type(from_url("memory:", create=False), Store)
    lists: ListsUsers = SQLiteStore("factors.db")
    assert_type(lists.users(), Iterator[str])
    loads: LoadsMany = MemoryStore()
    assert_type(loads.load_many(["7"]), Mapping[str, bytes])
    assert_type(Phone.scan("otpauth://totp/…").code(59), str)
    assert_type(Policy().guess_probability(days=365, logins_per_day=1), float)
    assert_type(rfc4226(), tuple[HOTPVector, ...])
    assert_type(rfc6238(), tuple[TOTPVector, ...])
    assert_type(rfc4648(), tuple[Base32Vector, ...])


def opened(opens: StoreFactory, awaits: AsyncStoreFactory) -> None:
    """What the fixture of a contract returns."""
    assert_type(opens(), Store)
    assert_type(awaits(), AsyncStore)


async def awaited_parts() -> None:
    """Asynchronous stores are structural as well."""
    store: AsyncStore = InThreads(MemoryStore(), threads=8)
    AsyncTwoFactor(store, issuer="ACME", sealer=Plaintext(), policy=Policy.strict(), clock=HandClock(0.0), audit=audit)
    assert_type(await store.load("7"), bytes | None)
    assert_type(await store.swap("7", None, b"value"), bool)
    assert_type(async_from_url("memory:"), AsyncStore)
    lists: AsyncListsUsers = InThreads(MemoryStore())
    assert_type(lists.users(), AsyncIterator[str])
    loads: AsyncLoadsMany = InThreads(MemoryStore())
    assert_type(await loads.load_many(["7"]), Mapping[str, bytes])
    await InThreads(MemoryStore()).close()


def contracts() -> None:
    """What a contract says of its store, and a category of warnings."""
    assert_type((StoreContract.restarts, AsyncStoreContract.cuts), tuple[bool, bool])
    category: type[UserWarning] = DurabilityWarning
    assert_type(category.__name__, str)
