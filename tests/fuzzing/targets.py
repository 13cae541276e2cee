"""The four targets by name."""

from collections.abc import Callable, Mapping
from typing import Final

from . import base32, codes, stored, uris

TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "codes": codes.target,
    "base32": base32.target,
    "uris": uris.target,
    "stored": stored.target,
}
