"""`python -m soak`, with `src`, `tests` and `docs/examples` on the path: soak every store, and print a line for each.

With `--keep` the figures of each store are written to `full_run.json` as soon as it is done. A broken promise is an
exit code of 1; so is a store whose server is missing, where `TOTPCORE_TEST_REQUIRE_ALL=1`.
"""

import argparse
import logging
import os
import signal
import sys
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from typing import NamedTuple

from trouble.processes import FORK

from . import frames, killing
from .report import KILLS, ROUNDS, Soaked, gaps, keep
from .sites import Missing
from .subjects import SUBJECTS, Subject


class Amount(NamedTuple):
    """How much of it, and the seed of all chance in it."""

    rounds: int
    kills: int
    seed: int


def main(arguments: list[str] | None = None) -> int:
    """Soak, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Race on every store, and kill clients and servers.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="racing rounds on each store")
    parser.add_argument("--kills", type=int, default=KILLS, help="kills of a client, and as many of the server")
    parser.add_argument("--store", action="append", choices=list(SUBJECTS), help="only this one; may come repeatedly")
    parser.add_argument("--seed", type=int, default=4226)
    parser.add_argument("--keep", action="store_true", help="write the figures to full_run.json, store by store")
    parser.add_argument("--resume", action="store_true", help="only stores that are not on record in full, as they are")
    given = parser.parse_args(arguments)
    names = given.store or list(SUBJECTS)
    if given.resume:
        lacking = dict(gaps(code=True))
        names = [name for name in names if name in lacking]
    began, failed = time.monotonic(), 0
    for name in names:
        soaked = in_a_process(name, SUBJECTS[name], Amount(given.rounds, given.kills, given.seed))
        print(soaked.line(), flush=True)
        required = os.environ.get("TOTPCORE_TEST_REQUIRE_ALL") == "1"
        failed += soaked.broken is not None or (required and soaked.missing is not None)
        if given.keep and soaked.broken is None and soaked.missing is None:
            keep(soaked, SUBJECTS[name], given.seed)
    print(f"{len(names)} stores, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def in_a_process(name: str, subject: Subject, amount: Amount) -> Soaked:
    """Soak a store in a process of its own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=_soak_and_tell, args=(sender, name, subject, amount))
    child.start()
    sender.close()
    try:
        told: Soaked = receiver.recv()
    except EOFError:
        told = Soaked(name, broken="its process ended before it was done")
    except BaseException:
        child.terminate()
        raise
    finally:
        receiver.close()
        child.join()
    return told


def _soak_and_tell(sender: "Connection[Soaked, object]", name: str, subject: Subject, amount: Amount) -> None:
    logging.disable(logging.WARNING)  # pools tell of every connection that ends
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    sender.send(soak(name, subject, amount))


def soak(name: str, subject: Subject, amount: Amount) -> Soaked:
    """Soak a store."""
    rounds, kills, seed = amount
    seen = Soaked(name)

    def timed(began: float) -> None:
        seen.seconds.append(time.monotonic() - began)

    try:
        with subject.site() as site:
            seen.about, seen.sealed = site.about, type(site.sealer).__name__
            began = time.monotonic()
            seen.racing = frames.racing(site, rounds, seed)
            timed(began)
            if subject.clients_die:
                began = time.monotonic()
                seen.clients = frames.killed_clients(site, kills, seed)
                timed(began)
            if site.server is not None:
                began = time.monotonic()
                seen.servers = killing.killed_servers(site, site.server, kills, seed)
                timed(began)
    except Missing as missing:
        seen.missing = str(missing)
    except Exception as error:  # noqa: BLE001  # whatever it is, the store failed
        broken = isinstance(error, AssertionError)
        seen.broken = str(error) if broken else "".join(traceback.format_exception(error))
    return seen


if __name__ == "__main__":
    sys.exit(main())
