"""Programs that run in an interpreter of their own.

Rules of this file:

1. A program sees the standard library, what is installed, and the totpcore that the benchmark sees: no environment
   variable and no current folder has a say.
2. Bytecode is in a folder of its own, and in it once a program was run before: no measured run compiles anything, and
   none writes beside the sources.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Self

import totpcore

_HOME: Final = str(Path(totpcore.__file__).resolve().parent.parent)
# First of all, as only a totpcore that is not installed is missing there; and in the same place for all contenders.
_FIND: Final = f"import sys\nif {_HOME!r} not in sys.path: sys.path.insert(0, {_HOME!r})\n"


class Fresh:
    """Interpreters that share nothing but their bytecode."""

    def __enter__(self) -> Self:
        self._bytecode = tempfile.TemporaryDirectory(prefix="totpcore-benchmark-")
        return self

    def __exit__(self, *error: object) -> None:
        self._bytecode.cleanup()

    def told(self, program: str) -> str:
        """Run a program, and return what it writes."""
        return self._run(program).stdout

    def number(self, program: str) -> float:
        """Run a program, and return the number that it writes."""
        return float(self.told(program))

    def import_times(self, program: str) -> str:
        """Run a program under `-X importtime`, and return what the interpreter tells."""
        return self._run(program, "-X", "importtime").stderr

    def _run(self, program: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-X", f"pycache_prefix={self._bytecode.name}", *options, "-c", _FIND + program]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"a program failed:\n{program}\n{done.stderr}")
        return done
