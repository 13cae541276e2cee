"""What the tests of moving in share.

Rules of this file:

1. What another system can have accepted by now is refused here from now on, whenever it is typed; and the first code
   after all those is accepted. `keeps_what_was_spent` holds a case to both.
2. A refusal shows nothing of a secret: neither in its words, nor in a local of a frame of totpcore's, nor in what the
   exception stands on.
3. Other libraries are asked at a fixed time, and where they want a process of their own they have one.
"""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import currently_in_test_context, reject

from silence.finder import Finder
from silence.surface import deep, reports, surface
from totpcore import TOTP, MemoryStore, Plaintext, Refused, TwoFactor
from totpcore.migrate import Moved
from totpcore.testing import HandClock

NOW: Final = 1_800_000_000  # a time step of thirty seconds begins
USER: Final = "7"
RAW: Final = bytes.fromhex("3f9ac1d25b8e07f46ad21c93b75e80412d6fa9c8")  # a secret that is like nothing else
BASE32: Final = base64.b32encode(RAW).decode()

_HERE: Final = Path(__file__).parent


def adopted(moved: Moved, clock: HandClock) -> TwoFactor:
    """A service that has taken a token over, as somebody does who knows no more than what was read."""
    factor = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
    factor.adopt(USER, moved.token, spent=moved.spent_by(clock()), allow_weak=True)
    return factor


def keeps_what_was_spent(moved: Moved, now: int, *codes: str) -> None:
    """Check that codes which another system can have accepted by now open nothing, and that the next one does."""
    token, spent = moved.token, moved.spent_by(now)
    assert isinstance(token, TOTP)
    steps = range(spent + 1, max(spent, token.counter(now)) + 8)
    fresh = [token.code(token.t0 + step * token.period) for step in steps]
    if len({*fresh, *codes}) < len(fresh) + len({*codes}):  # one in a million belongs to two steps
        assert currently_in_test_context(), "take other numbers: these have one code for two steps"
        reject()
    for code in codes:
        clock = HandClock(now)
        factor = adopted(moved, clock)
        for _ in range(5):
            with pytest.raises(Refused):
                factor.verify(USER, code)
            clock.tick(token.period)
    clock = HandClock(now)
    factor = adopted(moved, clock)
    clock.now = max(now, token.t0 + (spent + 1) * token.period)
    first = max(spent + 1, token.counter(now))
    assert factor.verify(USER, token.code(clock())).counter == first


def shows_nothing(error: BaseException, *secrets: bytes | str) -> None:
    """Check a refusal by rule 2; the frames have to have been ours."""
    finder = Finder({f"secret {number}": secret for number, secret in enumerate((RAW, *secrets))})
    told = [*surface(error), *reports(error), *deep(error)]
    assert any("migrate" in line for line in told), "no frame of ours was in it"
    finder.check("a refusal", *told)


def elsewhere(script: str, **given: object) -> Any:
    """What a script beside this file makes of what it is given, in a process of its own."""
    path = os.pathsep.join(["tests", *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(_HERE / script)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        cwd=_HERE.parents[1],
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
