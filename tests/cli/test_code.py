"""`totpcore code`: the code alone on a line, and which options fit together."""

from pathlib import Path

import pytest

from cli.running import RFC, RFC_CODES, Call, examples, script, shell, terminal
from cli.stores import is_one_line
from totpcore import HOTP, TOTP, KeyURI, Secret, vectors

pytest_plugins = ["cli.stores", "cli.running"]

TIMED = f"otpauth://totp/ACME:alice?secret={RFC}&algorithm=SHA256&digits=8&period=60"
COUNTED = f"otpauth://hotp/ACME:alice?secret={RFC}&digits=8&counter=7"


@pytest.mark.parametrize("vector", vectors.rfc6238())
def test_the_codes_of_rfc_6238(vector: vectors.TOTPVector, call: Call) -> None:
    """At each time of appendix B, of each hash."""
    options = ("--at", str(vector.at), "--digits", "8", "--algorithm", vector.algorithm.lower())
    assert call("code", *options, typed=Secret(vector.key).base32) == (0, f"{vector.expect}\n", "")


def test_the_codes_of_rfc_4226(call: Call) -> None:
    """By their counters."""
    codes = [call("code", "--counter", str(counter)).out for counter in range(10)]
    assert codes == [f"{code}\n" for code in RFC_CODES]


def test_the_code_of_now(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a time it is that of this machine's clock."""
    monkeypatch.setattr("totpcore.cli._tokens.time.time", lambda: 59.5)
    assert call("code").out == f"{RFC_CODES[1]}\n"


def test_a_uri_brings_its_own_parameters(call: Call) -> None:
    """Hash, digits and period of a time-based one, digits and counter of a counter-based one."""
    secret = Secret.from_base32(RFC)
    timed = TOTP(secret, digits=8, period=60, algorithm="SHA256").code(1e9)
    assert call("code", "--at", "1000000000", typed=TIMED) == (0, f"{timed}\n", "")
    assert call("code", typed=COUNTED) == (0, f"{HOTP(secret, digits=8).code(7)}\n", "")
    assert call("code", "--counter", "0", typed=COUNTED) == (0, f"{HOTP(secret, digits=8).code(0)}\n", "")


def test_an_option_that_says_the_same_as_the_uri_is_fine(call: Call) -> None:
    """It contradicts nothing."""
    options = ("--digits", "8", "--period", "60", "--algorithm", "sha256")
    assert call("code", "--at", "59", *options, typed=TIMED) == call("code", "--at", "59", typed=TIMED)


@pytest.mark.parametrize(
    ("uri", "options", "says"),
    [
        (TIMED, "--digits 6", "--digits contradicts the URI, which says 8: leave it out"),
        (TIMED, "--period 30", "--period contradicts the URI, which says 60: leave it out"),
        (TIMED, "--algorithm SHA1", "--algorithm contradicts the URI, which says SHA256: leave it out"),
        (TIMED, "--counter 0", "--counter contradicts the URI, which is of a time-based token: leave it out"),
        (COUNTED, "--digits 6", "--digits contradicts the URI, which says 8: leave it out"),
        (COUNTED, "--algorithm SHA512", "--algorithm contradicts the URI, which says SHA1: leave it out"),
        (COUNTED, "--period 30", "--period contradicts the URI, which is of a counter-based token: leave it out"),
        (COUNTED, "--at 0", "--at contradicts the URI, which is of a counter-based token: leave it out"),
        (COUNTED, "--watch", "--watch contradicts the URI, which is of a counter-based token: leave it out"),
    ],
)
def test_an_option_that_contradicts_the_uri_is_an_error(uri: str, options: str, says: str, call: Call) -> None:
    """It says which, and what the URI says; whichever won, the code would be wrong in silence."""
    assert call("code", *options.split(), typed=uri) == (2, "", f"totpcore: {says}\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--at 0 --counter 0", "argument --counter: not allowed with argument --at"),
        ("--period 30 --counter 0", "--period is for time-based codes, --counter for counter-based ones"),
        ("--watch --counter 0", "--watch is for time-based codes, --counter for counter-based ones"),
        ("--watch --at 0", "--watch shows the codes of now, --at asks for another time"),
    ],
)
def test_options_that_contradict_each_other_are_an_error(options: str, says: str, call: Call) -> None:
    """Before a secret is asked for; 0 counts like any other number."""
    told = call("code", *options.split(), typed="")
    assert (told.code, told.out) == (2, "")
    assert is_one_line(told.err)
    assert says in told.err


def test_the_examples_run(folder: Path) -> None:
    """As `--help` has them; the one that goes on is stopped by Ctrl-C."""
    now, watch, then = examples("code")
    assert len(shell(now, folder).out) == 7
    assert shell(then, folder) == (0, "94287082\n", "")
    with terminal(folder, *watch.split()[1:]) as screen:
        screen.wait_for(" s")
        screen.type("\x03")
        assert screen.end() == 130


def test_it_is_what_the_library_says() -> None:
    """Through the installed script, with a URI as the library writes it."""
    token = TOTP(Secret.from_base32(RFC), digits=7)
    with pytest.warns(UserWarning, match="digits"):
        uri = KeyURI(token, account="alice@example.com", issuer="ACME").text
    assert script("code", "--at", "1234567890", typed=uri) == (0, f"{token.code(1234567890)}\n", "")
