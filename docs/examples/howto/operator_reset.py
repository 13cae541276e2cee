"""Reset one second factor from the shell of the server: the way in where no administrator is left.

    TOTPCORE_STORE=... TOTPCORE_KEYS=... python3 operator_reset.py USER ACTOR REASON

Whoever can run this can read the store and the keys anyway. This program knows nothing of your user
table. So reset the password first, as you always do, and raise the version that sessions and tokens are tied to; then
run it; then clear the flag.
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
