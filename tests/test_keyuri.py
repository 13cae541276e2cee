"""The `otpauth` URI: what is written, what is read, what is refused, and what is warned of.

The URIs of other libraries and of apps are in `test_peers.py` and `test_apps.py`.
"""

import re
import string
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from records import counters, secrets
from records.pretender import Pretender
from totpcore.errors import InvalidParameters, InvalidURI
from totpcore.keyuri import CompatibilityWarning, KeyURI
from totpcore.otp import HOTP, LARGEST_COUNTER, TOTP, Algorithm
from totpcore.secret import Secret

RAW = b"12345678901234567890"
TEXT = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
TOKEN = TOTP(Secret(RAW))
START = f"otpauth://totp/ACME:alice?secret={TEXT}"

quiet = pytest.mark.filterwarnings("ignore::totpcore.CompatibilityWarning")
pytestmark = quiet


@contextmanager
def nothing_is_warned_of() -> Iterator[None]:
    """A warning is an error. A mark would not make it one: that of the module, which hides it, is heeded last."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


algorithms = st.sampled_from(Algorithm)
digits = st.integers(6, 8)
totps = st.builds(TOTP, secrets, digits=digits, period=st.integers(10, 300), algorithm=algorithms)
hotps = st.builds(HOTP, secrets, digits=digits, algorithm=algorithms)


def allowed(name: str) -> bool:
    """Whether a name may be given to the constructor, by its rules."""
    plain = unicodedata.normalize("NFC", name).strip()
    unseen = any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in plain)
    return bool(plain) and ":" not in plain and not unseen and plain.casefold() != "steam" and "\0" not in name


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=14).filter(allowed)


def written(token: TOTP | HOTP = TOKEN, **names: Any) -> str:
    """The text of a URI."""
    return KeyURI(token, **{"account": "alice", **names}).text


def with_name(which: str, name: str) -> KeyURI:
    """A URI with another account, or another issuer."""
    names: dict[str, Any] = {"account": "alice", "issuer": "ACME", which: name}
    return KeyURI(TOKEN, **names)


# ---- what is written ----


@pytest.mark.requirement("KEYURI-counter-1")
@given(st.one_of(totps, hotps), names, st.none() | names, counters)
def test_what_is_written_is_read_again(token: TOTP | HOTP, account: str, issuer: str | None, counter: int) -> None:
    """Any token, and any names that are allowed, come back as they were; names in NFC, and trimmed."""
    uri = KeyURI(token, account=account, issuer=issuer, counter=counter if isinstance(token, HOTP) else 0)
    again = KeyURI.parse(uri.text)
    assert again == uri
    assert (again.account, again.issuer_mismatch) == (unicodedata.normalize("NFC", account).strip(), None)


@pytest.mark.requirement("KEYURI-label-1", "KEYURI-secret-1", "KEYURI-issuer-2", "KEYURI-issuer-3")
@given(st.one_of(totps, hotps), names, st.none() | names)
def test_an_independent_parser_reads_the_same(token: TOTP | HOTP, account: str, issuer: str | None) -> None:
    """`urllib` finds one secret, which is ours, one issuer, and the label: no name can add a parameter."""
    uri = KeyURI(token, account=account, issuer=issuer)
    parts = urlsplit(uri.text)
    query = parse_qs(parts.query, strict_parsing=True)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", type(token).__name__.lower(), "")
    assert query["secret"] == [token.secret.base32]
    assert query.get("issuer", [None]) == [uri.issuer]
    prefix = "" if uri.issuer is None else f"{uri.issuer}:"
    assert unquote(parts.path) == f"/{prefix}{uri.account}"
    assert set(query) <= {"secret", "issuer", "algorithm", "digits", "period", "counter"}


@pytest.mark.requirement("KEYURI-issuer-1")
@given(st.one_of(totps, hotps), names, names)
def test_a_uri_is_plain(token: TOTP | HOTP, account: str, issuer: str) -> None:
    """It holds letters, digits, `-._~`, and `%` and the separators where they belong; a space is `%20`."""
    assert set(written(token, account=account, issuer=issuer)) <= set(
        string.ascii_letters + string.digits + "-._~%:/?&="
    )


@pytest.mark.requirement(
    "R4648-3.2-1", "KEYURI-types-1", "KEYURI-label-2", "KEYURI-secret-1", "KEYURI-issuer-1", "KEYURI-issuer-3",
    "KEYURI-alg-1", "KEYURI-digits-1", "KEYURI-counter-1", "KEYURI-period-1", "OMFA-12",
)  # fmt: skip
@pytest.mark.parametrize(("token", "arguments", "expect"), [
    (TOKEN, {"issuer": "ACME Co"}, f"totp/ACME%20Co:alice?secret={TEXT}&issuer=ACME%20Co"),
    (TOKEN, {}, f"totp/alice?secret={TEXT}"),
    (TOTP(Secret(RAW), algorithm="SHA256"), {}, f"totp/alice?secret={TEXT}&algorithm=SHA256"),
    (TOTP(Secret(RAW), digits=8), {}, f"totp/alice?secret={TEXT}&digits=8"),
    (TOTP(Secret(RAW), period=60), {}, f"totp/alice?secret={TEXT}&period=60"),
    (HOTP(Secret(RAW)), {}, f"hotp/alice?secret={TEXT}&counter=0"),
    (HOTP(Secret(RAW), digits=7, algorithm="SHA512"), {"counter": 5, "issuer": "A"},
     f"hotp/A:alice?secret={TEXT}&issuer=A&algorithm=SHA512&digits=7&counter=5"),
    (TOKEN, {"account": "al?ce&x=1", "issuer": "A/B"}, f"totp/A%2FB:al%3Fce%26x%3D1?secret={TEXT}&issuer=A%2FB"),
    (TOKEN, {"account": "\u00e4\N{GRINNING FACE}"}, f"totp/%C3%A4%F0%9F%98%80?secret={TEXT}"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_exact_texts(token: TOTP | HOTP, arguments: dict[str, Any], expect: str) -> None:
    """Secret first, issuer twice, and only what differs from SHA1, 6 digits and 30 seconds; a counter always."""
    assert written(token, **arguments) == f"otpauth://{expect}"


@pytest.mark.parametrize("issuer", [None, "ACME"])
def test_names_are_normalized_and_trimmed(issuer: str | None) -> None:
    """Two ways to write a letter give one URI."""
    uri = KeyURI(TOKEN, account="  ali\N{COMBINING DIAERESIS}ce\n"[:-1], issuer=issuer)
    assert uri.account == "al\u00efce"


BAD_NAMES = [
    "", " ", "\t \n", "a:b", ":", "a\0b", "a\nb", "a\x7fb", "a\x85b", "a\u200bb", "a\u202eb", "a\u2028b", "a\u2029b",
    "\ufeffa", "a\u00adb", "\ud800", "a\udfff", "x" * 513, "\N{GRINNING FACE}" * 43, "\u00e4" * 86,
]  # fmt: skip


@pytest.mark.requirement("KEYURI-label-3")
@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: ascii(name[:8]))
@pytest.mark.parametrize("which", ["account", "issuer"])
def test_names_that_no_developer_sets(which: str, name: str) -> None:
    """Blank, with a colon, with what nobody sees, or too long for a QR code: refused by name."""
    with pytest.raises(InvalidParameters, match=which):
        with_name(which, name)


@pytest.mark.requirement("KEYURI-label-1")
@pytest.mark.parametrize(
    "name", ["x" * 512, "\N{GRINNING FACE}" * 42, "\u00e4" * 85, "a b", "a&secret=EVIL", "%3A", "+", "\\"]
)
@pytest.mark.parametrize("which", ["account", "issuer"])
def test_names_that_are_fine(which: str, name: str) -> None:
    """Up to 512 characters once encoded; every other character is encoded and comes back."""
    uri = KeyURI.parse(with_name(which, name).text)
    assert getattr(uri, which) == name


@pytest.mark.requirement("OMFA-12")
@pytest.mark.parametrize("issuer", ["Steam", "steam", " STEAM ", "\N{FULLWIDTH LATIN CAPITAL LETTER S}team"])
def test_no_issuer_is_steam(issuer: str) -> None:
    """Apps switch to Steam's own kind of code by that name; what only looks like it is a name like any other."""
    if issuer.isascii():
        with pytest.raises(InvalidParameters, match="Steam"):
            written(issuer=issuer)
    else:
        assert written(issuer=issuer)
    assert written(account=issuer)


