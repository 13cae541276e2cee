"""cryptography's `twofactor`, asked."""

import base64
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import constant_time, hmac, twofactor
from cryptography.hazmat.primitives.hashes import MD5, SHA1, SHA256, SHA512
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from .facts import BASE32, CODE, KEY, NOW, STEP, fact, in_pickle, milliseconds, needed, order, raised, typed, wrong
from .stateless import Stateless, public


def token(key: bytes = KEY, algorithm: SHA1 | SHA256 | SHA512 | None = None, *, enforce: bool = True) -> TOTP:
    """Return a token."""
    return TOTP(key, 6, algorithm or SHA1(), 30, enforce_key_length=enforce)  # SHA-1 is what apps know


_CALLS = {"generate", "verify", "get_provisioning_uri"}


class Cryptography(Stateless):
    """`cryptography.hazmat.primitives.twofactor`."""

    name: ClassVar[str] = "cryptography"
    distribution: ClassVar[str] = "cryptography"
    package: ClassVar[str] = "cryptography"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.totp = token()

    def accepts(self, code: bytes | str = CODE) -> bool:
        text = code.encode() if isinstance(code, str) else code
        return not raised(lambda: self.totp.verify(text, NOW))

    def replay(self) -> str:
        return fact("accepted", self.accepts(), self.accepts())

    def window(self) -> str:
        codes = [self.totp.generate(NOW + 30 * offset) for offset in (-1, 0, 1)]
        return fact("none: call it for each step", [self.accepts(code) for code in codes] == [False, True, False])

    def spaces(self) -> str:
        return fact("wrong", not self.accepts(f"{CODE[:3]} {CODE[3:]}"))

    def comparison(self) -> str:
        with patch.object(constant_time, "bytes_eq", wraps=constant_time.bytes_eq) as spied:
            self.accepts()
        return fact("constant time: of the one candidate", spied.call_count == 1)

    def refusal(self) -> str:
        return fact("an exception", raised(lambda: self.totp.verify(wrong(CODE).encode(), NOW)) == "InvalidToken")

    def at_rest(self) -> str:
        fernet = Fernet(Fernet.generate_key())
        return fact("yours: `Fernet` is in the same package", fernet.decrypt(fernet.encrypt(KEY)) == KEY)

    def recovery(self) -> str:
        return fact("yours", not [name for name in dir(twofactor) if "recover" in name.lower()])

    def shortest(self) -> str:
        taken = [size for size in range(1, 21) if not raised(partial(token, b"k" * size))]
        return fact(
            "16 bytes: 1, where it is asked for",
            taken == list(range(16, 21)), not raised(lambda: token(b"k", enforce=False)),
        )  # fmt: skip

    def zeros(self) -> str:
        return fact("taken", not raised(lambda: token(bytes(20))))

    def base32(self) -> str:
        text = token(BASE32)  # type: ignore[arg-type]  # it is taken at first
        return fact(
            "takes bytes: of text it is an error to make a code",
            token(base64.b32decode(BASE32)).generate(NOW).decode() == CODE,
            raised(lambda: text.generate(NOW)) == "TypeError",
        )  # fmt: skip

    def shown(self) -> str:
        return fact("not in `repr`: a pickle holds it", KEY.decode() not in repr(self.totp), in_pickle(KEY, self.totp))

    def uri(self) -> str:
        uri = self.totp.get_provisioning_uri("alice smith", "A C: E")
        return fact("`+` in the issuer; `%3A`", "/A%20C%3A%20E:alice%20smith?" in uri, "issuer=A+C%3A+E" in uri)

    def reads_uri(self) -> str:
        return fact("no", not [name for name in dir(TOTP) + dir(twofactor) if "parse" in name or "from" in name])

    def counter_based(self) -> str:
        return fact("yes", HOTP(KEY, 6, SHA1()).generate(STEP).decode() == CODE)

    def hashes(self) -> str:
        taken: list[SHA1 | SHA256 | SHA512] = [SHA1(), SHA256(), SHA512()]
        return fact(
            "SHA-1, SHA-256, SHA-512",
            not any(raised(partial(TOTP, KEY, 6, each, 30)) for each in taken),
            raised(lambda: TOTP(KEY, 6, MD5(), 30)) == "TypeError",  # type: ignore[arg-type]  # it is refused
        )  # fmt: skip

    def life(self) -> str:
        return fact("yours", public(TOTP) == _CALLS)

    def devices(self) -> str:
        return fact("yours", public(twofactor) - {"annotations"} == {"InvalidToken", "hotp", "totp"})

    def types(self) -> str:
        return fact("yes", typed("cryptography"))

    def needs(self) -> str:
        return fact("cffi: and is compiled", needed("cryptography") == {"cffi"}, "_rust" in hmac.HMAC.__module__)

    def import_time(self) -> str:
        return order("tens", milliseconds("import cryptography.hazmat.primitives.twofactor.totp"))

    def better(self) -> Iterator[str]:
        yield fact(
            "Its HMAC is compiled code on OpenSSL, from a project whose one subject is cryptography. totpcore calls "
            "Python's `hmac` and `hashlib`, and what stands around them is Python.",
            "_rust.openssl" in hmac.HMAC.__module__,
        )  # fmt: skip
        yield fact(
            "Two classes of three methods, no clock, no state: the smallest thing to review, and to build on.",
            public(TOTP) == _CALLS, "time" in TOTP.verify.__code__.co_varnames,
        )  # fmt: skip
        yield fact("A key under 16 bytes has to be asked for.", self.shortest().startswith("16 bytes"))
