"""The contract of an asynchronous store, as tests to inherit: that of a store, and what cancelling must not do."""

import asyncio
from collections.abc import Callable
from typing import cast

from ..aio import AsyncTwoFactor
from ..ports import AsyncStore, Store
from ..sealing import Plaintext
from ..service import TwoFactor
from ._awaiting import EventLoop, Waiting
from ._contract import StoreContract, expect
from ._life import Life
from ._opening import StoreFactory, Stores
from ._stand_ins import HandClock

AsyncStoreFactory = Callable[[], AsyncStore]


class AsyncStoreContract(StoreContract):
    """What every `AsyncStore` has to do, as a test class to inherit.

    Example:
        ::

            class TestMyStore(AsyncStoreContract):
                @pytest.fixture
                def store_factory(self, tmp_path):
                    return lambda: MyAsyncStore(tmp_path / "records")

    It is `StoreContract`, with the store and `AsyncTwoFactor` on an event loop: `store_factory` is called on it, and
    what races there in threads are tasks here. It needs no plugin of pytest's.
    """

    def opening(self, store_factory: StoreFactory) -> Stores:
        """Return what opens the stores of one test."""
        return _AsyncStores(cast("AsyncStoreFactory", store_factory))

    def test_a_cancelled_call_spends_its_code_or_not(self, store_factory: StoreFactory) -> None:
        """Cancelled at any moment: a code is never accepted twice, and the store goes on."""
        with cast("_AsyncStores", self.opening(store_factory)) as stores:
            life = Life(stores)
            store = stores.open()
            moments = 0  # more and more: at first one by one, then by a quarter each time
            while stores.loop.run(_cancelled_after(moments, stores.serve_async(store, life.clock), life.code())):
                moments += 1 + moments // 4
                expect(store.load("nobody") is None, "the answer to a cancelled call must not be given to the next one")
                again = [life.try_verify(life.code(), store) for _ in range(2)]
                expect(again in (["ok", "replayed"], ["replayed"] * 2), f"a code must open once, not {again}")
                life.clock.tick(60)
            expect(moments > 0, "it must be possible to cancel a call")
            expect(life.try_verify(life.code(), store) == "replayed", "what was told must be true")


class _AsyncStores(Stores):
    """Opens asynchronous stores, and puts them and their service behind an event loop."""

    def __init__(self, store_factory: AsyncStoreFactory) -> None:
        super().__init__(self._open)
        self._async_store_factory = store_factory
        self.loop = EventLoop()
        self._closing.callback(self.loop.stop)  # after all stores

    def _open(self) -> Store:
        async def open_store() -> AsyncStore:
            return self._async_store_factory()

        return cast("Store", Waiting(self.loop.run(open_store()), self.loop))

    def serve(self, store: Store, clock: HandClock) -> TwoFactor:
        if not isinstance(store, Waiting):  # a store of the contract's own, in front of one
            return super().serve(store, clock)
        return cast("TwoFactor", Waiting(self.serve_async(store, clock), self.loop))

    def serve_async(self, store: object, clock: HandClock) -> AsyncTwoFactor:
        inner = cast("AsyncStore", cast("Waiting", store).inner)
        return AsyncTwoFactor(inner, issuer="Contract", sealer=Plaintext(), clock=clock, audit=lambda _event: None)


async def _cancelled_after(moments: int, service: AsyncTwoFactor, code: str) -> bool:
    """Cancel a log-in after so many rounds of the event loop; return whether it was cancelled, or was done before."""
    task = asyncio.ensure_future(service.verify("user", code))
    for _ in range(moments):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False
