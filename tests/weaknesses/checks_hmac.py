"""V34, V35 and V86: how a code is computed, and how it is compared.

Rules of this file:

1. What is the same for every code is counted: the comparisons and the HMACs. Their time is measured in `tests/timing`.
2. What is expected comes from the RFCs, or from HMAC written out by hand. The long runs against others' programs are
   elsewhere: the oracles.
3. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
"""

import ast
import hashlib
import hmac
import re
from dataclasses import replace
from functools import partial
from itertools import chain
from random import Random
from unittest.mock import patch

import totpcore.otp
from gates import offences
from totpcore import HOTP, TOTP, InvalidSecret, _spending
from totpcore._guard import Hidden
from totpcore.vectors import rfc4226, rfc6238
from weaknesses.frame import TOTPCORE, Library, calls_in, holds, refuses, weakness
from weaknesses.twins import KEY, adopted, counting, faulty, with_line

# ---- V34: comparison that tells how much was right ----


def compares_with_equals() -> Library:
    """A line that compares what was typed with what is right."""
    return with_line("otp.py", "def is_right(typed, code): return typed.value == code")


@weakness("V34", twin=compares_with_equals)
def no_module_compares_a_secret_plainly(lib: Library) -> None:
    """`==`, `!=` and `in` do not stand beside a secret, a code or a digest: only `hmac.compare_digest` does.

    Public vectors, compared by `selftest` and by the stand-ins for tests, are no secrets. That the time tells nothing
    is measured in `tests/timing`.
    """
    compared = 0
    for module, source in lib.sources.items():
        compared += sum(ast.unparse(call.func) == "hmac.compare_digest" for call in calls_in(source))
        holds(not offences("plain comparison of secrets", module, source), f"{module} compares no secret plainly")
    holds(compared >= 3, "codes, recovery codes and secrets are compared in constant time")


