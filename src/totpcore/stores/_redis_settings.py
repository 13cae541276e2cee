"""What settings of a Redis server cost: each that can lose a record, in a sentence for a warning.

Rules of this file:

1. Only what can lose a record is said. `volatile-` policies of eviction are not it: they remove keys that have a TTL,
   and no record has one.
2. An eviction policy is said though no `maxmemory` is set: it is meant to be, one day, and nobody is asked then.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ._redis_driver import Command

NAMES: Final = ("appendonly", "appendfsync", "maxmemory-policy")
COMMANDS: Final[Sequence[Command]] = tuple(("CONFIG", "GET", name) for name in NAMES)

_LOST: Final = "and codes that were spent open again"


def concerns(answers: Sequence[object]) -> Iterator[str]:
    """Yield what is of concern in the answers to `COMMANDS`."""
    appendonly, appendfsync, policy = map(_value, answers)
    if appendonly is None or appendfsync is None or policy is None:
        yield (
            "Redis does not tell its settings (CONFIG GET is refused), so they were not checked: without appendonly "
            f"yes and appendfsync always the last changes can be lost {_LOST}; with an evicting maxmemory-policy "
            "whole records can, and second factors are off"
        )
        return
    if appendonly != "yes":
        yield (
            f"Redis writes no append-only file (appendonly {appendonly}): when it ends, all that changed since its "
            f"last snapshot can be lost {_LOST}; set appendonly yes and appendfsync always"
        )
    elif appendfsync != "always":
        span = "second or two" if appendfsync == "everysec" else "half a minute or more"
        yield (
            f"Redis answers before a change is on the disk (appendfsync {appendfsync}): when its machine fails, the "
            f"last {span} can be lost {_LOST}; set appendfsync always"
        )
    if policy != "noeviction" and not policy.startswith("volatile-"):
        yield (
            f"Redis removes any key when its memory is full (maxmemory-policy {policy}): without the record that "
            "user's second factor is off; set maxmemory-policy noeviction"
        )


def _value(answer: object) -> str | None:
    """Return the value in the answer to one CONFIG GET: a name and a value."""
    if isinstance(answer, list) and len(answer) == 2 and isinstance(answer[1], bytes):
        return answer[1].decode("ascii", "backslashreplace")
    return None