ARGUMENTS: list[tuple[str, dict[str, Any]]] = [
    ("token", {"token": None}), ("token", {"token": Secret(RAW)}), ("token", {"token": TEXT}),
    ("account", {"account": None}), ("account", {"account": b"alice"}), ("account", {"account": 5}),
    ("issuer", {"issuer": b"ACME"}), ("issuer", {"issuer": 5}), ("counter", {"counter": True}),
    ("counter", {"counter": "1"}), ("counter", {"counter": 1.0}), ("counter", {"counter": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), ARGUMENTS, ids=repr)
def test_arguments_of_another_type(name: str, arguments: dict[str, Any]) -> None:
    """A `TypeError` that names the argument."""
    with pytest.raises(TypeError, match=name):
        KeyURI(**{"token": HOTP(Secret(RAW)), "account": "alice", **arguments})


def test_what_no_uri_can_say() -> None:
    """A start of time other than 0, a counter of a TOTP token, and counters out of range."""
    with pytest.raises(InvalidParameters, match="t0"):
        written(TOTP(Secret(RAW), t0=1))
    for token, counter in ((TOKEN, 1), (HOTP(Secret(RAW)), -1), (HOTP(Secret(RAW)), 2**64)):
        with pytest.raises(InvalidParameters, match="counter"):
            written(token, counter=counter)


# ---- what is warned of ----

CONCERNS: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "totp",
        {"algorithm": "SHA256"},
        {},
        ["Microsoft Authenticator", "Authy", "Duo", "SHA1", "older Google", "numberstation"],
    ),
    (
        "totp",
        {"algorithm": "SHA512"},
        {},
        ["Microsoft Authenticator", "Authy", "Duo", "SHA1", "older Google", "numberstation"],
    ),
    ("totp", {"digits": 7}, {}, ["Microsoft", "Google Authenticator", "6 digits"]),
    ("totp", {"digits": 8}, {}, ["Microsoft", "Google Authenticator", "6 digits"]),
    ("totp", {"period": 60}, {}, ["Microsoft", "30 seconds"]),
    ("totp", {"period": 45}, {}, ["Microsoft", "30 seconds", "2FAS", "extension Authenticator"]),
    ("totp", {"period": 90}, {}, ["Microsoft", "30 seconds", "extension Authenticator"]),
    ("totp", {"period": 121}, {}, ["Microsoft", "30 seconds", "2FAS", "OTPClient"]),
    ("hotp", {}, {}, ["Bitwarden", "KeePassXC", "pass otp"]),
    *(("totp", {}, {"account": f"a{character}b"}, ["2FAS", "Stratum"]) for character in "?&#%+"),
    ("totp", {}, {"issuer": "a&b"}, ["2FAS", "Stratum"]),
    ("totp", {}, {"issuer": "x" * 31}, ["2FAS", "Stratum", "30"]),
    ("totp", {}, {"account": "x" * 41}, ["2FAS", "Stratum", "40"]),
    ("totp", {}, {"issuer": "x" * 25, "account": "y" * 39}, ["YubiKey", "64 bytes"]),
    ("totp", {}, {"issuer": "\u00e4" * 20, "account": "\u00e4" * 12}, ["YubiKey"]),
    *(("totp", {}, {which: "a/b"}, ["pass otp makes a folder"]) for which in ("account", "issuer")),
    *(("totp", {}, {which: ".."}, ["pass otp refuses"]) for which in ("account", "issuer")),
    ("totp", {}, {"issuer": "-x"}, ["pass otp refuses"]),
    ("totp", {}, {"issuer": None, "account": "-x"}, ["pass otp refuses"]),
]


