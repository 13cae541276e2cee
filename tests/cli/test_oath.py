"""`totpcore code` beside `oathtool`, which shares no code with it.

Rules of this file:

1. The inputs are random, from a seed, and spelt as people spell them.
2. oathtool computes many codes in one call; each of ours is a call of the command, most of them in this process.
"""

import contextlib
import io
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from cli.running import RFC, script, standard_input
from cli.stores import PATIENCE
from need import need
from totpcore import Secret, cli

pytest_plugins = ["cli.stores", "cli.running"]

BATCHES: Final = 50
SIZE: Final = 30  # codes in a batch


class Batch(NamedTuple):
    """A token, and the codes that oathtool computes of it, one after the other."""

    typed: str
    options: tuple[str, ...]
    name: str
    first: int
    step: int
    codes: list[str]


def oathtool(*arguments: str) -> list[str]:
    """The codes that oathtool writes."""
    done = subprocess.run(["oathtool", *arguments], capture_output=True, check=True, text=True, timeout=PATIENCE)
    return done.stdout.split()


def spelt(secret: Secret, source: random.Random) -> str:
    """A secret in base32 as somebody might write it."""
    text = source.choice([secret.base32, secret.grouped, secret.grouped.replace(" ", "-")])
    if source.random() < 0.3 and " " not in text and "-" not in text:
        text += "=" * (-len(text) % 8)
    if source.random() < 0.5:
        text = "".join(source.choice((one, one.lower())) for one in text)
    return f"{source.choice(('', ' ', chr(9)))}{text}{source.choice(('', chr(10), chr(13) + chr(10), '  '))}"


def time_based(source: random.Random) -> Batch:
    """TOTP: digits, hash and period, in options or in a URI."""
    secret, digits = Secret(source.randbytes(source.randint(10, 64))), source.randint(6, 8)
    name, period = source.choice(("SHA1", "SHA256", "SHA512")), source.choice((10, 30, 60, source.randint(10, 300)))
    first = source.randrange(2**33)
    arguments = (f"--totp={name}", "-b", f"-d{digits}", f"-s{period}s", f"-N@{first}", f"-w{SIZE - 1}", secret.base32)
    options: tuple[str, ...] = (
        "--digits",
        str(digits),
        "--period",
        str(period),
        "--algorithm",
        source.choice((name, name.lower())),
    )
    typed = spelt(secret, source)
    if source.random() < 0.3:
        typed = f"otpauth://totp/a:b?secret={secret.base32}&digits={digits}&period={period}&algorithm={name}"
        options = ()
    return Batch(typed, options, "--at", first, period, oathtool(*arguments))


def counter_based(source: random.Random) -> Batch:
    """HOTP: digits, and counters of any size; oathtool knows SHA1 alone."""
    secret, digits = Secret(source.randbytes(source.randint(10, 64))), source.randint(6, 8)
    first = source.getrandbits(source.randint(1, 63))
    codes = oathtool("--hotp", "-b", f"-d{digits}", f"-c{first}", f"-w{SIZE - 1}", secret.base32)
    return Batch(spelt(secret, source), ("--digits", str(digits)), "--counter", first, 1, codes)


def batches(seed: int) -> Iterator[Batch]:
    """Random tokens, of both kinds."""
    source = random.Random(seed)
    for _ in range(BATCHES):
        yield time_based(source)
        yield counter_based(source)


def code_of(monkeypatch: pytest.MonkeyPatch, batch: Batch, place: int) -> str:
    """What the command writes, in this process."""
    monkeypatch.setattr(sys, "stdin", standard_input(batch.typed))
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        assert cli.main(arguments(batch, place)) == 0
    return written.getvalue()


def arguments(batch: Batch, place: int) -> list[str]:
    """How the command is called for one code of a batch."""
    return ["code", batch.name, str(batch.first + place * batch.step), *batch.options]


@pytest.mark.uncounted
def test_thousands_of_codes_are_those_of_oathtool(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOTP and HOTP, 6 to 8 digits, any period and hash, base32 in odd spellings, URIs: each code is the same."""
    need("oathtool")
    compared = 0
    for batch in batches(6238):
        assert len(batch.codes) == SIZE
        assert [code_of(monkeypatch, batch, place) for place in range(SIZE)] == [f"{code}\n" for code in batch.codes]
        compared += SIZE
    assert compared == 2 * BATCHES * SIZE == 3000


def test_the_installed_script_says_the_same() -> None:
    """A sample, in processes of their own."""
    need("oathtool")
    source = random.Random(4226)
    for batch in (time_based(source), counter_based(source), time_based(source)):
        for place in (0, SIZE - 1):
            assert script(*arguments(batch, place), typed=batch.typed) == (0, f"{batch.codes[place]}\n", "")


def test_a_wrong_code_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is able to fail: the code of a moment later is another."""
    need("oathtool")
    batch = Batch(RFC, (), "--at", 0, 30, oathtool("--totp", "-b", "-N@30", f"-w{SIZE - 1}", RFC))
    assert [code_of(monkeypatch, batch, place) for place in range(SIZE)] != [f"{code}\n" for code in batch.codes]


def test_verify_accepts_what_oathtool_makes() -> None:
    """And the other way round: oathtool finds the code that the command makes, at its place in the window."""
    need("oathtool")
    (code,) = oathtool("--totp=SHA256", "-b", "-d8", "-N@1234567890", RFC)
    options = ("--at", "1234567890", "--digits", "8", "--algorithm", "SHA256")
    assert script("verify", code, *options).code == 0
    made = script("code", *options).out.strip()
    assert oathtool("--totp=SHA256", "-b", "-d8", "-N@1234567890", RFC, made) == ["0"]
