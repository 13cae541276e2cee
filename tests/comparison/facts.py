"""Facts, the questions, and what every library is asked in the same way.

Rule 1. All are given the same secret and the same moment.
"""

import json
import os
import pickle
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import requires
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier
from typing import ClassVar, Final

from totpcore import hotp

KEY: Final = b"a shared secret, 20b"
BASE32: Final = "MEQHG2DBOJSWIIDTMVRXEZLUFQQDEMDC"
NOW: Final = 1_800_000_000
STEP: Final = NOW // 30
CODE: Final = hotp(KEY, STEP)
RACERS: Final = 32

NOT_SO: Final = "no longer so"


def fact(text: str, *conditions: bool) -> str:
    """Return the text where every condition holds, and what it is not where one does not."""
    failed = [str(number) for number, condition in enumerate(conditions, 1) if condition is not True]
    return text if conditions and not failed else f"{NOT_SO} ({', '.join(failed) or 'nothing is looked at'}): {text}"


def wrong(code: str, number: int = 0) -> str:
    """Return a code that is not this one, nor one near it by chance for the secret above."""
    return f"{(int(code) + 1000 + number) % 10**6:06d}"


def race(attempt: Callable[[], object], racers: int = RACERS) -> list[object]:
    """Let so many threads attempt the same at once; what one raises is its answer."""
    barrier = Barrier(racers)

    def racer() -> object:
        barrier.wait()
        try:
            return attempt()
        except Exception as error:  # noqa: BLE001  # an answer like any other here
            return error

    with ThreadPoolExecutor(racers) as pool:
        return [future.result() for future in [pool.submit(racer) for _ in range(racers)]]


def raised(call: Callable[[], object]) -> str:
    """Return the name of the exception that a call raises, or an empty text."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it is, is the question
        return type(error).__name__
    return ""


def in_pickle(secret: str | bytes, thing: object) -> bool:
    """Whether a pickle of the thing holds the secret."""
    return (secret.encode() if isinstance(secret, str) else secret) in pickle.dumps(thing)


def typed(package: str) -> bool:
    """Whether the package says that it is typed."""
    found = find_spec(package)
    return found is not None and found.origin is not None and (Path(found.origin).parent / "py.typed").exists()


def needed(distribution: str) -> set[str]:
    """What a distribution always needs on this Python, by the names that its metadata has."""
    from packaging.requirements import Requirement

    found = [Requirement(line) for line in requires(distribution) or ()]
    return {each.name.lower() for each in found if each.marker is None or each.marker.evaluate({"extra": ""})}


def milliseconds(program: str) -> float:
    """Return the least processor time of three runs of a program, beyond what Python needs for itself."""
    timed = f"import time; began = time.process_time()\n{program}\nprint(time.process_time() - began)"
    runs = [subprocess.run([sys.executable, "-c", timed], check=True, capture_output=True, text=True) for _ in range(3)]
    return 1000 * min(float(run.stdout) for run in runs)


def order(named: str, milliseconds: float) -> str:
    """Return "tens" or "hundreds" of milliseconds, where that is the order of magnitude on this machine too."""
    lowest = {"tens": 10, "hundreds": 100}[named]
    return fact(f"{named} of milliseconds", lowest / 5 <= milliseconds < lowest * 50)


class Library(ABC):
    """What is asked of every library. The names of the questions are those of the methods.

    Attributes:
        name: As the page calls it.
        distribution: As it is installed.
        package: As it is imported.
    """

    name: ClassVar[str]
    distribution: ClassVar[str]
    package: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def in_another_process(self) -> bool:
        """Whether a code is accepted by a process that knows only what is stored."""
        done = subprocess.run(
            [sys.executable, "-m", "comparison", "try", self.name, str(self.folder)],
            check=True, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        return json.loads(done.stdout) is True

    def attempt(self) -> bool:
        """Check the code of now with what is stored in the folder, and nothing else. `try` calls it."""
        raise NotImplementedError

    @abstractmethod
    def replay(self) -> str:
        """The same code twice."""

    @abstractmethod
    def another_process(self) -> str:
        """The same code, in another process."""

    @abstractmethod
    def race_on_postgresql(self) -> str:
        """One code, 32 threads, PostgreSQL."""

    @abstractmethod
    def race_on_sqlite(self) -> str:
        """One code, 32 threads, SQLite."""

    @abstractmethod
    def guessing(self) -> str:
        """Guessing."""

    @abstractmethod
    def window(self) -> str:
        """The window, as it comes."""

    @abstractmethod
    def spaces(self) -> str:
        """`123 456`, as apps show it."""

    @abstractmethod
    def comparison(self) -> str:
        """How a code is compared."""

    @abstractmethod
    def refusal(self) -> str:
        """How a wrong code is told."""

    @abstractmethod
    def at_rest(self) -> str:
        """The secret at rest."""

    @abstractmethod
    def recovery(self) -> str:
        """Recovery codes."""

    @abstractmethod
    def shortest(self) -> str:
        """The shortest secret."""

    @abstractmethod
    def zeros(self) -> str:
        """A secret of zeros."""

    @abstractmethod
    def base32(self) -> str:
        """Base32 as people type it."""

    @abstractmethod
    def shown(self) -> str:
        """The secret in `repr` and in a pickle."""

    @abstractmethod
    def uri(self) -> str:
        """A space and a colon in a name."""

    @abstractmethod
    def reads_uri(self) -> str:
        """Reads an `otpauth` URI."""

    @abstractmethod
    def counter_based(self) -> str:
        """HOTP."""

    @abstractmethod
    def hashes(self) -> str:
        """Hashes."""

    @abstractmethod
    def life(self) -> str:
        """Set-up, replacing, reset."""

    @abstractmethod
    def devices(self) -> str:
        """Devices."""

    @abstractmethod
    def types(self) -> str:
        """Types."""

    @abstractmethod
    def needs(self) -> str:
        """What it needs."""

    @abstractmethod
    def import_time(self) -> str:
        """Time to import."""

    def better(self) -> Iterator[str]:
        """What it does better than totpcore, each as a sentence."""
        return iter(())
