"""V01 to V08: a code that opens twice.

Rules of this file:

1. Users are `adopted` with the secret of the RFCs, whose codes near `NOW` are known to differ: nothing here is up to
   chance. The checks of V09 to V27 do the same.
2. What is spent is read from the record, as it is stored: an answer could say something else.
3. `verifies_by` makes the twin whose log-in looks at a code in another way, `changes_by` the one whose changes do.
"""

import ast
import inspect
import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final, TypeVar, cast, get_type_hints

import totpcore
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    Match,
    MemoryStore,
    RecordUnreadable,
    Refused,
    SQLiteStore,
    TwoFactor,
    _spending,
    ports,
)
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment, Refusal
from totpcore.otp import scan
from totpcore.testing._races import in_processes, in_threads
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import (
    KEY,
    STEP,
    FirstLoadsTogether,
    InTheMiddle,
    Spent,
    WritesWhatItDecided,
    adopted,
    altered_record,
    faulty,
    field,
    spent_of,
    stored,
    switching_often,
    verifies_by,
)

T = TypeVar("T")

RACERS: Final = 8
ALIKE: Final = ((910_737, 910_738, "911617"), (1_300_575, 1_300_576, "761737"), (1_390_529, 1_390_530, "360233"))


# ---- V01: code accepted again ----


def forgets_what_it_accepted() -> Library:
    """Whether a code is right depends on secret and clock alone."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment, typed)
        return after._replace(active=active), answer

    return verifies_by(spend)


@weakness("V01", twin=forgets_what_it_accepted)
def a_code_opens_once(lib: Library) -> None:
    """An accepted code is refused as replayed at every second for which it is still valid, on any service object."""
    for early, seconds in ((0, 60), (1, 90)):  # the code of now, and the next one, from a phone that is ahead
        user = adopted(lib)
        code = user.code(early)
        holds(user.verify(code) == "ok", "a right code is accepted")
        for second in range(seconds):
            user.clock.now = NOW + second
            holds(user.verify(code) == "replayed", "the same code is refused where it was accepted")
            another = user.another()
            again = outcome(partial(another.verify, user.user, code))
            holds(again == "replayed", "the same code is refused by another service on the store")
        user.clock.now = NOW + seconds
        holds(user.verify(code) == "wrong", "after the window it is an ordinary wrong code")


def has_a_stateless_answer() -> Library:
    """A method that takes a code and says yes or no."""

    class Handy(TOTP):
        __slots__ = ()

        def verify(self, code: str, at: float) -> bool:
            return self.match(code, at, after=-1) is not None

    return replace(TOTPCORE, totp_token=Handy)


@weakness("V01", twin=has_a_stateless_answer)
def nothing_takes_a_code_without_what_was_spent(lib: Library) -> None:
    """No public callable that takes a code returns a bool; those without a store need `after`, which has no default.

    There is no module for the dangerous ones: `match` is not one of them, since forgetting `after` is a `TypeError`.
    """
    with_a_store = (TwoFactor, lib.two_factor)
    public = [getattr(totpcore, name) for name in totpcore.__all__] + [getattr(lib, one.name) for one in fields(lib)]
    kinds = [one for one in public if isinstance(one, type)]
    found = list(public) + [getattr(kind, name) for kind in kinds for name in dir(kind) if not name.startswith("_")]
    takers = [one for one in found if inspect.isfunction(one) and {"code", "codes"} & set(get_type_hints(one))]
    holds(
        {"verify", "recover", "match", "resync"} <= {one.__name__ for one in takers}, "those that take a code are found"
    )
    for taker in takers:
        holds("bool" not in str(get_type_hints(taker)["return"]), f"{taker.__qualname__} returns no bool")
        if not any(getattr(kind, taker.__name__, None) is taker for kind in with_a_store):
            after = inspect.signature(taker).parameters.get("after")
            holds(after is not None and after.default is after.empty, f"{taker.__qualname__} needs what was spent")


# ---- V02: only the last code is remembered ----


def remembers_only_the_last() -> Library:
    """The code that was used last is spent, and those before it are open again."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        is_the_last = scan(active.token, typed, active.spent, active.spent)
        return spend_code(record, active if is_the_last else active._replace(spent=-1), moment, typed)

    return verifies_by(spend)


