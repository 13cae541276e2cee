"""`SQLiteStore` where the language of the process has another capital I."""

import locale
import os
import subprocess
import sys
from pathlib import Path

from need import miss

TURKISH = "tr_TR.UTF-8"
TRIAL = """
import locale, sys
from totpcore import SQLiteStore
locale.setlocale(locale.LC_ALL, "")
store = SQLiteStore(sys.argv[1], create=True)
print(store.swap("7", None, b"1"), store.swap("7", None, b"2"), store.swap("7", b"1", b"3"), store.load("7").decode())
"""


def test_what_was_stored_is_told(tmp_path: Path) -> None:
    """`swap` says `True` where it stored a first value: Python 3.11 counts the rows of an INSERT by the locale."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, TURKISH)
    except locale.Error:
        miss(f"needs the locale {TURKISH}")
    finally:
        locale.setlocale(locale.LC_ALL, before)
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, str(tmp_path / "factors.db")],
        env={**os.environ, "LANG": TURKISH, "LC_ALL": TURKISH},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["True", "False", "True", "3"]
