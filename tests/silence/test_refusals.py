"""Every refusal and every trouble, in every state: what reporters make of it, and what is logged, shows nothing.

Rules of this file:

1. The scenes are those of `tests/trouble`: every call in every state, right, wrong and malformed.
2. The records are sealed, as they should be; under `Plaintext` the frames of the stores hold them in clear.
"""

import contextlib
import faulthandler
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from awaited import awaited
from records.life import USER
from silence.finder import Finder
from silence.listening import Everything, listening
from silence.surface import deep, reports, surface, taken_apart
from totpcore import HOTP, TOTP, CodeReplayed, Confirmed, KeyURI, MemoryStore, RecoveryCodes, TotpcoreError, TwoFactor
from totpcore.testing import Phone
from trouble.faults import Fault, World
from trouble.scenes import CALLS, POLICY, STATES, Scene, Seal, repeatable, scene


@pytest.fixture
def everything() -> Iterator[Everything]:
    """All loggers, at DEBUG."""
    with listening() as kept:
        yield kept


@pytest.mark.parametrize("state", STATES)
def test_no_report_of_a_refusal_shows_a_secret(state: str) -> None:
    """`traceback` with locals, `inspect`'s frames, `sys.exc_info`, and a serializer that goes into containers."""
    refused = 0
    for name in CALLS:
        try:
            scene(state).calls[name](World(scene(state)).service())
        except TotpcoreError as error:
            refused += 1
            where = f"{name} in {state}"
            scene(state).finder.check(where, *surface(error), *reports(error), str(sys.exc_info()))
            scene(state).finder.check(f"{where}, deep", *deep(error))
    assert refused > 3


@pytest.mark.parametrize("state", STATES)
def test_no_report_of_trouble_shows_a_secret(state: str) -> None:
    """The same where clock, sealer or store raise, at each call of theirs."""
    for name in CALLS:
        honest = World(scene(state))
        with contextlib.suppress(TotpcoreError), repeatable(1):
            scene(state).calls[name](honest.service())
        for number, step in enumerate(honest.steps):
            world = World(scene(state), (Fault(number, RuntimeError, after=step == "swap"),))
            try:
                with repeatable(1):
                    scene(state).calls[name](world.service())
            except (RuntimeError, TotpcoreError) as error:
                scene(state).finder.check(f"{name} in {state}, {step}", *reports(error), *deep(error))


ISSUING = (("on", "renew_recovery_codes"), ("pending", "confirm"), ("replacing", "confirm"), ("pending", "adopt"))


BARE: dict[str, bytes | str] = {"bytes": b"the bare key itself!", "base32": "ORUGKIDCMFZGKIDLMV4Q"}


@pytest.mark.parametrize("look", [surface, reports, deep])
@pytest.mark.parametrize("kind", BARE)
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (TOTP, "secret"), (HOTP, "secret"), (partial(KeyURI, account="alice"), "token"), (Phone, "uri"),
        (partial(TwoFactor(MemoryStore(), issuer="ACME", sealer=Seal()).adopt, "7", spent=-1), "token"),
        (partial(awaited(MemoryStore(), issuer="ACME", sealer=Seal()).adopt, "7", spent=-1), "token"),
    ],
    ids=["TOTP", "HOTP", "KeyURI", "Phone", "adopt", "adopt, awaited"],
)  # fmt: skip
def test_a_key_that_is_passed_bare_is_in_no_frame(
    make: Callable[..., object], name: str, kind: str, look: Callable[[BaseException], Iterator[str]]
) -> None:
    """Bytes or base32 where a `Secret` or a token belongs, by position or by name, also where `dataclass` wrote it."""
    spelt = "".join(list(name))  # another object than the name in the code
    for call in (partial(make, BARE[kind]), partial(make, **{name: BARE[kind]}), partial(make, **{spelt: BARE[kind]})):
        with pytest.raises(TypeError, match=f"{name} must be .*, not (bytes|str)") as raised:
            call()
        Finder({"key": BARE[kind]}).check(kind, *look(raised.value))


