"""An exception at every call of a port, in every state, in every call of `TwoFactor`, before the work and after it.

Rules of this file:

1. A clean run says what a call asks of its surroundings and what it comes to, once and when it is repeated. After
   trouble a call must come to the one or to the other, byte for byte, and to nothing else.
2. Where the swap was made, its answer is lost and the change stays: the same code again is refused.
3. The surface of what is raised is searched for every secret, code and recovery code of the scene.
"""

import sys
from collections.abc import Callable
from functools import partial

import pytest

import totpcore
from records.life import USER
from silence.listening import attributes_of
from silence.surface import surface
from totpcore import Confirmed, RecordUnreadable, Status, TotpcoreError
from totpcore import _core as core
from totpcore._record import Record
from totpcore.testing import Phone
from trouble.clean import clean, each, each_of_few, opened, run
from trouble.faults import KINDS, Fault, Step, World, WorldOfMany
from trouble.scenes import CALLS, SPENDING, STATES, Seal, outcome, repeatable, scene


def still_works(world: World) -> None:
    """Somebody else sets up and logs in on the same store."""
    service, clock = world.service(), world.time
    phone = Phone.scan(service.enrol("somebody else", account="bob").uri)
    service.confirm("somebody else", phone.code(clock()))
    clock.tick(60)  # of a random secret, one in a million has the same code in the next step, and spends both
    assert service.verify("somebody else", phone.code(clock())).user == "somebody else"


# ---- the clean runs mean something ----


def test_every_call_is_accepted_and_refused_somewhere() -> None:
    """The scenes are no scenery: each call that is right is accepted in some state, each that is wrong is refused."""
    for name in CALLS:
        outcomes = {clean(state, name).outcome for state in STATES}
        assert ("ok" in outcomes) is ("wrong" not in name and "malformed" not in name), (name, outcomes)
    assert {clean(state, "verify, wrong").outcome for state in STATES} == {
        "not_enrolled",
        "wrong",
        "throttled",
        "locked",
    }


@each
def test_a_code_that_was_spent_is_not_accepted_again(state: str, name: str) -> None:
    """Where a call that takes a code was accepted, the same call again is refused; a wrong code is charged one more."""
    found, before = clean(state, name), opened(scene(state).held)
    after = opened(found.left)
    if name in SPENDING and found.outcome == "ok":
        assert found.again not in ("ok", "wrong" if "resync" not in name and "renew" not in name else "")
    if found.outcome != "ok" and after.active is not None and before.active is not None:
        assert after.active == before.active
        assert after.code_tally.failures >= before.code_tally.failures
        assert after.recovery_tally.failures >= before.recovery_tally.failures
    if found.outcome == "wrong":
        assert charged(after) == charged(before) + 1


def charged(record: Record) -> int:
    """All attempts that are charged in a record."""
    waiting = record.pending.failures if record.pending else 0
    return record.code_tally.failures + record.recovery_tally.failures + waiting


# ---- the matrix ----


@each
def test_whatever_raises_accepts_nothing_and_loses_nothing(state: str, name: str) -> None:
    """At every call of a port, for every kind of exception: it surfaces, nothing else has happened, and all is well."""
    expected, finder = clean(state, name), scene(state).finder
    for number, step in enumerate(expected.steps):
        for kind in KINDS:
            for after in (False, True) if step == "swap" else (False,):
                world = World(scene(state), (Fault(number, kind, after=after),))
                where = f"{name} in {state}, {step} (call {number}), {kind()!r}, {after=}"
                written = step == "swap" and after
                check_surfaced(world, name, step, where, finder.check)
                assert world.heard == [], where
                assert world.raw == (expected.left if written else scene(state).held), where
                if kind is not KINDS[number % len(KINDS)]:  # the bytes are the same whatever was raised
                    continue
                healed = world.healed()
                assert run(healed, name) == (expected.again if written else expected.outcome), where
                if not written:
                    assert (healed.raw, len(healed.heard)) == (expected.left, expected.events), where
                still_works(healed)


def check_surfaced(world: World, name: str, step: Step, where: str, check: Callable[..., None]) -> None:
    """The call raises what the port raised, or says that the record cannot be used; and shows nothing."""
    try:
        with repeatable(1):
            answer = world.scene.calls[name](world.service())
    except BaseException as error:  # noqa: BLE001  # whatever it is
        surfaced = error
    else:
        assert (name, step) == ("statuses", "open"), f"{where}: no exception, but {answer!r}"
        assert isinstance(answer, dict), where
        (surfaced,) = answer.values()
    check(where, *surface(surfaced))
    if step == "open" and isinstance(world.raised, Exception):
        assert type(surfaced) is RecordUnreadable, where
        assert (surfaced.__cause__, surfaced.__context__) == (None, None), where
    else:
        assert surfaced is world.raised, where


