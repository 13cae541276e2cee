"""V13 and V84: replicas, forks, threads and cancelled calls.

Rules of this file:

1. What totpcore cannot stop is shown as it is, and said to be so: two stores accept twice.
2. A call is cancelled by what its store raises: the service itself does not await.
3. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
"""

import ast
import asyncio
import inspect
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import ClassVar

from totpcore import Accepted, MemoryStore, Secret, SQLiteStore, StoreContended, TwoFactor
from totpcore.ports import Store
from totpcore.stores import memory
from totpcore.testing._races import in_processes, in_threads
from weaknesses.frame import TOTPCORE, Library, User, holds, refuses, weakness
from weaknesses.twins import adopted, stored, with_line

# ---- V13: replicas with replay state of their own ----


def works_after_a_fork() -> Library:
    """Each child goes on with its own copy of the memory."""

    class Copied(MemoryStore):
        def _check_owner(self) -> None:
            """A process is a process."""

    return replace(TOTPCORE, memory_store=Copied)


class Lagging:
    """A replica that shows what was, in front of the primary that takes the writes."""

    def __init__(self, primary: Store, user: str) -> None:
        self._primary, self._stale = primary, primary.load(user)

    def load(self, user: str, /) -> bytes | None:
        """Show what was there when the replica was made."""
        return self._stale

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Write to the primary."""
        return self._primary.swap(user, old, new)


@weakness("V13", twin=works_after_a_fork)
def a_store_in_memory_is_for_one_process(lib: Library) -> None:
    """`MemoryStore` says so in its first line and refuses to work in a child; a replica that lags accepts nothing.

    Two stores are two acceptances. No store of totpcore is two without saying so; asynchronous replicas are.
    """
    for said in (memory.__doc__, inspect.getdoc(lib.memory_store)):
        holds((said or "").startswith("For one process only"), "the first line says that it is for one process")
    user = adopted(lib)
    code = user.code()
    held = stored(user)
    holds(in_processes([partial(user.verify, code)]) == ["StoreError"], "a child accepts nothing")
    lagging = User(lib, store=Lagging(user.store, user.user))
    holds(user.verify(code) == "ok", "the parent goes on")
    holds(
        refuses(partial(lagging.service.verify, "alice", code), StoreContended), "behind a replica nothing is accepted"
    )
    other = User(lib)
    other.store.swap("alice", None, held)
    holds(other.verify(code) == "ok", "a second store accepts a second time: this is the limit")


# ---- V84: fork, threads, cancellation ----


def draws_from_an_instance() -> Library:
    """A generator of its own, which every child has alike."""

    class Seeded(Secret):
        __slots__ = ()

        @classmethod
        def generate(cls, nbytes: int = 20) -> Secret:
            return cls(_SHARED.randbytes(nbytes))

    return replace(TOTPCORE, secret=Seeded)


_SHARED = Random(84)


@weakness("V84", twin=draws_from_an_instance)
def children_draw_different_secrets(lib: Library) -> None:
    """Forked processes, and threads, make secrets and recovery codes that differ from each other's."""

    def draw() -> str:
        codes = lib.recovery_codes.generate(1)
        return lib.secret.generate().base32 + codes[0]

    drawn = [str(made) for made in in_processes([draw] * 3) + in_threads([draw] * 3)]
    holds(len({made[:32] for made in drawn}) == len({made[32:] for made in drawn}) == 6, "no two draw the same")


def caches_what_it_loaded() -> Library:
    """A store object that remembers what it loaded, and writes without looking."""

    class Caches(SQLiteStore):
        _seen: ClassVar[dict[str, bytes | None]] = {}  # every child has it from its parent: that is the fault

        def load(self, user: str, /) -> bytes | None:
            return self._seen.setdefault(user, super().load(user))

        def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
            self._seen[user] = new
            return super().swap(user, super().load(user), new)

    return replace(TOTPCORE, sqlite_store=Caches)


