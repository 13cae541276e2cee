"""The seal, written down a second time from `docs/reference/sealing.md` alone.

It shares no line with totpcore: HKDF is RFC 5869 by hand on `hmac`, and AES-GCM is the other interface of
`cryptography`.
"""

import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def derived_by_hand(key: bytes, context: bytes) -> bytes:
    """Return the key of one user."""
    pseudorandom = hmac.digest(bytes(32), key, "sha256")  # RFC 5869 section 2.2: no salt is HashLen zeros
    return hmac.digest(pseudorandom, context + b"\x01", "sha256")  # section 2.3: the first block is all of 32 bytes


def sealed_by_hand(key: bytes, key_id: str, nonce: bytes, context: bytes, plaintext: bytes) -> bytes:
    """Return what the page says is stored."""
    derived = derived_by_hand(key, context)
    header = b"\x01" + bytes([len(key_id)]) + key_id.encode() + nonce
    encryptor = Cipher(algorithms.AES(derived), modes.GCM(nonce)).encryptor()
    encryptor.authenticate_additional_data(header + context)
    return header + encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag
