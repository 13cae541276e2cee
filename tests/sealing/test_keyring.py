"""The seal: what opens, what does not, what is stored, and what a service makes of it."""

import copy
import dataclasses
import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import totpcore
from sealing.independent import derived_by_hand, sealed_by_hand
from sealing.people import FIRST, SECOND, THIRD, Person, caught, plain_record
from silence.finder import Finder
from silence.surface import deep, reports, surface
from totpcore import MemoryStore, Plaintext, RecordUnreadable
from totpcore.sealing import BrokenSeal, Keyring, UnknownKey, _aead
from totpcore.testing._races import in_processes

KEYRING: Final = Keyring({"one": FIRST})
VECTORS: Final = json.loads((Path(__file__).parent / "version-1.json").read_text("utf-8"))["records"]
Look = Callable[[BaseException], Iterator[str]]
CONTEXTS: Final = st.binary(max_size=300)


def context_by_hand(user: str) -> bytes:
    """What a seal is bound to, written down a second time."""
    return b"\x00\x0atotpcore/1" + len(user.encode()).to_bytes(2, "big") + user.encode()


# ---- laws ----


@given(st.binary(max_size=2000), CONTEXTS)
def test_what_was_sealed_opens(plaintext: bytes, context: bytes) -> None:
    """Any bytes come back under the context under which they were sealed, and are 46 bytes and the id longer."""
    sealed = KEYRING.seal(plaintext, context)
    assert KEYRING.open(sealed, context) == plaintext
    assert len(sealed) == len(plaintext) + 2 + len("one") + 12 + 16


@given(st.binary(max_size=50), CONTEXTS, CONTEXTS)
def test_under_another_context_nothing_opens(plaintext: bytes, context: bytes, other: bytes) -> None:
    """A record is bound to its user."""
    if context != other:
        with pytest.raises(BrokenSeal):
            KEYRING.open(KEYRING.seal(plaintext, context), other)


@given(st.binary(min_size=1, max_size=50), st.binary(max_size=20), st.integers(1, 20))
def test_bytes_do_not_move_between_the_parts(plaintext: bytes, context: bytes, moved: int) -> None:
    """What stands in the header, the ciphertext or the context cannot be taken for a part of its neighbour."""
    sealed = KEYRING.seal(plaintext, context)
    for other, under in (
        (sealed[:-moved], sealed[-moved:] + context), (sealed + context[:moved], context[moved:]),
        (sealed[moved:], sealed[:moved] + context), (sealed[:17], sealed[17:] + context),
    ):  # fmt: skip
        if (other, under) != (sealed, context):
            with pytest.raises(RecordUnreadable):
                KEYRING.open(other, under)


@given(st.binary(max_size=60), st.binary(max_size=20), st.data())
def test_what_was_cut_lengthened_or_changed_does_not_open(
    plaintext: bytes, context: bytes, data: st.DataObject
) -> None:
    """Every prefix, every longer text, and every other byte at every place."""
    sealed = KEYRING.seal(plaintext, context)
    cut = data.draw(st.integers(0, len(sealed) - 1))
    at = data.draw(st.integers(0, len(sealed) - 1))
    other = data.draw(st.integers(1, 255))
    more = data.draw(st.binary(min_size=1, max_size=20))
    changed = sealed[:at] + bytes([sealed[at] ^ other]) + sealed[at + 1 :]
    for wrong in (sealed[:cut], sealed[cut + 1 :], sealed + more, more + sealed, changed):
        with pytest.raises(RecordUnreadable):
            KEYRING.open(wrong, context)


@given(st.one_of(st.binary(max_size=100), st.binary(max_size=100).map(lambda rest: b"\x01\x03one" + rest)))
def test_other_bytes_do_not_open(sealed: bytes) -> None:
    """Any bytes, also behind a right header, raise `RecordUnreadable` and nothing else."""
    with pytest.raises(RecordUnreadable):
        KEYRING.open(sealed, b"context")
    assert KEYRING.is_newest(sealed) in (True, False)


def test_no_two_seals_have_one_nonce() -> None:
    """Ten thousand seals of the same have ten thousand nonces, and ciphertexts, over threads too."""
    sealed: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: sealed.extend(KEYRING.seal(b"same", b"c") for _ in range(2500)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one[5:17] for one in sealed}) == len({one[17:] for one in sealed}) == 10_000


def test_no_two_processes_have_one_nonce() -> None:
    """Forked children that use their parent's keyring do not repeat each other's nonces."""
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork here")
    sealed = in_processes([lambda: KEYRING.seal(b"same", b"c")] * 8)
    assert len({one[:17] for one in sealed if isinstance(one, bytes)}) == 8


