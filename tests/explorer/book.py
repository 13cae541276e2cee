"""The names of things in a walk: numbers for values, clients and histories, and one name for states that are alike.

Rules of this file:

1. What differs in names alone is one state: which secret has which number, and which of two clients is which.
   Secrets and sets are named in the order in which they appear: on the shelf, then in the clients' hands.
2. Whatever is renamed is written as bytes again by the package. Renaming never makes two values equal that were not.
3. A history forgets what is in nobody's hands.
"""

from collections.abc import Hashable
from typing import Final, Generic, NamedTuple, TypeVar

from explorer.cast import MOST, NONE, Cast
from explorer.history import Answer, History, Value
from explorer.universe import Held, Shelf
from totpcore._guard import Hidden
from totpcore._record import EMPTY, Record, decode, encode

H = TypeVar("H", bound=Hashable)

Order = tuple[tuple[int, ...], tuple[int, ...]]  # numbers of secrets, and of sets of recovery codes

BITS: Final = 21  # of a number of a value, a client or a history
MASK: Final = (1 << BITS) - 1
TICK_BITS: Final = 3
IDLE: Final = 0  # the client that is not in a call


class Numbered(Generic[H]):
    """Values by small numbers, so that a state is one whole number."""

    def __init__(self) -> None:
        self.values: list[H] = []
        self._numbers: dict[H, int] = {}

    def number(self, value: H) -> int:
        """Return the number of a value, a new one where it has none."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
            if found > MASK:
                raise OverflowError("the universe is too large for this walk")
        return found


class Client(NamedTuple):
    """Where a client is in its call: what it loaded and, once it has decided, what it wants to store and say."""

    loaded: int
    raw: bytes | None = None
    answer: Answer | None = None


class Canonical(NamedTuple):
    """Which state a state is, once everything has its proper name.

    Attributes:
        number: What is on the shelf and where the clients are.
        names: The number of the renaming.
        crossed: Whether the client that moved now stands second.
    """

    number: int
    names: int
    crossed: bool


class Book:
    """All names of a walk."""

    def __init__(self, cast: Cast, shelf: Shelf) -> None:
        self.cast, self.shelf = cast, shelf
        self.shelves: Numbered[Held] = Numbered()
        self.clients: Numbered[Client] = Numbered()
        self.histories: Numbered[History] = Numbered()
        self.orders: Numbered[Order] = Numbered()
        self.values: list[Value] = []  # by what is on the shelf
        self.on_shelf: list[int] = []  # by what is on the shelf: the bits of what is in it
        self.hands: list[int] = [0]  # by client: the bits of what it holds
        self.trail: list[Canonical] | None = None  # of each step, where somebody wants to tell the way
        self._shelf_orders: list[int] = []
        self._client_orders = [self.orders.number(((), ()))]
        self._values: dict[bytes | None, Value] = {}
        self._merged: dict[tuple[int, ...], int] = {}
        self._canonical: dict[tuple[int, int, int], Canonical] = {}
        self._raws: dict[tuple[bytes, int], bytes] = {}
        self._renamed_shelves: dict[tuple[int, int], int] = {}
        self._renamed_clients: dict[tuple[int, int], int] = {}
        self._renamed_histories: dict[tuple[int, int], int] = {}
        self.clients.number(Client(-1))
        self.histories.number(History())

    def state(self, shelf: int, tick: int, mover: int, other: int, history: int) -> int:
        """Return the number of a state: one for all states that differ in names alone."""
        found = self._canonical.get((shelf, mover, other)) or self.canonically(shelf, mover, other)
        if self.trail is not None:
            self.trail.append(found)
        if history:
            named = self._renamed_histories.get((history, found.names))
            history = self._rename_history(history, found.names) if named is None else named
        return (history << 3 * BITS + TICK_BITS) | found.number | tick

    def canonically(self, shelf: int, mover: int, other: int) -> Canonical:
        """Name secrets in the order in which they appear; of the two orders of the clients take the lower."""
        best = None
        for crossed, (first, second) in enumerate([(mover, other), (other, mover)]):
            names = self.names(shelf, first, second)
            clients = self._rename_client(second, names) << BITS | self._rename_client(first, names)
            number = (clients << BITS | self._rename_shelf(shelf, names)) << TICK_BITS
            if best is None or number < best.number:
                best = Canonical(number, names, bool(crossed))
        found = self._canonical[shelf, mover, other] = best or Canonical(0, 0, False)
        return found

    def names(self, shelf: int, first: int, second: int) -> int:
        """Return the number of the renaming by which secrets and sets are named as they appear."""
        orders = self._shelf_orders[shelf], self._client_orders[first], self._client_orders[second]
        found = self._merged.get(orders)
        if found is None:
            merged = _merged([self.orders.values[number] for number in orders])
            found = self._merged[orders] = self.orders.number(merged)
        return found

    def maps(self, names: int) -> tuple[list[int], list[int]]:
        """What each old number is called now, for secrets and for sets."""
        secrets, sets = self.orders.values[names]
        return _places(secrets), _places(sets)

    def _rename_raw(self, raw: bytes | None, names: int) -> bytes | None:
        if raw is None:
            return None
        found = self._raws.get((raw, names))
        if found is None:
            renamed = self.cast.renamed(self._value(raw).record, *self.maps(names))
            found = self._raws[raw, names] = encode(renamed).value
        return found

    def _rename_shelf(self, shelf: int, names: int) -> int:
        key = (shelf, names)
        found = self._renamed_shelves.get(key)
        if found is None:
            held = self.shelves.values[shelf]
            found = self.on(self.shelf.renamed(held, self._rename_raw(self.values[shelf].raw, names)))
            self._renamed_shelves[key] = found
        return found

    def _rename_client(self, number: int, names: int) -> int:
        if number == IDLE:
            return IDLE
        key = (number, names)
        found = self._renamed_clients.get(key)
        if found is None:
            client = self.clients.values[number]
            answer = None if client.answer is None else client.answer.renamed(*self.maps(names))
            new = Client(self._rename_shelf(client.loaded, names), self._rename_raw(client.raw, names), answer)
            found = self._renamed_clients[key] = self.client(new)
        return found

    def _rename_history(self, history: int, names: int) -> int:
        new = self.histories.number(self.histories.values[history].renamed(*self.maps(names)))
        self._renamed_histories[history, names] = new
        return new

    def client(self, client: Client) -> int:
        """Return the number of a client that is in a call."""
        number = self.clients.number(client)
        if number == len(self.hands):
            self.hands.append(self.on_shelf[client.loaded] | (self._bits(client.raw) if client.answer else 0))
            order = [self.orders.values[self._shelf_orders[client.loaded]]]
            order += [self._order(client.raw)] if client.answer else []
            self._client_orders.append(self.orders.number(_merged(order)))
        return number

    def on(self, held: Held) -> int:
        """Return the number of what is on the shelf."""
        number = self.shelves.number(held)
        if number == len(self.values):
            raw = self.shelf.value(held)
            self.values.append(self._value(raw))
            self.on_shelf.append(self._bits(raw))
            self._shelf_orders.append(self.orders.number(self._order(raw)))
        return number

    def _order(self, raw: bytes | None) -> Order:
        """The numbers of the secrets and of the sets of a value, in the order in which they stand in it."""
        record, cast = self._value(raw).record, self.cast
        return _merged([(tuple(cast.secrets_in(record)), tuple(cast.fresh_in(record)))])

    def _value(self, raw: bytes | None) -> Value:
        found = self._values.get(raw)
        if found is None:
            record = EMPTY if raw is None else decode(Hidden(raw))
            if not isinstance(record, Record):
                raise TypeError(f"the package wrote a record that it cannot read: {record.reason}")
            secrets, sets = self.cast.secrets_in(record), self.cast.sets_in(record)
            found = self._values[raw] = Value(raw, record, bits(secrets), bits(sets))
        return found

    def _bits(self, raw: bytes | None) -> int:
        """The bits of the secrets and sets of a value, and of the numbers that no new set may have."""
        value = self._value(raw)
        return value.secrets | value.sets << MOST | bits(self.cast.fresh_in(value.record)) << 2 * MOST


def _merged(orders: list[Order]) -> Order:
    """One order after the other, each number where it stands first."""
    secrets = dict.fromkeys(number for order in orders for number in order[0])
    sets = dict.fromkeys(number for order in orders for number in order[1])
    return tuple(secrets), tuple(sets)


def _places(order: tuple[int, ...]) -> list[int]:
    """Where each number stands in an order, `NONE` for those that do not."""
    return [order.index(number) if number in order else NONE for number in range(MOST)]


def bits(numbers: tuple[int, ...] | list[int]) -> int:
    """The bits of numbers."""
    return sum(1 << number for number in set(numbers))


def numbers(set_bits: int) -> list[int]:
    """The numbers whose bits are set."""
    return [number for number in range(set_bits.bit_length()) if set_bits >> number & 1]
