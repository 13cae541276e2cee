"""Independent oracles: what others compute from the same key, counter, digits and hash.

Rules of this folder:

1. An oracle shares no code with totpcore: liboath (C, its own HMAC), cryptography's `HOTP` and `TOTP` (OpenSSL's HMAC,
   its own truncation), and the HMAC cases of Wycheproof.
2. The cases come from a seeded generator that is fond of edges: keys about the block sizes of the hashes, counters
   about the powers of two. A seed and a number give the same cases again.
3. A comparison that cannot see a fault proves nothing: `test_oracles.py` puts wrong implementations in totpcore's
   place.
"""
