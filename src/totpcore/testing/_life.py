"""A user whose second factor is put to the test."""

from collections.abc import Callable
from typing import Final

from ..errors import Refused
from ..ports import Store
from ..sealing import Plaintext
from ..service import TwoFactor
from ._stand_ins import HandClock, Phone

StoreFactory = Callable[[], Store]

_START: Final = 1_800_000_000


class Life:
    """A user with a second factor, on a store that is opened anew for each call."""

    def __init__(self, store_factory: StoreFactory) -> None:
        self._store_factory = store_factory
        self.clock = HandClock(_START)
        self._phone = Phone.scan(self.service().enrol("user", account="user").uri)
        self.recovery_codes = self.service().confirm("user", self.code()).recovery_codes
        self.clock.tick(30)

    def service(self) -> TwoFactor:
        return TwoFactor(
            self._store_factory(), issuer="Contract", sealer=Plaintext(), clock=self.clock, audit=lambda _event: None
        )

    def code(self) -> str:
        return self._phone.code(self.clock())

    def wrong_code(self) -> str:
        """Return a code that no time step in or near the window has."""
        near = {self._phone.code(self.clock() + 30 * step) for step in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(10)) if code not in near)

    def try_verify(self, code: str) -> str:
        return self._outcome(lambda service: service.verify("user", code))

    def try_recover(self, code: str) -> str:
        return self._outcome(lambda service: service.recover("user", code))

    def _outcome(self, call: Callable[[TwoFactor], object]) -> str:
        try:
            call(self.service())
        except Refused as refused:
            return refused.reason
        return "ok"
