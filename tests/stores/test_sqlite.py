"""`SQLiteStore` by its own rules: durable, patient, private, and never a file by the way."""

import gc
import multiprocessing
import os
import random
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

import pytest

from stores.watched import Watched
from totpcore import CodeReplayed, InvalidParameters, Plaintext, Refused, SQLiteStore, StoreError, TwoFactor
from totpcore.stores import _connections
from totpcore.testing import HandClock, Phone

T = TypeVar("T")

FORK = multiprocessing.get_context("fork")
ROUNDS = int(os.environ.get("TOTPCORE_TEST_ROUNDS", "1000"))
KILLS = int(os.environ.get("TOTPCORE_TEST_KILLS", "20"))
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store is; not made yet."""
    return tmp_path / "factors.db"


@pytest.fixture
def store(path: Path) -> SQLiteStore:
    """A store on a new file."""
    return SQLiteStore(path, create=True)


def test_a_missing_file_is_an_error_unless_asked_for(path: Path) -> None:
    """A wrong path never makes an empty store, which would turn everybody's second factor off."""
    with pytest.raises(FileNotFoundError, match="create=True"):
        SQLiteStore(path)
    assert not path.exists()
    SQLiteStore(path, create=True).swap("7", None, b"value")
    assert SQLiteStore(path).load("7") == b"value"
    assert SQLiteStore(path, create=True).load("7") == b"value"


def test_a_file_that_disappears_is_not_made_again(path: Path, store: SQLiteStore) -> None:
    """A thread that comes later and finds no file gets an error, not an empty store."""
    store.close()
    for file in path.parent.iterdir():
        file.unlink()
    with pytest.raises(StoreError):
        store.load("7")
    assert not path.exists()


def put_another_in_its_place(path: Path, *, log: bool = False) -> None:
    """What a careless restore does: the file as it is takes the place of the file, under running processes.

    Where `log` is true the old file's log stays behind, and SQLite reads it as the new one's.
    """
    copy = path.with_suffix(".copy")
    with closing(sqlite3.connect(path)) as reads, closing(sqlite3.connect(copy)) as writes:
        reads.backup(writes)
    for suffix in () if log else ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    copy.replace(path)


def test_what_is_done_to_a_file_that_was_replaced_is_a_store_error(path: Path, store: SQLiteStore) -> None:
    """The call that finds it so is refused; the next one goes on with what is there now."""
    assert store.swap("7", None, b"before")
    put_another_in_its_place(path)
    with pytest.raises(StoreError, match=r"factors\.db was replaced while it was open"):
        store.swap("7", b"before", b"not this one")
    assert store.load("7") == b"before"
    assert store.swap("7", b"before", b"after")
    for call in (partial(store.load, "7"), lambda: list(store.users()), partial(store.load_many, ["7"])):
        assert call()
        put_another_in_its_place(path)
        with pytest.raises(StoreError, match="was replaced"):
            call()


@pytest.mark.parametrize("work", ["load", "swap"])
@pytest.mark.parametrize("log", [False, True])
def test_a_file_that_is_replaced_in_the_midst_of_the_work(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, work: str, log: bool
) -> None:
    """What the work comes to is not told, since it may have gone to the old file."""
    assert store.swap("7", None, b"before")
    looks = iter(range(9))
    look = SQLiteStore._check_file

    def late(self: SQLiteStore, connection: _connections.Connection) -> None:
        if next(looks) == 1:
            put_another_in_its_place(path, log=log)
        look(self, connection)

    monkeypatch.setattr(SQLiteStore, "_check_file", late)
    with pytest.raises(StoreError, match="was replaced"):
        store.load("7") if work == "load" else store.swap("7", b"before", b"after")
    assert store.load("7") == (b"before" if work == "load" else b"after")


def test_a_file_that_is_taken_away_is_a_store_error(path: Path, store: SQLiteStore) -> None:
    """While it is open: it is neither written to nor made again."""
    assert store.swap("7", None, b"before")
    path.unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"^factors\.db cannot be found: "):
            store.load("7")
    assert not path.exists()


