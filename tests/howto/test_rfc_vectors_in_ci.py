"""The commands and the test file of docs/how-to/rfc-vectors-in-ci.md do what the page says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from totpcore import totp
from totpcore.vectors import rfc6238

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/rfc-vectors-in-ci.md"
FILE = ROOT / "docs/examples/howto/test_vectors.py"


def commands() -> list[str]:
    """The page's shell commands, by this Python."""
    found = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)
    return [command.replace("python3", sys.executable) for command in found]


def test_the_self_test_says_what_the_page_shows() -> None:
    """Word for word."""
    (shown,) = re.findall(r"```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert subprocess.run(commands()[0], shell=True, capture_output=True, text=True, check=True).stdout == shown


def test_the_json_is_what_the_page_says(tmp_path: Path) -> None:
    """Groups with a name, a number and no mismatches, in the file that the command names."""
    subprocess.run(commands()[1], shell=True, check=True, cwd=tmp_path)
    groups = json.loads((tmp_path / "selftest.json").read_text("utf-8"))
    assert [(sorted(group), group["vectors"], group["mismatches"]) for group in groups] == [
        (["mismatches", "name", "vectors"], number, []) for number in (10, 18, 7)
    ]


def run(*more: str) -> str:
    """Run the page's test file; return its last line."""
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(FILE.parent), "-c", os.devnull, str(FILE), *more],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()[-1] if done.stdout else done.stderr


def test_pyotp_and_cryptography_agree_on_every_vector() -> None:
    """18 of RFC 6238 by each, 10 of RFC 4226, 7 of RFC 4648."""
    assert re.fullmatch(r"53 passed in .*", run())


def test_an_implementation_that_takes_one_key_for_all_fails_twelve() -> None:
    """As the first note says."""
    short = rfc6238()[0].key
    wrong = [
        vector
        for vector in rfc6238()
        if totp(short, vector.at, digits=vector.digits, algorithm=vector.algorithm) != vector.expect
    ]
    assert len(wrong) == 12
