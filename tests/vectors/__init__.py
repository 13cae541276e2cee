"""The vectors of other libraries and of authenticator apps, and the list of those that totpcore answers differently.

    >>> case = next(case for case in peers() if case.id == "hotp-002")
    >>> case.kind, case.expect
    ('hotp', {'code': '287082'})
    >>> check(case, {"code": "287082"})

Rules of this file:

1. A case is met, or it is listed in `differences.json` with what totpcore answers and why. `check` holds both: a listed
   case that is met is a failure, so no listing can go stale.
2. The data files keep the sources. See README.md beside them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from totpcore.errors import InvalidInput

HERE = Path(__file__).parent
SHORTEST = 10  # bytes, the least that a Secret takes
TEN_BYTES, TEN_IN_BASE32 = b"1234567890", "GEZDGNBVGY3TQOJQ"
LONG_SECRET = TEN_IN_BASE32 * 2  # the key of RFC 4226

Answer = dict[str, Any]

REFUSED: Answer = {"reject": True}


@dataclass(frozen=True)
class Case:
    """What one implementation expects: of `kind`, from `input`, the answer `expect`."""

    id: str
    kind: str
    input: dict[str, Any]
    expect: Answer

    def __str__(self) -> str:
        return self.id


@dataclass(frozen=True)
class Difference:
    """A reason to answer differently, and its cases: those that totpcore refuses, and what it answers in the others."""

    key: str
    title: str
    reason: str
    rule: str
    refused: list[str]
    answers: dict[str, Answer]

    @property
    def ids(self) -> list[str]:
        """All cases of this reason."""
        return [*self.refused, *self.answers]


def load(name: str) -> Any:
    """Read one of the data files."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


@cache
def peers() -> tuple[Case, ...]:
    """The cases of other libraries, and those about base32 of a few bytes once more behind ten other bytes.

    Base32 works in groups of five bytes, so that what follows two of them is written as it is on its own. Where a case
    expects a refusal, its opinion of why is not compared.
    """
    cases = []
    for row in load("peers.json")["cases"]:
        given, expect = row["input"], REFUSED if "reject" in row["expect"] else row["expect"]
        cases.append(Case(row["id"], row["kind"], given, expect))
        if row["kind"] == "base32_decode" and len(expect["hex"]) < 2 * SHORTEST:
            given, expect = {"text": TEN_IN_BASE32 + given["text"]}, {"hex": TEN_BYTES.hex() + expect["hex"]}
            cases.append(Case(row["id"] + "-long", row["kind"], given, expect))
        if row["kind"] == "base32_encode" and len(given["hex"]) < 2 * SHORTEST:
            given, expect = given | {"hex": TEN_BYTES.hex() + given["hex"]}, {"text": TEN_IN_BASE32 + expect["text"]}
            cases.append(Case(row["id"] + "-long", row["kind"], given, expect))
    return tuple(cases)


@cache
def apps() -> tuple[Case, ...]:
    """The cases of authenticator apps, and those with a short secret once more with a longer one.

    Many of the apps' tests use secrets of a few bytes. totpcore refuses these whatever else the URI says, so the case
    would tell nothing about its names and numbers; with the key of RFC 4226 in the secret's place it does.
    """
    cases = []
    for row in load("apps.json")["cases"]:
        expect = REFUSED if row["fields"] is None else row["fields"]
        cases.append(Case(row["id"], "app_uri", {"uri": row["uri"]}, expect))
        secret = _secret(row["uri"])
        if 0 < len(secret) < len(TEN_IN_BASE32):
            uri = row["uri"].replace(f"secret={secret}", f"secret={LONG_SECRET}")
            longer = expect | {"secret": LONG_SECRET} if "secret" in expect else expect
            cases.append(Case(row["id"] + "-long", "app_uri", {"uri": uri}, longer))
    return tuple(cases)


def _secret(uri: str) -> str:
    return uri.partition("secret=")[2].partition("&")[0] if uri.startswith("otpauth://") else ""


@cache
def differences() -> tuple[Difference, ...]:
    """The reasons to differ, in the order of the file."""
    return tuple(Difference(key, **value) for key, value in load("differences.json").items())


@cache
def listed() -> dict[str, Answer]:
    """What totpcore answers in each listed case, as far as it differs."""
    refused = {id_: REFUSED for difference in differences() for id_ in difference.refused}
    return refused | {id_: answer for difference in differences() for id_, answer in difference.answers.items()}


def answer_of(call: Callable[[], Answer]) -> Answer:
    """What `call` returns, or that totpcore refuses. An exception other than its refusal passes through."""
    try:
        return call()
    except InvalidInput:
        return REFUSED


def refusal_of(call: Callable[[], object]) -> Answer:
    """Whether totpcore refuses, for the cases that expect no more than that."""

    def read() -> Answer:
        call()
        return {"reject": False}

    return answer_of(read)


def differing(case: Case, answer: Answer) -> Answer:
    """What of `answer` differs from what the case expects; nothing where it is met."""
    if "reject" in answer:
        return {} if answer == case.expect else answer
    return {name: answer.get(name) for name, expected in case.expect.items() if answer.get(name) != expected}


def check(case: Case, answer: Answer) -> None:
    """Assert that the case is met, or that totpcore differs as listed."""
    differs, known = differing(case, answer), listed().get(case.id, {})
    assert differs == known, f"{case.id}: totpcore differs by {differs}, the list says {known}"