@pytest.mark.parametrize("log", [False, True])
def test_a_code_is_accepted_once_though_the_file_is_replaced(path: Path, store: SQLiteStore, log: bool) -> None:
    """A process that holds the old file, and one that opens the new one: not both accept the code."""
    clock = HandClock(1_800_000_000)
    services = [TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock)]
    phone = Phone.scan(services[0].enrol("7", account="alice").uri)
    services[0].confirm("7", phone.code(clock()))
    clock.tick(30)
    put_another_in_its_place(path, log=log)
    services.append(TwoFactor(SQLiteStore(path), issuer="ACME", sealer=Plaintext(), clock=clock))
    with pytest.raises(StoreError):
        services[0].verify("7", phone.code(clock()))
    assert services[1].verify("7", phone.code(clock())).user == "7"
    for service in services:
        with pytest.raises(CodeReplayed):
            service.verify("7", phone.code(clock()))


def test_a_file_without_the_table_is_an_error_unless_asked_for(path: Path) -> None:
    """An empty file, or the application's own database by mistake, is not taken for a store without users."""
    path.touch()
    with pytest.raises(StoreError, match="no such table"):
        SQLiteStore(path)
    assert SQLiteStore(path, create=True).load("7") is None


def test_what_is_no_database_is_an_error(path: Path, tmp_path: Path) -> None:
    """A file of another kind, and a folder, are refused as a `StoreError`."""
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError):
        SQLiteStore(path)
    with pytest.raises(StoreError):
        SQLiteStore(tmp_path)


@pytest.mark.parametrize("memory", ["", ":memory:"])
def test_memory_is_refused(memory: str) -> None:
    """Each thread would have its own database in memory; the message names what to take instead."""
    with pytest.raises(InvalidParameters, match="MemoryStore"):
        SQLiteStore(memory, create=True)


@pytest.mark.parametrize("wait_seconds", [-1, 3601, float("nan")])
def test_a_wait_out_of_range_is_refused(path: Path, wait_seconds: float) -> None:
    """The wait for a lock is 0 to 3600 seconds."""
    with pytest.raises(InvalidParameters, match="wait_seconds"):
        SQLiteStore(path, create=True, wait_seconds=wait_seconds)


def test_only_the_owner_can_read_the_files(path: Path, store: SQLiteStore) -> None:
    """The file, and the two that WAL puts beside it, are readable by their owner alone, whatever the umask."""
    store.swap("7", None, b"value")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["factors.db", "factors.db-wal", "factors.db-shm"], 0o600)


def test_names_with_every_awkward_character(tmp_path: Path) -> None:
    """A path is a path: question mark, hash, percent and spaces in it are not read as a URI."""
    path = tmp_path / "a ?mode=ro#50%25 é" / "factors.db"
    path.parent.mkdir()
    assert SQLiteStore(path, create=True).swap("7", None, b"value")
    assert path.exists()


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: SQLiteStore, path: Path
) -> None:
    """A process that changes its folder keeps its file, also in threads that open it later."""
    monkeypatch.chdir(tmp_path)
    relative = SQLiteStore(path.name)
    monkeypatch.chdir("/")
    relative.close()
    assert store.swap("7", None, b"value")
    assert relative.load("7") == b"value"


def test_commits_are_on_the_disk(store: SQLiteStore) -> None:
    """Every connection runs in WAL with `synchronous=FULL` (2)."""
    ask: Callable[[str], Callable[[sqlite3.Connection], object]] = lambda what: (  # noqa: E731
        lambda connection: connection.execute(f"PRAGMA {what}").fetchone()[0]
    )
    assert store._do(ask("journal_mode")) == "wal"
    assert store._do(ask("synchronous")) == 2


def test_a_file_system_without_wal_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite answers with another journal mode, the store does not start."""

    class WithoutWAL(sqlite3.Connection):
        def execute(self, statement: str, /, *_: object) -> sqlite3.Cursor:
            return super().execute("SELECT 'delete'" if "journal_mode" in statement else statement)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, factory=WithoutWAL))
    with pytest.raises(StoreError, match="local disk"):
        SQLiteStore(path, create=True)


def test_a_lock_is_waited_for(path: Path, store: SQLiteStore) -> None:
    """A swap while another connection writes waits until that is done, and then succeeds."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    releasing = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    started = time.monotonic()
    releasing.start()
    assert store.swap("7", None, b"value") is True
    assert time.monotonic() - started >= 0.25
    releasing.join()
    other.close()


