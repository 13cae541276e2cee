"""V70, V71, V72 and V76: the parameters of the `otpauth` URI, and what a phone makes of them.

Rules of this file:

1. What is not known is dropped, and what stands twice is refused: so says the contract.
2. A phone that ignores a parameter shows SHA1, 6 digits and 30 seconds.
"""

import inspect
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

from totpcore import (
    HOTP,
    TOTP,
    Algorithm,
    CompatibilityWarning,
    Confirmed,
    InvalidParameters,
    InvalidURI,
    KeyURI,
    Secret,
    TwoFactor,
)
from weaknesses.frame import NOW, TOTPCORE, Library, User, holds, outcome, refuses, weakness
from weaknesses.twins import BASE32, KEY, quiet

OTHER: Final = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

PARAMETERS: Final = ("secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam")

PLAIN: Final = f"otpauth://totp/ACME:alice?secret={BASE32}&issuer=ACME"


# ---- V70: free keyword parameters ----


def takes_anything() -> Library:
    """Whatever is passed stands in the URI."""

    class Takes(KeyURI):
        def __init__(self, token: TOTP | HOTP, *, account: str, **extra: str | None) -> None:
            super().__init__(token, account=account, issuer=extra.pop("issuer", None))
            object.__setattr__(self, "extra", extra)

        @property
        def text(self) -> str:
            return f"{KeyURI.text.fget(self)}&{urlencode(self.extra)}"  # type: ignore[attr-defined]

    return replace(TOTPCORE, key_uri=Takes)


@weakness("V70", twin=takes_anything)
def what_builds_takes_only_what_it_names(lib: Library) -> None:
    """No public signature has `*args` or `**kwargs`; an unknown parameter is a `TypeError`, never a part of the URI."""
    token = lib.totp_token(lib.secret(KEY))
    for name in ("secret", "image", "digits", "period", "algorithm", "encoder", "clock", "Issuer", "a&b", "t0"):
        free = {name: "steam"}
        build: Callable[..., object] = lib.key_uri
        enrol: Callable[..., object] = User(lib).service.enrol
        holds(refuses(partial(build, token, account="a", **free), TypeError), "an unknown parameter is refused")
        holds(refuses(partial(enrol, "alice", account="a", **free), TypeError), "and at set-up")
    calls: list[Callable[..., object]] = [lib.hotp, lib.totp, lib.hotp_token, lib.totp_token, lib.key_uri, lib.policy]
    calls += [lib.two_factor, lib.key_uri.parse, lib.secret.generate, lib.secret.from_base32]
    calls += [getattr(lib.two_factor, name) for name in dir(lib.two_factor) if name[0] != "_"]
    for call in calls:
        kinds = {parameter.kind for parameter in inspect.signature(call).parameters.values()}
        holds(inspect.Parameter.VAR_KEYWORD not in kinds, "no free keyword parameters")
        holds(inspect.Parameter.VAR_POSITIONAL not in kinds, "no free positional parameters")
    holds(lib.key_uri(token, account="a").text == f"otpauth://totp/a?secret={BASE32}", "what is not given is not there")


# ---- V71: mass assignment ----


