"""Sites with users of their own, each in a process of its own: a process has one model of users."""

import os
import subprocess
import sys
from pathlib import Path


def walk(site: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Start a site, and let it walk."""
    given = [str(Path(__file__).parent), *filter(None, sys.path)]
    command = [sys.executable, "-W", "error", "-m", site, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(given)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_site_with_other_users(tmp_path: Path) -> None:
    """They are known by a UUID and an e-mail address; no admin. Requests are transactions in both databases."""
    done = walk("other_users", tmp_path)
    assert done.stdout.endswith("walked 2027\n"), done.stderr


def test_a_site_with_numbered_users(tmp_path: Path) -> None:
    """They log in with a number. Children by multi-table inheritance may have a primary key that is another user's."""
    done = walk("numbered_users", tmp_path)
    assert done.stdout.endswith("walked\n"), done.stderr