def test_a_lock_is_asked_for_every_few_milliseconds(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits asks again after pauses that grow to five milliseconds: nobody sleeps while the lock is free."""
    store.swap("7", None, b"1")
    other, pauses, sleep = sqlite3.connect(path, isolation_level=None), list[float](), time.sleep
    other.execute("BEGIN IMMEDIATE")

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            other.execute("COMMIT")
        sleep(seconds)

    monkeypatch.setattr("totpcore.stores.sqlite.time.sleep", pause)
    assert store.swap("7", b"1", b"2")
    assert len(pauses) == 40
    assert pauses == sorted(pauses)
    assert (pauses[0] < 0.001, pauses[-1]) == (True, 0.005)
    other.close()


def test_a_fork_while_a_lock_is_waited_for(path: Path, store: SQLiteStore) -> None:
    """A signal handler that forks meanwhile closes the connection: the swap opens another, and is made."""
    store.swap("7", None, b"1")
    other, forked = sqlite3.connect(path, isolation_level=None), list[int]()
    other.execute("BEGIN IMMEDIATE")

    def fork(_signal: int, _frame: object) -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        forked.append(os.waitpid(child, 0)[1])
        other.execute("COMMIT")

    before = signal.signal(signal.SIGALRM, fork)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        assert store.swap("7", b"1", b"2") is True
    finally:
        signal.signal(signal.SIGALRM, before)
        other.close()
    assert forked == [0]
    assert store.load("7") == b"2"


def test_an_error_without_a_code_is_not_waited_for(path: Path, store: SQLiteStore) -> None:
    """What Python itself makes of a text that is no UTF-8 is a `StoreError` at once."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("INSERT INTO totpcore VALUES (CAST(x'ff' AS TEXT), x'00')")
    raw.close()
    with pytest.raises(StoreError, match="UTF-8"):
        list(store.users())


def test_a_value_of_any_size_takes_no_page_of_its_own(path: Path) -> None:
    """A thousand values of 1,100 bytes take less than 1.6 megabytes: three fit a page, none is moved out of its row."""
    store = SQLiteStore(path, create=True)
    for number in range(1_000):
        store.swap(f"user {number}", None, bytes(1_100))
    store.close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    assert path.stat().st_size < 1_600_000


def test_a_lock_that_is_never_released_is_a_store_error(path: Path, store: SQLiteStore) -> None:
    """After `wait_seconds` the swap fails, and has not changed anything."""
    impatient = SQLiteStore(path, wait_seconds=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        impatient.swap("7", None, b"value")
    other.execute("ROLLBACK")
    other.close()
    assert store.load("7") is None


def test_threads_write_one_after_another(path: Path) -> None:
    """SQLite would let them sleep and try again: here the one that is longest at it has its turn, or an error."""
    store = SQLiteStore(path, create=True, wait_seconds=0.2)
    begun, told = threading.Event(), list[str]()

    def write() -> None:
        begun.set()
        with pytest.raises(StoreError, match=r"other threads wrote to factors\.db for 0\.2 seconds"):
            store.swap("7", None, b"late")
        told.append("given up")
        assert store.load("7") is None, "who only reads does not wait"

    with store._turn():
        waiting = threading.Thread(target=write)
        waiting.start()
        begun.wait()
        waiting.join(60)
        assert told == ["given up"]
        assert store.swap("7", None, b"value") is True, "a handler of the thread whose turn it is may write"
    assert store.swap("7", b"value", b"another") is True


def test_a_child_does_not_wait_for_a_thread_that_it_has_not(path: Path, store: SQLiteStore) -> None:
    """It was another thread's turn at the moment of the fork: the child has a turn of its own."""
    hold, held = threading.Event(), threading.Event()

    def have_the_turn() -> None:
        with store._turn():
            held.set()
            hold.wait()

    thread = threading.Thread(target=have_the_turn)
    thread.start()
    held.wait()
    assert in_child(lambda: store.swap("7", None, b"value")) is True
    hold.set()
    thread.join()
    assert store.load("7") == b"value"


def test_the_turn_to_wal_is_waited_for_and_given_up(path: Path) -> None:
    """A file that somebody holds while it is turned to WAL is waited for, up to `wait_seconds`."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE application (value)")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        SQLiteStore(path, create=True, wait_seconds=0.05)
    releasing = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    releasing.start()
    assert SQLiteStore(path, create=True).load("7") is None
    releasing.join()
    other.close()


def test_a_read_only_file_is_a_store_error(path: Path, store: SQLiteStore) -> None:
    """What cannot be written is an exception, never `False` or `True`."""
    store.swap("7", None, b"value")
    store._do(lambda connection: connection.execute("PRAGMA query_only = ON"))
    with pytest.raises(StoreError, match="readonly"):
        store.swap("7", b"value", b"another")
    assert store.load("7") == b"value"


def test_a_full_disk_is_a_store_error_and_loses_nothing(path: Path, store: SQLiteStore) -> None:
    """Where a swap cannot be written it raises; what was stored before is still there."""

    def fills_up() -> bool:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        inside = SQLiteStore(path)
        size = (path.parent / "factors.db-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10_000, size + 10_000))
        with pytest.raises(StoreError):
            inside.swap("7", b"value", b"x" * 500_000)
        return inside.load("7") == b"value"

    store.swap("7", None, b"value")
    assert in_child(fills_up) is True
    assert store.swap("7", b"value", b"another") is True


def test_closing_lets_go_of_the_file_and_opens_again(path: Path, store: SQLiteStore) -> None:
    """`close` closes every thread's connection; the next call opens a new one."""
    store.swap("7", None, b"value")
    assert open_files(path) > 0
    store.close()
    gc.collect()
    assert open_files(path) == 0
    assert store.load("7") == b"value"


def test_a_threads_connection_ends_with_the_thread(path: Path, store: SQLiteStore) -> None:
    """A server that starts many threads does not run out of files."""
    before = open_files(path)
    for _ in range(20):
        thread = threading.Thread(target=store.load, args=("7",))
        thread.start()
        thread.join()
    gc.collect()
    # SQLite keeps one descriptor back while another connection holds locks, and gives it to the next one that opens.
    assert open_files(path) <= before + 1


def test_a_store_in_a_cycle_closes_its_connection(path: Path) -> None:
    """A store that only the garbage collector finds is closed like any other, without a warning."""

    class Application:
        store: SQLiteStore
        itself: "Application"

    application = Application()
    application.itself = application
    application.store = SQLiteStore(path, create=True)
    assert open_files(path) > 0
    del application
    gc.collect()
    assert open_files(path) == 0


@pytest.mark.parametrize("parent_closes", [False, True])
def test_a_child_outlives_its_parents_connection(path: Path, store: SQLiteStore, parent_closes: bool) -> None:
    """A child that works on after its parent has closed the file still sees what others swap, and loses to them.

    With books and shared memory inherited from the parent it would not, and a code would be accepted twice.
    """
    store.swap("7", None, b"1")
    ours, theirs = FORK.Pipe()

    def child() -> None:
        theirs.send(store.load("7"))
        theirs.recv()
        theirs.send([store.load("7"), store.swap("7", b"1", b"by the child"), store.swap("7", b"2", b"3")])

    process = FORK.Process(target=child)
    process.start()
    assert ours.recv() == b"1"
    if parent_closes:
        store.close()
        gc.collect()
    assert in_child(lambda: SQLiteStore(path).swap("7", b"1", b"2")) is True
    ours.send(None)
    assert ours.recv() == [b"2", False, True]
    process.join()
    assert store.load("7") == b"3"
    assert is_sound(path)


def test_nothing_is_open_at_the_moment_of_a_fork(path: Path, store: SQLiteStore) -> None:
    """Connections of all threads are closed for the fork, and the child inherits none."""
    store.swap("7", None, b"1")
    used, done = threading.Event(), threading.Event()

    def thread() -> None:
        store.load("7")
        used.set()
        done.wait()

    other = threading.Thread(target=thread)
    other.start()
    used.wait()
    assert open_files(path) > 0
    assert in_child(lambda: open_files(path)) == 0
    done.set()
    other.join()
    assert store.load("7") == b"1"


def test_children_forked_in_the_midst_of_writing_can_write(path: Path, store: SQLiteStore) -> None:
    """A fork while another thread writes leaves no lock behind in the child."""
    stop = threading.Event()

    def write() -> None:
        mine = SQLiteStore(path)
        while not stop.is_set():
            mine.swap("busy", mine.load("busy"), os.urandom(8))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            assert in_child(partial(SQLiteStore(path).swap, str(number), None, b"1")) is True
    finally:
        stop.set()
        writer.join()


def test_a_fork_behind_pythons_back_is_a_store_error(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that forks without Python's hooks, with the store in use, is told so and accepts nothing."""
    store.swap("7", None, b"1")
    there = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: there)
    with pytest.raises(StoreError, match="after the fork"):
        store.swap("7", b"1", b"2")
    monkeypatch.undo()
    assert store.load("7") == b"1"


def test_a_program_may_end_while_threads_use_the_store(path: Path) -> None:
    """Daemon threads at work when the interpreter ends crash nothing, and nothing is left unclosed."""
    program = f"""
import threading, time
from totpcore import SQLiteStore
store = SQLiteStore({str(path)!r}, create=True)
def work(number):
    while True:
        store.swap(str(number), store.load(str(number)), str(time.time()).encode())
for number in range(6):
    threading.Thread(target=work, args=(number,), daemon=True).start()
store.load("7")
time.sleep(0.2)
"""
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program], capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")


def test_what_is_in_use_at_the_end_is_left_open(path: Path, store: SQLiteStore) -> None:
    """When the interpreter ends, connections are closed but for those that a thread is at work on."""
    with at_work(store):
        store.load("7")
        _connections._at_exit()
        assert open_files(path) > 0
    _connections._at_exit()
    gc.collect()
    assert open_files(path) == 0


def test_a_thread_that_ends_while_a_fork_has_its_connection() -> None:
    """It leaves the closing to the fork, and does not wait for it."""
    held, taken, done = _connections.Held(), threading.Event(), threading.Event()
    connection = held.connection
    connection.raw = raw = sqlite3.connect(":memory:", check_same_thread=False)

    def fork() -> None:
        with connection.lock:
            taken.set()
            done.wait(60)
            connection.close()

    forking = threading.Thread(target=fork)
    forking.start()
    taken.wait()
    del held
    assert connection not in _connections._connections
    assert raw.execute("SELECT 1").fetchone() == (1,), "it was not closed"
    done.set()
    forking.join()
    assert connection.raw is None


@pytest.mark.parametrize("way", ["close", "end of a thread"])
def test_a_fork_while_connections_are_closed(path: Path, store: SQLiteStore, way: str) -> None:
    """A child that is forked at the moment at which a connection is being closed can use the file."""
    stop = threading.Event()

    def use() -> None:
        store.swap("busy", store.load("busy"), os.urandom(2000))

    def churn() -> None:
        while not stop.is_set():
            if way == "close":
                use()
                store.close()
            else:
                thread = threading.Thread(target=use)
                thread.start()
                thread.join()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        mine = SQLiteStore(path, wait_seconds=10)
        for number in range(20):
            assert in_child(partial(mine.swap, str(number), None, b"1")) is True
    finally:
        stop.set()
        churning.join()


def test_a_child_that_inherited_an_open_store_opens_no_new_one(
    path: Path, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind Python's back, a new store in the child would share the books of the old one: it is refused as well."""
    store.load("7")
    there = os.getpid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: there)
        with pytest.raises(StoreError, match="lazy-apps"):
            SQLiteStore(path)
    assert SQLiteStore(path).load("7") is None


def test_a_hook_that_did_not_run_leaves_nothing_to_release() -> None:
    """Where only the child's hook runs, as after a fork in C, it does nothing."""
    _connections._after_fork()


def test_a_signal_handler_may_fork_and_use_the_store(path: Path, store: SQLiteStore) -> None:
    """In the midst of a call, a handler that forks, or swaps, does not hang its own thread; the call raises."""
    store.swap("7", None, b"1")
    seen: list[object] = []

    def handler(_signal: int, _frame: object) -> None:
        seen.append(in_child(lambda: store.load("7")))
        seen.append(store.swap("8", None, b"1"))

    before = signal.signal(signal.SIGUSR1, handler)

    def work(connection: sqlite3.Connection) -> object:
        signal.raise_signal(signal.SIGUSR1)
        return connection.execute("SELECT 1").fetchone()

    try:
        with pytest.raises(StoreError, match="closed"):
            store._do(work)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [b"1", True]
    assert store.load("8") == b"1"


def test_a_handler_that_raises_while_a_fork_waits_breaks_no_lock(path: Path, store: SQLiteStore) -> None:
    """The fork goes on, as Python has it; the locks are whole afterwards, and the child refuses what is still open."""

    class Impatient(Exception):
        pass

    def handler(_signal: int, _frame: object) -> None:
        raise Impatient

    before = signal.signal(signal.SIGALRM, handler)
    with at_work(store):
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            with pytest.raises(Impatient):
                _connections._before_fork()
        finally:
            _connections._after_fork()
            signal.signal(signal.SIGALRM, before)
    assert in_child(lambda: store.swap("7", None, b"1")) is True
    assert SQLiteStore(path).load("7") == b"1"


def test_a_foreign_database_is_left_as_it_is(path: Path) -> None:
    """The application's own database, passed by mistake, is not turned to WAL."""
    application = sqlite3.connect(path)
    application.execute("CREATE TABLE users (name)")
    application.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no such table"):
        SQLiteStore(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_turn_to_wal_that_sqlite_does_not_wait_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite says at once that the file is busy, turning it to WAL is tried again."""
    tries: list[str] = []

    class BusyTwice(sqlite3.Connection):
        def execute(self, statement: str, /, *given: object) -> sqlite3.Cursor:
            if "journal_mode" in statement:
                tries.append(statement)
                if len(tries) < 3:
                    error = sqlite3.OperationalError("database is locked")
                    error.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
                    raise error
            return super().execute(statement)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, factory=BusyTwice))
    SQLiteStore(path, create=True)
    assert len(tries) == 3


def test_what_cannot_get_better_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a lock is waited for; a file that cannot be written fails at once."""

    class ReadOnly(sqlite3.Connection):
        def execute(self, statement: str, /, *given: object) -> sqlite3.Cursor:
            if "journal_mode" in statement:
                super().execute("PRAGMA query_only = ON")
                return super().execute("CREATE TABLE x (y)")
            return super().execute(statement)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, **named, factory=ReadOnly))
    started = time.monotonic()
    with pytest.raises(StoreError, match="readonly"):
        SQLiteStore(path, create=True)
    assert time.monotonic() - started < 30  # and not the 60 of a lock


