"""`totpcore selftest`: the vectors of the RFCs, computed where it is run."""

import json
from pathlib import Path

import pytest

from cli.running import examples, script, shell
from totpcore import cli, otp, secret, vectors

pytest_plugins = ["cli.stores", "cli.running"]


@pytest.mark.requirement("R4648-10-1")
def test_selftest_writes_a_line_for_each_group() -> None:
    """All vectors agree: one line a group, each with its count, exit code 0, nothing on standard error."""
    done = script("selftest")
    assert done.out.splitlines() == [
        "RFC 4226 appendix D, with the intermediate HMACs: 10 of 10 vectors agree: ok",
        "RFC 6238 appendix B, seeds of 20, 32 and 64 bytes: 18 of 18 vectors agree: ok",
        "RFC 4648 section 10, base32: 7 of 7 vectors agree: ok",
    ]
    assert (done.code, done.err) == (0, "")


def test_selftest_as_json() -> None:
    """`--json` gives the same as a list of groups."""
    groups = json.loads(script("selftest", "--json").out)
    assert [(group["vectors"], group["mismatches"]) for group in groups] == [(10, []), (18, []), (7, [])]


def test_selftest_finds_a_wrong_truncation(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the sign bit left in, codes differ: the groups of both RFCs name the vectors, and the exit code is 1."""

    def with_the_sign_bit(mac: bytes, digits: int) -> str:
        offset = mac[-1] & 0x0F
        return f"{int.from_bytes(mac[offset : offset + 4], 'big') % 10**digits:0{digits}d}"

    monkeypatch.setattr(otp, "_truncate", with_the_sign_bit)
    assert cli.main(["selftest"]) == 1
    hotp, totp, base32 = capsys.readouterr().out.splitlines()
    assert "MISMATCH: counter" in hotp
    assert "MISMATCH: SHA" in totp
    assert base32.endswith(": ok")


def test_selftest_finds_a_wrong_base32(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An encoder with another alphabet is found, and the exit code is 1, in JSON too."""
    monkeypatch.setattr(secret, "encode_base32", lambda raw: raw.hex())
    assert cli.main(["selftest", "--json"]) == 1
    assert [bool(group["mismatches"]) for group in json.loads(capsys.readouterr().out)] == [False, False, True]


def test_selftest_finds_a_wrong_intermediate_hmac(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The HMACs of RFC 4226 are compared, not only the codes."""
    rows = vectors.rfc4226()
    swapped = (rows[1], *rows[1:])
    monkeypatch.setattr(vectors, "rfc4226", lambda: swapped[:1] + rows[1:])
    assert cli.main(["selftest"]) == 0
    object.__setattr__(rows[3], "hmac", "00" * 20)
    assert cli.main(["selftest"]) == 1
    assert "MISMATCH: counter 3" in capsys.readouterr().out


def test_the_examples_run(tmp_path: Path) -> None:
    """As `--help` has them."""
    plain, as_json = examples("selftest")
    assert shell(plain, tmp_path).out.count(": ok\n") == 3
    assert len(json.loads(shell(as_json, tmp_path).out)) == 3
