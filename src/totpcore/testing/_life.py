"""A user whose second factor is put to the test."""

from collections.abc import Callable
from typing import Final, TypeVar

from ..errors import Refused, StoreError
from ..ports import Store
from ..service import TwoFactor
from ._opening import Stores
from ._stand_ins import HandClock, Phone

T = TypeVar("T")

_START: Final = 1_800_000_000


class Life:
    """A user with a second factor. Where no store is named, one is opened for each call, and closed."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self.clock = HandClock(_START)
        self._phone = Phone.scan(self.ask(lambda service: service.enrol("user", account="user")).uri)
        self.recovery_codes = self.ask(lambda service: service.confirm("user", self.code())).recovery_codes
        self.clock.tick(60)  # two steps: of a random secret, one in a million has one code in both, and spends both

    def ask(self, call: Callable[[TwoFactor], T], store: Store | None = None) -> T:
        """Return what a service says, on the store that is given, or on one of its own."""
        if store is not None:
            return call(self._stores.serve(store, self.clock))
        with self._stores.one() as fresh:
            return call(self._stores.serve(fresh, self.clock))

    def code(self) -> str:
        return self._phone.code(self.clock())

    def wrong_code(self) -> str:
        """Return a code that no time step in or near the window has."""
        near = {self._phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)

    def try_verify(self, code: str, store: Store | None = None) -> str:
        return self._outcome(lambda service: service.verify("user", code), store)

    def try_recover(self, code: str) -> str:
        return self._outcome(lambda service: service.recover("user", code))

    def _outcome(self, call: Callable[[TwoFactor], object], store: Store | None = None) -> str:
        """Return `ok`, the word of a refusal, or `store error`."""
        try:
            self.ask(call, store)
        except Refused as refused:
            return refused.reason
        except StoreError:
            return "store error"
        return "ok"