# ---- keys ----


def test_the_first_key_seals_and_every_key_opens() -> None:
    """A ring of three opens what each of them sealed; what it seals, a ring of its first key opens alone."""
    ring = Keyring([("three", THIRD), ("two", SECOND), ("one", FIRST)])
    for key_id, key in (("one", FIRST), ("two", SECOND), ("three", THIRD)):
        sealed = Keyring({key_id: key}).seal(b"a record", b"c")
        assert ring.open(sealed, b"c") == b"a record"
        assert ring.is_newest(sealed) is (key_id == "three")
    sealed = ring.seal(b"a record", b"c")
    assert Keyring({"three": THIRD}).open(sealed, b"c") == b"a record"
    assert ring.is_newest(sealed)
    with pytest.raises(UnknownKey, match="two, one"):
        Keyring({"two": SECOND, "one": FIRST}).open(sealed, b"c")


def test_the_id_alone_opens_nothing() -> None:
    """Another key under the same id opens nothing, and a record with the id of another key of the ring neither."""
    sealed = KEYRING.seal(b"a record", b"c")
    with pytest.raises(BrokenSeal):
        Keyring({"one": SECOND}).open(sealed, b"c")
    ring = Keyring({"one": FIRST, "two": SECOND})
    with pytest.raises(BrokenSeal):
        ring.open(sealed.replace(b"one", b"two"), b"c")
    with pytest.raises(BrokenSeal):  # the right key under another name: the header is a part of what is authenticated
        Keyring({"two": FIRST}).open(sealed.replace(b"one", b"two"), b"c")


def test_each_user_has_a_key_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one and the same nonce, two users' ciphertexts have nothing in common."""
    monkeypatch.setattr(os, "urandom", bytes)
    one, another = (KEYRING.seal(bytes(100), context)[17:-16] for context in (b"a", b"b"))
    assert sum(left == right for left, right in zip(one, another, strict=True)) < 10
    assert KEYRING.seal(bytes(100), b"a")[17:-16] == one, "the nonce is what was fixed"


@given(st.text("ABCXYZabcxyz0189._-", min_size=1, max_size=32))
def test_every_id_comes_back(key_id: str) -> None:
    """What an id may be is written into the record and read again."""
    ring = Keyring({key_id: FIRST, "other" if key_id != "other" else "another": SECOND})
    sealed = ring.seal(b"a record", b"c")
    assert sealed[2 : 2 + sealed[1]] == key_id.encode()
    assert ring.open(sealed, b"c") == b"a record"
    assert ring.is_newest(sealed)
    assert ring.ids[0] == key_id


