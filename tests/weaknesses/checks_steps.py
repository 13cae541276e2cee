"""V06, V07 and V08: in which spelling a code is spent, and as the code of which time step.

Rules of this file:

1. Users are `adopted` with the secret of the RFCs, whose codes near `NOW` are known to differ: nothing here is up to
   chance. The steps that do have one code are in `ALIKE`.
2. What is spent is read from the record, as it is stored: an answer could say something else.
"""

import ast
import math
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from totpcore import HOTP, TOTP, Match, _spending
from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment, Refusal
from totpcore.otp import scan
from weaknesses.frame import NOW, TOTPCORE, Library, holds, outcome, weakness
from weaknesses.twins import KEY, Spent, adopted, faulty, field, spent_of, verifies_by

ALIKE: Final = ((910_737, 910_738, "911617"), (1_300_575, 1_300_576, "761737"), (1_390_529, 1_390_530, "360233"))


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
    return replace(TOTPCORE, sources=texts | {"otp.py": texts["otp.py"].replace("- t0) // period", "- t0) / period")})


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
