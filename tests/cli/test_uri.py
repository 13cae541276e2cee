"""`totpcore uri`: the URI, and what apps are known to do wrong with it."""

from pathlib import Path

import pytest

from cli.running import RFC, Call, examples, script, shell
from cli.stores import is_one_line
from totpcore import HOTP, TOTP, KeyURI

pytest_plugins = ["cli.stores", "cli.running"]

NAMES = ("--issuer", "ACME Co", "--account", "alice@example.com")
PLAIN = f"otpauth://totp/ACME%20Co:alice%40example.com?secret={RFC}&issuer=ACME%20Co"


def test_the_plainest_uri_has_no_warning() -> None:
    """The URI alone on a line, nothing on standard error."""
    assert script("uri", *NAMES) == (0, f"{PLAIN}\n", "")


@pytest.mark.parametrize(
    ("options", "adds", "kind"),
    [
        ("--digits 8", "&digits=8", TOTP),
        ("--period 60 --algorithm sha512", "&algorithm=SHA512&period=60", TOTP),
        ("--hotp", "&counter=0", HOTP),
        ("--counter 7", "&counter=7", HOTP),
        ("--hotp --counter 18446744073709551615", "&counter=18446744073709551615", HOTP),
    ],
)
def test_what_differs_is_in_the_uri(options: str, adds: str, kind: type, call: Call) -> None:
    """And each kind of app that will not follow it is named, in one line on standard error."""
    told = call("uri", *NAMES, *options.split())
    expected = PLAIN.replace("://totp/", "://hotp/") if kind is HOTP else PLAIN
    assert (told.code, told.out) == (0, f"{expected}{adds}\n")
    assert isinstance(KeyURI.parse(told.out.strip()).token, kind)
    assert told.err.startswith("totpcore: warning: ")
    assert is_one_line(told.err)


def test_a_name_that_apps_garble_is_told(call: Call) -> None:
    """The URI is made all the same."""
    told = call("uri", "--issuer", "A & B", "--account", "alice")
    assert told.out.startswith("otpauth://totp/A%20%26%20B:alice?")
    assert told.err == "totpcore: warning: 2FAS and Stratum garble ? & # % + in names, or refuse the code\n"


def test_a_weak_secret_is_told(call: Call) -> None:
    """Fewer than 128 bits."""
    told = call("uri", *NAMES, typed="JBSWY3DPEHPK3PXP")
    assert (told.code, "secret=JBSWY3DPEHPK3PXP&" in told.out) == (0, True)
    assert is_one_line(told.err)
    assert "fewer than 128 bits" in told.err
    assert "JBSWY" not in told.err


def test_warnings_that_are_errors_are_still_lines(call: Call) -> None:
    """However Python was started: the tests' own filter makes errors of all warnings."""
    assert call("uri", *NAMES, "--digits", "7").code == 0


@pytest.mark.parametrize(
    "options", [(), ("--issuer", "ACME"), ("--account", "alice"), ("--hotp", "--account", "alice")]
)
def test_without_a_uri_both_names_are_needed(options: tuple[str, ...], call: Call) -> None:
    """An app shows them beside the code."""
    assert call("uri", *options) == (
        2,
        "",
        "totpcore: --issuer and --account are needed: an app shows them beside the code\n",
    )


@pytest.mark.parametrize(
    ("issuer", "account", "says"),
    [
        ("Steam", "alice", "issuer must not be Steam"),
        ("ACME", "a:b", "account must not be blank, nor hold a colon"),
        ("", "alice", "issuer must have 1 to 512 characters"),
        (" ", "alice", "issuer must not be blank"),
        ("ACME", "a\nb", "account must not hold control or invisible characters"),
        ("ACME", "a" * 513, "account must have 1 to 512 characters"),
        ("ACME", "a\udc80", "account must not hold NUL or a lone surrogate"),
    ],
)
def test_a_name_that_apps_refuse_is_an_error(issuer: str, account: str, says: str, call: Call) -> None:
    """One line that names it."""
    told = call("uri", "--issuer", issuer, "--account", account)
    assert (told.code, told.out) == (2, "")
    assert is_one_line(told.err)
    assert says in told.err


def test_a_uri_that_was_given_comes_out_as_it_says(call: Call) -> None:
    """Written as every app reads it; options that say the same are fine."""
    given = f"OTPAUTH://TOTP/ACME%20Co:alice%40example.com?issuer=ACME+Co&period=30&secret={RFC.lower()}"
    assert call("uri", typed=given) == (0, f"{PLAIN}\n", "")
    assert call("uri", *NAMES, "--digits", "6", typed=given) == (0, f"{PLAIN}\n", "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--issuer", "Other"), "--issuer contradicts the URI, which says another"),
        (("--account", "bob"), "--account contradicts the URI, which says another"),
        (("--counter", "3"), "--counter contradicts the URI, which says another"),
        (("--digits", "8"), "--digits contradicts the URI, which says 6"),
    ],
)
def test_an_option_that_contradicts_a_uri_is_an_error(options: tuple[str, str], says: str, call: Call) -> None:
    """Nothing is made of it."""
    told = call("uri", *options, typed=f"otpauth://hotp/ACME:alice?secret={RFC}&issuer=ACME&counter=2")
    assert (told.code, told.out, told.err) == (2, "", f"totpcore: {says}: leave it out\n")


@pytest.mark.parametrize(
    ("label", "says"),
    [("Steam:alice", "issuer must not be Steam"), ("ACME:a%3Ab", "account must not be blank, nor hold a colon")],
)
def test_names_in_the_uri_of_somebody_else_are_theirs(label: str, says: str, call: Call) -> None:
    """It is written all the same, with a warning."""
    told = call("uri", typed=f"otpauth://totp/{label}?secret={RFC}")
    assert told.code == 0
    assert told.out.startswith(f"otpauth://totp/{label}?")
    assert told.err.startswith(f"totpcore: warning: {says}")
    assert is_one_line(told.err)


def test_the_example_runs(folder: Path) -> None:
    """As `--help` has it."""
    (line,) = examples("uri")
    told = shell(line, folder)
    assert (told.code, told.err) == (0, "")
    assert KeyURI.parse(told.out.strip()).account == "alice@example.com"