@weakness("V02", twin=remembers_only_the_last)
def an_older_step_ends_with_a_newer_one(lib: Library) -> None:
    """After n and n + 1, both and n - 1 are refused; after n + 1 alone, from a clock that is ahead, n is too."""
    for accepted in ((0, 1), (1,), (-1, 0), (0,), (-1, 1)):
        user = adopted(lib)
        codes = {step: user.code(step) for step in (-1, 0, 1)}
        for step in accepted:
            holds(user.verify(codes[step]) == "ok", "a newer step is accepted")
        for step in range(-1, accepted[-1] + 1):
            holds(user.verify(codes[step]) == "replayed", "a step up to the newest accepted one is refused")
        user.clock.tick(30)
        for step in range(accepted[-1] + 1):
            holds(user.verify(codes[step]) == "replayed", "it is refused in the next time step too")


def takes_an_equal_step() -> Library:
    """Newer or equal, where it has to be newer."""
    return verifies_by(
        lambda record, active, moment, typed: spend_code(
            record, active._replace(spent=max(-1, active.spent - 1)), moment, typed
        )
    )


@weakness("V02", twin=takes_an_equal_step)
def accepted_steps_only_rise(lib: Library) -> None:
    """However codes and clock go to and fro, accepted steps are strictly increasing.

    A seeded walk. All interleavings of two clients are those of tests/explorer, and the machine is in test_machine.py.
    """
    source, accepted = Random(2), list[int]()
    user = adopted(lib, policy=lib.policy(free_attempts=20, first_wait=1, longest_wait=1))
    for _ in range(300):
        user.clock.tick(source.choice((0, 0, 1, 14, 30, 31, 60, -1, -15, -30)))
        code = user.code(source.choice((-1, 0, 0, 1)))
        with suppress(Refused):
            accepted.append(user.service.verify(user.user, code).counter)
            holds(spent_of(user) == accepted[-1], "what is accepted is what is stored")
    holds(len(accepted) > 30, "the walk gets in often")
    holds(all(one < next_one for one, next_one in pairwise(accepted)), "accepted steps are strictly increasing")


# ---- V03: the matched step is lost ----


