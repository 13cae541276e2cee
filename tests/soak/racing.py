"""Rounds in which racers type the same code at the same time.

Rules of this file:

1. Of one fresh code, one-time or for recovery, exactly one acceptance comes, and everybody else is told `replayed`.
2. Of wrong codes exactly so many are answered as the tally allows, each with another number of attempts left; the next
   acceptance knows of all of them.
3. A round on a store that is in trouble is held to less: there is no second acceptance, and no answer but those.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Final

from records.life import wrong_recovery_code
from totpcore.testing._contract import expect
from trouble.victims import START, Ledger, Person, record_in

from .clients import POLICY, Ask, Client
from .crew import Answered, Crew

# Of twenty rounds, in any order. Wrong codes race the longest: each of those that are charged is a race of its own.
KINDS: Final = ("verify",) * 16 + ("recover",) * 2 + ("wrong", "wrong recovery code")
STEP: Final = 90  # seconds between rounds: longer than a window, and than the waits that come up
CHAPTER: Final = 200  # rounds with one user, and so with one set of recovery codes


@dataclass
class Figures:
    """What was seen. Each is a sum.

    Attributes:
        rounds: Rounds of racers who all type the same right code.
        guessing: Rounds in which what they type is wrong.
        acceptances: Codes that were accepted, and told so.
        refusals: Wrong codes that were told as such, and so charged.
        lost: Swaps that came too late: where it is 0, nothing raced.
        unknown: Answers that were trouble of the store.
    """

    rounds: int = 0
    guessing: int = 0
    acceptances: int = 0
    refusals: int = 0
    lost: int = 0
    unknown: int = 0

    def add(self, kind: str, answered: Answered) -> None:
        """Count a round."""
        words = Counter(word for word, _ in answered.told)
        self.rounds += "wrong" not in kind
        self.guessing += "wrong" in kind
        self.acceptances += words["ok"]
        self.refusals += words["wrong"]
        self.lost += answered.lost
        self.unknown += words["store error"]


@dataclass
class Rounds:
    """Rounds on one user.

    Attributes:
        client: A client of one's own, to set up the user and to look at the record.
        random: What chooses.
        ledger: What was told of the user.
        now: When the last round was.
        accepted: What was last accepted of each kind, and told so.
    """

    client: Client
    random: Random
    user: str
    ledger: Ledger = field(default_factory=Ledger)
    now: float = START
    accepted: dict[str, Ask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client.clock.now = START
        self.person = Person(self.client.service, START, self.user)
        self._order = list[str]()

    def run(self, crew: Crew, figures: Figures) -> bool:
        """Run a round, and return whether everybody was told something.

        Raises:
            AssertionError: If a promise is broken.
        """
        kind = self._next_kind()
        self.now += STEP
        ask, place = self._ask(kind)
        answered = crew.race(ask)
        figures.add(kind, answered)
        whole = all(word != "store error" for word, _ in answered.told)
        self._judge(kind, answered, place, strict=whole)
        if any(word == "ok" for word, _ in answered.told):
            self.accepted[kind] = ask
        return whole

    def check(self) -> None:
        """Look at the record.

        Raises:
            AssertionError: If something that was told is not true.
        """
        self.ledger.check(record_in(self.client.service, self.user))

    def _next_kind(self) -> str:
        self._order = self._order or self.random.sample(KINDS, len(KINDS))
        kind = self._order.pop()
        return "verify" if kind == "recover" and len(self.ledger.used) == len(self.person.codes) else kind

    def _ask(self, kind: str) -> tuple[Ask, int]:
        """Return what is typed, and which recovery code it is."""
        if kind == "verify":
            return Ask("verify", self.user, self.person.phone.code(self.now), self.now), -1
        if kind == "wrong":
            return Ask("verify", self.user, self.person.wrong(self.now), self.now), -1
        if kind == "wrong recovery code":
            return Ask("recover", self.user, wrong_recovery_code(), self.now), -1
        place = next(place for place in count() if place not in self.ledger.used)
        return Ask("recover", self.user, self.person.codes[place], self.now), place

    def _judge(self, kind: str, answered: Answered, place: int, *, strict: bool) -> None:
        words = Counter(word for word, _ in answered.told)
        known = {"wrong", "throttled"} if "wrong" in kind else {"ok", "replayed"}
        expect(words.keys() <= (known if strict else known | {"store error"}), f"{kind}: not {dict(words)}")
        if "wrong" in kind:
            self._judge_wrong(kind, answered, strict=strict)
            return
        expect(words["ok"] == 1 if strict else words["ok"] <= 1, f"{kind}: one code must open once, not {dict(words)}")
        for number in (number for word, number in answered.told if word == "ok"):
            right = self.ledger.failures if kind == "verify" else len(self.person.codes) - len(self.ledger.used) - 1
            expect(number == right, f"{kind}: {right} must be told, not {number}")
            self.ledger.note(kind, self.now, place)

    def _judge_wrong(self, kind: str, answered: Answered, *, strict: bool) -> None:
        failures = self.ledger.failures if kind == "wrong" else self.ledger.failed_recoveries
        allowed = max(1, POLICY.free_attempts - failures)
        left = [max(0, POLICY.free_attempts - failures - number) for number in range(1, allowed + 1)]
        told = sorted((number for word, number in answered.told if word == "wrong"), reverse=True)
        expect(
            told == left if strict else set(told) <= set(left) and len(set(told)) == len(told),
            f"{kind}: attempts left must be of {left}, each once, not {told}",
        )
        for _ in told:
            self.ledger.note(kind, self.now)
