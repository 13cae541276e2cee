"""AES-256-GCM under a key for each user: the one module that needs `cryptography`.

Rules of this file:

1. The key of a user is HKDF-SHA256 (RFC 5869) of the master key, without salt, with the context as info. The master
   key itself encrypts nothing.
2. A nonce is 96 random bits, new for each seal.

Why random nonces are enough. Two seals under one key with one nonce would show the XOR of two records, and let
others be forged. SP 800-38D section 8.3 allows 2**32 seals under one key with random nonces; by the birthday bound the
chance that two of n nonces are alike is under n**2 / 2**97, which is 2**-33 there. By rule 1 these are the seals of
*one* user under *one* master key, also those whose swap was lost. A user who logs in once in each time step of 30
seconds makes 2**20 seals a year, and comes to 2**32 in 4 000 years. Somebody in a full session who asks for a new
secret 100 times a second, without a pause, comes to it in 16 months. Under the master key itself, a million users who
log in ten times a day would be there in 14 months: that is why each has a key of their own.
"""

from .._guard import Hidden
from ._keys import KEY_BYTES

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as _missing:
    raise ImportError('sealed records need cryptography: pip install "totpcore[sealing]"') from _missing


def encrypt(
    master: Hidden[bytes], context: bytes, nonce: bytes, plaintext: Hidden[bytes], header: Hidden[bytes]
) -> bytes:
    """Return the ciphertext, and behind it the tag of 16 bytes over the header, the context and the plaintext."""
    return _cipher(master, context).encrypt(nonce, plaintext.value, header.value + context)


def decrypt(
    master: Hidden[bytes], context: bytes, nonce: bytes, ciphertext: Hidden[bytes], header: Hidden[bytes]
) -> bytes | None:
    """Return the plaintext; `None` where the tag is another."""
    try:
        return _cipher(master, context).decrypt(nonce, ciphertext.value, header.value + context)
    except InvalidTag:
        return None


def _cipher(master: Hidden[bytes], context: bytes) -> AESGCM:
    # The two objects cost a third of a seal, a few microseconds: not worth a cache that would keep keys in memory.
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=context).derive(master.value))