@pytest.mark.requirement("R4226-5.3-3", "KEYURI-alg-1", "KEYURI-digits-1", "KEYURI-period-1", "OMFA-7")
@pytest.mark.parametrize(("kind", "numbers", "arguments", "named"), CONCERNS, ids=repr)
def test_a_warning_names_the_apps(
    kind: str, numbers: dict[str, Any], arguments: dict[str, Any], named: list[str]
) -> None:
    """Where widely used apps would show wrong codes or garble a name, the warning says which apps and what they do."""
    token = (TOTP if kind == "totp" else HOTP)(Secret(RAW), **numbers)
    with pytest.warns(CompatibilityWarning) as caught:
        KeyURI(token, **{"account": "alice", "issuer": "ACME", **arguments})
    assert len(caught) == 1
    for word in named:
        assert word in str(caught[0].message)


PLAIN: list[dict[str, Any]] = [
    {}, {"issuer": "ACME Co"}, {"account": "alice@example.com", "issuer": "x" * 30}, {"account": "x" * 40},
    {"issuer": "x" * 24, "account": "y" * 39}, {"account": "\u00e4\u00f6\u00fc"},
    {"issuer": "ACME", "account": "-x"}, {"issuer": "a-b", "account": "a..b"}, {"issuer": "!x"},
]  # fmt: skip


