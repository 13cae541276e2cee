"""A copy of the source and its tests in which one mutant after the other is tried."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from fingerprints import ROOT

from .mutants import Mutant
from .results import Fate

TESTS: Final = Path(__file__).parents[1]
SECONDS: Final = 150
# What takes long, needs the whole repository, or reads the source rather than runs it.
LEFT_OUT: Final = {
    "test_wheel.py", "test_docs.py", "test_gates.py", "test_floors.py", "test_proof_words.py", "test_face.py",
    "test_benchmarks.py", "test_manual.py", "test_readme.py", "test_figures.py", "test_comparison.py",
    "test_recipes.py",
}  # fmt: skip
# A module's own tests find most of its mutants at once; what walks everything comes last.
OWN: Final = {
    "_guard": "test_otp.py", "_urireading": "test_keyuri.py", "_record": "test_record.py", "answers": "test_qr.py",
    "_states": "test_transitions.py", "_spending": "test_transitions.py", "_core": "test_service.py",
}  # fmt: skip
LAST: Final = ("test_events.py", "test_machine.py")
FOLDERS: Final = ("weaknesses",)
# What takes seconds and can notice nothing: twins have their own faults, odds are the policy's, pictures are segno's.
# By name, with the modules for which it is run all the same.
SLOW: Final[dict[str, tuple[str, ...]]] = {
    "broken_twin": (), "guess_probability": ("policy", "answers"), "svg_reads": ("policy", "answers"),
}  # fmt: skip
# Of pytest's plugins only hypothesis's: the others take as long to load as most mutants take to die.
ARGUMENTS: Final = (
    "-x", "-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "-o", "addopts=--import-mode=importlib",
)  # fmt: skip


class Bench:
    """A place of its own for each worker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder / "src" / "totpcore", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(TESTS, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(TESTS.parent / name, folder)
        shutil.copytree(TESTS.parent / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))

    def tests_for(self, module: str) -> tuple[list[str], list[str]]:
        """The tests that know the module best, and all other fast tests."""
        files = {file.name for file in (self.folder / "tests").glob("test_*.py")} - LEFT_OUT
        named = [name for name in (OWN.get(module), f"test_{module.strip('_')}.py") if name in files]
        own = list(dict.fromkeys(name for name in named if name))
        rest = [*sorted(files - set(own) - set(LAST)), *LAST]
        folders = [name for name in FOLDERS if (self.folder / "tests" / name).exists()]
        return [f"tests/{name}" for name in own], [f"tests/{name}" for name in [*rest, *folders]]

    def fate(self, mutant: Mutant) -> Fate:
        """Whether a test notices, or nothing comes to an end any more."""
        file = self.folder / "src" / "totpcore" / f"{mutant.module}.py"
        self._put(file, mutant.source)
        try:
            return self.outcome(mutant.module)
        finally:
            self._put(file, (ROOT / file.name).read_text("utf-8"))

    def _put(self, file: Path, source: str) -> None:
        """Write a module. What was compiled of it goes: two mutants of one second and one length would look alike."""
        file.write_text(source, "utf-8")
        for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
            compiled.unlink()

    def outcome(self, module: str) -> Fate:
        """What the fast tests come to on what stands in the copy; first its own, which kill most in a second."""
        slow = [name for name, run_for in SLOW.items() if module not in run_for]
        for files in filter(None, self.tests_for(module)):
            fate = self._run(files, slow)
            if fate is not Fate.SURVIVED:
                return fate
        return Fate.SURVIVED

    def _run(self, files: list[str], slow: list[str]) -> Fate:
        variables = {
            "PYTHONPATH": os.pathsep.join((str(self.folder / "src"), str(self.folder / "tests"))),
            "PYTHONDONTWRITEBYTECODE": "",  # compiling the tests takes longer than most mutants live
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "TOTPCORE_TEST_PROFILE": "mutation",
        }
        try:
            found = subprocess.run(
                [sys.executable, "-m", "pytest", *ARGUMENTS, *files, "-k", f"not ({' or '.join(slow)})"],
                cwd=self.folder,
                env={**os.environ, **variables},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Fate.TIMED_OUT
        return Fate.KILLED if found.returncode else Fate.SURVIVED
