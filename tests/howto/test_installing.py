"""docs/how-to/installing.md: its table is the project's, its commands run, and what is missing says so."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import totpcore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/installing.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FACTOR = "totpcore.TwoFactor(totpcore.MemoryStore(), issuer='ACME', sealer=totpcore.Plaintext())"
# What an extra is for, with the library that it brings taken away.
FIRST_USES = {
    "qr": ("segno", f"import totpcore; {FACTOR}.enrol('7', account='alice').qr_svg()"),
    "sealing": (
        "cryptography",
        "from totpcore.sealing import Keyring; Keyring.from_text(Keyring.generate_key('first'))",
    ),
    "postgres": ("psycopg", "from totpcore.stores import from_url; from_url('postgresql://db.example.com/app')"),
    "redis": ("redis", "from totpcore.stores import from_url; from_url('redis://redis.example.com/0')"),
    "django": ("django", "import totpcore.django"),
}


def python(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script by this Python."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)


def test_the_table_is_what_the_project_says() -> None:
    """Each extra has a row, in order, with the packages that it brings; without one there are none."""
    rows = re.findall(r"^\| (none|`\w+`) \| ([^|]+) \|", PAGE, re.MULTILINE)
    brings = {extra.strip("`"): re.findall(r"`([\w-]+)`", packages) for extra, packages in rows}
    extras = PROJECT["optional-dependencies"]
    assert list(brings) == ["none", *extras]
    assert (PROJECT["dependencies"], brings["none"]) == ([], [])
    assert (extras["all"], brings["all"]) == ([f"totpcore[{','.join(FIRST_USES)}]"], [])
    for extra in FIRST_USES:
        assert brings[extra] == [re.split(r"[>=<\[]", package)[0] for package in extras[extra]], extra
    assert f"Python {PROJECT['requires-python'].removeprefix('>=')} or later" in PAGE


@pytest.mark.parametrize(("extra", "use"), FIRST_USES.items())
def test_a_missing_extra_is_named(extra: str, use: tuple[str, str]) -> None:
    """The first use is an `ImportError` with what to install."""
    library, script = use
    told = python(f"import sys; sys.modules['{library}'] = None; {script}").stderr.splitlines()[-1]
    assert told.startswith("ImportError: ")
    assert f'pip install "totpcore[{extra}]"' in told


def test_the_last_two_commands() -> None:
    """The vectors agree, and the version is the package's."""
    *_, block = re.findall(r"```sh\n(.*?)\n```", PAGE, re.DOTALL)
    selftest, version = block.replace("python3", sys.executable).splitlines()
    assert subprocess.run(selftest, shell=True, capture_output=True, check=False).returncode == 0
    version = version.replace("totpcore", f"{sys.executable} -m totpcore", 1)
    said = subprocess.run(version, shell=True, capture_output=True, text=True, check=True).stdout
    assert said == f"totpcore {totpcore.__version__}\n"
