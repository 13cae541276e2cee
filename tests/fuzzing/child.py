"""One target under atheris: `python -m fuzzing.child TARGET PROGRAM [libFuzzer's arguments]`. Only it needs atheris.

Only totpcore is instrumented: coverage of the naive implementations would lead the fuzzer astray. `PROGRAM` is what
libFuzzer starts, with arguments of its own, where it minimises a corpus.
"""

import importlib
import sys


def main() -> None:
    """Fuzz the target that the first argument names."""
    atheris = importlib.import_module("atheris")
    name, sys.argv = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["totpcore"]):
        targets = importlib.import_module("fuzzing.targets")
    atheris.Setup(sys.argv, targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
