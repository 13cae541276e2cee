"""`python -m surroundings`: run the tests in every surrounding, and say how each went."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from .plugin import HAS

TESTS: Final = Path(__file__).parents[1]
# What builds a wheel, starts a browser or a server, reads the documents, walks all states or tries what is broken has
# nothing to learn from a time zone.
LEFT_OUT: Final = (
    "panel", "panel_fastapi", "django_panel", "django_walk", "django_app", "pages", "browser", "tutorial", "howto",
    "manual", "surroundings", "explorer", "soak", "test_wheel.py", "test_docs.py", "test_manual.py", "test_readme.py",
    "test_figures.py", "test_comparison.py", "test_recipes.py", "test_proof_words.py", "test_benchmarks.py",
    "stores/test_postgres.py", "stores/test_redis.py", "stores/test_redis_cluster.py", "stores/test_redis_server.py",
    "stores/test_django.py", "stores/test_sqlalchemy.py", "stores/test_urls.py", "stores/test_contract_has_teeth.py",
    "proof", "clients", "cli/test_store_urls.py", "cli/test_import_servers.py",
    "cli/test_import_walk.py", "cli/test_oath.py", "cli/test_reference.py",
)  # fmt: skip

# These compare bytes with text; that is their own, and nothing of totpcore's.
OTHERS: Final = tuple(
    argument
    for module in ("segno", "enum", "PIL._binary")
    for argument in ("-W", f"ignore:Comparison between bytes and string:BytesWarning:{module}")
)


class Surrounding(NamedTuple):
    """What differs: flags of the interpreter, variables, arguments for pytest."""

    name: str
    flags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()


# Things that have nothing to do with each other go into one run, where a failure still says which of them it was.
# `pyproject.toml` has two more zones: those of 3.12 and 3.13.
SURROUNDINGS: Final = (
    Surrounding(
        "-O, asserts removed; Turkish, where i is not I; a zone of 45 minutes",
        ("-O",),
        (("TZ", "Asia/Kathmandu"), ("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")),
    ),
    Surrounding(
        "-bb -W error; -X dev; short integers only; no network; west of Greenwich, with summer time",
        ("-bb", "-W", "error", "-X", "dev", "-X", "int_max_str_digits=640"),
        (("TZ", "America/New_York"), ("TOTPCORE_TEST_NO_SOCKETS", "1")),
        OTHERS,
    ),
)


def run(surrounding: Surrounding) -> tuple[bool, str]:
    """Run the tests, and return whether they passed and pytest's last line, or all it said where they did not."""
    left_out = [f"--ignore={TESTS / name}" for name in LEFT_OUT]
    arguments = ["-q", "--no-cov", "-p", "no:cacheprovider", "-p", "surroundings.plugin", *surrounding.arguments]
    found = subprocess.run(
        [sys.executable, *surrounding.flags, "-m", "pytest", *arguments, *left_out, str(TESTS)],
        env={**os.environ, **dict(surrounding.variables), "TOTPCORE_TEST_SURROUNDING": surrounding.name,
             "TOTPCORE_TEST_FLAGS": " ".join(flag for flag in surrounding.flags if flag in HAS),
             "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    lines = (found.stdout + found.stderr).strip().splitlines() or ["it said nothing"]
    passed = found.returncode == 0 and re.search(r"\b[1-9]\d* passed", lines[-1]) is not None
    return passed, lines[-1] if passed else "\n".join(lines[-60:])


def told(surrounding: Surrounding) -> bool:
    """Run one, and print its line."""
    started = time.monotonic()
    passed, said = run(surrounding)
    print(f"{'ok ' if passed else 'RED'} {time.monotonic() - started:4.0f} s  {surrounding.name}: {said}", flush=True)
    return passed


def main() -> int:
    """Run two at a time; 1 where one of them failed."""
    with ThreadPoolExecutor(2) as pool:
        return 0 if all(list(pool.map(told, SURROUNDINGS))) else 1


if __name__ == "__main__":
    sys.exit(main())
