"""The soak sees a broken promise in each of its frames, on stores and servers that break one; and it keeps its figures.

What it says of the stores themselves is in `full_run.json`; `.ci/run` soaks them all, for shorter.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import ClassVar, Final

import pytest

from fingerprints import ROOT
from need import miss
from servers.redis import RedisServer
from soak import __main__ as program
from soak import frames, killing, report
from soak.__main__ import Amount, in_a_process, main
from soak.clients import Ask, Client, Told
from soak.crew import Answered, Crew, crew
from soak.racing import Figures, Rounds
from soak.sites import Missing, Server, Site, redis
from soak.subjects import SUBJECTS, Subject
from totpcore import MemoryStore, Plaintext, SQLiteStore, StoreError
from totpcore.stores.redis import RedisStore

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
SEED: Final = 1


class Forgetful(MemoryStore):
    """Says that it swapped, every so often, and did not."""

    swaps = 0

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.swaps += 1
        return self.swaps % 50 == 0 or super().swap(user, old, new)


class Hasty(MemoryStore):
    """Looks first, and writes after that."""

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if self.load(user) != old:
            return False
        time.sleep(0.001)
        return super().swap(user, self.load(user), new)


class Stubborn(MemoryStore):
    """Is in trouble every so often, though nothing was killed."""

    swaps = 0

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        self.swaps += 1
        if self.swaps % 50 == 0:
            raise StoreError("now and then")
        return super().swap(user, old, new)


class WriteBehind:
    """Says `True`, and writes at the next call: whoever is killed in between has told what is not true."""

    def __init__(self, path: Path, honest: int) -> None:
        """Open the file; in the process of that id it keeps its word."""
        self.store, self.honest = SQLiteStore(path), honest
        self.waiting: list[tuple[str, bytes | None, bytes | None]] = []

    def load(self, user: str, /) -> bytes | None:
        if self.waiting:
            time.sleep(0.005)
            self.store.swap(*self.waiting.pop())
        return self.store.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if os.getpid() == self.honest:
            return self.store.swap(user, old, new)
        if self.load(user) != old:
            return False
        self.waiting.append((user, old, new))
        return True


def in_threads(store: MemoryStore) -> Site:
    """Racers in threads, on that store."""
    return Site(lambda: store, "a stand-in", Plaintext(), threads=True)


# ---- each frame has teeth ----


def test_racing_passes_on_a_store_that_keeps_its_word() -> None:
    """Each round is counted, with its acceptances; and racers did come too late, so that it was a race."""
    seen = frames.racing(in_threads(MemoryStore()), 220, SEED)
    assert (seen.rounds, seen.acceptances, seen.unknown) == (220, 220, 0)
    assert seen.refusals > 0
    assert seen.lost > 0


@pytest.mark.parametrize("store", [Forgetful, Hasty, Stubborn])
def test_racing_sees_a_store_that_breaks_its_word(store: type[MemoryStore]) -> None:
    """A swap that was not made, one that was made twice, trouble that nobody made: each ends the run."""
    with pytest.raises(AssertionError, match=r"round \d+, seed 1: "):
        frames.racing(in_threads(store()), 200, SEED)


def test_killing_clients_sees_what_was_told_too_early(tmp_path: Path) -> None:
    """A store that writes after it has answered loses what was told."""
    SQLiteStore(tmp_path / "db", create=True)
    parent = os.getpid()
    site = Site(lambda: WriteBehind(tmp_path / "db", parent), "a stand-in", Plaintext())
    with pytest.raises(AssertionError, match=r"kill \d+ of a client, seed 1: a .* is (not|accepted again)"):
        frames.killed_clients(site, 20, SEED)


def test_killing_clients_passes_on_a_file(tmp_path: Path) -> None:
    """The same on the store as it is: all that was told is counted."""
    SQLiteStore(tmp_path / "db", create=True)
    seen = frames.killed_clients(Site(lambda: SQLiteStore(tmp_path / "db"), "a file"), 3, SEED)
    assert seen.kills == 3
    assert seen.told >= 3


@contextmanager
def serving(**config: str) -> Iterator[tuple[Site, Server]]:
    """A Redis server with these settings."""
    try:
        with redis.redis(config) as site:
            assert site.server is not None
            yield site, site.server
    except Missing as missing:
        miss(str(missing))


@pytest.mark.filterwarnings("ignore::totpcore.stores.DurabilityWarning")
def test_killing_servers_sees_one_that_writes_nothing_down() -> None:
    """A Redis server without its append-only file comes back without what was told."""
    with serving(appendonly="no") as (site, server), pytest.raises(AssertionError, match=r"kill \d of the server"):
        killing.killed_servers(site, server, 2, SEED)


def test_killing_servers_sees_one_that_loses_the_end() -> None:
    """A Redis server whose append-only file lacks the last writes: the last things that were told are not there."""
    with RedisServer() as running:

        def kill(_part: int) -> None:
            running.kill()
            (file,) = Path(str(running._folder)).glob("appendonlydir/*.incr.aof")
            os.truncate(file, max(0, file.stat().st_size - 12_000))  # two records or three

        def revive(_part: int) -> None:
            running.start()

        site = Site(lambda: RedisStore(running.url), "a stand-in")
        with pytest.raises(AssertionError, match=r"kill \d of the server.*is (not|gone)"):
            killing.killed_servers(site, Server(kill, revive), 20, SEED)


def test_killing_servers_passes_on_a_server_that_writes_down() -> None:
    """The same with the settings of production: the racers find it again, and all that was told is counted."""
    with serving() as (site, server):
        seen = killing.killed_servers(site, server, 3, SEED)
    assert seen.kills == 3
    assert seen.told >= 3


class Unwilling(RedisStore):
    """Tells what it has, and takes nothing once a file is there."""

    __slots__ = ()
    unwilling: ClassVar[Path]

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        if self.unwilling.exists():
            raise StoreError("takes nothing")
        return super().swap(user, old, new)


def test_a_server_that_takes_nothing_any_more_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all that is left of a store is trouble, nothing is accepted twice, and that is not enough."""
    monkeypatch.setattr(Unwilling, "unwilling", tmp_path / "unwilling", raising=False)
    with RedisServer() as running:

        def revive(_part: int) -> None:
            running.start()
            Unwilling.unwilling.touch()

        site = Site(lambda: Unwilling(running.url), "a stand-in")
        with pytest.raises(AssertionError, match="kill 1 of the server, seed 1: the store does not come back"):
            killing.killed_servers(site, Server(lambda _part: running.kill(), revive), 3, SEED)


