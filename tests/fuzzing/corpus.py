"""The corpus: inputs that reach different parts of totpcore, one JSON file a target.

Rules of this file:

1. A file holds the inputs in base64, sorted, one a line: a change of it can be read as a difference.
2. libFuzzer wants a folder with one file an input: `unpack` writes it, `pack` reads it back.
3. Minimising keeps what reaches other lines of totpcore. What reaches the same lines and is another danger all the same
   stands in `BY_HAND`, and is never dropped.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent / "corpus"
FULL_RUN: Final = Path(__file__).parent / "full_run.json"

BY_HAND: Final[Mapping[str, tuple[bytes, ...]]] = {
    "codes": (
        bytes([3, 1, 0, 0, 3, 0, 3, 1, 2, 1, 38]),  # a recovery code with a dotless i where it has a 1
        bytes([3, 1, 0, 0, 3, 0, 3, 1, 2, 1, 39]),  # and with a long s
        bytes([1, 0, 7, 2, 2, 1, 7, 2, 0, 0, 3, 0, 3, 0]),  # a code of now, spent
    ),
    "base32": (),
    "uris": (),
    "stored": (
        bytes([1, 255, 0, 0, 0, 1, 0, 0, 0, 1, 0]),  # a spent counter that is null
        bytes([5, 255, 0, 0, 0, 0, 0, 1, 0, 0, 4]),  # a version that stands twice
    ),
}


def inputs(name: str) -> list[bytes]:
    """The inputs of a target, those made by hand first."""
    kept = json.loads((HERE / f"{name}.json").read_text(encoding="ascii"))
    return list(dict.fromkeys((*BY_HAND[name], *map(base64.b64decode, kept))))


def unpack(name: str, folder: Path) -> Path:
    """Write each input to a file of its own."""
    folder.mkdir(parents=True)
    for data in inputs(name):
        (folder / hashlib.sha256(data).hexdigest()[:32]).write_bytes(data)
    return folder


def pack(name: str, folder: Path) -> int:
    """Keep the inputs of a folder as the corpus; return how many there are."""
    lines = sorted(base64.b64encode(path.read_bytes()).decode() for path in folder.iterdir())
    text = json.dumps(lines, indent=0)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="ascii")
    return len(lines)
