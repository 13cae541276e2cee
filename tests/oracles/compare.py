"""Every answer of totpcore against every oracle.

Rules of this file:

1. The counter of a case is the time step of its moment, so that all its answers are one code: `hotp` and `HOTP.code` by
   the counter, `totp` and `TOTP.code` by the moment.
2. A token needs a `Secret`, 10 to 128 bytes and not all zero; on other keys only the plain functions answer.
3. A case that no oracle answers is an error, not a success.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from totpcore.otp import HOTP, TOTP, hotp, totp
from totpcore.secret import LONGEST_BYTES, SHORTEST_BYTES, Secret

from .cases import Case
from .peers import Oracle

MOST_SHOWN: Final = 5

Subject = Mapping[str, Callable[[Case], str | None]]


@dataclass
class Outcome:
    """What a comparison came to.

    Attributes:
        cases: How many cases there were.
        comparisons: How many codes were compared, by oracle.
        answers: How many codes totpcore gave, by function.
        mismatches: How many of the comparisons differed.
        shown: The first of them, in words.
    """

    cases: int = 0
    comparisons: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    mismatches: int = 0
    shown: list[str] = field(default_factory=list)


def _hotp(case: Case) -> str | None:
    return hotp(case.key, case.counter, digits=case.digits, algorithm=case.algorithm)


def _totp(case: Case) -> str | None:
    return totp(case.key, case.at, period=case.period, t0=case.t0, digits=case.digits, algorithm=case.algorithm)


def _secret(case: Case) -> Secret | None:
    fits = SHORTEST_BYTES <= len(case.key) <= LONGEST_BYTES and any(case.key)
    return Secret(case.key) if fits else None


def _hotp_token(case: Case) -> str | None:
    secret = _secret(case)
    return None if secret is None else HOTP(secret, digits=case.digits, algorithm=case.algorithm).code(case.counter)


def _totp_token(case: Case) -> str | None:
    secret = _secret(case)
    if secret is None:
        return None
    token = TOTP(secret, period=case.period, t0=case.t0, digits=case.digits, algorithm=case.algorithm)
    return token.code(case.at)


TOTPCORE: Final[Subject] = {"hotp": _hotp, "totp": _totp, "HOTP.code": _hotp_token, "TOTP.code": _totp_token}


def compare(subject: Subject, oracles: Mapping[str, Oracle], cases: Iterable[Case]) -> Outcome:
    """Compare every answer of the subject with every answer of the oracles."""
    outcome = Outcome()
    for case in cases:
        outcome.cases += 1
        expected = {name: answer for name, oracle in oracles.items() if (answer := oracle(case)) is not None}
        if not expected:
            raise RuntimeError(f"no oracle answers {case}")
        for function, compute in subject.items():
            code = compute(case)
            if code is None:
                continue
            outcome.answers[function] += 1
            for name, answer in expected.items():
                outcome.comparisons[name] += 1
                if code != answer:
                    outcome.mismatches += 1
                    if len(outcome.shown) < MOST_SHOWN:
                        outcome.shown.append(f"{function} gives {code}, {name} {answer}: {case}")
    return outcome
