"""The second factor of an application, whose store and keys are settings of the environment."""

# page: begin
import os

from totpcore import TwoFactor
from totpcore.sealing import Keyring
from totpcore.stores import from_url


def second_factor() -> TwoFactor:
    """Call it once, when a worker starts."""
    store = from_url(os.environ["TOTPCORE_STORE"])
    return TwoFactor(store, issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))


# page: end
