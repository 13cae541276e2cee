"""A site with users of its own, its records in a second database, and no admin: in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_site_with_other_users(tmp_path: Path) -> None:
    """They are known by a UUID and an e-mail address. The requests are transactions in both databases."""
    given = [str(Path(__file__).parent), *filter(None, sys.path)]
    command = [sys.executable, "-W", "error", "-m", "other_users", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(given)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout.endswith("walked 2027\n"), done.stderr
