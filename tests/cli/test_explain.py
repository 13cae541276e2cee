"""`totpcore explain`: each step of the computation, for auditors and for teaching."""

import hmac
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.running import RFC, RFC_CODES, RFC_SECRET, Call, examples, script, shell
from totpcore import Secret, otp, vectors
from totpcore.cli import _explaining

pytest_plugins = ["cli.stores", "cli.running"]

# Appendix D of RFC 4226 has the HMAC, the truncated number and the code of counter 1.
WHOLE = """\
TOTP (RFC 6238), SHA1, 6 digits. The key has 20 bytes; it is not shown.

1. The counter is the number of the time step (RFC 6238, section 4.2).

     time = 59, which is 1970-01-01T00:00:59Z
     T0   = 0, where the time steps begin
     X    = 30, the period in seconds
     T    = floor((time - T0) / X) = floor((59 - 0) / 30) = 1

2. The counter as 8 bytes, the high-order byte first (RFC 4226, section 5.2).

     1 = 00 00 00 00 00 00 00 01

3. HMAC-SHA1 of these 8 bytes, under the key (section 5.3, step 1).

     byte    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19
     value  75 a4 8a 19 d4 cb e1 00 64 4e 8a c1 39 7e ea 74 7a 2d 33 ab
                                             ** ** ** **             ++

4. The low four bits of the last byte (++) are the offset (step 2).

     0xab & 0xf = 0xb = 11

5. The four bytes from byte 11 on (**) are a number.

     0xc1397eea

6. Its highest bit is cleared, so that nobody takes it for a sign.

     0xc1397eea & 0x7fffffff = 0x41397eea = 1094287082

7. Modulo 10^6, its last 6 decimal digits are left (step 3).

     1094287082 mod 10^6 = 287082

8. The code is that number, with zeros in front up to 6 digits.

     287082

The code is 287082. The library computes the same.
"""


def test_the_whole_of_a_time_based_code() -> None:
    """Through the installed script: exit code 0, and nothing on standard error."""
    assert script("explain", "--at", "59") == (0, WHOLE, "")
    assert script("explain", "--at", "1970-01-01T00:00:59.9Z") == (0, WHOLE, "")


def test_a_counter_has_no_time_step(call: Call) -> None:
    """All other steps are the same, under other numbers."""
    head, _, rest = WHOLE.partition("\n1. ")
    later = rest.partition("\n2. ")[2]
    steps = re.sub(r"^\d\.", lambda found: f"{int(found[0][0]) - 1}.", f"2. {later}", flags=re.MULTILINE)
    told = call("explain", "--counter", "1")
    assert told == (0, head.replace("TOTP (RFC 6238)", "HOTP (RFC 4226)") + "\n" + steps, "")


@pytest.mark.parametrize("vector", vectors.rfc4226(), ids=lambda vector: str(vector.counter))
def test_the_numbers_of_rfc_4226(vector: vectors.HOTPVector, call: Call) -> None:
    """The HMAC and the code of appendix D."""
    told = call("explain", "--counter", str(vector.counter))
    assert bytes.fromhex(vector.hmac).hex(" ") in told.out
    assert told.out.endswith(f"\nThe code is {vector.expect}. The library computes the same.\n")


@pytest.mark.parametrize("vector", vectors.rfc6238(), ids=lambda vector: f"{vector.algorithm}-{vector.at}")
def test_the_numbers_of_rfc_6238(vector: vectors.TOTPVector, call: Call) -> None:
    """The time step and the code of appendix B, of each hash; zeros in front are there."""
    options = ("--digits", "8", "--algorithm", vector.algorithm)
    told = call("explain", "--at", str(vector.at), *options, typed=Secret(vector.key).base32)
    assert (told.code, told.err) == (0, "")
    assert f"= floor(({vector.at} - 0) / 30) = {vector.counter}\n" in told.out
    assert f"\n     {vector.expect}\n\nThe code is {vector.expect}. The library computes the same.\n" in told.out
    assert f"HMAC-{vector.algorithm} of these 8 bytes" in told.out
    assert f"The key has {len(vector.key)} bytes" in told.out


