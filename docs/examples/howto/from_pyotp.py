"""Take the secrets of an application with pyotp over. Run it while nobody can log in.

    TOTPCORE_STORE=sqlite:////srv/app/second-factors.db TOTPCORE_KEYS=... python3 from_pyotp.py site.db

Rule 1. Run it twice, and nothing is lost: whoever has a second factor here is left as they are, with their flags. A
flag that a first run did not come to is set.
Rule 2. Users whom it cannot take over are listed, with the reason and without the secret; then the exit code is 1.
Rule 3. It removes nothing from the table. That is done when all is well, by from_pyotp.sql.
"""

import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import closing

from totpcore import AlreadyEnrolled, InvalidInput, TwoFactor
from totpcore.migrate import from_pyotp
from totpcore.sealing import Keyring
from totpcore.stores import from_url

# Not for users who have their flag: they may have made new recovery codes since a first run.
FLAGS = """UPDATE users SET has_second_factor = 1, codes_shown = 0
    WHERE id = ? AND has_second_factor IS NOT TRUE"""


def take_over(
    two_factor: TwoFactor,
    secrets: Iterable[tuple[str, str]],
    *,
    now: float,
    valid_window: int = 0,
    allow_weak: bool = False,
) -> dict[str, str]:
    """Adopt each user's secret, and return who has to set up anew, and why.

    `valid_window` is what the application passed to pyotp's `verify`.
    """
    left: dict[str, str] = {}
    for user, base32 in secrets:
        try:
            moved = from_pyotp(base32, valid_window=valid_window)
            # pyotp leaves no trace of the codes that were used: all that it would take now count as spent.
            two_factor.adopt(user, moved.token, spent=moved.spent_by(now), allow_weak=allow_weak)
        except AlreadyEnrolled:
            continue
        except InvalidInput as error:
            left[user] = str(error)
    return left


def main(path: str) -> int:
    """Do it with the table `users` of a database, and set the application's own flag."""
    two_factor = TwoFactor(from_url(os.environ["TOTPCORE_STORE"]), issuer="ACME", sealer=Keyring.from_env())
    with closing(sqlite3.connect(path)) as site, site:
        rows = site.execute("SELECT id, totp_secret FROM users WHERE totp_secret IS NOT NULL")
        secrets = {str(user): str(secret) for user, secret in rows}
        left = take_over(two_factor, secrets.items(), now=time.time())
        moved = [(user,) for user in secrets if user not in left]
        site.executemany(FLAGS, moved)
    for user, why in left.items():
        sys.stdout.write(f"{user}: {why}\n")
    sys.stdout.write(f"{len(moved)} have a second factor here\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