def stores_true_on_first_use() -> Library:
    """Where nothing was spent before, the answer is `True`, and `True` is stored as 1."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment, typed)
        if active.spent == -1:
            after = after._replace(active=active._replace(spent=int(True)))
        return after, answer

    return verifies_by(spend)


@weakness("V03", twin=stores_true_on_first_use)
def the_first_acceptance_stores_its_step(lib: Library) -> None:
    """With nothing spent before, the first acceptance stores an `int`, the matched step, and the code is spent."""
    for step in (-1, 0, 1):
        user = adopted(lib)
        code = user.code(step)
        accepted = user.service.verify(user.user, code)
        holds(type(accepted.counter) is int and accepted.counter == STEP + step, "the answer names the step")
        holds(type(spent_of(user)) is int and spent_of(user) == STEP + step, "the step is stored")
        holds(user.verify(code) == "replayed", "the second use is refused")
    user = adopted(lib, lib.hotp_token(lib.secret(KEY)))
    holds(user.service.verify(user.user, "755224").counter == 0 == spent_of(user), "so is counter 0, which is falsy")
    holds(user.verify("755224") == "replayed", "counter 0 is spent")


def takes_any_truth_for_a_step() -> Library:
    """What is no whole number is made one."""

    class Obliging(TOTP):
        __slots__ = ()

        def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
            return super().match(code, at, after=int(after or -1), window=window)

    return replace(TOTPCORE, totp_token=Obliging)


@weakness("V03", twin=takes_any_truth_for_a_step)
def a_step_is_an_int_and_nothing_else(lib: Library) -> None:
    """No answer is a union with `bool`, and no `bool`, `float`, `None` or `datetime` passes as a spent counter.

    The column is the record's own field, so that none of a wrong type can be made: such a record is unreadable.
    """
    for annotated, name, wanted in (
        (lib.totp_token.match, "return", Match | None),
        (lib.hotp_token.match, "return", Match | None),
        (lib.hotp_token.resync, "return", Match | None),
        (lib.two_factor.verify, "return", Accepted),
        (Match, "counter", int),
        (Accepted, "counter", int),
    ):
        holds(get_type_hints(annotated)[name] == wanted, "the type of the answer is one that says the step")
    token, hotp = lib.totp_token(lib.secret(KEY)), lib.hotp_token(lib.secret(KEY))
    for step in cast("list[int]", [True, False, 1.0, None, datetime.fromtimestamp(NOW, UTC), "1"]):
        user = User(lib)
        holds(refuses(partial(token.match, "000000", NOW, after=step), TypeError), "the TOTP token refuses it")
        holds(refuses(partial(hotp.match, "000000", after=step), TypeError), "the HOTP token refuses it")
        holds(refuses(partial(user.service.adopt, "alice", token, spent=step), TypeError), "the service refuses it")
    for value in (True, 1.0, None, "1", "2027-01-15T08:00:00"):
        user = adopted(lib, spent=STEP)
        altered_record(user, partial(with_spent, value))
        holds(refuses(partial(user.service.verify, "alice", user.code()), RecordUnreadable), "no record holds it")


def with_spent(value: object, record: dict[str, dict[str, object]]) -> None:
    """Put this where the spent counter belongs."""
    record["active"]["spent"] = value


# ---- V04: replay by concurrent requests ----


def writes_what_it_decided() -> Library:
    """A service that checks, and then sets."""
    return replace(TOTPCORE, two_factor=WritesWhatItDecided)


@weakness("V04", twin=writes_what_it_decided)
def one_of_many_threads_gets_in(lib: Library) -> None:
    """Of threads that send one code at once, and all read it as unspent, one is accepted, on every shipped store."""
    with TemporaryDirectory() as folder, switching_often():
        file = lib.sqlite_store(Path(folder) / "records.db", create=True)
        for store in (lib.memory_store(), file):
            user = adopted(lib, store=store)
            for _ in range(3):
                user.store = FirstLoadsTogether(store, RACERS)
                user.service, code = user.another(), user.code()
                said = Counter(in_threads([partial(user.verify, code)] * RACERS))
                holds(said == {"ok": 1, "replayed": RACERS - 1}, "one code opens once")
                user.clock.tick(30)
        file.close()


def compares_before_it_writes() -> Library:
    """Stores whose comparison and writing are two steps."""

    class Memory(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if self.load(user) != old:
                return False
            time.sleep(0.02)
            return super().swap(user, self.load(user), new)

    class File(SQLiteStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            if self.load(user) != old:
                return False
            time.sleep(0.02)
            return super().swap(user, self.load(user), new)

    return replace(TOTPCORE, memory_store=Memory, sqlite_store=File)


@weakness("V04", twin=compares_before_it_writes)
def a_store_compares_and_writes_in_one(lib: Library) -> None:
    """Of equal swaps at once one wins, among threads and, in a file, among processes; and nothing else can write.

    The whole contract is shipped as `totpcore.testing.StoreContract`; tests/stores runs it on every store.
    """
    offered = {name for name in vars(ports.Store) if not name.startswith("_")}
    holds(offered == {"load", "swap"}, "a store is read by load and written by swap, and by nothing else")
    shipped = {name for kind in (lib.memory_store, lib.sqlite_store) for name in dir(kind) if not name.startswith("_")}
    holds(
        shipped <= {"load", "swap", "users", "load_many", "close", "path"}, "no shipped store has another way to write"
    )
    with TemporaryDirectory() as folder:
        file = lib.sqlite_store(Path(folder) / "records.db", create=True)
        for store, race in ((lib.memory_store(), in_threads), (file, in_threads), (file, in_processes)):
            held = store.load("alice")
            values = [f"{race.__name__} {number}".encode() for number in range(RACERS)]
            won = race([partial(store.swap, "alice", held, value) for value in values])
            holds(Counter(won) == {True: 1, False: RACERS - 1}, "one swap of many wins")
            holds(store.load("alice") == values[won.index(True)], "and its value stays")
        file.close()


# ---- V05: the spent counter moves backwards ----


def last_writer_wins() -> Library:
    """A store that takes whatever comes last."""

    class LastWriterWins(MemoryStore):
        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            return super().swap(user, self.load(user), new)

    return replace(TOTPCORE, memory_store=LastWriterWins)


@weakness("V05", twin=last_writer_wins)
def a_slow_request_stores_no_lower_step(lib: Library) -> None:
    """Where n and n + 1 were matched and are written in reverse order, n + 1 stays, and n is refused.

    A store is not told of steps: what stands for `advance(5)` after `advance(7)` is the swap of a record that is gone.
    """
    user = adopted(lib)
    before, code, newer = stored(user), user.code(), user.code(1)
    fast = user.another()
    user.store = InTheMiddle(user.store, lambda: fast.verify(user.user, newer))
    user.service = user.another()
    holds(user.verify(code) == "replayed", "the slow request is decided again, and refused")
    holds(spent_of(user) == STEP + 1, "the newer step stays")
    slow = adopted(lib)
    slow.verify(slow.code())
    kept = stored(user)
    holds(user.store.swap(user.user, before, stored(slow)) is False, "a write on what is gone is refused")
    holds(stored(user) == kept, "and changes nothing")


# ---- V06: the key is the text, and the code is not ----


def remembers_texts() -> Library:
    """What was typed is remembered as it was typed."""
    used = set[str]()

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        spent = spend_code(record, active if typed.value in used else active._replace(spent=-1), moment, typed)
        used.add(typed.value)
        return spent

    return verifies_by(spend)


@weakness("V06", twin=remembers_texts)
def a_spent_code_is_spent_in_every_spelling(lib: Library) -> None:
    """Spaces and hyphens make no new code; what no canonical form has is malformed. Neither is ever accepted."""
    user = adopted(lib)
    code = user.code()
    holds(user.verify(code) == "ok", "the code is accepted")
    for same in (
        f"{code[:3]} {code[3:]}",
        f" {code}",
        f"{code}\n",
        f"{code[:3]}-{code[3:]}",
        " ".join(code),
        f"\t{code} ",
    ):
        holds(user.verify(same) == "replayed", "another spelling of a spent code is the spent code")
    full_width = code.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)})
    for other in (f"{code[0]}\u200b{code[1:]}", full_width, f"{code}\0", f"{code}\u00a0", f"+{code}", f"0{code}"):
        holds(user.verify(other) == "malformed", "what is no code in ASCII digits is none at all")
    holds(field(user, "code_tally", "failures") == 0, "neither costs a try: a slip, and a code known to be spent")


def charges_plain_digits_only() -> Library:
    """The tally looks at the text before it was cleaned."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        try:
            return spend_code(record, active, moment, typed)
        except Refusal as refusal:
            charged = refusal.record if typed.value.isdigit() else None
            raise Refusal(refusal.error, charged, refusal.failures) from None

    return verifies_by(spend)