def test_what_took_over_is_looked_at() -> None:
    """What a surviving server does not have is a broken promise."""

    @contextmanager
    def survivor() -> Iterator[type[MemoryStore]]:
        yield MemoryStore

    with serving() as (site, server), pytest.raises(AssertionError, match="the second factor is gone"):
        killing.killed_servers(site, Server(server.kill, server.revive, survivor=survivor), 1, SEED)


def test_a_client_that_ends_by_itself_is_noticed(tmp_path: Path) -> None:
    """A client for whom something goes wrong before it is killed is no kill."""
    SQLiteStore(tmp_path / "db", create=True)
    site, parent = Site(lambda: SQLiteStore(tmp_path / "db"), "a stand-in"), os.getpid()

    def refusing() -> SQLiteStore:
        if os.getpid() == parent:
            return SQLiteStore(tmp_path / "db")
        raise StoreError("not to a child")

    with pytest.raises(AssertionError, match="the child ended before it was killed"):
        frames.killed_clients(replace(site, open=refusing), 1, SEED)


# ---- what a round may come to ----


class Scripted(Crew):
    """Racers that say what they are made to say."""

    def __init__(self, *told: Told) -> None:
        self.told = list(told)

    def race(self, _ask: Ask) -> Answered:
        return Answered(self.told, 0)


