"""The keys of a keyring: what is taken, from where, and that what is refused is not shown."""

import base64
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealing.people import FIRST, SECOND, THIRD, caught
from silence.finder import Finder
from silence.surface import deep, reports, surface
from totpcore import InvalidParameters
from totpcore.sealing import Keyring


def entry(key_id: str, key: bytes, *, padded: bool = False) -> str:
    """A key as it is written in a list."""
    text = base64.urlsafe_b64encode(key).decode()
    return f"{key_id}:{text if padded else text.rstrip('=')}"


ONE, TWO, THREE = entry("one", FIRST), entry("two", SECOND), entry("three", THIRD)
TEXTS: Final = {"first": ONE.partition(":")[2], "second": TWO.partition(":")[2], "third": THREE.partition(":")[2]}
FINDER: Final = Finder({"key one": FIRST, "key two": SECOND, **{f"text of the {name}": t for name, t in TEXTS.items()}})
ENTRY: Final = "must be id:key, with the key as 43 characters of base64url"


def check_silence(error: BaseException) -> None:
    """Neither the error nor a frame of totpcore's shows a key."""
    FINDER.check(repr(error), *surface(error), *reports(error), *deep(error))


def opens(ring: Keyring, *keys: tuple[str, bytes]) -> None:
    """Check that a ring has these keys, in this order."""
    assert ring.ids == tuple(key_id for key_id, _ in keys)
    for key_id, key in keys:
        assert ring.open(Keyring({key_id: key}).seal(b"a record", b"c"), b"c") == b"a record"


# ---- the constructor ----


def test_keys_are_taken_from_mappings_and_pairs() -> None:
    """In the order of the mapping or of the pairs; what the caller does with the mapping later changes nothing."""
    pairs = [("one", FIRST), ("two", SECOND)]
    for keys in (dict(pairs), OrderedDict(pairs), pairs, tuple(pairs)):
        opens(Keyring(keys), *pairs)
    mine = dict(pairs)
    ring = Keyring(mine)
    mine.clear()
    opens(ring, *pairs)