@weakness("V06", twin=charges_plain_digits_only)
def every_spelling_is_charged_to_one_tally(lib: Library) -> None:
    """A wrong code costs a try however it is spelled, and what was spelled five ways is five tries."""
    user = adopted(lib)
    wrong = user.wrong()
    spellings = (wrong, f"{wrong[:3]} {wrong[3:]}", f" {wrong}", f"{wrong}\n", f"{wrong[:3]}-{wrong[3:]}")
    for tries, spelled in enumerate(spellings, 1):
        holds(user.verify(spelled) == "wrong", "a wrong code is refused")
        holds(field(user, "code_tally", "failures") == tries, "and charged, once")
    holds(user.verify(f"{wrong} ") == "throttled", "the sixth is not answered")


# ---- V07: fractions of a step ----


def stores_a_moment_cut_short() -> Library:
    """What is stored is computed anew, from a drift of half a step, and cut to a whole number."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        after, answer = spend_code(record, active, moment, typed)
        if isinstance(active.token, TOTP):
            drifted = moment.now - active.token.t0 - active.token.period / 2
            after = after._replace(active=active._replace(spent=int(drifted / active.token.period)))
        return after, answer

    return verifies_by(spend)


@weakness("V07", twin=stores_a_moment_cut_short)
def the_stored_step_is_that_of_the_hmac(lib: Library) -> None:
    """At any moment, whole or not, for any T0 and period, the step that made the code is stored, and spends it.

    A seeded sample; `hotp` of the step is the oracle. There is no learned drift that could be a fraction of a period.
    """
    source = Random(7)
    for period in (15, 30, 60):
        for _ in range(25):
            t0, past_or_future = source.choice((0, 1, 29, 12_345)), source.choice((-1, 0, 1))
            now = source.choice((float, int))(source.uniform(NOW, NOW + 1e8))
            now = source.choice((now, math.nextafter(now - now % period + t0 % period, 0)))
            step = (math.floor(now) - t0) // period + past_or_future
            user = adopted(lib, lib.totp_token(lib.secret(KEY), period=period, t0=t0), at=now)
            code = lib.hotp(KEY, step)
            holds(user.service.verify(user.user, code).counter == step, "the step of the code is the one accepted")
            holds(spent_of(user) == step, "and the one stored")
            again = outcome(partial(user.another().verify, user.user, code))
            holds(again == "replayed", "read again, it compares alike")
            user.clock.tick(period / 2)
            holds(user.verify(code) in ("replayed", "wrong"), "and half a step later")


def divides_in_floats() -> Library:
    """A time step by division, cut off."""
    texts = dict(TOTPCORE.sources)
    return replace(
        TOTPCORE, sources=texts | {"otp.py": texts["otp.py"].replace("elapsed // period", "int(elapsed / period)")}
    )


@weakness("V07", twin=divides_in_floats)
def steps_are_divided_in_whole_numbers(lib: Library) -> None:
    """Where steps and spent counters are computed, nothing is divided but by `//`."""
    for module in ("otp.py", "_spending.py", "_transitions.py", "_states.py", "_record.py"):
        divisions = [node for node in ast.walk(ast.parse(lib.sources[module])) if isinstance(node, ast.Div)]
        holds(not divisions, f"{module} has no division that leaves whole numbers")


# ---- V08: equal codes in neighbouring steps ----


def stops_at_the_first_match() -> Library:
    """The scan gives the first step that matches."""

    def first(token: HOTP | TOTP, typed: Hidden[str], start: int, end: int) -> list[int]:
        return scan(token, typed, start, end)[:1]

    class First(TOTP):
        __slots__ = ()

        def match(self, code: str, at: float, *, after: int, window: tuple[int, int] = (1, 1)) -> Match | None:
            oldest = super().match(code, at, after=after, window=(window[0], 0))
            return oldest or super().match(code, at, after=after, window=window)

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", first)), totp_token=First)


@weakness("V08", twin=stops_at_the_first_match)
def of_equal_codes_the_newest_is_spent(lib: Library) -> None:
    """Where steps have one code, the newest is spent: a fresh one is no replay, and it opens once with nothing spent.

    The steps were found by search and confirmed with oathtool: six adjacent pairs in three million steps.
    """
    token = lib.totp_token(lib.secret(KEY))
    for older, newer, code in (*ALIKE, (153_567, 153_569, "468457")):
        now = newer * 30 if newer == older + 1 else (older + 1) * 30  # two steps apart: both are in the window
        holds(lib.hotp(KEY, older) == lib.hotp(KEY, newer) == code, "the two steps have one code")
        for spent in (older, -1, older - 1):
            user = adopted(lib, spent=spent, at=now)
            holds(user.verify(code) == "ok", "a fresh code is accepted, whatever its twin")
            holds(spent_of(user) == newer, "and the newest step is spent")
            holds(user.verify(code) == "replayed", "so that it opens once")
            match = token.match(code, now, after=spent)
            holds(match is not None and match.counter == newer, "so does the stateless match")
            holds(token.match(code, now, after=newer) is None, "of which nothing is left")
        user = adopted(lib, spent=-1, at=older * 30)
        holds(user.verify(code) == "ok" and user.verify(code) == "replayed", "at the older step it opens once")
