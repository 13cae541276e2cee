"""The oracles: liboath through `ctypes`, and cryptography's one-time passwords.

Rules of this file:

1. An oracle says `None` where it cannot answer: liboath's HOTP knows SHA-1 alone, its TOTP counts with a signed 64-bit
   time, and cryptography's TOTP divides in floating point, which is exact only for times well below 2**53.
2. Signatures of liboath are those of its manual, oath_hotp_generate(3) and oath_totp_generate2(3).
3. A library that is missing is named by `missing`; `conftest.py` skips then, or fails.
"""

import ctypes
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Final

from totpcore.otp import Algorithm

from .cases import Case

LIBOATH: Final = "liboath.so.0"  # Debian: liboath0
_DYNAMIC_TRUNCATION: Final = ctypes.c_size_t(-1).value  # oath.h: OATH_HOTP_DYNAMIC_TRUNCATION
_FLAGS: Final = {Algorithm.SHA1: 0, Algorithm.SHA256: 1, Algorithm.SHA512: 2}  # oath.h: OATH_TOTP_HMAC_SHA256, _SHA512
_LARGEST_TIME: Final = 2**63 - 1
_EXACT_IN_FLOAT: Final = 2**50

Oracle = Callable[[Case], str | None]


def missing() -> list[str]:
    """The libraries that this machine lacks."""
    found = {"cryptography": importlib.util.find_spec("cryptography") is not None, LIBOATH: True}
    try:
        ctypes.CDLL(LIBOATH)
    except OSError:
        found[LIBOATH] = False
    return [name for name, there in found.items() if not there]


def oracles() -> Mapping[str, Oracle]:
    """The oracles by name."""
    return liboath(ctypes.CDLL(LIBOATH)) | cryptography()


def liboath(library: ctypes.CDLL) -> dict[str, Oracle]:
    """HOTP, TOTP with steps of one second, which is HOTP for every hash, and TOTP as it is used."""
    if library.oath_init() != 0:
        raise RuntimeError("liboath does not start")
    hotp, totp = library.oath_hotp_generate, library.oath_totp_generate2
    hotp.restype = totp.restype = ctypes.c_int
    secret: list[Any] = [ctypes.c_char_p, ctypes.c_size_t]
    hotp.argtypes = [*secret, ctypes.c_uint64, ctypes.c_uint, ctypes.c_bool, ctypes.c_size_t, ctypes.c_char_p]
    time: list[Any] = [ctypes.c_int64, ctypes.c_uint, ctypes.c_int64]
    totp.argtypes = [*secret, *time, ctypes.c_uint, ctypes.c_int, ctypes.c_char_p]
    room = ctypes.create_string_buffer(9)

    def answer(status: int) -> str:
        if status != 0:
            raise RuntimeError(f"liboath answers {status}")
        return room.value.decode("ascii")

    def by_counter(case: Case) -> str | None:
        if case.algorithm is not Algorithm.SHA1:
            return None
        key, digits = case.key, case.digits
        return answer(hotp(key, len(key), case.counter, digits, False, _DYNAMIC_TRUNCATION, room))

    def by_second(case: Case) -> str | None:
        if case.counter > _LARGEST_TIME:
            return None
        return answer(totp(case.key, len(case.key), case.counter, 1, 0, case.digits, _FLAGS[case.algorithm], room))

    def by_time(case: Case) -> str | None:
        if case.at > _LARGEST_TIME:
            return None
        numbers = (case.at, case.period, case.t0, case.digits, _FLAGS[case.algorithm])
        return answer(totp(case.key, len(case.key), *numbers, room))

    return {"liboath HOTP": by_counter, "liboath TOTP, 1 s": by_second, "liboath TOTP": by_time}


def cryptography() -> dict[str, Oracle]:
    """HOTP and TOTP of the package cryptography."""
    family = "cryptography.hazmat.primitives"
    hotp: Any = importlib.import_module(f"{family}.twofactor.hotp").HOTP
    totp: Any = importlib.import_module(f"{family}.twofactor.totp").TOTP
    hashes: Any = importlib.import_module(f"{family}.hashes")
    known = {algorithm: getattr(hashes, algorithm.value)() for algorithm in Algorithm}

    def by_counter(case: Case) -> str | None:
        token = hotp(case.key, case.digits, known[case.algorithm], enforce_key_length=False)
        return bytes(token.generate(case.counter)).decode("ascii")

    def by_time(case: Case) -> str | None:
        if case.at - case.t0 > _EXACT_IN_FLOAT:
            return None
        token = totp(case.key, case.digits, known[case.algorithm], case.period, enforce_key_length=False)
        return bytes(token.generate(case.at - case.t0)).decode("ascii")

    return {"cryptography HOTP": by_counter, "cryptography TOTP": by_time}
