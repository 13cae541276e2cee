"""The contract of a store, as tests to inherit."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final

from ..ports import ListsUsers, LoadsMany
from ._life import Life, StoreFactory
from ._races import Race, in_processes, in_threads
from ._stand_ins import Phone

_ODD_USERS: Final = (
    "1", " 1", "1 ", "01", "a", "A", "\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}", "ss",
    "\N{LATIN SMALL LETTER SHARP S}", "i", "\N{LATIN SMALL LETTER DOTLESS I}",
    "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}",
    "%", "_", "*", "?", "a%", "a:b", "a/b", "a\\b", "a'b", 'a"b', "'; DROP TABLE totpcore; --", "{a}",
    "${a}", "a\tb", "a\nb",
    "\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\N{GRINNING FACE}", "NULL", "None",
    "x" * 255, "x" * 254 + "y", "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL X}" * 255,
)  # fmt: skip


class StoreContract:
    """What every store has to do, as a test class to inherit.

    Example:
        A third-party store passes it with a few lines::

            class TestMyStore(StoreContract):
                @pytest.fixture
                def store_factory(self, tmp_path):
                    return lambda: MyStore(tmp_path / "records")

    `store_factory` returns a function of no arguments that opens the store: each time another object, always on the
    same records, which are none at the start of a test. It is called in forked processes too.

    Attributes:
        processes: Whether the store can be used by several processes; set it to `False` where it says it cannot.
        racers: How many threads, or processes, are let loose at once.
        rounds: How often each race is run.
    """

    processes: ClassVar[bool] = True
    racers: ClassVar[int] = 8
    rounds: ClassVar[int] = 5

    def in_rolled_back_transaction(self, store_factory: StoreFactory, call: Callable[[], None]) -> None:  # noqa: ARG002
        """Call inside of a transaction of the application's own, and roll that back. To be overridden.

        As it is, it only calls: a store that shares no connection with its caller has nothing to roll back.
        """
        call()

    # ---- load and swap ----

    def test_an_unknown_user_has_no_value(self, store_factory: StoreFactory) -> None:
        """A user who was never stored loads as `None`, and removing nothing is true."""
        store = store_factory()
        expect(store.load("nobody") is None, "load of an unknown user must be None")
        expect(store.swap("nobody", None, None) is True, "swap of nothing by nothing must be True")

    def test_swap_goes_by_value(self, store_factory: StoreFactory) -> None:
        """A value is made, replaced and removed only where the old one is exactly what is there."""
        store = store_factory()
        steps: tuple[tuple[bytes | None, bytes | None, bool], ...] = (
            (b"0", b"1", False), (None, b"1", True), (None, b"2", False), (b"0", b"2", False), (b"1\0", b"2", False),
            (b"1", b"2", True), (b"1", b"3", False), (b"1", None, False), (None, None, False), (b"2", b"2", True),
            (b"2", None, True), (b"2", None, False), (None, b"4", True),
        )  # fmt: skip
        held: bytes | None = None
        for old, new, swapped in steps:
            expect(store.swap("user", old, new) is swapped, f"swap({old!r}, {new!r}) on {held!r} must be {swapped}")
            held = new if swapped else held
            expect(store.load("user") == held, f"after swap({old!r}, {new!r}) the value must be {held!r}")

    def test_values_of_any_bytes_up_to_64_kib(self, store_factory: StoreFactory) -> None:
        """Bytes come back as they went in: every byte, no trailing one lost, 64 KiB, and told apart by the last."""
        store, before = store_factory(), None
        large = bytes(range(256)) * 256
        for value in (b"\0", b"\0\0", b" ", bytes(range(256)), b"\xff\xfe", large[:-1] + b"\0", large):
            expect(store.swap("user", before, value) is True, "swap must take any bytes")
            expect(store.load("user") == value, "load must return the bytes that were swapped in")
            expect(type(store.load("user")) is bytes, "load must return bytes")
            before = value
        expect(store.swap("user", large[:-1] + b"\0", b"x") is False, "values that differ in the last byte are two")

    def test_odd_users_are_kept_apart(self, store_factory: StoreFactory) -> None:
        """Ids are compared code point by code point: no case, no normal form, no spaces, no pattern."""
        store = store_factory()
        for user in _ODD_USERS:
            expect(store.load(user) is None, f"{user!r} must not be another user")
            expect(store.swap(user, None, user.encode()) is True, f"{user!r} must be storable")
        for user in _ODD_USERS:
            expect(store.load(user) == user.encode(), f"{user!r} must have its own value")

    def test_another_store_object_sees_the_change(self, store_factory: StoreFactory) -> None:
        """Two objects on the same records see each other's swaps at once."""
        one, another = store_factory(), store_factory()
        expect(one.swap("user", None, b"1") is True, "the first swap must win")
        expect(another.load("user") == b"1", "another object must see the value")
        expect(another.swap("user", b"1", b"2") is True, "another object must be able to replace it")
        expect(one.swap("user", b"1", b"3") is False, "the first object must see that it is late")

    def test_lists_and_loads_many_where_it_offers_to(self, store_factory: StoreFactory) -> None:
        """`users` yields everybody once; `load_many` returns those who have a value, of any number of users."""
        store = store_factory()
        many = [f"user {number}" for number in range(1200)] + list(_ODD_USERS)
        for user in many:
            store.swap(user, None, user.encode())
        if isinstance(store, ListsUsers):
            expect(Counter(store.users()) == Counter(many), "users must yield everybody once")
        if isinstance(store, LoadsMany):
            found = store.load_many([*many, "nobody"])
            expect(dict(found) == {user: user.encode() for user in many}, "load_many must return all who have a value")

    # ---- races ----

    def test_threads_race_a_swap(self, store_factory: StoreFactory) -> None:
        """Of threads that swap the same old value, exactly one is told `True`, and its value stays."""
        store, held = store_factory(), None
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
        store = store_factory()
        expect(store.swap("user", None, b"1") is True, "the parent's swap must win")
        seen = in_processes([lambda: (store.load("user"), store.swap("user", b"1", b"2"))])
        expect(seen == [(b"1", True)], "the child must see the parent's value and replace it")
        expect(store.load("user") == b"2", "the parent must see the child's value")

    # ---- the lifecycle on it ----

    def test_a_rolled_back_transaction_keeps_the_tally(self, store_factory: StoreFactory) -> None:
        """A wrong code stays charged, and a right one spent, where the caller's own transaction is rolled back."""
        life = Life(store_factory)
        wrong = life.wrong_code()

        def calls() -> None:
            expect(life.try_verify(wrong) == "wrong", "the wrong code must be refused")

        self.in_rolled_back_transaction(store_factory, calls)
        expect(life.service().verify("user", life.code()).failures_before == 1, "the wrong code must stay charged")

    def test_the_whole_life(self, store_factory: StoreFactory) -> None:
        """Set up, log in, replace, log in, disable: and nothing of it remains."""
        life = Life(store_factory)
        life.service().verify("user", life.code())
        life.clock.tick(30)
        phone = Phone.scan(life.service().replace("user", life.code(), account="user").uri)
        life.clock.tick(30)
        life.service().confirm("user", phone.code(life.clock()))
        life.clock.tick(30)
        life.service().verify("user", phone.code(life.clock()))
        life.clock.tick(30)
        life.service().disable("user", phone.code(life.clock()))
        expect(store_factory().load("user") is None, "nothing must remain")

    def _race_one_code(self, store_factory: StoreFactory, race: Race) -> None:
        life = Life(store_factory)
        for _ in range(self.rounds):
            code = life.code()
            outcomes = Counter(race([partial(life.try_verify, code)] * self.racers))
            expect(outcomes == {"ok": 1, "replayed": self.racers - 1}, f"one code must open once, not {outcomes}")
            life.clock.tick(30)

    def _race_recovery_codes(self, store_factory: StoreFactory, race: Race) -> None:
        life = Life(store_factory)
        one, another, third = life.recovery_codes[:3]
        outcomes = Counter(race([lambda: life.try_recover(one)] * self.racers))
        expect(outcomes == {"ok": 1, "replayed": self.racers - 1}, f"one recovery code must open once, not {outcomes}")
        both = race([lambda: life.try_recover(another), lambda: life.try_recover(third)])
        expect(both == ["ok", "ok"], f"two recovery codes must both open, not {both}")
        left = life.service().status("user").codes_left
        expect(left == len(life.recovery_codes) - 3, f"three codes must be spent, and {left} are left")
        again = [life.try_recover(code) for code in (one, another, third)]
        expect(again == ["replayed"] * 3, f"every spent recovery code must stay spent, not {again}")

    def _guess(self, store_factory: StoreFactory, race: Race) -> None:
        life = Life(store_factory)
        wrong = life.wrong_code()
        outcomes = Counter(race([lambda: life.try_verify(wrong)] * 40))
        expect(outcomes == {"wrong": 5, "throttled": 35}, f"five guesses must be answered, not {outcomes}")
        expect(life.try_verify(life.code()) == "throttled", "the right code must wait too")


def expect(met: bool, otherwise: str) -> None:
    if not met:
        raise AssertionError(otherwise)
