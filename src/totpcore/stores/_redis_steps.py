"""What a Redis store asks the server, and what it makes of the answers; the asking itself is done by the two stores.

Rules of this file:

1. Each call is a generator of round trips, as `_redis_nodes` says.
2. A swap goes out again only where the server said that it did nothing: it does not know the script, or the key is at
   another node. One whose answer did not come may have been done: that is an error.
3. A record is read by GETEX, without an option: a GET that only a primary answers. What a replica has may be old, and
   so would be what it says of a swap that changes nothing.
4. One key per user and one script per swap, so that a cluster can do it. A key has no TTL: a record that expires would
   turn the second factor off.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from redis.exceptions import AskError, NoScriptError

from .._guard import exact, number, text, whole
from ..errors import StoreError
from . import _redis_settings as settings
from ._redis_driver import Address, Command, trouble
from ._redis_nodes import Nodes, Steps, Trip, twice

# A value is "-" where there is none, else "+" and the value. SET takes away a TTL that somebody gave the key.
# The answer is 0 where the value is another, 1 where it was changed, and 2 where nothing was to become nothing.
SCRIPT: Final = """\
local held = redis.call('GETEX', KEYS[1])
if ARGV[1] ~= (held and '+' .. held or '-') then return 0 end
if ARGV[2] ~= '-' then redis.call('SET', KEYS[1], string.sub(ARGV[2], 2))
elseif held then redis.call('DEL', KEYS[1]) else return 2 end
return 1
"""
_SHA: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
_CHUNK: Final = 500  # users in one trip of `load_many`
_COUNT: Final = 1000  # keys that one SCAN looks at


class Scan:
    """How far a listing of all users has got.

    Attributes:
        nodes: Those that are not done.
        cursor: Where the first of them goes on.
        seen: Who was listed: a node may name a key twice, and so may two nodes while it moves from one to the other.
    """

    __slots__ = ("cursor", "nodes", "seen")

    def __init__(self, nodes: Iterable[Address | None]) -> None:
        self.nodes = list(nodes)
        self.cursor = b"0"
        self.seen = set[str]()


def check(prefix: str, cluster: bool, wait_replicas: int, wait_seconds: float) -> None:
    """Check what a store is made with."""
    text("prefix", prefix, 0, 255)
    exact("cluster", cluster, bool)
    whole("wait_replicas", wait_replicas, 0, 100)
    number("wait_seconds", wait_seconds, low=0.001, high=3600)


class Records:
    """The calls of a store."""

    __slots__ = ("_nodes", "_pattern", "_prefix", "_replicas", "_wait")

    def __init__(
        self,
        prefix: str,
        wait_replicas: int,
        wait_seconds: float,
        startup: Sequence[Address],
        remap: Callable[[Address], Address],
    ) -> None:
        self._prefix = prefix.encode()
        self._pattern = re.sub(rb"[][*?^\\-]", rb"\\\g<0>", self._prefix) + b"*"
        self._replicas = wait_replicas
        wait: Command = ("WAIT", wait_replicas, math.ceil(wait_seconds * 1000))  # in milliseconds; 0 is for ever
        self._wait = (wait,) if wait_replicas else ()
        self._nodes = Nodes(startup, remap)

    def load(self, user: str) -> Steps[bytes | None]:
        key = self._key(user)
        answers = yield from twice(partial(self._nodes.at, key, (("GETEX", key),)))
        return _value(answers[0])

    def swap(self, user: str, old: bytes | None, new: bytes | None) -> Steps[bool]:
        key = self._key(user)
        words = (1, key, _packed(old), _packed(new))
        answers = yield from self._nodes.at(key, (("EVALSHA", _SHA, *words), *self._wait))
        if isinstance(answers[0], NoScriptError):
            answers = yield from self._nodes.at(key, (("EVAL", SCRIPT, *words), *self._wait))
        done = answers[0]
        if done not in (0, 1, 2):
            raise trouble(done)
        if done == 1 and self._wait:
            self._check_replicas(answers[1])
        return done != 0

    def load_many(self, users: Iterable[str]) -> Steps[dict[str, bytes]]:
        wanted, found = list(dict.fromkeys(users)), dict[str, bytes]()
        for start in range(0, len(wanted), _CHUNK):
            at_node: dict[Address | None, list[str]] = {}
            for user in wanted[start : start + _CHUNK]:
                at_node.setdefault((yield from self._nodes.of(self._key(user))), []).append(user)
            for node, some in at_node.items():
                # Not MGET: to it a key of another kind is none, and the second factor would seem to be off.
                asked: list[Command] = [("GETEX", self._key(user)) for user in some]
                answers = yield from twice(partial(self._nodes.once, node, asked))
                for user, answer in zip(some, answers, strict=True):
                    moved = isinstance(answer, AskError) and self._nodes.several
                    value = (yield from self.load(user)) if moved else _value(answer)
                    if value is not None:
                        found[user] = value
        return found

    def scan(self) -> Steps[Scan]:
        """Begin to list all users."""
        return Scan((yield from self._nodes.all()))

    def page(self, scan: Scan) -> Steps[list[str]]:
        """Return the next users. Go on as long as there are nodes left."""
        command: Command = ("SCAN", scan.cursor, "MATCH", self._pattern, "COUNT", _COUNT)
        (answer,) = yield from twice(partial(self._nodes.once, scan.nodes[0], (command,)))
        if not isinstance(answer, list):
            raise trouble(answer)
        scan.cursor, keys = answer
        if scan.cursor == b"0":
            scan.nodes.pop(0)
        users = dict.fromkeys(map(self._user, keys))
        found = [user for user in users if user is not None and user not in scan.seen]
        scan.seen.update(found)
        return found

    def concerns(self) -> Steps[list[str]]:
        """Return what in the settings of the servers can lose records, each once."""
        found: dict[str, None] = {}
        for node in (yield from self._nodes.all()):
            answers = yield Trip(node, settings.COMMANDS)
            found.update(dict.fromkeys(settings.concerns(answers)))
        return list(found)

    def __str__(self) -> str:
        return f"{self._prefix.decode()}*"

    # ---- keys and answers ----

    def _key(self, user: str) -> bytes:
        return self._prefix + user.encode()

    def _user(self, key: bytes) -> str | None:
        """Return whose key it is, or `None` where no call of ours can have made it."""
        try:
            user = key[len(self._prefix) :].decode()
        except UnicodeDecodeError:
            return None
        return user if 1 <= len(user) <= 255 and "\0" not in user else None

    def _check_replicas(self, reached: object) -> None:
        if not isinstance(reached, int):
            raise trouble(reached)
        if reached < self._replicas:
            raise StoreError(
                f"the change was made, but reached {reached} of the {self._replicas} replicas that it must reach"
            )


def _packed(value: bytes | None) -> bytes:
    return b"-" if value is None else b"+" + value


def _value(answer: object) -> bytes | None:
    if answer is None or isinstance(answer, bytes):
        return answer
    raise trouble(answer)
