"""Records of every shape: as hypothesis strategies, as plain descriptions, and the golden files.

Rules of this folder:

1. `version-1.json` is what version 1 of the codec wrote, and what it means. Every later version has to read it, so it
   is never changed. A later version gets a file of its own.
2. A description is plain data, and shares no code with the codec.
"""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from totpcore._record import Active, Pending, Record
from totpcore.otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from totpcore.recovery import DIGEST_BYTES, SALT_BYTES, RecoverySet
from totpcore.secret import Secret
from totpcore.throttle import Tally

HERE = Path(__file__).parent

Description = dict[str, Any]


def golden(version: int) -> dict[str, Description]:
    """The records of a golden file by name, each with its `bytes`, as text, and the `record` that they are."""
    found: dict[str, Description] = json.loads((HERE / f"version-{version}.json").read_text(encoding="utf-8"))
    return found


def describe(record: Record) -> Description:
    """A record as plain data."""
    active, pending = record.active, record.pending
    return {
        "active": active and describe_token(active.token) | describe_active(active),
        "pending": pending
        and describe_token(pending.token)
        | {"account": pending.account, "expires_at": pending.expires_at, "failures": pending.failures},
        "wrong one-time codes": {"failures": record.code_tally.failures, "until": record.code_tally.until},
        "wrong recovery codes": {"failures": record.recovery_tally.failures, "until": record.recovery_tally.until},
        "enrol until": record.enrol_until,
    }


def describe_token(token: TOTP | HOTP) -> Description:
    """A token as plain data."""
    common = {"secret": token.secret.reveal().hex(), "digits": token.digits, "algorithm": str(token.algorithm)}
    if isinstance(token, HOTP):
        return {"type": "HOTP"} | common
    return {"type": "TOTP", "period": token.period, "t0": token.t0} | common


def describe_active(active: Active) -> Description:
    """What stands beside the token of a confirmed credential, as plain data."""
    kept = active.recovery
    digests = [kept.digests[start : start + 32].hex() for start in range(0, len(kept.digests), 32)]
    return {
        "spent": active.spent,
        "enrolled at": active.enrolled_at,
        "last used at": active.last_used_at,
        "generation": active.generation,
        "recovery salt": kept.salt.hex(),
        "recovery digests": digests,
        "recovery codes spent": [place for place in range(len(digests)) if kept.spent >> place & 1],
    }


def kept(count: int) -> st.SearchStrategy[RecoverySet]:
    """Sets of `count` recovery codes."""
    return st.builds(
        RecoverySet,
        salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES),
        digests=st.binary(min_size=count * DIGEST_BYTES, max_size=count * DIGEST_BYTES),
        spent=st.integers(0, 2**count - 1),
    )


def texts(low: int, high: int) -> st.SearchStrategy[str]:
    """Text as a record may hold it."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=low, max_size=high)


secrets = st.binary(min_size=10, max_size=128).filter(any).map(Secret)
counters = st.integers(0, LARGEST_COUNTER)
spent = st.integers(-1, LARGEST_COUNTER)
moments = st.one_of(st.integers(0, 5 * 10**11), st.floats(0, 5e11))
hotps = st.builds(HOTP, secrets, digits=st.integers(6, 8), algorithm=st.sampled_from(Algorithm))
totps = st.builds(
    TOTP,
    secrets,
    digits=st.integers(6, 8),
    period=st.integers(10, 300),
    t0=st.one_of(st.just(0), counters),
    algorithm=st.sampled_from(Algorithm),
)
tallies = st.builds(Tally, failures=st.integers(0, 100), until=moments)
actives = st.builds(
    Active,
    token=st.one_of(totps, hotps),
    spent=spent,
    enrolled_at=moments,
    last_used_at=st.none() | moments,
    generation=texts(1, 64),
    recovery=st.integers(1, 100).flatmap(kept),
)
pendings = st.builds(
    Pending,
    token=totps.map(
        lambda token: TOTP(token.secret, digits=token.digits, period=token.period, algorithm=token.algorithm)
    ),
    account=st.from_regex(r"[A-Za-z0-9@.+ \u00e9\u4e00-\u4e20]{0,20}[a-z]", fullmatch=True).map(str.strip),
    expires_at=moments,
    failures=st.integers(0, 20),
)
records = st.builds(
    Record,
    active=st.none() | actives,
    pending=st.none() | pendings,
    code_tally=tallies,
    recovery_tally=tallies,
    enrol_until=moments,
)
