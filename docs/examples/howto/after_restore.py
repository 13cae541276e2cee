"""Void what a restored backup would accept once more. Run it before anybody can log in.

    TOTPCORE_STORE=sqlite:////srv/app/second-factors.db TOTPCORE_KEYS=... python3 after_restore.py

Rule 1. It changes nothing but upwards: run it twice, and nothing is lost.
Rule 2. Users for whom it cannot do that are listed, and need a `reset`; then the exit code is 1.
"""

import os
import sys

from totpcore import RecordUnreadable, StateError, TwoFactor
from totpcore.ports import ListsUsers, Store
from totpcore.sealing import Keyring
from totpcore.stores import from_url


def raise_floors(two_factor: TwoFactor, store: Store) -> dict[str, str]:
    """Raise everybody's floor, and return who has to be reset, and why."""
    if not isinstance(store, ListsUsers):
        raise TypeError("the store lists no users: take the user ids from your own table")
    to_reset: dict[str, str] = {}
    for user in store.users():
        try:
            two_factor.raise_floor(user)
        except StateError:
            to_reset[user] = "a counter-based token: only its holder knows the counter"
        except RecordUnreadable:
            to_reset[user] = "the record does not open: is the key of that day in the list?"
    return to_reset


def main() -> int:
    """Do it with the settings of the environment."""
    store = from_url(os.environ["TOTPCORE_STORE"])
    two_factor = TwoFactor(store, issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))
    to_reset = raise_floors(two_factor, store)
    for user, why in sorted(to_reset.items()):
        sys.stdout.write(f"reset {user}: {why}\n")
    return 1 if to_reset else 0


if __name__ == "__main__":
    sys.exit(main())
