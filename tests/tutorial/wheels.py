"""Wheels for `pip install` without a network: totpcore as it is built from here, and what is installed beside it.

Rule 1. What is installed is packed again as it is. Nothing is downloaded, so it is what the other tests run on.
"""

import base64
import hashlib
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from test_wheel import build

NEEDED = ("flask", "segno", "cryptography")


def wheelhouse(folder: Path) -> Path:
    """A folder with every wheel that the tutorial installs."""
    (folder / "build").mkdir()
    built = build(folder / "build")
    house = folder / "wheels"
    house.mkdir()
    built.rename(house / built.name)
    for name in _closure(NEEDED):
        _pack(distribution(name), house)
    return house


def _closure(names: tuple[str, ...]) -> list[str]:
    """Those packages, and what they need here."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.append(name)
            needs = (Requirement(text) for text in distribution(name).requires or [])
            waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def _pack(installed: Distribution, house: Path) -> None:
    """Make a wheel of what is installed."""
    files = [file for file in installed.files or [] if ".." not in file.parts and file.suffix != ".pyc"]
    about = next(file for file in files if file.name == "METADATA").parent
    tag = next(line for line in (installed.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: "))
    wheel = house / f"{about.name.removesuffix('.dist-info')}-{tag.removeprefix('Tag: ')}.whl"
    left_out = {about / name for name in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")}
    record = []
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in files:
            if file not in left_out:
                content = Path(str(file.locate())).read_bytes()
                archive.writestr(file.as_posix(), content)
                digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
                record.append(f"{file.as_posix()},sha256={digest},{len(content)}")
        archive.writestr(f"{about}/RECORD", "\n".join([*record, f"{about}/RECORD,,", ""]))
