"""Seal the records that are still in clear. Run it once, while the panel is stopped."""

from totpcore import Plaintext
from totpcore.sealing import Keyring, reseal
from totpcore.stores import SQLiteStore

print(reseal(SQLiteStore("second-factors.db"), Keyring.from_file("totp.keys"), previous=Plaintext()))