@pytest.mark.parametrize("arguments", PLAIN, ids=repr)
def test_what_every_app_reads_is_not_warned_of(arguments: dict[str, Any]) -> None:
    """SHA1, 6 digits, 30 seconds and names of ordinary length give no warning."""
    with nothing_is_warned_of():
        KeyURI(TOKEN, **{"account": "alice", **arguments})


def test_a_counter_has_no_period_to_be_warned_of() -> None:
    """An HOTP token is warned of as such, and for nothing else."""
    with pytest.warns(CompatibilityWarning) as caught:
        KeyURI(HOTP(Secret(RAW)), account="alice")
    assert str(caught[0].message).count(";") == 1
    assert "seconds" not in str(caught[0].message)


@pytest.mark.parametrize(
    ("app", "periods"),
    [("2FAS", [10, 60, 90]), ("extension Authenticator", [10, 12, 15, 20, 60]), ("OTPClient", [10, 60, 120])],
)
def test_periods_that_an_app_knows(app: str, periods: list[int]) -> None:
    """Whoever takes such a period is not named."""
    for period in periods:
        with pytest.warns(CompatibilityWarning) as caught:
            written(TOTP(Secret(RAW), period=period))
        assert app not in str(caught[0].message)


def test_several_concerns_are_one_warning() -> None:
    """One warning says it all, at the line of the caller."""
    with pytest.warns(CompatibilityWarning) as caught:
        KeyURI(TOTP(Secret(RAW), digits=8, period=45, algorithm="SHA512"), account="a+b")
    assert len(caught) == 1
    assert str(caught[0].message).count(";") == 5
    assert caught[0].filename == __file__


def test_reading_warns_of_nothing() -> None:
    """What somebody else wrote is not the reader's to change."""
    with nothing_is_warned_of():
        KeyURI.parse(f"otpauth://hotp/a%2Bb?secret={TEXT}&digits=8&algorithm=SHA512&counter=1")


# ---- what is read ----

