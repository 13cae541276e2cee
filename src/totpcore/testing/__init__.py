"""For the tests of others: a clock set by hand, a phone, and the contract that every store has to meet.

Rules of this package:

1. It needs no test framework. The contracts are classes with `test_` methods and one fixture, as pytest collects them.
2. It checks with `expect`, not `assert`, so that `python -O` cannot turn it off.
3. Races are run for real: threads, tasks and processes, released at once.
"""

from ._async_contract import AsyncStoreContract, AsyncStoreFactory
from ._contract import StoreContract
from ._opening import StoreFactory
from ._stand_ins import HandClock, Phone

__all__ = ["AsyncStoreContract", "AsyncStoreFactory", "HandClock", "Phone", "StoreContract", "StoreFactory"]