@weakness("V84", twin=caches_what_it_loaded)
def a_fork_brings_no_code_back(lib: Library) -> None:
    """A store object from before a fork: of two children with one code one gets in, and the parent not again."""
    with TemporaryDirectory() as folder, closing(lib.sqlite_store(Path(folder) / "records.db", create=True)) as store:
        user = User(lib, store=store).on()
        code, recovery = user.code(), user.codes[0]
        told = in_processes([partial(user.recover, recovery)] * 2)
        told += in_processes([partial(user.verify, code)] * 2)
        holds(sorted(map(str, told[:2])) == ["ok", "replayed"], "of two children, one gets in by a recovery code")
        holds(told[2:] == ["replayed"] * 2, "the code of that moment went with it, in every child")
        holds((user.verify(code), user.recover(recovery)) == ("replayed", "replayed"), "the parent sees both spent")
        user.clock.tick(60)
        told = in_processes([partial(user.verify, user.code())] * 2)
        holds(sorted(map(str, told)) == ["ok", "replayed"], "of two children, one gets in by a one-time code")
    in_memory = User(lib).on()
    told = in_processes([partial(in_memory.verify, in_memory.code())])
    holds(told == ["StoreError"], "a store in memory refuses to work in a child")


def rolls_back_when_cancelled() -> Library:
    """A call that is cut short leaves everything as it was."""

    class RollsBack(TwoFactor):
        def verify(self, user: str, code: str) -> Accepted:
            before = self._store.load(user)
            try:
                return super().verify(user, code)
            except asyncio.CancelledError:
                self._store.swap(user, self._store.load(user), before)
                raise

    return replace(TOTPCORE, two_factor=RollsBack)


class CutShort:
    """A store whose task is cancelled, before or after the next swap is done."""

    def __init__(self, inner: Store) -> None:
        self._inner, self.before, self.after = inner, False, False

    def load(self, user: str, /) -> bytes | None:
        """Load."""
        return self._inner.load(user)

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Swap, and be cancelled."""
        before, after, self.before, self.after = self.before, self.after, False, False
        if before:
            raise asyncio.CancelledError
        done = self._inner.swap(user, old, new)
        if after:
            raise asyncio.CancelledError
        return done


@weakness("V84", twin=rolls_back_when_cancelled)
def a_cancelled_call_stays_charged(lib: Library) -> None:
    """Cancelled after the record was stored, a code stays spent and a wrong one charged; before it, nothing happened.

    There is no second step to be cut between: a charge and an acceptance are one swap each. The service does not await,
    so that in a task it is cut short by what its store raises, and by nothing else.
    """
    store = CutShort(lib.memory_store())
    user = User(lib, store=store).on()

    def cancelled(code: str) -> bool:
        try:
            user.service.verify(user.user, code)
        except asyncio.CancelledError:
            return True
        return False

    before = stored(user)
    store.before = True
    holds(cancelled(user.code()) and stored(user) == before, "cancelled before the swap, nothing happened")
    store.after = True
    holds(cancelled(user.wrong()) and stored(user) != before, "cancelled after the swap, the attempt stays charged")
    store.after = True
    holds(cancelled(user.code()), "the code was accepted, and the answer lost")
    holds(user.verify(user.code()) == "replayed", "it stays spent")


def keeps_a_cache() -> Library:
    """A module that remembers."""
    return with_line("_spending.py", "_seen = {}\ndef _remember(code):\n    _seen[code] = True")


@weakness("V84", twin=keeps_a_cache)
def no_module_remembers(lib: Library) -> None:
    """No function changes a name of its module: neither by `global`, nor by an item, an attribute or a method of it.

    So threads and interpreters share nothing. Some modules are about connections and forks, and have to know which are
    open in this process, or were in its parent; they know nothing of users. Another keeps the swaps that are under way,
    since the event loop does not hold on to them. That of Django's settings, which are one for a process, keeps the one
    service that they describe, under a lock.
    """
    keepers = {
        "stores/_connections.py", "stores/_django_connection.py", "stores/_postgres_pool.py", "aio.py",
        "django/conf.py",
    }  # fmt: skip
    changing = {"append", "add", "update", "setdefault", "pop", "clear", "extend", "insert", "remove", "discard"}
    for module, source in lib.sources.items():
        if module in keepers:
            continue
        tree = ast.parse(source)
        names = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            holds(not isinstance(node, ast.Global), f"{module} has no global statement")
            if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name):
                changed = isinstance(node.ctx, ast.Store | ast.Del)
                changed |= isinstance(node, ast.Attribute) and node.attr in changing
                holds(not (changed and node.value.id in names), f"{module} changes nothing of its own")
        holds("lru_cache" not in source and "functools.cache" not in source, f"{module} keeps no cache")
