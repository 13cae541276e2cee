"""A home of its own for a client, and the Python for which Debian's packages are.

Rule 1. What a client is told of this machine is the path of its programs, and a tongue in which letters are UTF-8.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

from need import miss

DEBIANS_PYTHON: Final = Path("/usr/bin/python3")


def environment(home: Path, **more: str) -> dict[str, str]:
    """The variables of a client that lives there."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", **more}


def ask(home: Path, module: str, program: str, given: object, *, folder: str = "") -> Any:
    """Run a few lines in Debian's Python, where `module` is from a package, and return what they answer.

    The lines find `given` under that name, and leave what they answer as `answer`; both are JSON on the way.
    `folder` is where the module is, if not among all others.
    """
    start = f"import json, sys\nsys.path.insert(0, {folder!r})\n" if folder else "import json, sys\n"
    if not DEBIANS_PYTHON.exists() or _run(home, f"{start}import {module}").returncode:
        miss(f"needs {module} of Debian's Python")
    done = _run(
        home, f"{start}given = json.load(sys.stdin)\n{program}\njson.dump(answer, sys.stdout)\n", json.dumps(given)
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _run(home: Path, program: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [str(DEBIANS_PYTHON), "-I", "-c", program]
    return subprocess.run(command, input=given, capture_output=True, check=False, text=True, env=environment(home))