def scans_with_equals() -> Library:
    """The scan of the window compares text with text."""

    def scan(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        code, digits = token._key.code, token.digits
        return [number for number in range(max(first, 0), last + 1) if code(number, digits) == typed.value]

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", scan)))


@weakness("V34", twin=scans_with_equals)
def every_comparison_takes_constant_time(lib: Library) -> None:
    """Each candidate of the window, and each digest of the set, goes through `hmac.compare_digest`.

    So it is for a right code, a wrong one, one that differs in its last digit only, and a spent one.
    """
    compared: list[tuple[object, object]] = []
    plainly = hmac.compare_digest

    def are_digits(text: object) -> bool:
        return type(text) is str and re.fullmatch("[0-9]{6}", text) is not None

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return plainly(one, other)

    user = adopted(lib)
    right, window = user.code(), 1 + sum(user.policy.window)
    almost = next(code for digit in "0123456789" if (code := right[:5] + digit) != right)
    wrong = "ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    with patch.object(hmac, "compare_digest", watched):
        for code in (almost, user.wrong(), right, right):
            compared.clear()
            user.verify(code)
            holds(len(compared) == window, "each candidate of the window is compared in constant time")
            holds(all(map(are_digits, chain(*compared))), "as the ASCII digits that both sides are")
        for code in (wrong, user.codes[0], user.codes[0]):
            compared.clear()
            user.recover(code)
            holds(len(compared) == user.policy.recovery_codes, "each digest is compared in constant time")
            holds(all(type(one) is type(other) is bytes for one, other in compared), "as bytes")
        compared.clear()
        holds(lib.secret(KEY) == lib.secret(KEY) and len(compared) == 1, "two secrets are compared so too")


# ---- V35: which step matched ----


def stops_when_it_has_found() -> Library:
    """The scan returns at the first match."""

    def scan(token: HOTP | TOTP, typed: Hidden[str], first: int, last: int) -> list[int]:
        for number in range(max(first, 0), last + 1):
            if totpcore.otp.scan(token, typed, number, number):
                return [number]
        return []

    return replace(TOTPCORE, two_factor=faulty((_spending, "scan", scan)))


@weakness("V35", twin=stops_when_it_has_found)
def a_hit_a_miss_and_a_replay_cost_the_same(lib: Library) -> None:
    """A code of the first, the middle or the last step, of none, or a spent one: as many HMACs as the window has steps.

    The same holds for an HOTP token, wherever the counter lies that the code belongs to. How many digests of recovery
    codes are compared is a check of V34.
    """
    for window in ((1, 1), (0, 0), (2, 2), (0, 2), (2, 0)):
        policy = lib.policy(window=window)
        steps = range(-window[0], window[1] + 1)
        for step in steps:
            user = adopted(lib, policy=policy)
            for code in (user.wrong(), user.code(step), user.code(step)):
                computed = list[bytes]()
                with patch.object(totpcore.otp, "_truncate", counting(computed)):
                    user.verify(code)
                holds(len(computed) == len(steps), "every candidate is computed, whichever matches")
    hotp = lib.hotp_token(lib.secret(KEY))
    for code in (hotp.code(0), hotp.code(5), hotp.code(10), hotp.code(500)):
        user, computed = adopted(lib, hotp), list[bytes]()
        with patch.object(totpcore.otp, "_truncate", counting(computed)):
            user.verify(code)
        holds(len(computed) == user.policy.look_ahead + 1, "and so it is for a counter")


# ---- V86: HMAC and truncation ----


def truncates_at_byte_nineteen() -> Library:
    """The offset stands in the twentieth byte, as for SHA-1."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        mac = hmac.digest(key, counter.to_bytes(8, "big"), algorithm.lower())
        start = mac[19] & 15
        return f"{(int.from_bytes(mac[start : start + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"

    return replace(TOTPCORE, hotp=hotp)


@weakness("V86", twin=truncates_at_byte_nineteen)
def codes_are_those_of_the_rfcs(lib: Library) -> None:
    """RFC 4226 appendix D, RFC 6238 appendix B, and keys of every odd length by HMAC written out from RFC 2104."""
    for row in rfc4226():
        token = lib.hotp_token(lib.secret(row.key), digits=row.digits, algorithm=row.algorithm)
        made = lib.hotp(row.key, row.counter, digits=row.digits, algorithm=row.algorithm)
        holds(made == token.code(row.counter) == row.expect, "RFC 4226, appendix D")
    for line in rfc6238():
        clock = lib.totp_token(lib.secret(line.key), digits=line.digits, algorithm=line.algorithm)
        made = lib.totp(line.key, line.at, digits=line.digits, algorithm=line.algorithm)
        holds(made == clock.code(line.at) == line.expect, f"RFC 6238, appendix B, {line.algorithm}")
        holds(clock.counter(line.at) == line.counter, "RFC 6238, appendix B, the time step")
    source = Random(86)
    for length in (0, 1, 7, 10, 11, 13, 19, 20, 21, 31, 33, 55, 63, 64, 65, 100, 127, 128, 129, 200):
        key, counter = source.randbytes(length), source.getrandbits(64)
        for name, block in (("SHA1", 64), ("SHA256", 64), ("SHA512", 128)):
            digits = source.choice((6, 7, 8))
            expected = by_hand(key, counter, digits, name, block)
            holds(lib.hotp(key, counter, digits=digits, algorithm=name) == expected, f"a key of {length} bytes, {name}")
            if 10 <= length <= 128:
                token = lib.hotp_token(lib.secret(key), digits=digits, algorithm=name)
                holds(token.code(counter) == expected, f"a token whose key has {length} bytes, {name}")
    holds(lib.hotp(b"", 1) == lib.hotp(bytes(20), 1) == "812658", "HMAC pads with NUL: a key of zeros is the empty key")
    holds(refuses(partial(lib.secret, bytes(20)), InvalidSecret), "which is why no secret is all zero")


def by_hand(key: bytes, counter: int, digits: int, name: str, block: int) -> str:
    """RFC 2104 section 2 and RFC 4226 section 5.3, with a hash, `xor` and nothing else."""

    def sha(data: bytes) -> bytes:
        return hashlib.new(name, data).digest()

    padded = (sha(key) if len(key) > block else key) + bytes(block)
    inner, outer = (bytes(byte ^ pad for byte in padded[:block]) for pad in (0x36, 0x5C))
    mac = sha(outer + sha(inner + counter.to_bytes(8, "big")))
    bits = "".join(f"{byte:08b}" for byte in mac)
    start = 8 * int(bits[-4:], 2)
    return str(int(bits[start + 1 : start + 32], 2) % 10**digits).zfill(digits)
