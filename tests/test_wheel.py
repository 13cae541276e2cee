"""What ships: the wheel is the same bit for bit whenever it is built, holds only the package, and works alone."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "totpcore"
# A life that needs nothing but the wheel.
TRIAL = """
import sys
import totpcore
from totpcore.testing import HandClock, Phone
clock = HandClock(1_800_000_000)
service = totpcore.TwoFactor(totpcore.MemoryStore(), issuer="ACME", sealer=totpcore.Plaintext(), clock=clock)
phone = Phone.scan(service.enrol("alice", account="alice").uri)
codes = service.confirm("alice", phone.code(clock())).recovery_codes
clock.tick(30)
code = phone.code(clock())
if service.verify("alice", code).user != "alice":
    sys.exit("another user was accepted")
try:
    service.verify("alice", code)
except totpcore.CodeReplayed:
    print("replayed", len(codes), totpcore.__file__)
"""


def build(into: Path, *, zone: str = "UTC", umask: int = 0o022, touched: float | None = None) -> Path:
    """Build the wheel of a copy of the source, for a fixed time, without the network."""
    copy = into / "source"
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    for file in copy.rglob("*"):
        file.chmod(file.stat().st_mode & ~umask)
        if touched is not None:
            os.utime(file, (touched, touched))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)],
        check=True,
        cwd=copy,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1800000000", "TZ": zone},
        capture_output=True,
        umask=umask,
    )
    (wheel,) = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as it ships."""
    return build(tmp_path_factory.mktemp("one"))


def test_the_wheel_is_the_same_bit_for_bit(wheel: Path, tmp_path: Path) -> None:
    """Whatever the folder, zone, umask and age of the files: whoever has the source can check what was published."""
    again = build(tmp_path, zone="Asia/Kathmandu", umask=0o077, touched=1_000_000_000)
    assert hashlib.sha256(again.read_bytes()).digest() == hashlib.sha256(wheel.read_bytes()).digest()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    """Modules, type marker, vectors, licence; no test, nothing compiled, and nobody may write but the owner."""
    with zipfile.ZipFile(wheel) as archive:
        entries = archive.infolist()
    names = {entry.filename for entry in entries if ".dist-info/" not in entry.filename}
    kept = {f"totpcore/{file.relative_to(PACKAGE)}" for file in PACKAGE.rglob("*") if file.is_file()}
    assert names == {name for name in kept if "__pycache__" not in name}
    about = {entry.filename.partition(".dist-info/")[2] for entry in entries} - {""}
    assert about == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}
    assert {oct(entry.external_attr >> 16 & 0o7777) for entry in entries} == {"0o644"}


def test_the_wheel_needs_nothing(wheel: Path) -> None:
    """All that it requires belongs to an extra."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert required
    assert all("extra ==" in line for line in required)


def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """With nothing else installed, far from the source, it passes its self-test and refuses a spent code."""
    venv.create(tmp_path / "venv", with_pip=True)
    folder = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    python = folder / "python"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: str | Path) -> str:
        return subprocess.run(command, check=True, cwd=tmp_path, env=environment, capture_output=True, text=True).stdout

    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check", wheel)
    listed = run(python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check").split()
    assert {line.partition("==")[0] for line in listed} <= {"totpcore", "pip", "setuptools"}
    replayed, count, file = run(python, "-I", "-W", "error", "-c", TRIAL).split()
    assert (replayed, count) == ("replayed", "10")
    assert str(tmp_path) in file
    said = run(folder / "totpcore", "selftest").splitlines()
    assert said
    assert all(line.endswith(": ok") for line in said)
