"""For the tests of others: a clock set by hand, a phone, and the contract that every store has to meet.

Rules of this package:

1. It needs no test framework. The contract is a class with `test_` methods and one fixture, as pytest collects it.
2. It checks with `expect`, not `assert`, so that `python -O` cannot turn it off.
3. Races are run for real: threads and processes, released at once.
"""

from ._contract import StoreContract
from ._life import StoreFactory
from ._stand_ins import HandClock, Phone

__all__ = ["HandClock", "Phone", "StoreContract", "StoreFactory"]
