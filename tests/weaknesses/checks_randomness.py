"""V38, V39 and V40: how a shared secret is made.

Rules of this file:

1. Where it matters what is drawn, randomness is `seeded`: the operating system's source is stood in for, and whatever
   else the library draws from is thereby found out.
2. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
"""

import ast
import base64
import hashlib
import hmac
import inspect
import json
import random
import re
import secrets
import warnings
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import Final, cast
from unittest.mock import patch

from gates import imported, offences
from totpcore import Enrolment, InvalidParameters, Secret, TwoFactor, _core
from totpcore.testing._races import in_processes
from weaknesses.frame import TOTPCORE, Library, User, holds, refuses, weakness
from weaknesses.twins import faulty, plain, seeded, stored, with_line

# ---- V38: too short by default ----


def counts_base32_characters() -> Library:
    """The length is that of the text, so that the default of 20 means 100 bits."""

    class Shorter(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(secrets.token_bytes(nbytes * 5 // 8))

    return replace(TOTPCORE, secret=Shorter, two_factor=faulty((_core, "Secret", Shorter)))


@weakness("V38", twin=counts_base32_characters)
def a_new_secret_has_160_bits(lib: Library) -> None:
    """By default 20 bytes, 32 characters without padding; never fewer than 16 bytes, and `nbytes` says what is meant.

    Under SHA-256 and SHA-512 a new secret is as long as the hash's output (RFC 6238 section 5.1).
    """
    holds(list(inspect.signature(lib.secret.generate).parameters) == ["nbytes"], "the parameter is named `nbytes`")
    made = lib.secret.generate()
    holds(len(made.reveal()) == 20, "the default is 20 bytes")
    holds(re.fullmatch("[A-Z2-7]{32}", made.base32) is not None, "that is 32 characters, unpadded")
    for nbytes in (16, 20, 32, 64, 128):
        holds(len(lib.secret.generate(nbytes).reveal()) == nbytes, "as many bytes are made as were asked for")
    for nbytes in (-1, 0, 10, 15, 129):
        holds(refuses(partial(lib.secret.generate, nbytes), InvalidParameters), "no new secret has under 128 bits")
        holds(refuses(partial(lib.policy, secret_bytes=nbytes), InvalidParameters), "no policy asks for one")
    for nbytes in cast("list[int]", [True, 20.0, "20", None]):
        holds(refuses(partial(lib.secret.generate, nbytes), TypeError), "a length is an int")
    for policy, length in (
        (lib.policy(), 20),
        (lib.policy(algorithm="SHA256"), 32),
        (lib.policy(algorithm="SHA512"), 64),
        (lib.policy(secret_bytes=16), 16),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # apps that do not know SHA-256 are the matter of V76
            enrolment = User(lib, policy=policy).service.enrol("alice", account="alice")
        holds(len(enrolment.secret.reveal()) == length, "a set-up has as long a secret")


# ---- V39: generator ----


def imports_random() -> Library:
    """A module that has a guessable source within reach."""
    return with_line("secret.py", "from random import choice")


@weakness("V39", twin=imports_random)
def no_guessable_source_is_within_reach(lib: Library) -> None:
    """No module imports `random`, `uuid` or numpy, and few import `time`: for the clock in the shell, or a deadline.

    The Django app has the clock of its service once more, for the age of a half session, and draws temporary passwords.
    The command line reads it for a code of now, and for when to draw a line anew.
    """
    with_time = {
        "_shell.py", "cli/_auditing.py", "cli/_importing.py", "cli/_progress.py", "cli/_tokens.py", "cli/_watching.py",
        "django/conf.py", "stores/sqlite.py", "stores/_postgres_pool.py", "stores/_postgres_pool_async.py",
        "testing/_contract.py",
    }  # fmt: skip
    drawing = set[str]()
    for module, source in lib.sources.items():
        found = {name.partition(".")[0] for _, name in imported(ast.parse(source))}
        holds(not offences("guessable randomness", module, source), f"{module} imports no guessable source")
        holds("time" not in found or module in with_time, f"{module} needs no clock")
        drawing |= {module} if "secrets" in found else set()
    known = {"secret.py", "recovery.py", "_transitions.py", "sealing/_keyring.py", "django/_resetting.py"}
    holds(drawing == known, "randomness is drawn where it is known to be")


def draws_from_random() -> Library:
    """`random`, which whoever knows or sets the seed can repeat."""

    class Repeats(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(random.randbytes(nbytes))

    return replace(TOTPCORE, secret=Repeats, two_factor=faulty((_core, "Secret", Repeats)))


@weakness("V39", twin=draws_from_random)
def everything_drawn_comes_from_secrets(lib: Library) -> None:
    """A seed of `random` repeats nothing, in no child either; secret, recovery codes, salt and generation are drawn."""
    state = random.getstate()

    def draw() -> str:
        random.seed(0)
        return str(lib.secret.generate().base32 + lib.recovery_codes.generate(1)[0])

    try:
        drawn = [draw() for _ in range(4)] + [str(one) for one in in_processes([draw] * 4)]
    finally:
        random.setstate(state)
    holds(len({one[:32] for one in drawn}) == len({one[32:] for one in drawn}) == 8, "a seed repeats nothing")
    with seeded(39) as source:
        user = User(lib).on()
        active = json.loads(stored(user))["active"]
        salt, generation = base64.b64decode(active["recovery"]["salt"]), active["generation"]
        holds(user.phone.uri.token.secret.reveal() in source, "the secret is what `secrets` gave, and all of it")
        holds(salt in source, "so is the salt")
        holds(base64.urlsafe_b64decode(generation + "==") in source, "so is the name of the credential")
        bits = {
            sum(ALPHABET.index(digit) << 5 * place for place, digit in enumerate(plain(code)[::-1]))
            for code in user.codes
        }
        holds(bits <= {int.from_bytes(one, "big") for one in source}, "so is each recovery code")


ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def never_makes_the_last_byte() -> Library:
    """`floor(random * 255)`: no byte is ever 255."""

    class Biased(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(bytes(byte * 255 // 256 for byte in secrets.token_bytes(nbytes)))

    return replace(TOTPCORE, secret=Biased)


@weakness("V39", twin=never_makes_the_last_byte)
def every_byte_is_equally_likely(lib: Library) -> None:
    """Over 400 000 bytes of generated secrets, each value is as frequent as chance has it (chi-squared, 255 degrees).

    The source is seeded, so that the figure is always the same: it is the making of a secret that could be biased.
    """
    with seeded(39):
        made = b"".join(lib.secret.generate(128).reveal() for _ in range(3200))
    counts, expected = Counter(made), len(made) / 256
    statistic = sum((counts[value] - expected) ** 2 / expected for value in range(256))
    holds(150 < statistic < 370, "the values of the bytes are equally frequent")


# ---- V40: derived from user data ----


class Derives(TwoFactor):
    """Makes the secret from who somebody is."""

    def enrol(self, user: str, *, account: str) -> Enrolment:
        made = hashlib.sha256(account.encode()).digest()
        with patch.object(secrets, "token_bytes", lambda nbytes: made[:nbytes]):
            return super().enrol(user, account=account)


def derives_it_from_the_account() -> Library:
    """A secret that whoever knows the e-mail address can compute."""
    return replace(TOTPCORE, two_factor=Derives)


@weakness("V40", twin=derives_it_from_the_account)
def a_secret_has_nothing_of_the_user(lib: Library) -> None:
    """The same account never gets the same secret twice, and the same draw gives two users the same: all is drawn.

    No call takes a seed, a password or a text to make a secret from. What is imported is not judged by its look: the
    RFCs' own secret is printable text.
    """
    holds(set(inspect.signature(lib.secret.generate).parameters) == {"nbytes"}, "a secret is made from a length alone")
    for call in (lib.two_factor.enrol, lib.two_factor.replace):
        holds({"self", "user", "code", "account"} >= set(inspect.signature(call).parameters), "a set-up takes no seed")
    made = [User(lib).enrol().phone.uri.token.secret.reveal() for _ in range(3)]
    holds(len(set(made)) == 3, "each set-up of an account has another secret")
    alike = []
    for name in ("alice", "bob@example.com"):
        with seeded(40):
            alike.append(User(lib, user=name).enrol().phone.uri.token.secret.reveal())
    holds(alike[0] == alike[1], "who somebody is makes no difference to what is drawn")
    derived = {hashlib.new(hash_name, b"alice").digest()[:20] for hash_name in ("md5", "sha1", "sha256", "sha512")}
    derived |= {hmac.digest(b"ACME", b"alice", "sha1"), b"alice".ljust(20, b"\0")}
    holds(not derived & set(made), "a secret is no hash of the name")
