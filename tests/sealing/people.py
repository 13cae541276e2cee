"""Users with a second factor, on any store and under any seal."""

from collections.abc import Callable
from typing import Final

from totpcore import Plaintext, Refused, Sealer, Store, TwoFactor
from totpcore.testing import HandClock, Phone

NOW: Final = 1_800_000_000
FIRST: Final = bytes(range(1, 33))
SECOND: Final = bytes(range(101, 133))
THIRD: Final = bytes(range(201, 233))


class Person:
    """A user who has confirmed a second factor; the sealer can be changed, as on a restart with other keys."""

    def __init__(self, store: Store, sealer: Sealer, user: str = "alice", clock: HandClock | None = None) -> None:
        self.store, self.sealer, self.user = store, sealer, user
        self.clock = clock or HandClock(NOW)
        self.phone = Phone.scan(self.service().enrol(user, account="account").uri)
        self.recovery_codes = self.service().confirm(user, self.code()).recovery_codes

    def service(self) -> TwoFactor:
        """A service with the sealer of now."""
        return TwoFactor(self.store, issuer="ACME", sealer=self.sealer, clock=self.clock, audit=lambda _event: None)

    def code(self) -> str:
        """The code of now."""
        return self.phone.code(self.clock())

    def log_in(self) -> str:
        """Try the code of now: "ok", or the reason of the refusal."""
        try:
            self.service().verify(self.user, self.code())
        except Refused as refused:
            return refused.reason
        return "ok"

    def next_step(self) -> "Person":
        """Let 30 seconds pass."""
        self.clock.tick(30)
        return self

    @property
    def raw(self) -> bytes:
        """What the store holds."""
        held = self.store.load(self.user)
        assert held is not None
        return held


def plain_record() -> bytes:
    """A record as it is before it is sealed."""
    from totpcore import MemoryStore

    return Person(MemoryStore(), Plaintext()).raw


def caught(call: Callable[[], object]) -> Exception:
    """What a call raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # whatever it is
        return error
    raise AssertionError("nothing was raised")
