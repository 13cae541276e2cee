"""Where a trip goes: to the one Redis server, or to the node of a cluster that has the key.

Rules of this file:

1. What is asked is a generator: it yields a `Trip`, which is one round trip, and is sent the answers; where the trip
   fails, that is thrown into it. So it stands here once, for threads and for event loops.
2. A node that sends on to another one did nothing itself, so that any command may follow.
3. Only primaries are asked. Which slots they have is asked anew once one of them failed, or sent on.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from redis.crc import key_slot
from redis.exceptions import AskError, MovedError, ResponseError

from ..errors import StoreError
from ._redis_driver import BROKEN, FAILED, Address, Command, trouble

T = TypeVar("T")

_CLUSTER_SLOTS: Final[Command] = ("CLUSTER", "SLOTS")
_ASKING: Final[Command] = ("ASKING",)
_REDIRECTIONS: Final = 16
_SLOTS: Final = 16384


class Trip(NamedTuple):
    """One round trip.

    Attributes:
        node: The node of a cluster to ask; `None` for the one server.
        commands: What to send, at once and on one connection.
        fresh: Whether that connection is opened anew.
    """

    node: Address | None
    commands: Sequence[Command]
    fresh: bool = False


Steps = Generator[Trip, Sequence[object], T]
Table = Sequence[Address | None]  # the node of each slot


class Nodes:
    """The nodes of a cluster, of which `startup` names some; or one server, where it names none."""

    __slots__ = ("_known", "_remap", "_startup", "_table")

    def __init__(self, startup: Sequence[Address], remap: Callable[[Address], Address]) -> None:
        self._startup = self._known = tuple(startup)
        self._remap = remap
        self._table: Table | None = None  # replaced as a whole, since threads read it

    @property
    def several(self) -> bool:
        return bool(self._startup)

    def at(self, key: bytes, commands: Sequence[Command], fresh: bool = False) -> Steps[Sequence[object]]:
        """Make a trip to the node that has the key, and follow where that sends on: it then did nothing itself."""
        node = yield from self.of(key)
        asking: Sequence[Command] = ()
        for _ in range(_REDIRECTIONS):
            answers = (yield from self.once(node, (*asking, *commands), fresh))[len(asking) :]
            sent_on = answers[0]
            if node is None or not isinstance(sent_on, AskError):
                return answers
            asking = (_ASKING,)
            if isinstance(sent_on, MovedError):
                self._table, asking = None, ()
            node = self._reached(sent_on.host, sent_on.port, node)
        raise StoreError("the nodes of the Redis cluster send on to each other without end")

    def once(self, node: Address | None, commands: Sequence[Command], fresh: bool) -> Steps[Sequence[object]]:
        try:
            return (yield Trip(node, commands, fresh))
        except FAILED:
            self._table = None  # perhaps another node has its keys by now
            raise

    def of(self, key: bytes) -> Steps[Address | None]:
        if not self._startup:
            return None
        table = self._table or (yield from self._read_table())
        node = table[key_slot(key)]
        if node is None:
            self._table = None
            raise StoreError("no node of the Redis cluster has the slot of this key")
        return node

    def all(self) -> Steps[Iterable[Address | None]]:
        """Return every primary."""
        if not self._startup:
            return (None,)
        return dict.fromkeys(filter(None, (yield from self._read_table())))

    def _read_table(self) -> Steps[Table]:
        """Ask the first node that answers which node has which slots."""
        failed: object = None
        for node in self._known:
            try:
                (answer,) = yield Trip(node, (_CLUSTER_SLOTS,))
            except FAILED as error:
                failed = error
                continue
            if isinstance(answer, ResponseError) and "cluster support disabled" in str(answer):
                raise StoreError(
                    "this Redis server is no node of a cluster: leave out cluster=True, or +cluster in a URL"
                )
            if not isinstance(answer, list):
                raise trouble(answer)
            table: list[Address | None] = [None] * _SLOTS
            for low, high, (host, port, *_), *_ in answer:
                table[low : high + 1] = [self._reached(host, port, node)] * (high - low + 1)
            self._table, self._known = table, tuple(dict.fromkeys((*filter(None, table), *self._startup)))
            return table
        raise trouble(failed)

    def _reached(self, host: bytes | str | None, port: int, by: Address) -> Address:
        """Return where a node is reached of which another one gave the address; its own host goes without saying."""
        name = host.decode() if isinstance(host, bytes) else host
        return self._remap((name, port)) if name and name != "?" else (by[0], port)


def twice(trip: Callable[[bool], Steps[Sequence[object]]]) -> Steps[Sequence[object]]:
    """Make a trip that only reads; where the connection has ended, once more on one that is opened anew."""
    fresh = False
    while True:
        try:
            return (yield from trip(fresh))
        except BROKEN:
            if fresh:
                raise
            fresh = True