@pytest.mark.parametrize("path", [None, 7, b"factors.db"])
def test_a_path_of_another_type_is_refused(path: object) -> None:
    """The message names the argument."""
    with pytest.raises(TypeError, match="path"):
        SQLiteStore(path)  # type: ignore[arg-type]  # what a developer may pass


def test_many_processes_make_one_file(path: Path) -> None:
    """Sixteen processes that start at once on a file that does not exist all get a working store."""
    barrier = FORK.Barrier(16)

    def start(number: int) -> bool:
        barrier.wait()
        return SQLiteStore(path, create=True).swap(str(number), None, b"value")

    assert in_children([partial(start, number) for number in range(16)]) == [True] * 16
    assert sorted(SQLiteStore(path).users(), key=int) == [str(number) for number in range(16)]


def test_eight_processes_race_one_code(path: Path) -> None:
    """In each round eight processes verify the same code on one file: as many acceptances as rounds."""
    clock, barrier = HandClock(1_800_000_000), FORK.Barrier(8)
    service = TwoFactor(SQLiteStore(path, create=True), issuer="Race", sealer=Plaintext(), clock=clock, audit=ignore)
    phone = Phone.scan(service.enrol("7", account="alice").uri)
    service.confirm("7", phone.code(clock()))

    def race() -> list[int]:
        accepted = []
        for number in range(ROUNDS):
            clock.tick(60)  # two steps: one in a million has the same code in the next, and spends both
            barrier.wait()
            with suppress(CodeReplayed):
                service.verify("7", phone.code(clock()))
                accepted.append(number)
        return accepted

    accepted = [number for racer in in_children([race] * 8) for number in racer]
    assert sorted(accepted) == list(range(ROUNDS))


