"""What a soak came to: a line on the screen, and what is kept in `full_run.json`.

Rule 1. The figures of a store are kept with the fingerprints of their code, and replace its earlier ones.
"""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from .frames import Killed
from .racing import Figures
from .subjects import SUBJECTS, Subject

FULL_RUN: Final = Path(__file__).parent / "full_run.json"
ROUNDS: Final = 10_000
KILLS: Final = 200


@dataclass
class Soaked:
    """What one store came to.

    Attributes:
        name: The store.
        about: What it ran on.
        sealed: By what its records were sealed.
        racing: What racers were told.
        clients: What killing clients came to, where that can be.
        servers: What killing the server came to, where it has one.
        broken: Which promise was broken, and where.
        missing: What was missing, so that it was not run.
        seconds: How long it took, part by part.
    """

    name: str
    about: str = ""
    sealed: str = ""
    racing: Figures = field(default_factory=Figures)
    clients: Killed | None = None
    servers: Killed | None = None
    broken: str | None = None
    missing: str | None = None
    seconds: list[float] = field(default_factory=list)

    def line(self) -> str:
        """Return it in a line."""
        if self.missing is not None:
            return f"{self.name}: skipped: {self.missing}"
        if self.broken is not None:
            return f"{self.name}: BROKEN: {self.broken}"
        seen = self.racing
        parts = [f"{seen.rounds:,} rounds, {seen.acceptances:,} acceptances, {seen.lost:,} swaps too late"]
        for who, killed in (("a client", self.clients), ("the server", self.servers)):
            if killed is not None:
                parts.append(f"{killed.kills:,} kills of {who}, {killed.told:,} answers told and true")
        if self.servers is not None:
            parts[-1] += f", {self.servers.unknown:,} not told"
        spent = " + ".join(f"{seconds:.0f}" for seconds in self.seconds)
        return f"{self.name} ({self.about}, {self.sealed}): {'; '.join(parts)}; {spent} s"


def keep(soaked: Soaked, subject: Subject, seed: int) -> None:
    """Put the figures of a store in the place of those that are on record."""
    kept = recorded()
    stores = cast("dict[str, object]", kept.setdefault("stores", {}))
    figures: dict[str, object] = {
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "on": soaked.about,
        "sealed": soaked.sealed,
        "seed": seed,
        **asdict(soaked.racing),
        "clients": None if soaked.clients is None else asdict(soaked.clients),
        "servers": None if soaked.servers is None else asdict(soaked.servers),
        "code": subject.fingerprints(),
    }
    if subject.example is not None:
        figures["example"] = subject.example_fingerprint()
    stores[soaked.name] = figures
    kept["stores"] = {name: stores[name] for name in SUBJECTS if name in stores}
    FULL_RUN.write_text(json.dumps(kept, indent=1) + "\n", encoding="ascii")


def recorded() -> dict[str, object]:
    """Return what is on record."""
    return cast("dict[str, object]", json.loads(FULL_RUN.read_text("ascii"))) if FULL_RUN.exists() else {}


def gaps(*, code: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each store that was not soaked in full, and why; with `code`, also where its code has changed since."""
    stores = cast("dict[str, dict[str, object]]", recorded().get("stores", {}))
    for name, subject in SUBJECTS.items():
        found = stores.get(name)
        if found is None:
            yield name, "it was not soaked"
        elif cast("int", found["rounds"]) < ROUNDS:
            yield name, "it was raced on too little"
        elif any(_kills(found[who]) < KILLS for who, dies in subject.deaths.items() if dies):
            yield name, "too little was killed"
        elif code and (found["code"], found.get("example")) != (subject.fingerprints(), subject.example_fingerprint()):
            yield name, "its code has changed since"


def _kills(killed: object) -> int:
    return cast("dict[str, int]", killed or {"kills": 0})["kills"]
