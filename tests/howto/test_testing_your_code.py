"""The test file of docs/how-to/testing-your-code.md passes as it stands, and fails where the view is broken."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/examples/howto"
PAGE = ROOT / "docs/how-to/testing-your-code.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An application of its own, with the page's settings of pytest."""
    (tmp_path / "howto").mkdir()
    for name in ("__init__.py", "code_view.py", "test_code_view.py"):
        shutil.copy(FOLDER / name, tmp_path / "howto" / name)
    (settings,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert tomllib.loads(settings)
    (tmp_path / "pyproject.toml").write_text(settings)
    return tmp_path


def run(project: Path) -> str:
    """Run its tests; return the last line."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:cov",
        "--rootdir",
        str(project),
    ]
    paths = [str(project), str(ROOT / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    more = {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [*command, "howto"], cwd=project, env={**os.environ, **more},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout.splitlines()[-1] if done.stdout else done.stderr


def test_it_passes(project: Path) -> None:
    """Eleven tests, with warnings as errors."""
    assert re.fullmatch(r"11 passed in .*", run(project))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ('except Refused:\n            return "That code is not right.", 422', "except Refused:\n            pass"),
        ("except Throttled as refused:", "except ZeroDivisionError as refused:"),
        ("except Locked:", "except ZeroDivisionError:"),
        ("if user is None:", "if False:"),
        ('request.form.get("code", "")', 'request.form["code"]'),
        ('session["user"] = user', 'session["user"] = "somebody"'),
        ("accepted.failures_before", "accepted.drift_steps"),
    ],
)
def test_it_fails_where_the_view_is_broken(project: Path, good: str, bad: str) -> None:
    """Each of these is a mistake that applications make."""
    view = project / "howto/code_view.py"
    source = view.read_text("utf-8")
    assert source.count(good) == 1
    view.write_text(source.replace(good, bad))
    assert " failed" in run(project)