WRONG: Final = [Told("wrong", left) for left in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("verify", [Told("ok", 0), Told("ok", 0)]),
        ("verify", [Told("replayed", 5), Told("replayed", 5)]),
        ("verify", [Told("ok", 1), Told("replayed", 5)]),
        ("verify", [Told("ok", 0), Told("wrong", 4)]),
        ("verify", [Told("ok", 0), Told("ok", 0), Told("store error")]),
        ("verify", [Told("ok", 0), Told("RecordUnreadable: "), Told("store error")]),
        ("recover", [Told("ok", 28), Told("replayed", 5)]),
        ("wrong", [Told("ok", 0), *WRONG]),
        ("wrong", [*WRONG, Told("wrong", 0)]),
        ("wrong", [*WRONG[:4], Told("throttled")]),
        ("wrong", [*WRONG[:4], Told("wrong", 1)]),
        ("wrong", [Told("wrong", 4), Told("wrong", 4), Told("store error")]),
        ("wrong", [Told("wrong", 6), Told("store error")]),
        ("wrong recovery code", [Told("malformed", 5)] * 2),
    ],
)
def test_a_round_that_must_not_be(kind: str, told: list[Told]) -> None:
    """Two acceptances, none, a wrong figure, an answer of another kind: each is a broken promise."""
    with pytest.raises(AssertionError, match=f"{kind}: "):
        played(kind, told)


@pytest.mark.parametrize(
    ("kind", "told", "whole"),
    [
        ("verify", [Told("ok", 0), Told("replayed", 5)], True),
        ("recover", [Told("ok", 29), Told("replayed", 5)], True),
        ("wrong", [*WRONG, Told("throttled")], True),
        ("verify", [Told("store error"), Told("replayed", 5)], False),
        ("verify", [Told("store error"), Told("store error")], False),
        ("wrong", [Told("wrong", 2), Told("store error")], False),
    ],
)
def test_a_round_that_may_be(kind: str, told: list[Told], whole: bool) -> None:
    """One acceptance, as many wrong codes as are free; where the store was in trouble, less than that."""
    assert played(kind, told) is whole


def played(kind: str, told: list[Told]) -> bool:
    """Whether everybody was told something in a round of that kind."""
    client = in_threads(MemoryStore()).client()
    rounds = Rounds(client, Random(SEED), "7")
    rounds._order = [kind]
    return rounds.run(Scripted(*told), Figures())


def test_a_racer_who_ends_is_noticed() -> None:
    """A worker that cannot open its store, or dies, is no round."""

    def broken() -> Client:
        raise StoreError("the server is down")

    with pytest.raises(AssertionError, match="a racer does not answer"), crew(broken, workers=2):
        pytest.fail("there is no crew")


# ---- the command ----


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record of its own."""
    path = tmp_path / "full_run.json"
    monkeypatch.setattr(report, "FULL_RUN", path)
    return path


def test_it_prints_and_keeps_store_by_store(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures are kept with the fingerprints of their code; another store's stay, and each says what it lacks."""
    short = ["--rounds", "20", "--kills", "1", "--keep", "--store"]
    assert main([*short, "sqlite"]) == main([*short, "memory"]) == 0
    said = capsys.readouterr().out
    assert "sqlite (SQLite " in said
    assert "20 rounds, 20 acceptances" in said
    assert "1 kills of a client" in said
    stores = json.loads(record.read_text())["stores"]
    assert list(stores) == ["memory", "sqlite"], "in the order of the stores, whichever came first"
    assert stores["sqlite"]["code"].keys() == {"service", "_shell", "_core", "stores/sqlite", "stores/_connections"}
    assert stores["sqlite"]["servers"] is stores["memory"]["clients"] is None
    assert dict(report.gaps())["sqlite"] == "it was raced on too little"
    assert dict(report.gaps())["redis"] == "it was not soaked"


