"""The contract of a store, as tests to inherit."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from typing import ClassVar, Final

from ..errors import StoreError
from ..ports import Store
from ._life import Life
from ._opening import StoreFactory, Stores
from ._races import Race, in_processes, in_threads
from ._stand_ins import Phone
from ._users import ODD_USERS

_PATIENCE: Final = 60.0  # seconds for which a racer asks again while the server is away


class StoreContract:
    """What every store has to do, as a test class to inherit.

    Example:
        A third-party store passes it with a few lines::

            class TestMyStore(StoreContract):
                @pytest.fixture
                def store_factory(self, tmp_path):
                    return lambda: MyStore(tmp_path / "records")

    `store_factory` returns a function of no arguments that opens the store: each time another object, always on the
    same records, which are none at the start of a test. It is called in forked processes too. A store that has a
    `close` is closed after its use.

    Attributes:
        processes: Whether the store can be used by several processes; set it to `False` where it says it cannot.
        racers: How many threads, or processes, are let loose at once.
        rounds: How often each race is run.
        restarts: Whether `restart_server` is overridden.
        cuts: Whether `cutting` is overridden.
    """

    processes: ClassVar[bool] = True
    racers: ClassVar[int] = 8
    rounds: ClassVar[int] = 5
    restarts: ClassVar[bool] = False
    cuts: ClassVar[bool] = False

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:  # noqa: ARG002
        """Call inside of a transaction of the application's own, and roll that back. To be overridden.

        As it is, it only calls: a store that shares no connection with its caller has nothing to roll back.
        """
        call()

    def restart_server(self) -> None:
        """End the store's server without a warning, start it again, and return once it answers. To be overridden.

        As it is, nothing is restarted: a store without a server has none.
        """

    def cutting(self) -> AbstractContextManager[None]:
        """Return a context in which the server does what it is sent, and its answer is lost. To be overridden.

        In the place of the server's next answer the connection ends. As it is, nothing is cut.
        """
        return nullcontext()

    def _overrides(self, switch: str, hook: str) -> bool:
        """Whether a switch is on; where it is, its hook has to be there, or nothing would be tried."""
        wanted = bool(getattr(self, switch))
        there = getattr(type(self), hook) is not getattr(StoreContract, hook)
        expect(there or not wanted, f"{switch} is set, so {hook} must be overridden")
        return wanted

    def opening(self, store_factory: StoreFactory) -> Stores:
        """Return what opens the stores of one test."""
        return Stores(store_factory)

    # ---- load and swap ----

    def test_an_unknown_user_has_no_value(self, store_factory: StoreFactory) -> None:
        """A user who was never stored loads as `None`, and removing nothing is true."""
        with self.opening(store_factory) as stores:
            store = stores.open()
            expect(store.load("nobody") is None, "load of an unknown user must be None")
            expect(store.swap("nobody", None, None) is True, "swap of nothing by nothing must be True")

    def test_swap_goes_by_value(self, store_factory: StoreFactory) -> None:
        """A value is made, replaced and removed only where the old one is exactly what is there."""
        steps: tuple[tuple[bytes | None, bytes | None, bool], ...] = (
            (b"0", b"1", False), (None, b"1", True), (None, b"2", False), (b"0", b"2", False), (b"1\0", b"2", False),
            (b"1", b"2", True), (b"1", b"3", False), (b"1", None, False), (None, None, False), (b"2", b"2", True),
            (b"2", None, True), (b"2", None, False), (b"", b"2", False), (None, b"4", True),
        )  # fmt: skip
        held: bytes | None = None
        with self.opening(store_factory) as stores:
            store = stores.open()
            for old, new, swapped in steps:
                expect(store.swap("user", old, new) is swapped, f"swap({old!r}, {new!r}) on {held!r} must be {swapped}")
                held = new if swapped else held
                expect(store.load("user") == held, f"after swap({old!r}, {new!r}) the value must be {held!r}")

    def test_values_of_any_bytes_up_to_64_kib(self, store_factory: StoreFactory) -> None:
        """Bytes come back as they went in: every byte, no trailing one lost, 64 KiB, and told apart by the last."""
        before, large = None, bytes(range(256)) * 256
        with self.opening(store_factory) as stores:
            store = stores.open()
            for value in (b"\0", b"\0\0", b"", b" ", bytes(range(256)), b"\xff\xfe", large[:-1] + b"\0", large):
                expect(store.swap("user", before, value) is True, "swap must take any bytes")
                expect(store.load("user") == value, "load must return the bytes that were swapped in")
                expect(type(store.load("user")) is bytes, "load must return bytes")
                before = value
            expect(store.swap("user", large[:-1] + b"\0", b"x") is False, "values that differ in the last byte are two")

    def test_odd_users_are_kept_apart(self, store_factory: StoreFactory) -> None:
        """Ids are compared code point by code point: no case, no normal form, no spaces, no pattern, 255 of any."""
        with self.opening(store_factory) as stores:
            store = stores.open()
            for user in ODD_USERS:
                expect(store.load(user) is None, f"{user!r} must not be another user")
                expect(store.swap(user, None, user.encode()) is True, f"{user!r} must be storable")
            for user in ODD_USERS:
                expect(store.load(user) == user.encode(), f"{user!r} must have its own value")

    def test_another_store_object_sees_the_change(self, store_factory: StoreFactory) -> None:
        """Two objects on the same records see each other's swaps at once."""
        with self.opening(store_factory) as stores:
            one, another = stores.open(), stores.open()
            expect(one.swap("user", None, b"1") is True, "the first swap must win")
            expect(another.load("user") == b"1", "another object must see the value")
            expect(another.swap("user", b"1", b"2") is True, "another object must be able to replace it")
            expect(one.swap("user", b"1", b"3") is False, "the first object must see that it is late")

    def test_lists_and_loads_many_where_it_offers_to(self, store_factory: StoreFactory) -> None:
        """`users` yields everybody once; `load_many` returns those who have a value, of any number of users."""
        many = [f"user {number}" for number in range(1200)] + list(ODD_USERS)
        with self.opening(store_factory) as stores:
            store = stores.open()
            users, load_many = getattr(store, "users", None), getattr(store, "load_many", None)
            if users is None and load_many is None:
                return
            for user in many:
                store.swap(user, None, user.encode())
            if users is not None:
                expect(Counter(users()) == Counter(many), "users must yield everybody once")
            if load_many is not None:
                found: Mapping[str, bytes] = load_many([*many, "nobody"])
                expect(dict(found) == {user: user.encode() for user in many}, "load_many must return all with a value")
                expect(dict(load_many([])) == {}, "load_many of nobody must be nothing")
            store.swap("user 7", b"user 7", None)
            if users is not None:
                expect("user 7" not in list(users()), "users must not yield who has no value any more")
            if load_many is not None:
                expect(dict(load_many(["user 7"])) == {}, "load_many must not return what was removed")

    # ---- races ----

    def test_threads_race_a_swap(self, store_factory: StoreFactory) -> None:
        """Of threads that swap the same old value, exactly one is told `True`, and its value stays."""
        with self.opening(store_factory) as stores:
            store, held = stores.open(), None
            for number in range(self.rounds * 10):
                values = [f"{number} {racer}".encode() for racer in range(self.racers)]
                won = in_threads([partial(store.swap, "user", held, value) for value in values])
                expect(Counter(won) == {True: 1, False: self.racers - 1}, "exactly one swap must win")
                held = values[won.index(True)]
                expect(store.load("user") == held, "the winner's value must stay")

    def test_threads_race_one_code(self, store_factory: StoreFactory) -> None:
        """Of threads that verify the same code, exactly one is accepted; the others are told that it is spent."""
        self._race_one_code(store_factory, in_threads)

    def test_processes_race_one_code(self, store_factory: StoreFactory) -> None:
        """The same with processes, each with a store of its own."""
        if self.processes:
            self._race_one_code(store_factory, in_processes)

    def test_threads_race_recovery_codes(self, store_factory: StoreFactory) -> None:
        """One recovery code opens once; of two different ones, both open and both end spent."""
        self._race_recovery_codes(store_factory, in_threads)

    def test_processes_race_recovery_codes(self, store_factory: StoreFactory) -> None:
        """The same with processes."""
        if self.processes:
            self._race_recovery_codes(store_factory, in_processes)

    def test_threads_guess_against_the_tally(self, store_factory: StoreFactory) -> None:
        """Of 40 wrong codes at once, exactly five get an answer that depends on the code."""
        self._guess(store_factory, in_threads)

    def test_processes_guess_against_the_tally(self, store_factory: StoreFactory) -> None:
        """The same with processes."""
        if self.processes:
            self._guess(store_factory, in_processes)

    def test_a_store_object_survives_a_fork(self, store_factory: StoreFactory) -> None:
        """A store that was used before a fork works in the child and goes on working in the parent."""
        if not self.processes:
            return
        with self.opening(store_factory) as stores:
            store = stores.open()
            expect(store.swap("user", None, b"1") is True, "the parent's swap must win")
            seen = in_processes([lambda: (store.load("user"), store.swap("user", b"1", b"2"))])
            expect(seen == [(b"1", True)], "the child must see the parent's value and replace it")
            expect(store.load("user") == b"2", "the parent must see the child's value")
            expect(store.swap("user", b"2", b"3") is True, "the parent must be able to replace it")

    # ---- a server that fails ----

    def test_a_restarted_server_is_found_again(self, store_factory: StoreFactory) -> None:
        """After its server was killed and started again, the same store object has what was told `True`."""
        if not self._overrides("restarts", "restart_server"):
            return
        with self.opening(store_factory) as stores:
            store = stores.open()
            expect(store.swap("user", None, b"1") is True, "the first swap must win")
            for number in range(2, 5):
                self.restart_server()
                expect(store.load("user") == b"%d" % (number - 1), "what was told True must be there after a restart")
                swapped = store.swap("user", b"%d" % (number - 1), b"%d" % number)
                expect(swapped is True, "the store must go on after a restart")

    def test_a_server_that_is_restarted_in_mid_race(self, store_factory: StoreFactory) -> None:
        """Racers who ask again while the server is away: one code opens at most once, and is spent in the end."""
        if not self._overrides("restarts", "restart_server"):
            return
        with self.opening(store_factory) as stores:
            life, store = Life(stores), stores.open()
            for _ in range(self.rounds):
                racer = partial(_until_told, partial(life.try_verify, life.code(), store))
                *told, _ = in_threads([*[racer] * self.racers, self.restart_server])
                outcomes = Counter(told)
                expect(outcomes["ok"] <= 1, f"one code must open at most once, not {outcomes}")
                expect(outcomes.keys() <= {"ok", "replayed"}, f"a racer must be told in the end, not {outcomes}")
                expect(life.try_verify(life.code(), store) == "replayed", "a spent code must stay spent")
                life.clock.tick(60)

    def test_a_lost_answer_is_never_a_second_acceptance(self, store_factory: StoreFactory) -> None:
        """The connection is cut between a swap and its answer: the code is spent, or the caller gets `StoreError`."""
        if not self._overrides("cuts", "cutting"):
            return
        with self.opening(store_factory) as stores:
            life, store = Life(stores), stores.open()
            cut = _CutSwaps(store, self.cutting)
            for _ in range(self.rounds):
                told = [life.try_verify(life.code(), one) for one in (cut, store, store)]
                expect(told[0] in {"ok", "replayed", "store error"}, f"a lost answer must not be {told[0]}")
                expect(told.count("ok") <= 1, f"one code must open at most once, not {told}")
                expect(told[2] == "replayed", f"the code must be spent, not {told[2]}")
                swapped = False
                with suppress(StoreError):
                    swapped = cut.swap("user", b"not what is there", b"another value")
                expect(swapped is False, "a lost answer must not be taken for True")
                life.clock.tick(60)

    # ---- the lifecycle on it ----

    def test_a_rolled_back_transaction_keeps_the_tally(self, store_factory: StoreFactory) -> None:
        """A wrong code stays charged, and a right one spent, where the caller's own transaction is rolled back."""
        with self.opening(store_factory) as stores:
            life = Life(stores)
            wrong, code = life.wrong_code(), life.code()

            def calls() -> None:
                expect(life.try_verify(code) == "ok", "the right code must be accepted")
                expect(life.try_verify(wrong) == "wrong", "the wrong code must be refused")

            self.in_rolled_back_transaction(store_factory, calls)
            expect(life.try_verify(code) == "replayed", "the right code must stay spent")
            life.clock.tick(60)
            accepted = life.ask(lambda service: service.verify("user", life.code()))
            expect(accepted.failures_before == 1, "the wrong code must stay charged")

    def test_the_whole_life(self, store_factory: StoreFactory) -> None:
        """Set up, log in, replace, log in, disable: and nothing of it remains."""
        with self.opening(store_factory) as stores:
            life = Life(stores)
            expect(life.try_verify(life.code()) == "ok", "the code must be accepted")
            life.clock.tick(60)
            phone = Phone.scan(life.ask(lambda service: service.replace("user", life.code(), account="user")).uri)
            life.clock.tick(60)
            life.ask(lambda service: service.confirm("user", phone.code(life.clock())))
            life.clock.tick(60)
            expect(life.try_verify(phone.code(life.clock())) == "ok", "the new phone's code must be accepted")
            life.clock.tick(60)
            life.ask(lambda service: service.disable("user", phone.code(life.clock())))
            expect(stores.open().load("user") is None, "nothing must remain")

    def _race_one_code(self, store_factory: StoreFactory, race: Race) -> None:
        with self.opening(store_factory) as stores:
            life = Life(stores)
            for _ in range(self.rounds):
                code = life.code()
                outcomes = Counter(race([partial(life.try_verify, code)] * self.racers))
                expect(outcomes == {"ok": 1, "replayed": self.racers - 1}, f"one code must open once, not {outcomes}")
                life.clock.tick(60)

    def _race_recovery_codes(self, store_factory: StoreFactory, race: Race) -> None:
        with self.opening(store_factory) as stores:
            life = Life(stores)
            one, another, third = life.recovery_codes[:3]
            outcomes = Counter(race([lambda: life.try_recover(one)] * self.racers))
            once = {"ok": 1, "replayed": self.racers - 1}
            expect(outcomes == once, f"one recovery code must open once, not {outcomes}")
            both = race([lambda: life.try_recover(another), lambda: life.try_recover(third)])
            expect(both == ["ok", "ok"], f"two recovery codes must both open, not {both}")
            left = life.ask(lambda service: service.status("user")).codes_left
            expect(left == len(life.recovery_codes) - 3, f"three codes must be spent, and {left} are left")
            again = [life.try_recover(code) for code in (one, another, third)]
            expect(again == ["replayed"] * 3, f"every spent recovery code must stay spent, not {again}")

    def _guess(self, store_factory: StoreFactory, race: Race) -> None:
        with self.opening(store_factory) as stores:
            life = Life(stores)
            wrong = life.wrong_code()
            outcomes = Counter(race([lambda: life.try_verify(wrong)] * 40))
            expect(outcomes == {"wrong": 5, "throttled": 35}, f"five guesses must be answered, not {outcomes}")
            expect(life.try_verify(life.code()) == "throttled", "the right code must wait too")


class _CutSwaps:
    """A store whose every swap is done, and whose answer to it is lost on the way."""

    def __init__(self, store: Store, cutting: Callable[[], AbstractContextManager[None]]) -> None:
        self.load = store.load
        self._swap = store.swap
        self._cutting = cutting

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        with self._cutting():
            return self._swap(user, old, new)


def _until_told(ask: Callable[[], str]) -> str:
    """Ask again for as long as the answer is trouble of the store."""
    deadline = time.monotonic() + _PATIENCE
    while (told := ask()) == "store error" and time.monotonic() < deadline:
        time.sleep(0.01)
    return told


def expect(met: bool, otherwise: str) -> None:
    """Raise an `AssertionError` that says what must be."""
    if not met:
        raise AssertionError(otherwise)
