"""`python -m mutation`: try what was not tried yet; `--sample N`: a fixed sample; `--survivors`: try those again."""

import argparse
import datetime
import random
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from fingerprints import fingerprint_of

from .mutants import Mutant, mutant_called, mutants_of
from .results import MODULES, Fate, Result, dead, fresh, load, load_reasons, save, score
from .trial import Bench

SAMPLE_SEED: Final = 4226  # a fixed sample, so that it is the same in every run of the same code


def outcomes(mutants: list[Mutant], jobs: int) -> Iterable[tuple[Mutant, Fate]]:
    """Try mutants side by side, each worker on a bench of its own; once the tests pass on what is not changed."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        benches: SimpleQueue[Bench] = SimpleQueue()
        for number in range(jobs):
            benches.put(Bench(Path(folder) / str(number)))

        def at_a_bench(work: Callable[[Bench], Fate]) -> Fate:
            bench = benches.get()
            try:
                return work(bench)
            finally:
                benches.put(bench)

        if mutants and at_a_bench(lambda bench: bench.outcome(mutants[0].module)) is not Fate.SURVIVED:
            raise SystemExit("the tests fail before anything is changed")
        fates = pool.map(lambda mutant: at_a_bench(lambda bench: bench.fate(mutant)), mutants)
        yield from zip(mutants, fates, strict=True)


def note(result: Result, mutant: Mutant, fate: Fate) -> None:
    """Write down what became of a mutant."""
    result["survivors"].pop(mutant.name, None)
    if fate is Fate.KILLED:
        result["killed"] = sorted({*result["killed"], mutant.name})
    elif fate is Fate.TIMED_OUT:
        result["timed_out"] = sorted({*result["timed_out"], mutant.name})
    else:
        result["survivors"][mutant.name] = {"line": mutant.line, "was": mutant.was, "becomes": mutant.becomes}


def run(modules: list[str], jobs: int, *, survivors: bool) -> None:
    """Go on from where the last run stopped."""
    results, today, waiting = load(), datetime.datetime.now(tz=datetime.UTC).date().isoformat(), []
    for module in modules:
        mutants = list(mutants_of(module))
        new = fresh(module, len(mutants), today)
        if module not in results or results[module]["fingerprint"] != new["fingerprint"]:
            results[module] = new
        result = results[module]
        done = {*dead(result), *(() if survivors else result["survivors"])}
        waiting += [mutant for mutant in mutants if mutant.name not in done]
    print(f"{len(waiting)} mutants to try", flush=True)
    for mutant, fate in outcomes(waiting, jobs):
        note(results[mutant.module], mutant, fate)
        results[mutant.module]["date"] = today
        save(results)


def sample(size: int, jobs: int) -> int:
    """Try a fixed sample of the mutants that were killed in full: 1 where one of them lives now."""
    current = {module: result for module, result in load().items() if result["fingerprint"] == fingerprint_of(module)}
    known = [(module, name) for module in MODULES if module in current for name in current[module]["killed"]]
    names = random.Random(SAMPLE_SEED).sample(known, min(size, len(known)))
    chosen = [mutant_called(module, name) for module, name in names]
    alive = [mutant for mutant, fate in outcomes(chosen, jobs) if fate is Fate.SURVIVED]
    for mutant in alive:
        print(f"alive: {mutant.module}:{mutant.line}: {mutant.was}  ->  {mutant.becomes}")
    print(f"{len(chosen) - len(alive)} of a sample of {len(chosen)} mutants killed")
    return 1 if alive or not chosen else 0


def main() -> int:
    """Run, and print what all of it comes to; 1 where something is missing."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="only these modules")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--survivors", action="store_true")
    options = parser.parse_args()
    if options.sample:
        return sample(options.sample, options.jobs)
    run(options.modules or list(MODULES), options.jobs, survivors=options.survivors)
    total = score(load(), load_reasons())
    print(total)
    print("\n".join(total.gaps))
    return 1 if total.gaps else 0


if __name__ == "__main__":
    sys.exit(main())