LENIENT: list[tuple[str, dict[str, Any]]] = [
    (START, {"account": "alice", "issuer": "ACME"}),
    (f"OTPAUTH://TOTP/ACME:alice?SECRET={TEXT}", {"account": "alice", "issuer": "ACME"}),
    (f"apple-otpauth://totp/ACME:alice?secret={TEXT}", {"account": "alice"}),
    (f"otpauth://totp/alice?secret={TEXT.lower()}", {"account": "alice", "issuer": None}),
    (f"otpauth://totp/alice?secret={TEXT[:4]}%20{TEXT[4:]}", {"account": "alice"}),
    (f"otpauth://totp/alice?secret={TEXT[:4]}+{TEXT[4:]}", {"account": "alice"}),
    (f"otpauth://totp/ACME%3Aalice?secret={TEXT}", {"account": "alice", "issuer": "ACME"}),
    (f"otpauth://totp/ACME:%20alice?secret={TEXT}", {"account": "alice", "issuer": "ACME"}),
    (f"otpauth://totp/ACME: alice ?secret={TEXT}", {"account": "alice", "issuer": "ACME"}),
    (f"otpauth://totp/a:b:c?secret={TEXT}", {"account": "b:c", "issuer": "a"}),
    (f"otpauth://totp/a%3Ab:c?secret={TEXT}", {"account": "c", "issuer": "a:b"}),
    (f"otpauth://totp/a%3Ab%3Ac?secret={TEXT}&issuer=a%3Ab", {"account": "c", "issuer": "a:b"}),
    (f"otpauth://totp/:alice?secret={TEXT}", {"account": "alice", "issuer": None}),
    (f"otpauth://totp/?secret={TEXT}", {"account": "", "issuer": None}),
    (f"otpauth://totp?secret={TEXT}", {"account": "", "issuer": None}),
    (f"otpauth://totp/alice?secret={TEXT}&issuer=", {"account": "alice", "issuer": None}),
    (f"otpauth://totp/alice?secret={TEXT}&issuer=A+B%2BC", {"account": "alice", "issuer": "A B+C"}),
    (f"otpauth://totp/a+b?secret={TEXT}", {"account": "a+b"}),
    (f"otpauth://totp/alice?issuer=ACME&secret={TEXT}", {"account": "alice", "issuer": "ACME"}),
    (f"otpauth://totp/alice?secret={TEXT}&image=http%3A%2F%2Fx&foo=1&foo=2&", {"account": "alice"}),
    (f"otpauth://totp/alice?secret={TEXT}&counter=5", {"counter": 0}),
    (f"otpauth://hotp/alice?secret={TEXT}&counter=5&period=60", {"counter": 5}),
    (f"otpauth://hotp/alice?secret={TEXT}", {"counter": 0}),
    (f"otpauth://hotp/alice?secret={TEXT}&counter={LARGEST_COUNTER}", {"counter": LARGEST_COUNTER}),
    (f"otpauth://totp/%E4%F6?secret={TEXT}", {"account": "\ufffd\ufffd"}),
    (f"otpauth://totp/\u00e4?secret={TEXT}", {"account": "\u00e4"}),
    (f"otpauth://totp/Steam:alice?secret={TEXT}", {"issuer": "Steam"}),
    (f"otpauth://totp/x{chr(0x202E)}?secret={TEXT}", {"account": f"x{chr(0x202E)}"}),
]


@pytest.mark.requirement("KEYURI-label-2", "KEYURI-counter-1")
@pytest.mark.parametrize(
    ("text", "expect"), LENIENT, ids=lambda value: ascii(value[:60]) if isinstance(value, str) else ""
)
def test_what_others_write(text: str, expect: dict[str, Any]) -> None:
    """Read where apps agree: any case, spaces, an encoded colon, a missing issuer or label, unknown parameters."""
    uri = KeyURI.parse(text)
    assert {name: getattr(uri, name) for name in expect} == expect
    assert uri.token.secret.base32 == TEXT


@pytest.mark.requirement("KEYURI-alg-1")
@pytest.mark.parametrize("name", ["SHA1", "sha1", "SHA-1", "HmacSHA1", "HMAC-SHA-1", "hmac-sha1"])
@pytest.mark.parametrize("size", ["1", "256", "512"])
def test_names_of_algorithms(name: str, size: str) -> None:
    """The names that other software writes are understood."""
    uri = KeyURI.parse(f"{START}&algorithm={name.replace('1', size)}")
    assert uri.token.algorithm is Algorithm(f"SHA{size}")


