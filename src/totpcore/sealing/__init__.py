"""Seals for the records at rest. `Keyring` needs `totpcore[sealing]`.

Rules of this package:

1. The whole record is sealed, and bound to its user: what was moved, changed, cut or lengthened does not open.
2. The first key seals, every key opens. A new key takes over with each record's next change, or by `reseal`.
3. No message, `repr` or frame of totpcore's shows a key. What encrypts is loaded when the first `Keyring` is made.
"""

from ._keyring import BrokenSeal, Keyring, UnknownKey
from ._plaintext import Plaintext
from ._resealing import Progress, reseal

__all__ = ["BrokenSeal", "Keyring", "Plaintext", "Progress", "UnknownKey", "reseal"]