@pytest.mark.parametrize("look", [surface, reports, deep])
@pytest.mark.parametrize(("state", "name"), ISSUING)
def test_new_recovery_codes_are_in_no_frame(
    state: str, name: str, look: Callable[[BaseException], Iterator[str]]
) -> None:
    """Where a port raises around a new set, no reporter finds one of its codes in totpcore's frames.

    Not even one that shows each element of a sequence, as Sentry does with the locals of every frame.
    """
    honest = World(scene(state))
    with repeatable(1):
        answer = scene(state).calls[name](honest.service())
    issued = answer.recovery_codes if isinstance(answer, Confirmed) else answer
    assert isinstance(issued, RecoveryCodes)
    finder = Finder({f"new recovery code {number}": code for number, code in enumerate(issued)})
    assert finder.find(*taken_apart(issued, 2)) != []
    for number, step in enumerate(honest.steps):
        world = World(scene(state), (Fault(number, RuntimeError, after=True),))
        with repeatable(1), pytest.raises((RuntimeError, TotpcoreError)) as raised:
            scene(state).calls[name](world.service())
        finder.check(f"{name} in {state}, {step}", *look(raised.value))
        if step == "swap":
            assert world.healed().service().recover(USER, issued[0]).codes_left == 9, "these are what is stored"


# ---- logs, warnings, standard streams, dumps ----


@pytest.mark.parametrize("state", STATES)
def test_logs_and_warnings_show_no_secret(
    state: str, everything: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the default audit sink, all loggers at DEBUG and all warnings shown: every call, accepted and refused."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for name in CALLS:
            world = World(scene(state))
            service = TwoFactor(world, issuer="ACME", sealer=world, policy=POLICY, clock=world.clock)
            try:
                answer = scene(state).calls[name](service)
            except TotpcoreError as error:
                logging.getLogger("of the application").debug("%s in %s", name, state, exc_info=error)
            else:
                logging.getLogger("of the application").debug("%s in %s: %r", name, state, answer)
    written = capfd.readouterr()
    assert len(everything.kept) >= 2 * len(CALLS)
    scene(state).finder.check(f"logs in {state}", *everything.kept, *(str(one.message) for one in warned))
    scene(state).finder.check(f"standard streams in {state}", written.out, written.err)
    assert "totpcore" not in written.out + written.err


@pytest.mark.parametrize("state", STATES)
def test_events_show_no_secret(state: str) -> None:
    """Every event of every call, by `repr` and by its fields."""
    for name in CALLS:
        world = World(scene(state))
        with contextlib.suppress(TotpcoreError):
            scene(state).calls[name](world.service())
        for event in world.heard:
            fields = [getattr(event, field) for field in event.__slots__]
            scene(state).finder.check(f"event of {name} in {state}", repr(event), str(fields))


class Dumping(World):
    """A world whose store writes a dump of all threads, as a watchdog does, in the midst of a call."""

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Dump, and walk the stack as a debugger does, then swap."""
        with tempfile.TemporaryFile() as file:
            faulthandler.dump_traceback(file, all_threads=True)
            file.seek(0)
            DUMPS.append(file.read().decode())
        frame = sys._getframe()
        while frame.f_back is not None:
            frame = frame.f_back
            if "totpcore" in frame.f_code.co_filename and "tests" not in frame.f_code.co_filename:
                DUMPS.append(f"{frame.f_code.co_qualname} {dict(frame.f_locals)!r}")
        return super().swap(user, old, new)


DUMPS: list[str] = []


@pytest.mark.parametrize("name", ["verify", "recover", "replace", "confirm", "renew_recovery_codes", "resync", "adopt"])
def test_a_dump_in_the_midst_of_a_call_shows_no_secret(name: str) -> None:
    """`faulthandler`, and the locals of all frames on the stack while nothing was raised at all."""
    state = {"resync": "hotp", "adopt": "pending"}.get(name, "replacing")
    DUMPS.clear()
    scene(state).calls[name](Dumping(scene(state)).service())
    assert len(DUMPS) >= 3
    scene(state).finder.check(name, *DUMPS)


def test_a_replayed_code_is_known_and_not_told() -> None:
    """The refusal that knows the code to be right says so, and neither the code nor its counter."""
    here: Scene = scene("on")
    world = World(here)
    here.calls["verify"](world.service())
    with pytest.raises(CodeReplayed) as refused:
        here.calls["verify"](world.service())
    here.finder.check("replayed", *surface(refused.value), *reports(refused.value), *deep(refused.value))
    assert str(int(here.now) // 30) not in str(refused.value)


def test_the_seal_of_the_scenes_hides() -> None:
    """What the store is given shows nothing, so that a leak that is found is not the store's; opened, it would."""
    for state in STATES:
        held = scene(state).held
        if held is not None:
            assert scene(state).finder.find(held) == []
            assert scene(state).finder.find(Seal().open(held, b"\x00\x0atotpcore/1\x00\x017").decode()) != []
