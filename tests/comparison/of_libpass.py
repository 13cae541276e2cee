"""libpass, which continues passlib and is imported as `passlib`, asked."""

import base64
import json
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import passlib.hash
from passlib import totp as module
from passlib.totp import TOTP

from .facts import BASE32, CODE, KEY, NOW, STEP, fact, in_pickle, milliseconds, needed, order, raised, typed, wrong
from .stateless import Stateless, public

_CLASSES = {"AppWallet", "TOTP", "TotpMatch", "TotpToken"} | {
    "InvalidTokenError", "MalformedTokenError", "TokenError", "UsedTokenError"
}  # fmt: skip


class Libpass(Stateless):
    """`passlib.totp.TOTP`."""

    name: ClassVar[str] = "libpass"
    distribution: ClassVar[str] = "libpass"
    package: ClassVar[str] = "passlib"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.totp = TOTP(BASE32)

    def accepts(self, code: str = CODE, **more: object) -> bool:
        return not raised(lambda: self.totp.match(code, NOW, **more))

    def replay(self) -> str:
        return fact(
            "accepted: unless you keep the counter, and pass it",
            self.accepts(), self.accepts(),
            raised(lambda: self.totp.match(CODE, NOW, last_counter=STEP)) == "UsedTokenError",
        )  # fmt: skip

    def window(self) -> str:
        codes = [self.totp.generate(NOW + 30 * offset).token for offset in (-2, -1, 0, 1, 2)]
        return fact(
            "30 seconds each way: any number of seconds by `window`",
            [self.accepts(code) for code in codes] == [False, True, True, True, False],
            self.accepts(self.totp.generate(NOW + 1500).token, window=1500),
        )  # fmt: skip

    def spaces(self) -> str:
        return fact("read", self.accepts(f"{CODE[:3]} {CODE[3:]}"))

    def comparison(self) -> str:
        with patch.object(module, "consteq", wraps=module.consteq) as spied:
            self.accepts(self.totp.generate(NOW - 30).token)
            hit = spied.call_count
            self.accepts(wrong(CODE))
        return fact("constant time: until the first hit", hit == 1, spied.call_count == 1 + 3)

    def refusal(self) -> str:
        return fact("an exception", raised(lambda: self.totp.match(wrong(CODE), NOW)) == "InvalidTokenError")

    def at_rest(self) -> str:
        factory = TOTP.using(secrets={"1": "an application secret"})
        kept = factory(BASE32).to_dict()
        ciphertext = bytearray(base64.b32decode(kept["enckey"]["k"]))
        ciphertext[0] ^= 1
        other = {**kept, "enckey": {**kept["enckey"], "k": base64.b32encode(ciphertext).decode()}}
        return fact(
            "encrypted: AES-256-CTR, with nothing to notice a flipped bit",
            BASE32 not in json.dumps(kept),
            factory.from_dict(kept).key == KEY,
            factory.from_dict(other).key == bytes([KEY[0] ^ 1]) + KEY[1:],
        )  # fmt: skip

    def recovery(self) -> str:
        return fact(
            "yours", not [name for name in dir(module) if "recover" in name.lower() or "backup" in name.lower()]
        )

    def shortest(self) -> str:
        def warned(size: int) -> int:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                TOTP(b"k" * size, format="raw")
            return len(caught)

        counts = [warned(size) for size in range(1, 21)]
        return fact("1 byte: with a warning under 10", counts == [1] * 9 + [0] * 11)

    def zeros(self) -> str:
        return fact("taken", not raised(lambda: TOTP("A" * 32)))

    def base32(self) -> str:
        grouped = " ".join(BASE32[start : start + 4] for start in range(0, 32, 4))
        return fact(
            "with spaces: a `1` is refused, `8` and `0` are read as `B` and `O`",
            raised(lambda: TOTP(f"1{BASE32[1:]}")) == "Error",
            TOTP(grouped).key == KEY,
            TOTP(f"8{BASE32[1:]}").key == TOTP(f"B{BASE32[1:]}").key,
            TOTP(f"0{BASE32[1:]}").key == TOTP(f"O{BASE32[1:]}").key,
        )  # fmt: skip

    def shown(self) -> str:
        new = TOTP(BASE32)
        return fact("not in `repr`: a pickle holds it", BASE32 not in repr(new), in_pickle(KEY, new))

    def uri(self) -> str:
        uri = TOTP(BASE32, label="alice smith", issuer="A C").to_uri()
        return fact(
            "`%20`; refused",
            "/A%20C:alice%20smith?" in uri, "issuer=A%20C" in uri,
            raised(lambda: TOTP(BASE32, label="a", issuer="A:C")) == "ValueError",
        )  # fmt: skip

    def reads_uri(self) -> str:
        return fact("yes", TOTP.from_uri(self.totp.to_uri(label="alice")).key == KEY)

    def counter_based(self) -> str:
        uri = self.totp.to_uri(label="alice").replace("totp", "hotp")
        return fact("no", not hasattr(module, "HOTP"), raised(lambda: TOTP.from_uri(uri)) == "NotImplementedError")

    def hashes(self) -> str:
        algorithms = ("sha1", "sha256", "sha512", "sha3_256")
        return fact(
            "any of `hashlib`: but MD5",
            all(TOTP(BASE32, alg=name).generate(NOW).token for name in algorithms),
            raised(lambda: TOTP(BASE32, alg="md5").generate(NOW)) == "AssertionError",
        )  # fmt: skip

    def life(self) -> str:
        codes = {"generate", "match", "verify", "now", "normalize_time", "normalize_token"}
        made = {"new", "using", "from_dict", "from_json", "from_source", "from_uri", "to_dict", "to_json", "to_uri"}
        kept = {"alg", "digits", "issuer", "key", "label", "period", "wallet", "changed", "encrypted_key"}
        shown = {"base32_key", "hex_key", "pretty_key", "json_version", "min_json_version"}
        return fact("yours", public(TOTP) == codes | made | kept | shown)

    def devices(self) -> str:
        return fact("yours", set(module.__all__) == _CLASSES)

    def types(self) -> str:
        return fact("no", not typed("passlib"))

    def needs(self) -> str:
        return fact(
            "nothing: cryptography, to encrypt", needed("libpass") == set(), find_spec("cryptography") is not None
        )

    def import_time(self) -> str:
        return order("tens", milliseconds("import passlib.totp"))

    def better(self) -> Iterator[str]:
        factory = TOTP.using(secrets={"1": "an application secret"})
        later = TOTP.using(secrets={"1": "an application secret", "2": "a newer one"})
        line = factory(BASE32).to_json()
        yield fact(
            "A key with its parameters is one line of JSON, encrypted, which you keep where you like; `changed` says "
            "when to write it anew, after its application secret was changed.",
            "\n" not in line, factory.from_json(line).key == KEY,
            later.from_json(line).changed, not factory.from_json(line).changed,
        )  # fmt: skip
        yield fact(
            "An application secret that people chose is stretched by PBKDF2. `Keyring` takes 32 random bytes and "
            "nothing else.",
            json.loads(line)["enckey"]["c"] == 14,
        )  # fmt: skip
        yield fact("The same package hashes passwords, by many schemes.", len(passlib.hash.__dir__()) > 30)