def sets_what_it_reads() -> Library:
    """Each parameter whose name is an attribute is assigned to it."""

    class Assigns(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            made = KeyURI.parse(text)
            for name, value in parse_qsl(urlsplit(text).query):
                if name in TOTP.__slots__ and name.lower() not in PARAMETERS:
                    object.__setattr__(made.token, name, value)
            return made

    return replace(TOTPCORE, key_uri=Assigns)


@weakness("V71", twin=sets_what_it_reads)
def unknown_parameters_set_nothing(lib: Library) -> None:
    """Ten thousand unknown parameters, among them the names of attributes: the object is the one without them."""
    names = ["__class__", "__dict__", "__slots__", "_secret", "_raw", "_key", "_hotp", "clock", "last_step", "spent"]
    names += ["after", "t0", "token", "account", "issuer_mismatch", "type", "kind", "window", "label", "self", "text"]
    expected, source = lib.key_uri.parse(PLAIN), Random(71)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-[]"
    for _ in range(40):
        drawn = {"".join(source.choices(letters, k=source.randint(2, 6))) for _ in range(250)}
        keys = names + sorted(key for key in drawn if key.lower() not in PARAMETERS)
        extra = "&".join(f"{quote(key)}={source.randint(0, 99)}" for key in keys)
        parsed = lib.key_uri.parse(f"{PLAIN}&{extra}")
        holds(parsed == expected and type(parsed) is type(expected), "the object is the one without them")
        holds(parsed.issuer_mismatch is None and parsed.counter == 0, "nothing that is not compared was set either")
        token = parsed.token
        holds(isinstance(token, TOTP) and token.t0 == 0 and token.code(NOW) == lib.totp(KEY, NOW), "its codes are ours")


# ---- V72: duplicate or conflicting parameters ----


def takes_the_last() -> Library:
    """Of two parameters of one name, the last wins."""

    class TakesTheLast(KeyURI):
        __slots__ = ()

        @classmethod
        def parse(cls, text: str) -> KeyURI:
            path, _, query = text.partition("?")
            return KeyURI.parse(f"{path}?{urlencode({key.lower(): value for key, value in parse_qsl(query)})}")

    return replace(TOTPCORE, key_uri=TakesTheLast)


@weakness("V72", twin=takes_the_last)
def a_parameter_that_stands_twice_is_refused(lib: Library) -> None:
    """Each parameter, twice, alike or not, in another case or encoded: refused.

    An issuer that is not the label's prefix is not refused, as widely used services write such URIs: the parameter wins
    and the other is reported.
    """
    values = {"secret": OTHER, "issuer": "EVIL", "algorithm": "SHA1", "digits": "6", "period": "30"}
    whole = PLAIN + "&algorithm=SHA1&digits=6&period=30"
    holds(lib.key_uri.parse(whole) == lib.key_uri.parse(PLAIN), "each parameter once is fine")
    for name, value in values.items():
        first = parse_qs(urlsplit(whole).query)[name][0]
        for key in (name, name.upper(), name.title(), f"%{ord(name[0]):02x}{name[1:]}"):
            for again in {first, value}:
                holds(refuses(partial(lib.key_uri.parse, f"{whole}&{key}={again}"), InvalidURI), "twice is refused")
    counter = f"otpauth://hotp/a?secret={BASE32}&counter=5&counter=6"
    holds(refuses(partial(lib.key_uri.parse, counter), InvalidURI), "two counters are refused")
    parsed = lib.key_uri.parse(PLAIN.replace("ACME:", "EVIL:"))
    holds((parsed.issuer, parsed.issuer_mismatch) == ("ACME", "EVIL"), "the parameter wins, the prefix is reported")


# ---- V76: what the phone ignores ----


def takes_any_hash() -> Library:
    """Whatever `hashlib` has makes a code."""

    def hotp(key: bytes, counter: int, *, digits: int = 6, algorithm: str = "SHA1") -> str:
        known = algorithm in Algorithm.__members__
        return TOTPCORE.hotp(key, counter, digits=digits, algorithm=algorithm if known else "SHA256")

    return replace(TOTPCORE, hotp=hotp)


@weakness("V76", twin=takes_any_hash)
def no_hash_that_apps_do_not_know(lib: Library) -> None:
    """SHA1, SHA256 and SHA512, and nothing else: not in a call, a token, a policy, or a URI."""
    secret = lib.secret(KEY)
    for name in (
        "MD5",
        "SHAKE128",
        "SHA224",
        "SHA384",
        "SHA3-256",
        "BLAKE2B",
        "",
        "none",
        "SHA-1",
        "\u017fha1",
        "SHA1\0",
    ):
        for call in (
            partial(lib.hotp, KEY, 0), partial(lib.totp, KEY, NOW), partial(lib.hotp_token, secret),
            partial(lib.totp_token, secret), lib.policy,
        ):  # fmt: skip
            holds(refuses(partial(call, algorithm=name), InvalidParameters), "another hash is refused")
        if name != "SHA-1":  # in other people's URIs that is SHA1
            uri = f"{PLAIN}&algorithm={quote(name)}"
            holds(refuses(partial(lib.key_uri.parse, uri), InvalidURI), "and in a URI")
    for name in ("SHA1", "SHA256", "SHA512", "sha512"):
        holds(len(lib.hotp(KEY, 0, algorithm=name)) == 6, "the three are taken")


def warns_nobody() -> Library:
    """What apps ignore is written without a word."""

    class Silent(KeyURI):
        __slots__ = ()

        def __init__(self, token: TOTP | HOTP, *, account: str, issuer: str | None = None, counter: int = 0) -> None:
            with quiet():
                super().__init__(token, account=account, issuer=issuer, counter=counter)

    return replace(TOTPCORE, key_uri=Silent)


@weakness("V76", twin=warns_nobody)
def what_apps_ignore_is_warned_of(lib: Library) -> None:
    """Another hash, more digits or another period is a `CompatibilityWarning`, in a URI and in a policy."""
    secret = lib.secret(KEY)

    def warned(call: Callable[[], object]) -> bool:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        return [warning.category for warning in caught] == [CompatibilityWarning]

    holds(not warned(lambda: lib.key_uri(lib.totp_token(secret), account="a")), "the defaults warn nobody")
    for odd in ({"digits": 8}, {"period": 60}, {"algorithm": "SHA256"}, {"algorithm": "SHA512", "digits": 7}):
        token = lib.totp_token(secret, **odd)
        holds(warned(partial(lib.key_uri, token, account="a")), "a URI that apps do not follow warns")
        user = User(lib, policy=lib.policy(**odd))
        holds(warned(partial(user.service.enrol, user.user, account="a")), "so does set-up under such a policy")


def confirms_what_does_not_match() -> Library:
    """Any code turns the second factor on: the phone will get it right later."""

    class Trusting(TwoFactor):
        def confirm(self, user: str, code: str) -> Confirmed:
            waiting = self.pending(user)
            token = KeyURI.parse(waiting.uri).token if waiting else None
            right = token.code(int(self._now())) if isinstance(token, TOTP) else code
            return super().confirm(user, right)

    return replace(TOTPCORE, two_factor=Trusting)


@weakness("V76", twin=confirms_what_does_not_match)
def a_phone_that_ignores_a_parameter_is_not_confirmed(lib: Library) -> None:
    """A phone that shows SHA1, 6 digits and 30 seconds whatever the URI says locks nobody out: `confirm` refuses it."""
    for odd in ({"digits": 8}, {"period": 60}, {"algorithm": "SHA256"}):
        with quiet():
            user = User(lib, policy=lib.policy(**odd)).enrol()
        secret = Secret(user.phone.uri.token.secret.reveal())
        shown = TOTPCORE.totp_token(secret).code(user.clock())
        told = outcome(partial(user.service.confirm, user.user, shown))
        holds(told in ("wrong", "malformed"), "the code of another kind is not confirmed")
        holds(not user.service.status(user.user).code_required, "and no code is asked for at log-in")
        holds(outcome(partial(user.service.confirm, user.user, user.code())) == "ok", "the right one still is")
