"""Counting what is really computed.

Rules of this file:

1. The hash objects themselves are wrapped, under `otp.HASHES`, and `hmac.digest` and `hmac.compare_digest` where the
   modules look them up. Nothing of totpcore is replaced, so that no computation can bypass the count.
2. Preparing a key (two new hash objects) is counted apart from computing a code (two copies and two digests): the key
   is prepared when the record is read, whatever was typed.
"""

import hmac
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

import pytest

from totpcore import otp
from totpcore.errors import Refused


class _Hash(Protocol):
    """What `hashlib` gives."""

    block_size: int
    digest_size: int

    def copy(self) -> "_Hash": ...
    def digest(self) -> bytes: ...
    def update(self, data: bytes, /) -> None: ...


class _Counted:
    """A hash object that counts its copies and digests."""

    def __init__(self, inner: _Hash, meter: Counter[str]) -> None:
        self._inner, self._meter = inner, meter
        self.block_size, self.digest_size = inner.block_size, inner.digest_size

    def copy(self) -> "_Counted":
        self._meter["copies"] += 1
        return _Counted(self._inner.copy(), self._meter)

    def digest(self) -> bytes:
        self._meter["digests"] += 1
        return self._inner.digest()

    def update(self, data: bytes, /) -> None:
        self._meter["updates"] += 1
        self._inner.update(data)


class Meter:
    """How often each computation was made since the last look."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def install(self, patch: pytest.MonkeyPatch) -> "Meter":
        """Count from now on, until the patch is undone. A token made before is not counted."""
        for algorithm, new in list(otp.HASHES.items()):
            patch.setitem(otp.HASHES, algorithm, self._counted_hash(new))
        for name in ("digest", "compare_digest"):
            patch.setattr(hmac, name, self._counted_call(name, getattr(hmac, name)))
        return self

    def of(self, call: Callable[..., object], *arguments: object, **named: object) -> dict[str, int]:
        """What a call computes, whatever it answers or raises of totpcore's."""
        self._seen.clear()
        with suppress(Refused):  # a refusal is an answer
            call(*arguments, **named)
        return dict(self._seen)

    def _counted_hash(self, new: Callable[..., Any]) -> Callable[..., _Counted]:
        def make(*data: bytes) -> _Counted:
            self._seen["prepared"] += bool(data)
            return _Counted(new(*data), self._seen)

        return make

    def _counted_call(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._seen[f"hmac.{name}"] += 1
            return original(*arguments)

        return call


KINDS: Final = ("copies", "digests", "hmac.digest", "hmac.compare_digest")


def work(counts: dict[str, int]) -> dict[str, int]:
    """What was computed about a code; the key's preparation is not."""
    return {kind: counts.get(kind, 0) for kind in KINDS}


def candidates(number: int) -> dict[str, int]:
    """The work of so many candidates: two states copied, two digests, one comparison."""
    return {"copies": 2 * number, "digests": 2 * number, "hmac.digest": 0, "hmac.compare_digest": number}


NOTHING: Final = candidates(0)