def test_what_is_on_record_in_full_is_not_run_again(
    record: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--resume` leaves out what was soaked in full, unless its code has changed since."""
    soaked = report.Soaked("memory", racing=Figures(rounds=report.ROUNDS))
    report.keep(soaked, SUBJECTS["memory"], SEED)
    monkeypatch.setattr(program, "SUBJECTS", {"memory": SUBJECTS["memory"]})
    assert main(["--resume"]) == 0
    assert capsys.readouterr().out.startswith("0 stores, 0 failed")
    kept = json.loads(record.read_text())
    kept["stores"]["memory"]["code"]["service"] = "another"
    record.write_text(json.dumps(kept))
    assert main(["--resume", "--rounds", "1"]) == 0
    assert capsys.readouterr().out.startswith("memory (threads, Plaintext): 1 rounds")
    assert dict(report.gaps(code=True))["memory"] == "its code has changed since"
    assert "memory" not in dict(report.gaps())


def test_too_few_kills_are_a_gap(record: Path) -> None:
    """A store whose client or server was killed less than in full is not on record in full."""
    enough, few = frames.Killed(report.KILLS), frames.Killed(report.KILLS - 1)
    for name, clients, servers in (("postgres", few, enough), ("redis", enough, None), ("sqlite", enough, None)):
        soaked = report.Soaked(name, racing=Figures(rounds=report.ROUNDS), clients=clients, servers=servers)
        report.keep(soaked, SUBJECTS[name], SEED)
    found = dict(report.gaps())
    assert found["postgres"] == found["redis"] == "too little was killed"
    assert "sqlite" not in found
    assert record.exists()


def test_a_broken_promise_is_an_exit_code_and_not_kept(
    record: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which promise was broken, with the seed, and the other stores are run all the same."""
    forgetful = Subject(lambda: nullcontext(in_threads(Forgetful())), ("memory",), clients_die=False)
    monkeypatch.setattr(program, "SUBJECTS", {"forgetful": forgetful, "memory": SUBJECTS["memory"]})
    assert main(["--rounds", "100", "--keep", "--seed", "5"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert "forgetful: BROKEN: round " in said[0]
    assert ", seed 5: " in said[0]
    assert said[1].startswith("memory (threads, Plaintext): 100 rounds")
    assert said[2].startswith("2 stores, 1 failed")
    assert json.loads(record.read_text())["stores"].keys() == {"memory"}


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_a_missing_server_is_skipped_or_a_failure(
    required: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without its server a store is skipped with a line; where everything must run, that is a failure."""

    @contextmanager
    def nowhere() -> Iterator[Site]:
        raise Missing("needs a server")
        yield  # type: ignore[unreachable]  # it has to be a generator

    monkeypatch.setenv("TOTPCORE_TEST_REQUIRE_ALL", required)
    monkeypatch.setattr(program, "SUBJECTS", {"nowhere": Subject(nowhere, ())})
    assert main([]) == code
    assert "nowhere: skipped: needs a server" in capsys.readouterr().out


def test_a_store_that_cannot_be_opened_is_broken() -> None:
    """What is no broken promise is told with where it came from."""

    @contextmanager
    def refusing() -> Iterator[Site]:
        raise StoreError("refused")
        yield  # type: ignore[unreachable]  # it has to be a generator

    soaked = in_a_process("refusing", Subject(refusing, ()), Amount(1, 1, SEED))
    assert soaked.broken is not None
    assert "Traceback" in soaked.broken
    assert "refused" in soaked.broken


def test_every_store_of_totpcore_is_soaked() -> None:
    """A store module that no subject has among its code would never be soaked."""
    modules = {name for subject in SUBJECTS.values() for name in subject.fingerprints()}
    public = {f"stores/{file.stem}" for file in (ROOT / "stores").glob("[!_]*.py")}
    assert public <= modules
