"""Who and what is in a walk: secrets by number, recovery codes by number, and what is typed.

Rules of this file:

1. Nothing is random: secret number k is always the same bytes, and so is set of recovery codes number j. So states
   repeat, and a walk ends.
2. A number that is in nobody's hands any more is given out again: bytes that nothing holds cannot come back. And
   numbers are names: states that differ in nothing but which secret has which number are one.
3. No two codes of all secrets are equal, so that what is typed means one secret and one counter. That is checked.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from explorer.universe import START, Universe
from totpcore import HOTP, TOTP, RecoveryCodes, Secret
from totpcore._guard import Hidden
from totpcore._record import Record
from totpcore._states import Proposal
from totpcore._transitions import Fresh
from totpcore.recovery import SALT_BYTES, keep

ISSUER: Final = "ACME"
MOST: Final = 12  # numbers of secrets, and of sets of recovery codes; a walk that needed more would stop
NONE: Final = -1


class Typed(NamedTuple):
    """What somebody types.

    Attributes:
        what: `code`, `recovery code`, `wrong code`, `wrong recovery code` or `malformed`.
        number: The number of the secret, or of the set of recovery codes.
        counter: The counter of the code, or its place in the set.
    """

    what: str
    number: int = NONE
    counter: int = NONE

    @property
    def is_recovery(self) -> bool:
        """Whether it has the form of a recovery code."""
        return "recovery" in self.what


WRONG: Final = Typed("wrong code")
WRONG_RECOVERY: Final = Typed("wrong recovery code")
MALFORMED: Final = Typed("malformed")


class Cast:
    """The secrets and the recovery codes of a universe."""

    def __init__(self, universe: Universe) -> None:
        self.universe, self.policy = universe, universe.policy
        self.first = START // self.policy.period
        reach = [*range(self.first - 15, self.first + universe.ticks + 15), *range(universe.codes + 120)]
        self._secrets = {_raw("secret", number, 20): number for number in range(MOST)}
        self._sets = {_raw("salt", number, SALT_BYTES): number for number in range(MOST)}
        every = [self.hotp(number).code(counter) for number in range(MOST) for counter in reach]
        if len(set(every)) < len(every):
            raise ValueError("two codes are equal: choose other secrets")
        spare = (f"{value:0{self.policy.digits}d}" for value in range(1_000))
        self._wrong = next(text for text in spare if text not in set(every))

    @cache  # noqa: B019  # a cast lives as long as its walk
    def hotp(self, number: int) -> HOTP:
        """The counter-based token of that number."""
        return HOTP(Secret(_raw("secret", number, 20)), digits=self.policy.digits)

    @cache  # noqa: B019
    def totp(self, number: int) -> TOTP:
        """The time-based token of that number."""
        return TOTP(Secret(_raw("secret", number, 20)), digits=self.policy.digits, period=self.policy.period)

    @cache  # noqa: B019
    def proposal(self, number: int) -> Proposal:
        """What `enrol` and `replace` are given."""
        return Proposal.of(self.totp(number), "alice", ISSUER)

    @cache  # noqa: B019
    def fresh(self, number: int) -> Fresh:
        """What `confirm`, `renew_recovery_codes` and `adopt` are given."""
        codes = RecoveryCodes([_crockford(number, place) for place in range(self.policy.recovery_codes)])
        return Fresh(codes, keep(codes, _raw("salt", number, SALT_BYTES)), f"generation-{number}")

    @cache  # noqa: B019
    def text(self, typed: Typed) -> Hidden[str]:
        """The characters of what is typed."""
        if typed.what == "code":
            return Hidden(self.hotp(typed.number).code(typed.counter))
        if typed.what == "recovery code":
            return Hidden(_crockford(typed.number, typed.counter))
        return Hidden({WRONG: self._wrong, WRONG_RECOVERY: "Z" * 24, MALFORMED: "12x"}[typed])

    def secret_of(self, token: TOTP | HOTP) -> int:
        """The number of a token's secret."""
        return self._secrets[token.secret.reveal()]

    def set_of(self, salt: bytes) -> int:
        """The number of a set of recovery codes, known by its salt."""
        return self._sets[salt]

    def secrets_in(self, record: Record) -> list[int]:
        """The numbers of the secrets that a record holds: of the active one, of the pending one."""
        return [self.secret_of(part.token) for part in (record.active, record.pending) if part is not None]

    def sets_in(self, record: Record) -> list[int]:
        """The number of the set of recovery codes that a record holds."""
        return [] if record.active is None else [self.set_of(record.active.recovery.salt)]

    def fresh_in(self, record: Record) -> list[int]:
        """The numbers that no new set may have: of the set that a record holds, and of its generation."""
        if record.active is None:
            return []
        return [*self.sets_in(record), int(record.active.generation.rpartition("-")[2])]

    def renamed(self, record: Record, secrets: Sequence[int], sets: Sequence[int]) -> Record:
        """Return the record with other numbers: `secrets[k]` for secret number k, and `sets[j]` for set number j."""
        active, pending = record.active, record.pending
        if active is not None:
            number = secrets[self.secret_of(active.token)]
            token = self.hotp(number) if isinstance(active.token, HOTP) else self.totp(number)
            recovery, generation = (sets[old] for old in self.fresh_in(record))
            kept = self.fresh(recovery).kept._replace(spent=active.recovery.spent)
            active = active._replace(token=token, recovery=kept, generation=self.fresh(generation).generation)
        if pending is not None:
            pending = pending._replace(token=self.totp(secrets[self.secret_of(pending.token)]))
        return record._replace(active=active, pending=pending)

    def words(self, typed: Typed) -> str:
        """What is typed, in words."""
        if typed.what == "code" and self.universe.hotp:
            return f"code {typed.counter} of secret {typed.number}"
        if typed.what == "code":
            return f"the code of step {typed.counter - self.first} of secret {typed.number}"
        if typed.what == "recovery code":
            return f"recovery code {typed.counter + 1} of set {typed.number}"
        return "no code" if typed == MALFORMED else f"a {typed.what}"


def _raw(what: str, number: int, size: int) -> bytes:
    return hashlib.sha256(f"{what} {number}".encode()).digest()[:size]


def _crockford(number: int, place: int) -> str:
    """A recovery code that is in no other set."""
    return f"{number + 1:012d}{place + 1:012d}"