MISMATCHES: list[tuple[str, str | None, str | None]] = [
    (f"otpauth://totp/A:x?secret={TEXT}&issuer=B", "B", "A"), (f"otpauth://totp/A:x?secret={TEXT}&issuer=A", "A", None),
    (f"otpauth://totp/A:x?secret={TEXT}", "A", None), (f"otpauth://totp/x?secret={TEXT}&issuer=B", "B", None),
    (f"otpauth://totp/x?secret={TEXT}", None, None), (f"otpauth://totp/A:x?secret={TEXT}&issuer=a", "a", "A"),
    (f"otpauth://totp/A:x?secret={TEXT}&issuer=", "A", None),
    (f"otpauth://totp/ A :x?secret={TEXT}&issuer=%20A", "A", None),
    (f"otpauth://totp/:x?secret={TEXT}&issuer=B", "B", None),
]  # fmt: skip


@pytest.mark.requirement("KEYURI-issuer-2")
@pytest.mark.parametrize(("text", "issuer", "mismatch"), MISMATCHES)
def test_two_issuers(text: str, issuer: str | None, mismatch: str | None) -> None:
    """Where prefix and parameter disagree the parameter wins, and the other is told."""
    uri = KeyURI.parse(text)
    assert (uri.issuer, uri.issuer_mismatch) == (issuer, mismatch)
    assert KeyURI.parse(uri.text) == uri


@pytest.mark.parametrize("kind", [HOTP, TOTP])
def test_a_token_of_a_subclass_is_written_as_its_base(kind: type[HOTP | TOTP]) -> None:
    """The type in the URI is `hotp` or `totp`, whatever the class is called."""

    class Ours(kind):  # type: ignore[misc,valid-type]  # the base is an argument
        pass

    text = KeyURI(Ours(Secret(RAW)), account="alice").text
    assert text == KeyURI(kind(Secret(RAW)), account="alice").text
    assert type(KeyURI.parse(text).token) is kind


foreign = st.text(st.characters(exclude_categories=["Cs"]), max_size=14)


@given(foreign, foreign, st.none() | foreign, st.booleans(), st.sampled_from("?&#%+ :/@=\u3000"))
def test_names_of_others_survive(prefix: str, account: str, issuer: str | None, encoded: bool, special: str) -> None:
    """Whatever names were read, what is written of them reads the same."""
    label = quote(f"{prefix}{special}:{account}", safe="") if encoded else f"{quote(prefix)}:{quote(account + special)}"
    parameter = "" if issuer is None else f"&issuer={quote(issuer, safe='')}"
    uri = KeyURI.parse(f"otpauth://totp/{label}?secret={TEXT}{parameter}")
    again = KeyURI.parse(uri.text)
    assert again == uri
    assert (again.account, again.issuer) == (uri.account, uri.issuer)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="?#"), max_size=30))
def test_any_label_is_read(label: str) -> None:
    """A label may be anything, encoded well, badly or not at all."""
    uri = KeyURI.parse(f"otpauth://totp/{label}?secret={TEXT}")
    assert KeyURI.parse(uri.text) == uri


@pytest.mark.parametrize("length", [100, 600])
def test_long_names_of_others_survive(length: int) -> None:
    """Also where encoding makes a name longer than what was read, what is written can be read."""
    uri = KeyURI.parse(f"otpauth://totp/{chr(0xE4) * length}?secret={TEXT}")
    assert KeyURI.parse(uri.text) == uri


# ---- what is refused ----

