"""pyotp, asked."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import pyotp
from pyotp.contrib.steam import Steam

from .facts import BASE32, CODE, NOW, STEP, fact, in_pickle, milliseconds, needed, order, raised, typed, wrong
from .stateless import Stateless, public

_CLASSES = {"Any", "HOTP", "OTP", "OTPVerificationError", "PyOTPError", "Sequence", "TOTP"}


class Pyotp(Stateless):
    """`pyotp.TOTP`."""

    name: ClassVar[str] = "pyotp"
    distribution: ClassVar[str] = "pyotp"
    package: ClassVar[str] = "pyotp"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.totp = pyotp.TOTP(BASE32)

    def accepts(self, code: str = CODE, **more: int) -> bool:
        return self.totp.verify(code, for_time=NOW, **more)

    def replay(self) -> str:
        kept = self.totp.verify_and_get_timecode(CODE, for_time=NOW)
        return fact(
            "accepted: the step can be had, for you to keep",
            self.accepts(), self.accepts(), kept == STEP,
        )  # fmt: skip

    def window(self) -> str:
        codes = [self.totp.at(NOW, counter_offset=offset) for offset in (-1, 0, 1, 50)]
        return fact(
            "none: any number of steps by `valid_window`",
            [self.accepts(code) for code in codes] == [False, True, False, False],
            self.accepts(codes[3], valid_window=50),
        )  # fmt: skip

    def spaces(self) -> str:
        return fact("wrong", not self.accepts(f"{CODE[:3]} {CODE[3:]}"))

    def comparison(self) -> str:
        with patch("pyotp.utils.compare_digest", wraps=hmac.compare_digest) as spied:
            self.accepts(self.totp.at(NOW, counter_offset=-1), valid_window=1)
            hit = spied.call_count
            self.accepts(wrong(CODE), valid_window=1)
        return fact("constant time: until the first hit", hit == 1, spied.call_count == 1 + 3)

    def refusal(self) -> str:
        return fact("`False`", self.accepts(wrong(CODE)) is False)

    def at_rest(self) -> str:
        return fact("yours", self.totp.secret == BASE32)

    def recovery(self) -> str:
        return fact("yours", not [name for name in dir(pyotp) if "recover" in name.lower() or "backup" in name.lower()])

    def shortest(self) -> str:
        taken = [size for size in range(1, 21) if not raised(partial(pyotp.TOTP, _base32_of(size)))]
        return fact("14 bytes", taken == list(range(14, 21)))

    def zeros(self) -> str:
        return fact("taken", not raised(lambda: pyotp.TOTP("A" * 32)))

    def base32(self) -> str:
        grouped = " ".join(BASE32[start : start + 4] for start in range(0, 32, 4))
        return fact(
            "without spaces: a wrong character is refused, and so is a space",
            raised(lambda: pyotp.TOTP(f"1{BASE32[1:]}")) == "Error",
            raised(lambda: pyotp.TOTP(grouped)) == "Error",
            pyotp.TOTP(BASE32.lower()).at(NOW) == CODE,
        )  # fmt: skip

    def shown(self) -> str:
        return fact("not in `repr`: a pickle holds it", BASE32 not in repr(self.totp), in_pickle(BASE32, self.totp))

    def uri(self) -> str:
        uri = self.totp.provisioning_uri(name="alice smith", issuer_name="A C: E")
        return fact("`%20`; `%3A`", "/A%20C%3A%20E:alice%20smith?" in uri, "issuer=A%20C%3A%20E" in uri)

    def reads_uri(self) -> str:
        return fact("yes", pyotp.parse_uri(self.totp.provisioning_uri(name="alice")).secret == BASE32)

    def counter_based(self) -> str:
        return fact("yes", pyotp.HOTP(BASE32).at(STEP) == CODE)

    def hashes(self) -> str:
        sizes = [len(pyotp.TOTP(BASE32, digest=digest).at(NOW)) for digest in (hashlib.sha512, hashlib.sha3_256)]
        refused = raised(lambda: pyotp.TOTP(BASE32, digest=hashlib.md5))
        return fact("any of `hashlib`: but MD5", sizes == [6, 6], refused == "ValueError")

    def life(self) -> str:
        codes = {"at", "now", "verify", "verify_and_get_timecode", "timecode", "generate_otp", "provisioning_uri"}
        keys = {"byte_secret", "int_to_bytestring", "min_secret_length_bits"}
        return fact("yours", public(pyotp.TOTP) == codes | keys)

    def devices(self) -> str:
        return fact("yours", {each for each in public(pyotp) if each[0].isupper()} == _CLASSES)

    def types(self) -> str:
        return fact("yes", typed("pyotp"))

    def needs(self) -> str:
        return fact("nothing", needed("pyotp") == set())

    def import_time(self) -> str:
        return order("tens", milliseconds("import pyotp"))

    def better(self) -> Iterator[str]:
        yield fact(
            "Two calls are a code and its check. There is nothing to store, and so nothing to set up or to understand "
            "first.",
            pyotp.TOTP(BASE32).verify(pyotp.TOTP(BASE32).now(), valid_window=1),
        )  # fmt: skip
        yield fact(
            "It makes what totpcore refuses: up to ten digits, Steam's letters, codes by SHA-3.",
            len(pyotp.TOTP(BASE32, digits=10).at(NOW)) == 10,
            len(Steam(BASE32).at(NOW)) == 5,
            len(pyotp.TOTP(BASE32, digest=hashlib.sha3_256).at(NOW)) == 6,
        )  # fmt: skip
        yield fact(
            "It takes no secret under 14 bytes, which is what SP 800-63B-4 asks for. totpcore reads 10, and "
            "marks them.",
            self.shortest() == "14 bytes",
        )  # fmt: skip


def _base32_of(size: int) -> str:
    return base64.b32encode(b"k" * size).decode()