@each
def test_a_sealer_s_exception_may_hold_the_record(state: str, name: str) -> None:
    """A careless sealer puts what it has opened into its exception: that one does not surface, not even chained."""
    expected, finder = clean(state, name), scene(state).finder
    held = scene(state).held
    plain = Seal().open(held, core.context_of(USER)) if held else b""
    for number in [number for number, step in enumerate(expected.steps) if step == "open"]:
        world = World(scene(state), (Fault(number, partial(ValueError, plain), after=True),))
        check_surfaced(world, name, "open", f"{name} in {state}", finder.check)
        assert world.raw == scene(state).held


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: repr(kind()))
def test_statuses_of_a_store_that_loads_many(state: str, kind: type[Exception]) -> None:
    """Trouble of the store or the clock is passed on; a seal that does not open stands as the exception."""
    honest = WorldOfMany(scene(state))
    assert isinstance(honest.service().statuses([USER])[USER], Status)
    assert honest.steps[:2] == ["load_many", "clock"]
    for number, step in enumerate(honest.steps):
        world = WorldOfMany(scene(state), (Fault(number, kind),))
        check_surfaced(world, "statuses", step, f"statuses in {state}, {step}", scene(state).finder.check)
        assert world.raw == scene(state).held


# ---- the audit sink ----


@each_of_few
def test_a_sink_that_raises_changes_no_answer(
    state: str, name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever an audit sink raises, the answer is the one that is due, the change is stored, and the log says so."""
    expected, finder = clean(state, name), scene(state).finder
    for kind in (kind for kind in KINDS if isinstance(kind(), Exception)):
        world = World(scene(state))
        caplog.clear()

        def broken(event: object, kind: object = kind) -> None:
            assert callable(kind)
            raise kind()

        with repeatable(1):
            came_to = outcome(partial(scene(state).calls[name], world.service(broken)))
        assert (came_to, world.raw) == (expected.outcome, expected.left)
        assert [record.levelname for record in caplog.records] == ["ERROR"] * expected.events
        finder.check(f"the log of {name} in {state}", caplog.text, *map(attributes_of, caplog.records))


@each_of_few
def test_a_sink_that_is_interrupted_leaves_what_was_stored(state: str, name: str) -> None:
    """What is no `Exception` passes through the sink: the answer is lost, and the change and the charge are not."""
    expected = clean(state, name)
    for kind in (kind for kind in KINDS if not isinstance(kind(), Exception)):
        world, raised = World(scene(state)), kind()

        def interrupted(event: object, raised: BaseException = raised) -> None:
            raise raised

        try:
            with repeatable(1):
                scene(state).calls[name](world.service(interrupted))
        except TotpcoreError:
            assert expected.events == 0
        except BaseException as error:
            if error is not raised:
                raise
            scene(state).finder.check(f"{name} in {state}", *surface(error))
            assert expected.events == 1
        else:
            assert expected.events == 0
        assert world.raw == expected.left
        assert run(world.healed(), name) == expected.again


def test_recovery_codes_survive_a_broken_sink() -> None:
    """The codes that `confirm` returns through a broken sink are the ones that are stored: each opens once."""

    def broken(event: object) -> None:
        raise OSError("the audit database is down")

    world = World(scene("pending"))
    confirmed = scene("pending").calls["confirm"](world.service(broken))
    assert isinstance(confirmed, Confirmed)
    service = world.healed().service()
    assert [service.recover(USER, code).codes_left for code in confirmed.recovery_codes] == list(range(9, -1, -1))


@pytest.mark.parametrize("name", ["confirm", "renew_recovery_codes"])
def test_recovery_codes_survive_an_import_that_fails(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where `audit` cannot be loaded, with no descriptors left or at the end of it all, the answer stands."""
    monkeypatch.delattr(totpcore, "audit", raising=False)
    monkeypatch.setitem(sys.modules, "totpcore.audit", None)
    here = scene("pending" if name == "confirm" else "on")
    answer = here.calls[name](World(here).service())
    assert len(answer.recovery_codes if isinstance(answer, Confirmed) else [answer]) >= 1