REFUSED: list[tuple[str, str]] = [
    ("", "otpauth"), ("otpauth", "otpauth"), ("otpauth:totp/alice", "otpauth"),
    (f"http://totp/a?secret={TEXT}", "otpauth"),
    (f" {START}", "otpauth"), (f"otpauth://motp/a?secret={TEXT}", "totp"), (f"otpauth:///a?secret={TEXT}", "totp"),
    (f"otpauth-migration://offline?data={TEXT}", "otpauth"), (f"{START}#x", "fragment"),
    (f"{START}&issuer=a#b", "fragment"),
    ("otpauth://totp/alice", "secret"), ("otpauth://totp/alice?secret=", "secret"),
    ("otpauth://totp/alice?secret=AAAA", "secret"),
    (f"otpauth://totp/alice?secret={TEXT[:-1]}1", "secret"), ("otpauth://totp/alice?secret=" + "A" * 32, "secret"),
    (f"{START}&secret={TEXT}", "secret stands twice"), (f"{START}&SECRET={TEXT}", "secret stands twice"),
    (f"{START}&issuer=a&issuer=a", "issuer stands twice"), (f"{START}&digits=6&digits=6", "digits stands twice"),
    (f"{START}&period=30&Period=30", "period stands twice"),
    (f"{START}&algorithm=SHA1&algorithm=SHA1", "algorithm stands twice"),
    (f"{START}&counter=0&counter=0", "counter stands twice"), (f"{START}&digits=5", "digits"),
    (f"{START}&digits=9", "digits"),
    (f"{START}&digits=", "digits"), (f"{START}&digits=6.0", "digits"), (f"{START}&digits=%2B6", "digits"),
    (f"{START}&digits=%206", "digits"), (f"{START}&digits=6_0", "digits"), (f"{START}&digits=%D9%A6", "digits"),
    (f"{START}&digits=0x6", "digits"), (f"{START}&digits=1e1", "digits"), (f"{START}&digits=-6", "digits"),
    (f"{START}&digits={'0' * 20}6", "digits"), (f"{START}&digits={'9' * 3000}", "digits"),
    (f"{START}&period=0", "period"),
    (f"{START}&period=9", "period"), (f"{START}&period=301", "period"), (f"{START}&period=-30", "period"),
    (f"otpauth://hotp/a?secret={TEXT}&counter=-1", "counter"),
    (f"otpauth://hotp/a?secret={TEXT}&counter={2**64}", "counter"),
    (f"otpauth://hotp/a?secret={TEXT}&counter=x", "counter"), (f"{START}&algorithm=MD5", "algorithm"),
    (f"{START}&algorithm=", "algorithm"), (f"{START}&algorithm=SHA3-256", "algorithm"),
    (f"{START}&algorithm=SHA-2-56", "algorithm"),
    (f"{START}&algorithm=-SHA1", "algorithm"), (f"{START}&algorithm=HMAC--SHA1", "algorithm"),
    (f"steam://{TEXT}", "Steam"), (f"otpauth://steam/alice?secret={TEXT}", "Steam"),
    (f"{START}&encoder=steam", "Steam"),
    (f"{START}&encoder=Steam", "Steam"), (f"{START}&steam", "Steam"), ("x" * 4097, "4096"),
    (START.ljust(4097, "&"), "4096"),
    (f"{START}&a=\ud800", "surrogate"), ("\udfff", "surrogate"),
]  # fmt: skip


@pytest.mark.requirement("KEYURI-types-1", "KEYURI-digits-1", "KEYURI-period-1")
@pytest.mark.parametrize(("text", "word"), REFUSED, ids=lambda value: ascii(value[:70]))
def test_what_is_refused(text: str, word: str) -> None:
    """Refused where apps disagree or a wrong reading would be a wrong code; the text says why, and shows no secret."""
    with pytest.raises(InvalidURI, match=re.escape(word)) as caught:
        KeyURI.parse(text)
    assert TEXT not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_longest_uri() -> None:
    """4096 characters are read."""
    assert KeyURI.parse(START.ljust(4096, "&")).account == "alice"