def test_kill_9_loses_no_swap_that_returned_true(path: Path, store: SQLiteStore) -> None:
    """A process that is killed at any moment has lost no swap that it had told of."""
    store.swap("7", None, b"0")

    def work(told: "Connection[int, int]") -> None:
        inside = SQLiteStore(path)
        while True:
            held = inside.load("7") or b"0"
            if inside.swap("7", held, str(int(held) + 1).encode()):
                told.send(int(held) + 1)

    for number in range(KILLS):
        told = kill_while(work, random.Random(number).uniform(0.01, 0.05))
        assert int(store.load("7") or b"0") >= told
    assert is_sound(path)


def test_kill_9_loses_no_spent_counter(path: Path) -> None:
    """A code that was accepted just before the process was killed is refused afterwards."""
    clock = HandClock(1_800_000_000)
    service = TwoFactor(SQLiteStore(path, create=True), issuer="Kill", sealer=Plaintext(), clock=clock, audit=ignore)
    phone = Phone.scan(service.enrol("7", account="alice").uri)
    service.confirm("7", phone.code(clock()))

    def work(told: "Connection[int, int]") -> None:
        while True:
            clock.tick(30)
            service.verify("7", phone.code(clock()))
            told.send(int(clock()))

    for number in range(max(1, KILLS // 4)):
        clock.now = kill_while(work, random.Random(number).uniform(0.01, 0.05)) or clock.now
        with pytest.raises(Refused) as refused:
            service.verify("7", phone.code(clock()))
        assert refused.value.reason in {"replayed", "clock_behind"}
        clock.tick(300)


def ignore(_event: object) -> None:
    """An audit sink that keeps the tests quiet."""


@contextmanager
def at_work(store: SQLiteStore) -> Iterator[None]:
    """Keep another thread's connection in use meanwhile."""
    working, done = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection) -> object:
        working.set()
        done.wait()
        return connection.execute("SELECT 1").fetchone()

    thread = threading.Thread(target=store._do, args=(work,))
    thread.start()
    working.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def is_sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file."""
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


def open_files(path: Path) -> int:
    """Return how many descriptors of this process are on the database or its companions."""
    return sum(str(link.resolve()).startswith(str(path)) for link in Path("/proc/self/fd").iterdir())


def in_child(work: Callable[[], object]) -> object:
    """Return what the work returns in a forked process."""
    (result,) = in_children([work])
    return result


def in_children(works: list[Callable[[], T]]) -> list[T]:
    """Return what each work returns in a forked process of its own, all running at once."""

    def run(work: Callable[[], T], sender: "Connection[T, T]") -> None:
        sender.send(work())

    pipes = [FORK.Pipe(duplex=False) for _ in works]
    children = [FORK.Process(target=run, args=(work, sender)) for work, (_, sender) in zip(works, pipes, strict=True)]
    for child in children:
        child.start()
    for _, sender in pipes:
        sender.close()
    results = [receiver.recv() for receiver, _ in pipes]
    for child in children:
        child.join()
    for receiver, _ in pipes:
        receiver.close()
    return results


def kill_while(work: Callable[["Connection[int, int]"], None], seconds: float) -> int:
    """Run the work in a process, kill it after some seconds, and return the last number it told of."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=work, args=(sender,))
    child.start()
    sender.close()
    last = receiver.recv()  # it has begun
    time.sleep(seconds)
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    try:
        while True:
            last = receiver.recv()
    except (EOFError, OSError):
        receiver.close()
        return int(last)


def test_a_connection_is_nobody_elses_at_any_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that opens one while another is just opening its own does not take that for one of a parent's."""
    monkeypatch.setattr(_connections, "Connection", Watched)
    store = SQLiteStore(tmp_path / "db", create=True)
    assert store.swap("7", None, b"1")
    assert store.load("7") == b"1"
    assert any(type(connection) is Watched for connection in _connections._connections)
    store.close()
