"""V28 to V37: what is accepted, from whom, and what a refusal tells.

Rules of this file:

1. The codes that look like nothing (`000000`, `000001`, `000152`) are those that the secret of the RFCs has at the
   counters in `LOOKS_LIKE_LITTLE`; `oathtool` shows the same.
2. Surrounding white space, and spaces and hyphens inside, are no part of a code: so says the contract. A spelling with
   them is the same code, and is tried by V06.
3. A code that is malformed costs no try: so says the contract, where the published advice would charge it.
"""

import ast
import hmac
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, TypeVar, cast
from unittest.mock import MagicMock, Mock, patch

import totpcore.otp
from gates import offences
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    Gate,
    InvalidSecret,
    Match,
    MemoryStore,
    NotEnrolled,
    Recovered,
    Refused,
    Secret,
    StoreError,
    TotpcoreError,
    TwoFactor,
    _core,
    _record,
    _spending,
)
from totpcore._core import Change
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from totpcore.ports import Store
from totpcore.service import _spoken
from weaknesses.frame import NOW, TOTPCORE, Library, User, calls_in, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    Spent,
    adopted,
    altered_record,
    counting,
    failures,
    faulty,
    seeded,
    spent_of,
    stored,
    surfaces,
    verifies_by,
    with_line,
)

T = TypeVar("T")

LOOKS_LIKE_LITTLE: Final = ((44, "000152"), (855_553, "000001"), (349_495, "000000"), (14_684, "123456"))
OF_THE_EMPTY_KEY: Final = "812658"  # HOTP of the key b"" and of 20 zero bytes, counter 1: HMAC pads with NUL
NO_CODES: Final = ("", " ", "\0", "\n", "-", "\0" * 6, " " * 6)


def every_door(user: User) -> dict[str, Callable[[str], object]]:
    """Every call that takes a code, by its name."""
    service, name = user.service, user.user
    doors: dict[str, Callable[[str], object]] = dict(surfaces(user))
    doors["recover"], doors["confirm"] = partial(service.recover, name), partial(service.confirm, name)
    return doors


# ---- V28: a result that fails open ----