def test_the_very_bytes_of_rfc_4226_section_5_4(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the HMAC of that section on, the numbers are those of that section."""
    digest = bytes.fromhex("1f8698690e02ca16618550ef7f19da8e945b555a")
    fixed = SimpleNamespace(digest=lambda *_: digest, compare_digest=hmac.compare_digest)
    monkeypatch.setattr(_explaining, "hmac", fixed)
    told = call("explain", "--counter", "0")
    for line in (
        "value  1f 86 98 69 0e 02 ca 16 61 85 50 ef 7f 19 da 8e 94 5b 55 5a",
        " " * 37 + "** ** ** **" + " " * 16 + "++",
        "0x5a & 0xf = 0xa = 10",
        "0x50ef7f19 & 0x7fffffff = 0x50ef7f19 = 1357872921",
        "1357872921 mod 10^6 = 872921",
    ):
        assert f"     {line}\n" in told.out


@pytest.mark.parametrize(("algorithm", "size"), [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)])
@pytest.mark.parametrize("counter", [*range(20), 2**64 - 1])
def test_the_marks_stand_under_their_bytes(counter: int, algorithm: str, size: int, call: Call) -> None:
    """Wherever the four bytes begin, and in whichever row the last byte stands, next to which there is nothing."""
    out = call("explain", "--counter", str(counter), "--algorithm", algorithm).out
    table = out.partition("step 1).\n\n")[2].partition("\n\n3. ")[0].splitlines()
    places, values, marks = dict[str, list[int]](), list[str](), list[str]()
    for names, row, *marked in (block.splitlines() for block in "\n".join(table).split("\n\n")):
        values += row.split()[1:]
        for place in re.finditer(r"\*\*|\+\+", marked[0] if marked else ""):
            marks.append(row[place.start() : place.end()])
            places.setdefault(place[0], []).append(int(names[place.start() : place.end()]))
    digest = hmac.digest(RFC_SECRET.reveal(), counter.to_bytes(8, "big"), algorithm.lower())
    offset = digest[-1] & 15
    assert bytes.fromhex("".join(values)) == digest
    assert places == {"**": list(range(offset, offset + 4)), "++": [size - 1]}
    assert bytes.fromhex("".join(marks)) == digest[offset : offset + 4] + digest[-1:]


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
@pytest.mark.parametrize("option", [("--counter", str(2**64 - 1)), ("--at", "253402300799"), ("--at", "0")])
def test_it_fits_on_a_page_in_plain_ascii(option: tuple[str, str], algorithm: str, call: Call) -> None:
    """80 columns, no line that ends in a space, whatever the numbers."""
    told = call("explain", *option, "--algorithm", algorithm, "--digits", "8")
    assert told.out.isascii()
    assert max(map(len, told.out.splitlines())) <= 80
    assert not [line for line in told.out.splitlines() if line != line.rstrip()]


def test_the_key_is_not_shown(call: Call) -> None:
    """Neither in base32, nor in hex, nor as it is; its length is."""
    secret = Secret(bytes(range(1, 33)))
    out = call("explain", "--at", "59", typed=secret.base32).out
    assert "The key has 32 bytes; it is not shown." in out
    for shown in (secret.base32, secret.reveal().hex(), secret.reveal().hex(" ")):
        assert shown not in out
        assert shown[:12] not in out


def test_a_library_that_computes_otherwise_is_found_out(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are not the library's own: both codes are told, and the exit code is 1."""
    monkeypatch.setattr(otp, "_truncate", lambda *_: "000000")
    told = call("explain", "--counter", "1")
    assert (told.code, told.err) == (1, "")
    assert told.out.endswith("\nMISMATCH: the code is 287082, and the library computes 000000.\n")


def test_a_uri_and_the_time_of_now(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter-based one has its counter, a time-based one is of this machine's clock."""
    told = call("explain", typed=f"otpauth://hotp/a?secret={RFC}&counter=9")
    assert f"The code is {RFC_CODES[9]}." in told.out
    monkeypatch.setattr("totpcore.cli._tokens.time.time", lambda: 59.5)
    assert call("explain") == (0, WHOLE, "")


def test_the_examples_run(folder: Path) -> None:
    """As `--help` has them."""
    now, then, counted = examples("explain")
    assert shell(now, folder).code == 0
    assert "time = 1795867200, which is 2026-11-28T12:00:00Z" in shell(then, folder).out
    assert f"The code is {RFC_CODES[1]}." in shell(counted, folder).out
