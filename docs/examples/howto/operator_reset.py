"""Reset one second factor from the shell of the server: the way in where no administrator is left.

    TOTPCORE_STORE=... TOTPCORE_KEYS=... python operator_reset.py USER ACTOR REASON

Whoever can run this can read the store and the keys anyway. Reset the password with it, as you always do, and clear the
flag in your user table: this program knows neither.
"""

import os
import sys

from totpcore import TwoFactor
from totpcore.sealing import Keyring
from totpcore.stores import from_url


def main(user: str, actor: str, reason: str) -> None:
    """Do it with the settings of the environment."""
    store = from_url(os.environ["TOTPCORE_STORE"])
    two_factor = TwoFactor(store, issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))
    before = two_factor.statuses([user])[user]
    two_factor.reset(user, actor=actor, reason=reason)
    sys.stdout.write(f"{user}: {getattr(before, 'state', 'unreadable')} -> {two_factor.status(user).state}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