# ---- the format ----


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_the_format_of_version_1(vector: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sealed in version 1 opens for ever, is what the page describes, and is what is sealed now."""
    key, nonce, plaintext, sealed = (bytes.fromhex(vector[part]) for part in ("key", "nonce", "plaintext", "sealed"))
    context = context_by_hand(vector["user"])
    ring = Keyring({"newer": bytes(31) + b"n", vector["key_id"]: key})
    assert ring.open(sealed, context) == plaintext
    assert sealed_by_hand(key, vector["key_id"], nonce, context, plaintext) == sealed
    monkeypatch.setattr(os, "urandom", lambda size: nonce if size == len(nonce) else bytes(size))
    assert Keyring({vector["key_id"]: key}).seal(plaintext, context) == sealed


def test_a_service_binds_to_what_the_page_says() -> None:
    """A record that a service stored is opened by hand, under its user's context."""
    person = Person(MemoryStore(), KEYRING, user="Журнал")
    opened = KEYRING.open(person.raw, context_by_hand("Журнал"))
    assert json.loads(opened)["v"] == 1
    assert sealed_by_hand(FIRST, "one", person.raw[5:17], context_by_hand("Журнал"), opened) == person.raw


def test_the_head_is_told_from_a_record_in_clear() -> None:
    """A record that was never sealed is none that a keyring opens."""
    with pytest.raises(UnknownKey):
        KEYRING.open(plain_record(), context_by_hand("alice"))
    with pytest.raises(UnknownKey):
        KEYRING.open(b"\x02" + KEYRING.seal(b"a record", b"c")[1:], b"c")


# ---- through a service ----


def calls(person: Person) -> list[Callable[[], object]]:
    """Calls that need the record."""
    service, user = person.service(), person.user
    return [
        partial(service.verify, user, person.code()),
        partial(service.recover, user, person.recovery_codes[0]),
        partial(service.gate, user),
        partial(service.status, user),
        partial(service.enrol, user, account="account"),
        partial(service.disable, user, person.code()),
    ]


def test_no_flipped_bit_is_accepted_or_overwritten() -> None:
    """Each bit of a sealed record, one at a time: the right code is not accepted, and the record stays as it is."""
    person = Person(MemoryStore(), KEYRING).next_step()
    whole = person.raw
    verify = partial(person.service().verify, person.user, person.code())
    for bit in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        assert person.store.swap(person.user, person.raw, bytes(flipped))
        with pytest.raises(RecordUnreadable):
            verify()
        assert person.raw == bytes(flipped)
    assert person.store.swap(person.user, person.raw, whole)
    assert person.log_in() == "ok"


@pytest.mark.parametrize("kind", ["moved", "cut", "lengthened", "in clear", "by a removed key", "empty"])
def test_what_does_not_open_is_unreadable_and_stays(kind: str) -> None:
    """No call accepts or overwrites it, and `reset` alone removes it."""
    store = MemoryStore()
    alice, bob = Person(store, KEYRING), Person(store, KEYRING, "bob").next_step()
    bad = {
        "moved": alice.raw, "cut": bob.raw[:-1], "lengthened": bob.raw + b"\0", "in clear": plain_record(),
        "by a removed key": Person(MemoryStore(), Keyring({"two": SECOND}), "bob").raw, "empty": b"",
    }[kind]  # fmt: skip
    store.swap("bob", bob.raw, bad)
    for call in calls(bob):
        with pytest.raises(RecordUnreadable):
            call()
        assert bob.raw == bad
    assert isinstance(bob.service().statuses(["alice", "bob"])["bob"], RecordUnreadable)
    bob.service().reset("bob", actor="root", reason="lost")
    assert store.load("bob") is None


def test_an_operator_reads_what_is_wrong() -> None:
    """What a service says tells a key that was taken away from a record that was changed."""
    person = Person(MemoryStore(), KEYRING).next_step()
    person.sealer = Keyring({"two": SECOND})
    with pytest.raises(RecordUnreadable, match="UnknownKey"):
        person.log_in()
    for sealer, wrong in (
        (Keyring({"one": SECOND}), person.raw),
        (KEYRING, person.raw[:20]),
        (KEYRING, person.raw[:17]),
    ):
        person.sealer = sealer
        person.store.swap(person.user, person.raw, wrong)
        with pytest.raises(RecordUnreadable, match="BrokenSeal"):
            person.log_in()


def test_a_new_key_takes_over_with_the_next_change() -> None:
    """A log-in seals with the newest key; what only reads, or is refused without a trace, does not."""
    person = Person(MemoryStore(), KEYRING).next_step()
    both, new = Keyring({"two": SECOND, "one": FIRST}), Keyring({"two": SECOND})
    person.sealer = both
    before = person.raw
    person.service().status(person.user)
    assert person.raw == before
    assert not both.is_newest(before)
    assert person.log_in() == "ok"
    assert both.is_newest(person.raw)
    assert person.log_in() == "replayed"
    person.sealer = new
    assert person.log_in() == "replayed"
    assert person.next_step().log_in() == "ok"


# ---- silence ----

CANARY: Final = b"{a record in clear, 20 and more bytes}"


def test_it_says_the_ids_and_nothing_of_the_keys() -> None:
    """By `repr`, `str`, `format`, `dir` and in containers."""
    ring = Keyring({"2026": FIRST, "2025": SECOND})
    assert repr(ring) == "<Keyring: 2026, 2025>"
    assert ring.ids == ("2026", "2025")
    shown = [repr(ring), str(ring), f"{ring!a} {ring}", repr([ring]), repr({1: ring}), repr(dir(ring))]
    shown += [repr(getattr(ring, name)) for name in ring.__slots__]
    Finder({"first": FIRST, "second": SECOND}).check("keyring", *shown)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    """No key gets into a queue or a cache."""
    with pytest.raises(TypeError):
        pickle.dumps(KEYRING, protocol)


def test_it_is_not_copied_or_changed() -> None:
    """Neither by `copy`, nor by `asdict` and its kin, nor by assignment."""
    copiers: tuple[Callable[[Any], object], ...] = (copy.copy, copy.deepcopy, methodcaller("__reduce_ex__", 2))
    for copier in copiers:
        with pytest.raises(TypeError):
            copier(KEYRING)
    takers: tuple[Callable[[Any], object], ...] = (dataclasses.asdict, vars, json.dumps, methodcaller("__getstate__"))
    for taker in takers:
        with pytest.raises(TypeError):
            taker(KEYRING)
    changes: tuple[Callable[[], None], ...] = (
        partial(setattr, KEYRING, "_newest", "two"), partial(delattr, KEYRING, "_keys"),
    )  # fmt: skip
    for change in changes:
        with pytest.raises(AttributeError):
            change()


@pytest.mark.parametrize("look", [surface, reports, deep])
def test_no_frame_shows_a_key_or_a_record(look: Look) -> None:
    """Where sealing or opening raises: no key, no derived one and no record stands in a frame of totpcore's."""
    sealed, text, name = KEYRING.seal(CANARY, b"c"), cast("bytes", CANARY.decode()), cast("bytes", "alice")
    raised = [
        caught(call)
        for call in (
            partial(KEYRING.open, sealed, b"d"), partial(KEYRING.open, CANARY, b"c"),
            partial(KEYRING.open, b"\x01" + CANARY, b"c"), partial(KEYRING.open, sealed[:-1], b"c"),
            partial(KEYRING.seal, CANARY, name), partial(KEYRING.open, sealed, name),
            partial(KEYRING.seal, text, b"c"), partial(KEYRING.is_newest, text),
            partial(KEYRING.open, text, b"c"),
        )
    ]  # fmt: skip
    derived = {context.decode(): derived_by_hand(FIRST, context) for context in (b"c", b"d")}
    finder = Finder({"key": FIRST, "record": CANARY, "record as text": CANARY.decode(), **derived})
    for error in raised:
        finder.check(repr(error), *look(error))
    assert [type(error) for error in raised[:4]] == [BrokenSeal, UnknownKey, UnknownKey, BrokenSeal]
    assert all(isinstance(error, TypeError) for error in raised[4:])


@pytest.mark.parametrize("look", [surface, reports, deep])
def test_no_frame_shows_what_encryption_broke_on(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `cryptography` itself raises, as without memory: neither the key nor the plaintext stands in a frame."""

    class Broken:
        def __init__(self, key: bytes) -> None:
            raise MemoryError

    sealed = KEYRING.seal(CANARY, b"c")
    monkeypatch.setattr(_aead, "AESGCM", Broken)
    for call in (partial(KEYRING.seal, CANARY, b"c"), partial(KEYRING.open, sealed, b"c")):
        with pytest.raises(MemoryError) as raised:
            call()
        finder = Finder({"key": FIRST, "record": CANARY})
        finder.check("broken", *look(raised.value))


def test_a_service_shows_nothing_of_a_record_in_clear() -> None:
    """A keyring on a store that still has records in clear: the report of the failure holds no secret."""
    person = Person(MemoryStore(), Plaintext()).next_step()
    secret = person.phone.uri.token.secret.reveal()
    assert Finder({"secret": secret}).find(json.loads(person.raw)["active"]["secret"]), "there is something to be found"
    person.sealer = KEYRING
    error = caught(person.log_in)
    assert isinstance(error, RecordUnreadable)
    Finder({"secret": secret, "key": FIRST}).check("in clear", *surface(error), *reports(error), *deep(error))


# ---- without the extra ----

WITHOUT = """
import sys
sys.modules["cryptography"] = None
import totpcore
from totpcore.sealing import Keyring, Plaintext, reseal
Plaintext().open(b"", b"")
Keyring.generate_key()
for make in (lambda: Keyring({"a": b"k" * 32}), Keyring.from_env):
    try:
        make()
    except ImportError as error:
        print(error)
"""


def run(code: str, **variables: str) -> str:
    """What a Python prints."""
    environment = {"PYTHONPATH": str(Path(totpcore.__file__).parents[1]), **variables}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment)
    return done.stdout


def test_without_cryptography_the_error_names_the_extra() -> None:
    """The module can be imported, a key be made and `Plaintext` be used; making a keyring says what to install."""
    message = 'sealed records need cryptography: pip install "totpcore[sealing]"\n'
    assert run(WITHOUT, TOTPCORE_KEYS=Keyring.generate_key()) == message * 2


def test_cryptography_is_loaded_by_the_first_keyring() -> None:
    """Neither `totpcore` nor `totpcore.sealing` loads it; a keyring does, and not only the first log-in."""
    code = "import sys, totpcore, totpcore.sealing as s; a = 'cryptography' in sys.modules; s.Keyring({'a': b'k' * 32})"
    assert run(code + "; print(a, 'cryptography' in sys.modules)") == "False True\n"


@pytest.mark.parametrize("look", [surface, reports, deep])
def test_without_cryptography_no_frame_shows_a_key(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error about the missing extra comes with the keys in hand, and shows none."""
    monkeypatch.delattr(totpcore.sealing, "_aead")
    for name in [name for name in sys.modules if name == "totpcore.sealing._aead" or name.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ImportError, match=r"totpcore\[sealing\]") as raised:
        Keyring({"one": FIRST})
    Finder({"key": FIRST}).check("missing", *look(raised.value))