def answers_with_a_pair() -> Library:
    """What was refused is returned, in a tuple that is true like any other."""

    class Pairs(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except Refused as refused:
                return cast("Accepted", (False, refused.reason))

    return replace(TOTPCORE, two_factor=Pairs)


@weakness("V28", twin=answers_with_a_pair)
def what_is_refused_is_raised(lib: Library) -> None:
    """Thousands of wrong codes return nothing at all: each raises. What is returned is a value, no tuple and no `bool`.

    There is no result to test for truth: whoever forgets the test gets an exception, and whoever writes one loses
    nothing, since an answer is always true.
    """
    source, token, user = Random(28), lib.totp_token(lib.secret(KEY)), adopted(lib)
    near = {user.code(step) for step in range(-1, 2)}
    for _ in range(3000):
        code = f"{source.randrange(10**6):06d}"
        if code not in near:
            holds(token.match(code, NOW, after=-1) is None, "no wrong code matches")
    for number in range(lib.policy().free_attempts):
        for door in (user.service.verify, user.service.recover):
            code = user.wrong(number) if door == user.service.verify else f"{number:024d}"
            try:
                answer: object = door(user.user, code)
            except Refused:
                answer = None
            holds(answer is None, "what is refused is raised, and returns nothing")
    other = adopted(lib)
    for accepted in (other.service.verify("alice", other.code()), other.service.recover("alice", other.codes[0])):
        holds(type(accepted) in (Accepted, Recovered) and bool(accepted), "what is accepted is a value, and is true")
        holds(refuses(partial(tuple, cast("tuple[object]", accepted)), TypeError), "it cannot be taken apart")


class TakesTruthForSuccess(TwoFactor):
    """`if swap(...)`, where it has to be `is True`."""

    def _run(self, user: str, change: Change[T]) -> T:
        old = Hidden(self._store.load(user))
        step = self._core.step(change, user, old, self._now())
        if step.swaps and not self._store.swap(user, old.value, step.new.value):
            raise StoreError("the store says no")
        return _spoken(step.answer)


def takes_truth_for_success() -> Library:
    """A service for which a coroutine, or a mock, is a yes."""
    return replace(TOTPCORE, two_factor=TakesTruthForSuccess)


@weakness("V28", twin=takes_truth_for_success)
def what_was_not_awaited_accepts_nothing(lib: Library) -> None:
    """A store whose `swap` or `load` returns a coroutine that nobody awaits, or a mock, accepts no right code."""

    async def promise() -> bool:
        return True

    def later(*_arguments: object) -> object:
        return unawaited.enter_context(closing(promise()))

    with ExitStack() as unawaited:
        what_is_not_true_accepts_nothing(lib, (later, Mock(), MagicMock()))


def what_is_not_true_accepts_nothing(lib: Library, answers: Iterable[Callable[..., object]]) -> None:
    """Try each of these in the place of `swap`, and of `load`."""
    for swap in answers:
        user = adopted(lib)
        before, inner = stored(user), user.store
        user.store = cast("Store", Mock(load=inner.load, swap=swap))
        user.service = user.another()
        for door, code in ((user.verify, user.code()), (user.recover, user.codes[0])):
            holds(door(code) == "StoreError", "only True itself from `swap` is a success")
        holds(inner.load(user.user) == before, "and nothing was stored")
    for load in answers:
        user = adopted(lib)
        user.store = cast("Store", Mock(load=load, swap=Mock(return_value=True)))
        user.service = user.another()
        holds(user.verify(user.code()) == "StoreError", "only bytes, or None, from `load` are a record")
        holds(outcome(partial(user.service.gate, "alice")) == "StoreError", "and nobody is let in without one")


# ---- V29: empty code, empty secret ----


def takes_nothing_for_right() -> Library:
    """A code that was not sent is one that need not be checked."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        right = Hidden(active.token.code(int(moment.now))) if not typed.value.strip(" \0") else typed
        return spend_code(record, active, moment, right)

    return verifies_by(spend)


@weakness("V29", twin=takes_nothing_for_right)
def an_empty_code_is_no_code(lib: Library) -> None:
    """Nothing, blanks and NULs are malformed at every door, also where the right code is 000000; `None` is an error.

    A missing code is a `TypeError` too: `code` has no default.
    """
    counter = next(counter for counter, code in LOOKS_LIKE_LITTLE if code == "000000")
    for at in (NOW, counter * 30):
        user = adopted(lib, at=at)
        before = stored(user)
        for name, door in every_door(user).items():
            wanted = "expired" if name == "confirm" else "malformed"
            for code in NO_CODES:
                holds(outcome(partial(door, code)) == wanted, f"an empty code is refused by {name}")
            holds(refuses(partial(door, cast("str", None)), TypeError), f"None is refused by {name}")
            holds(refuses(cast("Callable[[], object]", door), TypeError), f"{name} does not go without a code")
        holds(stored(user) == before, "nothing was spent")
    user = User(lib).enrol()
    for code in NO_CODES:
        holds(outcome(partial(user.service.confirm, user.user, code)) == "malformed", "an empty code confirms nothing")


def makes_codes_of_nothing() -> Library:
    """A secret of no bytes is a secret."""

    class Anything(Secret):
        __slots__ = ()

        def __init__(self, raw: bytes) -> None:
            object.__setattr__(self, "_raw", raw)

    return replace(TOTPCORE, secret=Anything, two_factor=faulty((_record, "Secret", Anything)))


@weakness("V29", twin=makes_codes_of_nothing)
def an_empty_secret_makes_no_codes(lib: Library) -> None:
    """An empty, undecodable, all-zero or missing secret is refused, in a call and in a record, whatever code comes."""
    holds(lib.hotp(b"", 1) == lib.hotp(bytes(20), 1) == OF_THE_EMPTY_KEY, "a key of zeros is the empty key")
    for raw in (b"", *(bytes(length) for length in (1, 9, 10, 20, 64, 128))):
        holds(refuses(partial(lib.secret, raw), InvalidSecret), "no secret is empty")
    for text in ("", " ", "\0", "=", "====", "018!", "A" * 32):
        holds(refuses(partial(lib.secret.from_base32, text), InvalidSecret), "no base32 says an empty secret")
    for make in (lib.secret, lib.secret.from_base32, lib.totp_token, lib.hotp_token):
        holds(refuses(partial(cast("Callable[[object], object]", make), None), TypeError), "None is no secret")
    for kept in ("", " ", "!!!", "AA==", "A" * 27 + "=", None, 0):
        user = adopted(lib)
        altered_record(user, partial(with_secret, kept))
        for code in (*NO_CODES, user.code(), lib.totp(b"", NOW), lib.totp(bytes(20), NOW)):
            holds(user.verify(code) == "RecordUnreadable", "a record without a secret is not compared with anything")


def with_secret(kept: object, record: dict[str, dict[str, object]]) -> None:
    """Put this where the secret belongs."""
    record["active"]["secret"] = kept


# ---- V30: something else than a string ----


class Agreeable:
    """Equals whatever it is compared with."""

    def __eq__(self, _other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __len__(self) -> int:
        return 6


class AgreeableText(Agreeable, str):
    """A text that does."""


def makes_text_of_anything() -> Library:
    """Whatever came is made a string first."""

    class Obliging(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            return super().verify(user, str(code))

    return replace(TOTPCORE, two_factor=Obliging)


@weakness("V30", twin=makes_text_of_anything)
def a_code_is_a_str_and_nothing_else(lib: Library) -> None:
    """At every door whatever is not exactly a `str`, subclasses included, is a `TypeError`: no other, no acceptance."""
    user = adopted(lib)
    right, before = user.code(), stored(user)
    given: list[object] = [
        None, True, False, 0, 1, 1.0, int(right), float(right), [], {}, (), [right], (right,), {right}, {"$ne": ""},
        {right: right}, right.encode(), bytearray(right.encode()), memoryview(right.encode()), list(right), object(),
        Agreeable(), AgreeableText(right), AgreeableText("000000"), type("Text", (str,), {})(right),
    ]  # fmt: skip
    token, hotp = lib.totp_token(lib.secret(KEY)), lib.hotp_token(lib.secret(KEY))
    for code in cast("list[str]", given):
        for name, door in every_door(user).items():
            holds(refuses(partial(door, code), TypeError), f"what is no str is a TypeError in {name}")
        holds(refuses(partial(token.match, code, NOW, after=-1), TypeError), "and for a TOTP token")
        holds(refuses(partial(hotp.match, code, after=-1), TypeError), "and for an HOTP token")
        holds(refuses(partial(user.service.resync, "alice", right, code), TypeError), "and for resync")
    holds(stored(user) == before and user.verify(right) == "ok", "nothing was spent, and the right code opens")


# ---- V31: compared as numbers, truncated, padded ----


def compares_as_numbers() -> Library:
    """A code is a number."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        text = typed.value.strip()
        number = int(text) if text.lstrip("+-").replace("_", "").isdecimal() else 10**6
        return spend_code(record, active, moment, Hidden(f"{abs(number):06d}"))

    return verifies_by(spend)


@weakness("V31", twin=compares_as_numbers)
def a_code_is_its_digits_all_of_them(lib: Library) -> None:
    """Codes with leading zeros open only as they are written: not cut, padded, signed, grouped by `_` or as a number.

    Such a spelling is malformed. A right code that looks like none, 000000 or 123456, is accepted.
    """
    for counter, code in LOOKS_LIKE_LITTLE:
        short = code.lstrip("0") or "0"
        user = adopted(lib, at=counter * 30)
        holds(user.code() == code, "the vector is the one that oathtool shows")
        for text in {
            short, "", "0" + code, "00" + code, "0000" + code, code + "0", code + code, code[:5], code[1:], code[-1:],
            short.zfill(5), short.zfill(7), f"+{code[1:]}", f"-{code[1:]}", f"+{code}", f"{code}.0", f"{code[:4]}.0",
            f"{code[0]}_{code[2:]}", f"{code[:1]}_{code[1:]}", "1e0", "0x0098", f"0o{code[2:]}", f"{code[:5]}e",
            f"{code},", f"'{code}'", f"{code}\0", f"{code}x", f"x{code}",
        } - {code}:  # fmt: skip
            holds(user.verify(text) == "malformed", "a spelling that is not these digits is no code")
        for number in cast("list[str]", [int(code), float(code), bool(int(code))]):
            holds(refuses(partial(user.service.verify, "alice", number), TypeError), "a number is no code")
        holds(user.verify(code) == "ok" and spent_of(user) == counter, "the digits themselves open")


def looks_at_the_first_digits() -> Library:
    """What is too long is cut."""

    class Cuts(TOTP):
        __slots__ = ()

        def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
            return super().match(code[: self.digits], at, after=after, window=window)

    return replace(TOTPCORE, totp_token=Cuts)


@weakness("V31", twin=looks_at_the_first_digits)
def what_matches_is_one_of_the_codes(lib: Library) -> None:
    """Whatever text matches is, without spaces and hyphens, one of the window's codes, digit for digit."""
    source, matched = Random(31), 0
    for digits in (6, 7, 8):
        token = lib.totp_token(lib.secret(KEY), digits=digits)
        for counter, _ in LOOKS_LIKE_LITTLE:
            codes = [token.code(30 * (counter + step)) for step in (-1, 0, 1)]
            for _ in range(250):
                letters = list(source.choice(codes))
                for _ in range(source.choice((0, 0, 1, 1, 2))):
                    place = source.randrange(len(letters) + 1)
                    letters[place : place + source.randrange(2)] = source.choice((*"0123456789 -+_.eEx,", ""))
                text = "".join(letters)
                found = token.match(text, 30 * counter, after=-1)
                matched += found is not None
                holds((found is not None) == (re.sub("[ -]", "", text) in codes), "only the digits themselves match")
    holds(matched > 500, "many match")


# ---- V32: digits of other scripts ----


def reads_other_scripts() -> Library:
    """What was typed is normalized, so that full-width digits work."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        return spend_code(record, active, moment, Hidden(unicodedata.normalize("NFKC", typed.value)))

    return verifies_by(spend)


def like_digits() -> Iterator[str]:
    """Every character beyond ASCII that has a value, or that is made a digit by normalizing or by `int`."""
    for point in chain(range(128, 0xD800), range(0xE000, 0x110000)):
        character = chr(point)
        if character.isnumeric() or (not character.isalpha() and unicodedata.normalize("NFKC", character).isdigit()):
            yield character


@weakness("V32", twin=reads_other_scripts)
def only_ascii_digits_are_digits(lib: Library) -> None:
    """A code in which one digit is any other character with a value, full-width, superscript, Arabic, is no code.

    There is no opt-in map for input methods: their users switch to ASCII, as they do for a password.
    """
    user = adopted(lib)
    code, before, places = user.code(), stored(user), 0
    token = lib.totp_token(lib.secret(KEY))
    for character in like_digits():
        value = int(unicodedata.numeric(character, -1)) % 10
        place = code.find(str(value))
        if place < 0:
            place = value % 6
        text = code[:place] + character + code[place + 1 :]
        places += 1
        holds(token.match(text, NOW, after=-1) is None, "no other script's digit matches")
        holds(user.verify(text) == "malformed", "nor does it open")
    holds(places > 1500, "all of them are tried")
    for zero in (0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE, 0x1D7EC):
        text = "".join(chr(zero + int(digit)) for digit in code)
        holds(user.verify(text) == "malformed", "nor does a whole code in another script")
    holds(stored(user) == before and user.verify(code) == "ok", "nothing was spent, and the code itself opens")


def asks_isdigit() -> Library:
    """A test that takes the digits of every script."""
    return with_line("otp.py", "def is_code(text): return len(text) == 6 and text.isdigit()")


@weakness("V32", twin=asks_isdigit)
def no_test_takes_the_digits_of_every_script(lib: Library) -> None:
    r"""No module calls `isdigit` or its kind, normalizes by compatibility, or has a pattern with `\d` or `$`."""
    for module, source in lib.sources.items():
        for call in calls_in(source):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            holds(name not in {"isdigit", "isdecimal", "isnumeric", "isalnum"}, f"{module} asks no such question")
            words = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            holds(name != "normalize" or words[:1] == ["NFC"], f"{module} normalizes nothing into digits")
            pattern = name in {"compile", "fullmatch", "match", "search", "sub", "findall", "split"} and words
            holds(not pattern or not re.search(r"\\d|\$$", words[0]), f"{module} has no pattern that takes too much")


# ---- V33: text beyond ASCII becomes an error ----


def compares_texts() -> Library:
    """The comparison in constant time is given text, and it takes none beyond ASCII."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        hmac.compare_digest(typed.value, active.token.code(int(moment.now)))
        return spend_code(record, active, moment, typed)

    return verifies_by(spend)


@weakness("V33", twin=compares_texts)
def any_text_is_an_ordinary_refusal(lib: Library) -> None:
    """Whatever text is typed, lone surrogates and NULs among it, each door says `malformed`, and raises nothing else.

    It costs no try: the contract charges codes, and this is none. The fuzzers of `tests/fuzzing` go further.
    """
    source = Random(33)
    ranges = ((32, 127), (0, 32), (127, 0x250), (0x600, 0x700), (0xD800, 0xE000), (0xFF00, 0xFF60), (0x1F300, 0x1F600))
    texts = [
        "".join(chr(source.randrange(*source.choice(ranges))) for _ in range(source.choice((1, 5, 6, 24, 70)))) + "\x7f"
        for _ in range(150)
    ]
    texts += [
        "\ud800" * 6,
        "12345\udfff",
        "\udc80",
        "\N{LATIN SMALL LETTER E WITH ACUTE}" * 6,
        "\0" * 24,
        "\ufeff123456",
    ]
    user = adopted(lib)
    before = stored(user)
    doors = every_door(user)
    del doors["confirm"]
    for text in texts:
        for name, door in doors.items():
            holds(outcome(partial(door, text)) == "malformed", f"{name} refuses it as no code")
    setting_up = User(lib).enrol()
    for text in texts:
        said = outcome(partial(setting_up.service.confirm, "alice", text))
        holds(said == "malformed", "confirm refuses it as no code")
    holds(failures(user) == failures(user, "recovery_tally") == 0, "and it costs no try")
    holds(stored(user) == before and user.verify(user.code()) == "ok", "nothing is lost by it")


# ---- V34: comparison that tells how much was right ----


def compares_with_equals() -> Library:
    """A line that compares what was typed with what is right."""
    return with_line("otp.py", "def is_right(typed, code): return typed.value == code")


@weakness("V34", twin=compares_with_equals)
def no_module_compares_a_secret_plainly(lib: Library) -> None:
    """`==`, `!=` and `in` do not stand beside a secret, a code or a digest: only `hmac.compare_digest` does.

    Public vectors, compared by `selftest` and by the stand-ins for tests, are no secrets. That the time tells nothing
    is measured in `tests/timing`.
    """
    compared = 0
    for module, source in lib.sources.items():
        compared += sum(ast.unparse(call.func) == "hmac.compare_digest" for call in calls_in(source))
        holds(not offences("plain comparison of secrets", module, source), f"{module} compares no secret plainly")
    holds(compared >= 3, "codes, recovery codes and secrets are compared in constant time")


def scans_with_equals() -> Library:
    """The scan of the window compares text with text."""

    def scan(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        key = (token._hotp if isinstance(token, TOTP) else token)._key
        return [number for number in range(max(first, 0), last + 1) if key.code(number, token.digits) == typed.value]

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", scan)))


@weakness("V34", twin=scans_with_equals)
def every_comparison_takes_constant_time(lib: Library) -> None:
    """Each candidate of the window, and each digest of the set, goes through `hmac.compare_digest`, as bytes.

    So it is for a right code, a wrong one, one that differs in its last digit only, and a spent one.
    """
    compared: list[tuple[object, object]] = []
    plainly = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return plainly(one, other)

    user = adopted(lib)
    right, window = user.code(), 1 + sum(user.policy.window)
    almost = next(code for digit in "0123456789" if (code := right[:5] + digit) != right)
    wrong = "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    with patch.object(hmac, "compare_digest", watched):
        for code in (almost, user.wrong(), right, right):
            compared.clear()
            user.verify(code)
            holds(len(compared) == window, "each candidate of the window is compared in constant time")
            holds(all(type(one) is type(other) is bytes for one, other in compared), "as bytes")
        for code in (wrong, user.codes[0], user.codes[0]):
            compared.clear()
            user.recover(code)
            holds(len(compared) == user.policy.recovery_codes, "each digest is compared in constant time")
            holds(all(type(one) is type(other) is bytes for one, other in compared), "as bytes")
        compared.clear()
        holds(lib.secret(KEY) == lib.secret(KEY) and len(compared) == 1, "two secrets are compared so too")


# ---- V35: which step matched ----


def stops_when_it_has_found() -> Library:
    """The scan returns at the first match."""

    def scan(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        for number in range(max(first, 0), last + 1):
            if totpcore.otp.scan(token, typed, number, number):
                return [number]
        return []

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", scan)))


@weakness("V35", twin=stops_when_it_has_found)
def a_hit_a_miss_and_a_replay_cost_the_same(lib: Library) -> None:
    """A code of the first, the middle or the last step, of none, or a spent one: as many HMACs as the window has steps.

    The same holds for an HOTP token, wherever the counter lies that the code belongs to. How many digests of recovery
    codes are compared is a check of V34.
    """
    for window in ((1, 1), (0, 0), (2, 2), (0, 2), (2, 0)):
        policy = lib.policy(window=window)
        steps = range(-window[0], window[1] + 1)
        for step in steps:
            user = adopted(lib, policy=policy)
            for code in (user.wrong(), user.code(step), user.code(step)):
                computed = list[bytes]()
                with patch.object(totpcore.otp, "_truncate", counting(computed)):
                    user.verify(code)
                holds(len(computed) == len(steps), "every candidate is computed, whichever matches")
    hotp = lib.hotp_token(lib.secret(KEY))
    for code in (hotp.code(0), hotp.code(5), hotp.code(10), hotp.code(500)):
        user, computed = adopted(lib, hotp), list[bytes]()
        with patch.object(totpcore.otp, "_truncate", counting(computed)):
            user.verify(code)
        holds(len(computed) == user.policy.look_ahead + 1, "and so it is for a counter")


# ---- V36: who is there ----


def tells_who_is_setting_up() -> Library:
    """Somebody whose set-up was never confirmed gets another answer than somebody who is not there."""

    class Talkative(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            try:
                return super().verify(user, code)
            except NotEnrolled:
                known = self._store.load(user) is not None
                raise (StoreError("set-up is not finished") if known else NotEnrolled()) from None

    return replace(TOTPCORE, two_factor=Talkative)


@weakness("V36", twin=tells_who_is_setting_up)
def who_has_no_factor_looks_like_who_is_not_there(lib: Library) -> None:
    """Unknown, not set up, given up or disabled: the same refusal, the same text, no HMAC, nothing written, one event.

    `NotEnrolled` itself is told: the question comes after the password, and an application that asks it earlier
    catches `Refused` for it as for a wrong code. The reason in full is in the audit log, and no text names the user.
    """
    unknown, pending, given_up, disabled = User(lib), User(lib).enrol(), User(lib).enrol(), User(lib).on()
    given_up.clock.tick(given_up.policy.pending_seconds + 1)
    disabled.service.disable("alice", disabled.code())
    said = set[tuple[object, ...]]()
    for user in (unknown, pending, given_up, disabled):
        user.events.clear()
        before = user.store.load("alice")
        for code in ("000000", "755224", "", "0" * 24, pending.code()):
            for door in (user.service.verify, user.service.recover):
                computed = list[bytes]()
                with patch.object(totpcore.otp, "_truncate", counting(computed)):
                    said.add(told(partial(door, "alice", code)))
                holds(not computed, "nothing is computed")
        holds(user.service.gate("alice") is Gate.ALLOW, "the gate makes no difference either")
        holds(user.store.load("alice") == before, "nothing is written")
        holds({event.reason for event in user.events} == {"not_enrolled"}, "the audit log is told")
    holds(said == {(NotEnrolled, "not_enrolled", "NotEnrolled()", "()", "{}")}, "all get one and the same answer")
    wrong = adopted(lib)
    answer = told(partial(wrong.service.verify, "alice", wrong.wrong()))
    holds(answer[1] == "wrong (malformed=False, attempts_left=4)", "a wrong code says how many more are answered")
    holds(not any("alice" in str(part) for part in answer), "and no text names anybody")
    holds(issubclass(NotEnrolled, Refused), "an application that must not tell has one thing to catch")


def told(call: Callable[[], object]) -> tuple[object, ...]:
    """All that a refusal says."""
    try:
        call()
    except TotpcoreError as error:
        return type(error), str(error), repr(error), str(error.args), str(vars(error))
    return ("ok",)


# ---- V37: bound to the user ----


def takes_anybodys_recovery_code() -> Library:
    """The code is looked for, and whose it is does not matter."""

    class Anybodys(TwoFactor):
        def recover(self, user: str, code: str) -> Recovered:
            everybody = cast("MemoryStore", self._store).users()
            for one in (user, *everybody):
                if outcome(partial(super().recover, one, code)) == "ok":
                    return Recovered(user=user, codes_left=9, running_low=False, failures_before=0, must_replace=False)
            return super().recover(user, code)

    return replace(TOTPCORE, two_factor=Anybodys)


@weakness("V37", twin=takes_anybodys_recovery_code)
def what_is_somebody_elses_is_a_wrong_code(lib: Library) -> None:
    """Of another user neither a code, nor a recovery code, nor a pending secret opens; the try is charged to the door.

    The other's code is not spent by it, and their record is not touched: also where both have the same secret.
    """
    with seeded(37):
        alice = User(lib).on()
        bob = User(lib, store=alice.store, user="bob").on()
        carol = User(lib, store=alice.store, user="carol").enrol()
        dave = User(lib, store=alice.store, user="dave").enrol()
    before = stored(alice)
    holds(bob.recover(alice.codes[0]) == "wrong", "another's recovery code is a wrong one")
    holds(bob.verify(alice.code()) == "wrong", "another's code is a wrong one")
    for name, door in every_door(bob).items():
        if name not in {"recover", "verify", "confirm"}:
            holds(outcome(partial(door, alice.codes[1])) == "wrong", f"another's recovery code is wrong for {name} too")
    holds(failures(bob, "recovery_tally") == 4, "whoever knocks is charged")
    holds(stored(alice) == before, "and the other has lost nothing")
    holds(alice.recover(alice.codes[0]) == "ok", "their code still opens their door")
    holds(
        outcome(partial(dave.service.confirm, "dave", carol.code())) in ("wrong", "clock_off"), "nor a pending secret"
    )
    holds(outcome(partial(dave.service.confirm, "erin", carol.code())) == "expired", "nor for who has none")
    holds(outcome(partial(carol.service.confirm, "carol", carol.code())) == "ok", "it is confirmed by its own user")
    twins = adopted(lib)
    twins.service.adopt("bob", lib.totp_token(lib.secret(KEY)), spent=-1)
    code = twins.code()
    holds(twins.verify(code) == "ok", "one of two with the same secret logs in")
    holds(outcome(partial(twins.service.verify, "bob", code)) == "ok", "and has not spent the other's step")


def folds_user_ids() -> Library:
    """A store that compares user ids as a database with a friendly collation does."""

    class Friendly(MemoryStore):
        def load(self, user: str, /) -> bytes | None:
            return super().load(unicodedata.normalize("NFC", user).casefold().strip())

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return super().swap(unicodedata.normalize("NFC", user).casefold().strip(), old, new)

    return replace(TOTPCORE, memory_store=Friendly)


USER_IDS: Final = (
    "1", "01", "1 ", " 1", "1.0", "a", "A", "a:b", "a", "b:c", "a:b:c", "a\x1fb", "ab", "aa", "\u00e9", "e\u0301",
    "ss", "\u00df", "i", "I", "\u0130", "\u0131", "\u212a", "k", "\uff11", "a/../b", "%61", "x" * 254, "x" * 255,
)  # fmt: skip


@weakness("V37", twin=folds_user_ids)
def user_ids_that_look_alike_are_two_users(lib: Library) -> None:
    """Case, accents in two forms, spaces and separators keep users apart, on each shipped store; an id is a `str`."""
    wanted = list(dict.fromkeys(USER_IDS))
    with TemporaryDirectory() as folder, closing(lib.sqlite_store(Path(folder) / "records.db", create=True)) as file:
        for store in (lib.memory_store(), file):
            for number, user in enumerate(wanted):
                holds(store.swap(user, None, b"%d" % number) is True, "each has a place of their own")
            for number, user in enumerate(wanted):
                holds(store.load(user) == b"%d" % number, "and finds there what is theirs")
    service = User(lib).on().service
    for other in cast("list[str]", [1, True, None, b"alice", ("alice",), AgreeableText("alice")]):
        holds(refuses(partial(service.gate, other), TypeError), "an id of another type is an error")
        holds(refuses(partial(service.verify, other, "000000"), TypeError), "at every call")


def seals_by_a_folded_name() -> Library:
    """The seal is bound to a name that two users may share."""
    return replace(
        TOTPCORE, two_factor=faulty((_core, "_context", lambda user: user.replace(":", "").casefold().strip().encode()))
    )


@weakness("V37", twin=seals_by_a_folded_name)
def no_two_users_share_a_seal(lib: Library) -> None:
    """What a record is sealed with names the user and nobody else, whole, with its length before it."""
    contexts: dict[bytes, str] = {}

    class Listening(lib.plaintext):  # type: ignore[name-defined, misc]  # a class that is known at run time only
        def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
            holds(contexts.setdefault(context, user) == user, "no two users share a context")
            return plaintext

    for user in dict.fromkeys(USER_IDS):
        owner = User(lib, user=user, sealer=Listening())
        owner.service.enrol(user, account="somebody")
    holds(len(contexts) == len(set(USER_IDS)), "each user has a context")
    for context, user in contexts.items():
        ends = len(user.encode()).to_bytes(2, "big") + user.encode()
        holds(context.endswith(ends), "whole, with its length before it")