@pytest.mark.parametrize(
    "value", [None, 5, START.encode(), [START], Pretender()], ids=lambda value: type(value).__name__
)
def test_a_uri_is_a_str(value: Any) -> None:
    """Anything else is a `TypeError`."""
    with pytest.raises(TypeError, match="text must be a str"):
        KeyURI.parse(value)


@given(
    st.text(st.characters(exclude_categories=[]), max_size=60),
    st.sampled_from(["", "otpauth://totp/", START, f"{START}&"]),
)
def test_any_text_is_a_uri_or_refused(text: str, start: str) -> None:
    """Whatever text comes in, a `KeyURI` or `InvalidURI` comes out."""
    try:
        uri = KeyURI.parse(start + text)
    except InvalidURI:
        return
    assert KeyURI.parse(uri.text) == uri


@given(
    st.dictionaries(st.text(string.ascii_letters + "_.[]%-", min_size=1, max_size=12), st.text(max_size=8), max_size=5)
)
def test_unknown_parameters_set_nothing(parameters: dict[str, str]) -> None:
    """No parameter but those of the format reaches the token: not `__class__`, not `_key`, not `token.t0`."""
    known = {"secret", "issuer", "algorithm", "digits", "period", "counter", "encoder", "steam"}
    extra = {name: value for name, value in parameters.items() if unquote(name).lower() not in known}
    assume(not any("\ud800" <= character <= "\udfff" for value in extra.values() for character in value))
    query = "&".join(f"{name}={quote(value)}" for name, value in extra.items())
    assert KeyURI.parse(f"{START}&{query}&__class__=x&_key=y&t0=5") == KeyURI.parse(START)


# ---- a URI as a value ----


@pytest.mark.parametrize("way", [repr, str, "{}".format])
def test_no_text_but_text_shows_the_secret(way: Callable[[KeyURI], str]) -> None:
    """Only `.text` holds the secret, and the names."""
    assert way(KeyURI.parse(START)) == "<KeyURI: TOTP, hidden>"


def test_a_uri_cannot_be_changed() -> None:
    """It is frozen and slotted."""
    uri = KeyURI.parse(START)
    for name in ("token", "account", "issuer", "counter", "something"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(uri, name, "x")
    assert not hasattr(uri, "__dict__")


def test_the_constructor_takes_names_by_keyword() -> None:
    """Account and issuer cannot be mixed up, and an unknown name is a `TypeError`."""
    with pytest.raises(TypeError):
        KeyURI(TOKEN, "alice")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        KeyURI(TOKEN, account="alice", image="x")  # type: ignore[call-arg]


def test_warnings_can_be_errors() -> None:
    """A project that turns the warning into an error gets no URI at all."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompatibilityWarning)
        with pytest.raises(CompatibilityWarning):
            written(HOTP(Secret(RAW)))


@pytest.mark.parametrize("parameter", ["steam", "encoder=steam", "encoder=STEAM", "Steam=1"])
def test_steam_is_told_by_a_parameter_too(parameter: str) -> None:
    """However Steam's codes are asked for, the URI is never read as an ordinary token."""
    with pytest.raises(InvalidURI, match="Steam"):
        KeyURI.parse(f"{START}&{parameter}")


def test_a_foreign_hash_name_in_another_script_is_refused() -> None:
    """U+017F is no S, though its upper case is."""
    with pytest.raises(InvalidURI, match="algorithm"):
        KeyURI.parse(f"{START}&algorithm=%C5%BFha1")


def test_equal_uris_are_equal_whatever_the_prefix_was() -> None:
    """The prefix that lost to the parameter is shown, and is no part of what the URI says."""
    one, other = KeyURI.parse(START), KeyURI.parse(START)
    assert (one, one.issuer_mismatch) == (other, None)
    mismatched = KeyURI.parse("otpauth://totp/Other:alice?secret=GEZDGNBVGY3TQOJQ&issuer=ACME")
    assert mismatched == KeyURI.parse(mismatched.text)
    assert mismatched.issuer_mismatch == "Other"