WRONG: Final[dict[str, tuple[object, type[Exception], str]]] = {
    "no key": ({}, InvalidParameters, "keys must have at least one key"),
    "no pair": ([], InvalidParameters, "keys must have at least one key"),
    "a short key": ({"one": FIRST[:-1]}, InvalidParameters, "key 1 of keys must have exactly 32 bytes"),
    "a long key": ([("one", FIRST), ("two", SECOND + b"x")], InvalidParameters, "key 2 of keys must have exactly 32"),
    "a key of zeros": ({"one": bytes(32)}, InvalidParameters, "key 1 of keys .* not all of them zero"),
    "an id twice": (
        [("one", FIRST), ("one", SECOND)],
        InvalidParameters,
        "id 2 of keys must not be that of an earlier",
    ),
    "a key twice": ({"one": FIRST, "two": FIRST}, InvalidParameters, "key 2 of keys must not be an earlier key"),
    "an empty id": ({"": FIRST}, InvalidParameters, "id 1 of keys must have 1 to 32 of the characters"),
    "a long id": ({"x" * 33: FIRST}, InvalidParameters, "id 1 of keys must have 1 to 32 of the characters"),
    "an odd id": ({"a b": FIRST}, InvalidParameters, "id 1 of keys"),
    "an id with a colon": ({"a:b": FIRST}, InvalidParameters, "id 1 of keys"),
    "an id with a line end": ({"a\n": FIRST}, InvalidParameters, "id 1 of keys"),
    "an id of another alphabet": ({"ключ": FIRST}, InvalidParameters, "id 1 of keys"),
    "digits of another alphabet": ({"\N{ARABIC-INDIC DIGIT ONE}": FIRST}, InvalidParameters, "id 1 of keys"),
    "the key as id": ({TEXTS["first"]: FIRST}, InvalidParameters, "id 1 of keys"),
    "an id of bytes": ({b"one": FIRST}, TypeError, "id 1 of keys must be a str, not bytes"),
    "swapped": ([(FIRST, "one")], TypeError, "id 1 of keys must be a str, not bytes"),
    "a key of text": ({"one": TEXTS["first"]}, TypeError, "key 1 of keys must be bytes, not str"),
    "a key that can change": ({"one": bytearray(FIRST)}, TypeError, "key 1 of keys must be bytes, not bytearray"),
    "no key at all": ({"one": None}, TypeError, "key 1 of keys must be bytes, not NoneType"),
    "bare keys": ([FIRST, SECOND], TypeError, "pair 1 of keys must be a tuple of an id and a key, not bytes"),
    "a triple": ([("one", FIRST, SECOND)], TypeError, "pair 1 of keys must be a tuple of an id and a key, not tuple"),
    "lists": ([["one", FIRST]], TypeError, "pair 1 of keys must be a tuple of an id and a key, not list"),
    "one bare key": (FIRST, TypeError, "pair 1 of keys must be a tuple of an id and a key, not int"),
    "the text of a list": (f"{ONE},{TWO}", TypeError, "keys must be a mapping from ids to keys, .*, not str"),
    "nothing": (None, TypeError, "keys must be a mapping from ids to keys, .*, not NoneType"),
    "a set": ({("one", FIRST)}, TypeError, "keys must be a mapping from ids to keys, .*, not set"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_set_of_keys_is_refused(case: str) -> None:
    """The error names the argument, the place and what is allowed, and shows no key."""
    keys, kind, message = WRONG[case]
    error = caught(partial(Keyring, cast("Any", keys)))
    assert type(error) is kind
    assert re.match(message, str(error)), str(error)
    check_silence(error)


# ---- the environment ----

RIGHT: Final = {
    "one": (ONE, ["one"]), "two": (f"{TWO},{ONE}", ["two", "one"]), "spaces": (f" {TWO} ,\t{ONE}\n", ["two", "one"]),
    "lines": (f"\r\n{TWO},\r\n{ONE}\r\n", ["two", "one"]), "around the colon": (ONE.replace(":", " : "), ["one"]),
    "padded": (f"{entry('two', SECOND, padded=True)},{entry('one', FIRST, padded=True)}", ["two", "one"]),
}  # fmt: skip
KEYS: Final = {"one": FIRST, "two": SECOND, "three": THIRD}


@pytest.mark.parametrize("case", RIGHT)
def test_keys_are_read_from_the_environment(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, by commas, with or without padding, whatever white space is around."""
    text, ids = RIGHT[case]
    monkeypatch.setenv("TOTPCORE_KEYS", text)
    opens(Keyring.from_env(), *((key_id, KEYS[key_id]) for key_id in ids))
    monkeypatch.setenv("OTHER_KEYS_2", text)
    monkeypatch.delenv("TOTPCORE_KEYS")
    opens(Keyring.from_env("OTHER_KEYS_2"), *((key_id, KEYS[key_id]) for key_id in ids))


WRONG_TEXTS: Final = {
    "empty": ("", "the environment variable NAME must be set"),
    "blank": (" \n", "the environment variable NAME must be set"),
    "a comma": (",", f"entry 1 of NAME {ENTRY}"),
    "a forgotten new key": (f",{ONE}", f"entry 1 of NAME {ENTRY}"),
    "a forgotten old key": (f"{ONE},", f"entry 2 of NAME {ENTRY}"),
    "a hole": (f"{TWO},,{ONE}", f"entry 2 of NAME {ENTRY}"),
    "no colon": (TEXTS["first"], f"entry 1 of NAME {ENTRY}"),
    "no id": (f":{TEXTS['first']}", f"entry 1 of NAME {ENTRY}"),
    "no key": ("one:", f"entry 1 of NAME {ENTRY}"),
    "a key before its id": (f"{TEXTS['first']}:one", f"entry 1 of NAME {ENTRY}"),
    "two colons": (f"one::{TEXTS['first']}", f"entry 1 of NAME {ENTRY}"),
    "a character too few": (ONE[:-1], f"entry 1 of NAME {ENTRY}"),
    "a character too many": (f"{ONE}A", f"entry 1 of NAME {ENTRY}"),
    "16 bytes": (entry("one", FIRST[:16]), f"entry 1 of NAME {ENTRY}"),
    "33 bytes": (entry("one", FIRST + b"x"), f"entry 1 of NAME {ENTRY}"),
    "too much padding": (f"{ONE}==", f"entry 1 of NAME {ENTRY}"),
    "a last character that was changed": (f"{ONE[:-1]}B", f"entry 1 of NAME {ENTRY}"),
    "base64 of the other kind": (f"one:{'+/' * 21}A", f"entry 1 of NAME {ENTRY}"),
    "hexadecimal": (f"one:{FIRST.hex()}", f"entry 1 of NAME {ENTRY}"),
    "white space inside": (f"{ONE[:20]} {ONE[20:]}", f"entry 1 of NAME {ENTRY}"),
    "lines without commas": (f"{TWO}\n{ONE}", f"entry 1 of NAME {ENTRY}"),
    "semicolons": (f"{TWO};{ONE}", f"entry 1 of NAME {ENTRY}"),
    "quotes": (f'"{ONE}"', f"entry 1 of NAME {ENTRY}"),
    "a comment": (f"{ONE} # the first", f"entry 1 of NAME {ENTRY}"),
    "an odd id": (f"a/b:{TEXTS['first']}", f"entry 1 of NAME {ENTRY}"),
    "a long id": (f"{'x' * 33}:{TEXTS['first']}", f"entry 1 of NAME {ENTRY}"),
    "a bad second": (f"{ONE},{TWO[:-1]}", f"entry 2 of NAME {ENTRY}"),
    "an id twice": (f"{ONE},{entry('one', SECOND)}", "id 2 of NAME must not be that of an earlier key"),
    "a key twice": (f"{ONE},{entry('two', FIRST)}", "key 2 of NAME must not be an earlier key under another id"),
    "zeros": (entry("one", bytes(32)), "key 1 of NAME must have exactly 32 bytes, not all of them zero"),
}


@pytest.mark.parametrize("case", WRONG_TEXTS)
def test_what_is_no_list_is_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and the place in it, and shows nothing of what stands there."""
    text, message = WRONG_TEXTS[case]
    monkeypatch.setenv("SOME_KEYS", text)
    error = caught(lambda: Keyring.from_env("SOME_KEYS"))
    assert type(error) is InvalidParameters
    assert str(error).startswith(message.replace("NAME", "SOME_KEYS")), str(error)
    check_silence(error)


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error at the start, and says what to set."""
    monkeypatch.delenv("TOTPCORE_KEYS", raising=False)
    with pytest.raises(InvalidParameters, match="TOTPCORE_KEYS must be set: id:key, with the key as"):
        Keyring.from_env()


@pytest.mark.parametrize("name", ["", "A=B", "A\0B", "1A", "A B", ONE, f"{TWO},{ONE}", "É", "A" * 256])
def test_what_is_no_name_of_a_variable_is_refused(name: str) -> None:
    """Where the keys themselves are passed in the place of the name, the error does not show them."""
    error = caught(lambda: Keyring.from_env(name))
    assert type(error) is InvalidParameters
    assert str(error) == "name must be the name of an environment variable, not its value"
    check_silence(error)
    for wrong in (None, 5, FIRST):
        error = caught(partial(Keyring.from_env, cast("str", wrong)))
        assert type(error) is TypeError
        assert str(error).startswith("name must be a str, not ")
        check_silence(error)


@given(st.text(max_size=100) | st.text(f"{TWO},: \n#=", max_size=100))
def test_any_text_is_keys_or_refused(text: str) -> None:
    """Whatever is in the variable, a keyring or `InvalidParameters` comes of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {"SOME_KEYS": text})
        try:
            ring = Keyring.from_env("SOME_KEYS")
        except InvalidParameters:
            return
    assert ring.ids


@given(st.dictionaries(st.text("aZ0._-", min_size=1, max_size=32), st.binary(min_size=32, max_size=32).filter(any)))
def test_what_is_written_is_read(keys: dict[str, bytes]) -> None:
    """Any keys, written as entries, come back in their order."""
    if not keys or len(set(keys.values())) < len(keys):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOME_KEYS", ",".join(entry(key_id, key) for key_id, key in keys.items()))
        opens(Keyring.from_env("SOME_KEYS"), *keys.items())


# ---- a text ----


@pytest.mark.parametrize("case", RIGHT)
def test_keys_are_read_from_a_text(case: str) -> None:
    """In the same form as from the environment."""
    text, ids = RIGHT[case]
    opens(Keyring.from_text(text), *((key_id, KEYS[key_id]) for key_id in ids))


@pytest.mark.parametrize("case", WRONG_TEXTS)
def test_what_is_no_text_of_keys_is_refused(case: str) -> None:
    """The error names the place, and shows nothing of what stands there."""
    text, message = WRONG_TEXTS[case]
    error = caught(partial(Keyring.from_text, text))
    assert type(error) is InvalidParameters
    empty = f"text must not be empty: {ENTRY.removeprefix('must be ')}"
    assert str(error).startswith(message.replace("NAME", "text") if text.strip() else empty), str(error)
    check_silence(error)
    error = caught(partial(Keyring.from_text, text, name="SOME_KEYS"))
    assert str(error).startswith(
        message.replace("NAME", "SOME_KEYS") if text.strip() else "SOME_KEYS must not be empty"
    )
    check_silence(error)


@pytest.mark.parametrize("name", ["", "a b", ONE, 5, None])
def test_the_name_of_a_text_is_no_text(name: object) -> None:
    """Where they are swapped, the error does not show the keys."""
    error = caught(partial(Keyring.from_text, ONE, name=cast("str", name)))
    assert type(error) is (InvalidParameters if isinstance(name, str) else TypeError)
    assert str(error).startswith("name must be ")
    check_silence(error)


@pytest.mark.parametrize("wrong", [None, 5, ONE.encode(), [ONE]])
def test_what_is_no_text_at_all_is_refused(wrong: object) -> None:
    """By its type."""
    error = caught(partial(Keyring.from_text, cast("str", wrong)))
    assert type(error) is TypeError
    assert str(error) == f"text must be a str, not {type(wrong).__name__}"
    check_silence(error)


# ---- files ----


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that makes a file of keys."""

    def write(content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "totp.keys"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return write


RIGHT_FILES: Final = {
    "one": (ONE, ["one"]), "lines": (f"{TWO}\n{ONE}\n", ["two", "one"]), "commas": (f"{TWO},{ONE}", ["two", "one"]),
    "lines and commas": (f"{THREE}, {TWO},\n{ONE}\n", ["three", "two", "one"]),
    "comments and blank lines": (f"# keys: newest first\n\n  {TWO}  # of 2026\n \n#{THREE}\n{ONE}\n", ["two", "one"]),
    "Windows": (f"\ufeff{TWO}\r\n{ONE}\r\n", ["two", "one"]), "commas at ends": (f"{TWO},\n{ONE},\n", ["two", "one"]),
    "padded": (f"{entry('two', SECOND, padded=True)}\n{ONE}", ["two", "one"]),
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT_FILES)
def test_keys_are_read_from_a_file(case: str, write: Callable[..., Path]) -> None:
    """One on a line or by commas, newest first, with comments; by a path or its text."""
    text, ids = RIGHT_FILES[case]
    for path in (write(text), str(write(text))):
        opens(Keyring.from_file(path), *((key_id, KEYS[key_id]) for key_id in ids))
    opens(Keyring.from_file(write(text.encode() + b" # \xff\xfe")), *((key_id, KEYS[key_id]) for key_id in ids))


WRONG_FILES: Final = {
    "empty": (b"", "totp.keys must have at least one key"),
    "comments alone": (b"# none yet\n\n", "totp.keys must have at least one key"),
    "a comma alone": (b",\n", f"entry 1 of totp.keys {ENTRY}"),
    "a hole": (f"{TWO},,{ONE}".encode(), f"entry 2 of totp.keys {ENTRY}"),
    "a comma before": (f"{TWO}\n,{ONE}".encode(), f"entry 2 of totp.keys {ENTRY}"),
    "cut": (f"{TWO}\n{ONE[:-1]}".encode(), f"entry 2 of totp.keys {ENTRY}"),
    "UTF-16": (ONE.encode("utf-16"), f"entry 1 of totp.keys {ENTRY}"),
    "the bare key": (FIRST.replace(b"\n", b"n").replace(b"#", b"n"), f"entry 1 of totp.keys {ENTRY}"),
    "an id twice": (f"{ONE}\n{entry('one', SECOND)}".encode(), "id 2 of totp.keys must not be that of an earlier key"),
    "too long": (b"#" * 65_536 + b"\n", "path must be a file of at most 65536 bytes"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_what_is_no_file_of_keys_is_refused(case: str, write: Callable[..., Path]) -> None:
    """The error names the file and the place in it, and shows nothing of what stands there."""
    content, message = WRONG_FILES[case]
    error = caught(partial(Keyring.from_file, write(content)))
    assert type(error) is InvalidParameters
    assert str(error).startswith(message), str(error)
    check_silence(error)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o777])
def test_a_file_that_others_may_read_is_refused(mode: int, write: Callable[..., Path]) -> None:
    """The error says what to do, and nothing was read."""
    if os.name != "posix":
        pytest.skip("no modes here")
    error = caught(partial(Keyring.from_file, write(ONE, mode)))
    assert type(error) is InvalidParameters
    assert re.search("owner alone may read, as totp.keys is after `chmod 600`", str(error))
    check_silence(error)
    opens(Keyring.from_file(write(ONE, 0o400)), ("one", FIRST))


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o444])
def test_a_file_of_another_user_is_read_as_it_is(
    mode: int, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that Kubernetes, Docker or systemd mounts belongs to root, and this process can only read it so."""
    if os.name != "posix":
        pytest.skip("no users here")
    path, user = write(ONE, mode), os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    opens(Keyring.from_file(path), ("one", FIRST))


def test_a_link_is_judged_by_where_it_leads(write: Callable[..., Path], tmp_path: Path) -> None:
    """A mounted secret is a symbolic link, whose own mode says nothing."""
    link = tmp_path / "link"
    link.symlink_to(write(ONE))
    opens(Keyring.from_file(link), ("one", FIRST))
    write(ONE, 0o644)
    with pytest.raises(InvalidParameters, match="link"):
        Keyring.from_file(link)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """It is the operating system's own, with the path."""
    with pytest.raises(FileNotFoundError, match="none"):
        Keyring.from_file(tmp_path / "none")
    with pytest.raises(IsADirectoryError if os.name == "posix" else OSError):
        Keyring.from_file(tmp_path)


@pytest.mark.parametrize("path", [ONE, f"{TWO},{ONE}", f" {ONE}\n", Path(ONE)])
def test_keys_in_the_place_of_a_path_are_not_shown(path: str | Path) -> None:
    """The operating system would say that there is no such file, and name it."""
    error = caught(partial(Keyring.from_file, path))
    assert type(error) is InvalidParameters
    assert str(error) == "path must be the path of a file, not what stands in it"
    check_silence(error)
    for wrong in (None, 5, FIRST):
        error = caught(partial(Keyring.from_file, cast("str", wrong)))
        assert type(error) is TypeError
        assert str(error).startswith("path must be a str or a path, not ")
        check_silence(error)


# ---- new keys ----


def test_a_new_key_goes_to_the_front(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made is an entry of the list; put at the front it seals, and the old key still opens."""
    old = Keyring.generate_key("old")
    monkeypatch.setenv("TOTPCORE_KEYS", old)
    sealed = Keyring.from_env().seal(b"a record", b"c")
    monkeypatch.setenv("TOTPCORE_KEYS", f"{Keyring.generate_key('2026-08')},{old}")
    ring = Keyring.from_env()
    assert ring.ids == ("2026-08", "old")
    assert ring.open(sealed, b"c") == b"a record"


def test_new_keys_are_random() -> None:
    """No two alike, each of 32 bytes; nor their ids, of which two may be alike by chance: they have 32 bits."""
    entries = [Keyring.generate_key().split(":") for _ in range(500)]
    assert len({text for _, text in entries}) == 500
    assert len({key_id for key_id, _ in entries}) >= 498
    assert all(re.fullmatch("[0-9a-f]{8}", key_id) for key_id, _ in entries)
    assert {len(text) for _, text in entries} == {43}
    keys = [base64.urlsafe_b64decode(text + "=") for _, text in entries]
    assert len({half for key in keys for half in (key[:16], key[16:])}) == 1000
    ones = sum(int.from_bytes(key, "big").bit_count() for key in keys)
    assert 62_000 < ones < 66_000, "half of 128 000 bits, within eleven standard deviations"


def test_an_id_is_checked_where_a_key_is_made() -> None:
    """An entry that could not be read is not made; what was passed is not shown."""
    for wrong in ("", "a b", "a:b", ONE, "x" * 33):
        error = caught(partial(Keyring.generate_key, wrong))
        assert type(error) is InvalidParameters
        assert str(error) == "key_id must have 1 to 32 of the characters A-Z a-z 0-9 . _ -"
        check_silence(error)
    error = caught(partial(Keyring.generate_key, cast("str", FIRST)))
    assert type(error) is TypeError
    assert str(error) == "key_id must be a str, not bytes"
    check_silence(error)
