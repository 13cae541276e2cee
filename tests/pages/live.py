"""A panel, running, and the ways to visit it: with a browser, or without for speed."""

import contextlib
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import pytest

from browser.site import PASSWORD, Account, Site
from totpcore import Enforcement, Event, Gate, InvalidCode, Rule, Status, TwoFactor
from totpcore.testing import HandClock


class User(Protocol):
    """What the tests ask of a row of the users."""

    @property
    def id(self) -> str: ...
    @property
    def login(self) -> str: ...


class Users(Protocol):
    """What the tests ask of a panel's users, without waiting."""

    def all(self) -> Iterable[User]: ...
    def add(self, login: str, name: str, password: str, *, owner: bool = False, temporary: bool = False) -> None: ...
    def check_password(self, login: str, password: str) -> User | None: ...
    def reset_password(self, user: str) -> str: ...
    def rename(self, user: str, login: str, name: str) -> bool: ...
    def expect_factor(self, user: str, expected: bool) -> None: ...
    def note_codes(self, user: str, *, shown: bool) -> None: ...
    def enforcement(self) -> Enforcement: ...
    def set_enforcement(self, enforcement: Enforcement) -> None: ...
    def record(self, event: Event) -> None: ...
    def events(self, newest: int) -> Iterable[Mapping[str, object]]: ...


class Headers(Protocol):
    """Names in any case."""

    def __getitem__(self, key: str, /) -> str: ...
    def __contains__(self, key: str, /) -> bool: ...
    def __str__(self) -> str: ...


class Answer(Protocol):
    """What a panel answers, in the words that the test clients of all frameworks have."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def text(self) -> str: ...


class Live(Site):
    """A panel with the pages of `panel_pages`. `users` and `factor` are the panel's own, without waiting."""

    users: Users
    factor: TwoFactor
    clock: Callable[[], float]
    module: str  # of the panel's users: where a password's hash is made
    service: type  # `TwoFactor` or `AsyncTwoFactor`

    @abstractmethod
    def visitor(self) -> "Visitor":
        """A visitor without a browser."""

    @abstractmethod
    def addresses(self, method: str) -> list[tuple[str, set[str]]]:
        """Every address of the panel that takes this method, with all methods it takes; `{user}` for a user's id."""

    @staticmethod
    @abstractmethod
    def hash(password: str) -> str:
        """A password's hash, made quickly."""

    @abstractmethod
    def after_call(self, patch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
        """Do something when the panel's next call of this name of totpcore's has answered."""

    @abstractmethod
    def spoil(self, user: str) -> None:
        """Write nonsense in the place of a record."""

    @abstractmethod
    def kept(self) -> bytes:
        """Everything that is kept of users and sessions."""

    @abstractmethod
    def set_secure(self, secure: bool) -> None:
        """Say whether the panel is behind TLS."""

    def now(self) -> float:
        return self.clock()

    def tick(self, seconds: float) -> None:
        assert isinstance(self.clock, HandClock)
        self.clock.tick(seconds)

    def add(self, login: str, *, owner: bool = False) -> Account:
        self.users.add(login, login.capitalize(), PASSWORD, owner=owner)
        return Account(next(user.id for user in self.users.all() if user.login == login), login)

    def add_with_factor(self, login: str, *, owner: bool = False) -> Account:
        account = self.add(login, owner=owner)
        enrolment = self.factor.enrol(account.id, account=login)
        key = enrolment.secret.base32
        confirmed = self.factor.confirm(account.id, Account("", "", key).code(self.now()))
        self.users.expect_factor(account.id, expected=True)
        self.users.note_codes(account.id, shown=True)
        self.tick(60)
        return Account(account.id, login, key, tuple(confirmed.recovery_codes))

    def fail(self, account: Account, times: int) -> None:
        for _ in range(times):
            self.tick(3600)
            with contextlib.suppress(InvalidCode):
                self.factor.verify(account.id, self.wrong_code(account))

    def status(self, account: Account) -> Status:
        return self.factor.status(account.id)

    def require(self, deadline: float | None = None) -> None:
        self.users.set_enforcement(Enforcement(Rule.REQUIRE, deadline=deadline))

    def encourage(self) -> None:
        self.users.set_enforcement(Enforcement(Rule.ENCOURAGE))

    def gate(self, account: Account) -> Gate:
        """The question after the password, with the house rule in force."""
        return self.factor.gate(account.id, self.users.enforcement())


class Visitor(Protocol):
    """Somebody who sends forms as a browser would, with the token of the last page."""

    live: Live
    token: str = ""

    @property
    def cookie(self) -> str:
        """The session's word."""

    @abstractmethod
    def plant(self, word: str) -> None:
        """Put a word in the place of the session's."""

    @abstractmethod
    def _ask(self, method: str, path: str, fields: Mapping[str, str]) -> Answer: ...

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._look(self._ask("GET", path, {}))

    def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return self._look(self._ask("POST", path, {"csrf": self.token, **fields}))

    def post_without_token(self, path: str, **fields: str) -> Answer:
        """Send a form with these fields and no others; the page that comes is not looked at."""
        return self._ask("POST", path, fields)

    def head(self, path: str, **fields: str) -> Answer:
        """Ask for no more than what would be said above a page, with a form that has no token."""
        return self._ask("HEAD", path, fields)

    def give_password(self, login: str, password: str = PASSWORD) -> Answer:
        """The first step of the log-in."""
        self.get("/login")
        answer = self.post("/login", login=login, password=password)
        if answer.status_code == 302:
            self.get(answer.headers["Location"])
        return answer

    def log_in(self, account: Account) -> Answer:
        """Both steps of the log-in."""
        answer = self.give_password(account.login)
        if account.key:
            answer = self.post("/login/code", code=account.code(self.live.now()))
            assert answer.status_code == 302, answer.text
            self.get(answer.headers["Location"])
        return answer

    def _look(self, answer: Answer) -> Answer:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
        self.token = found[1] if found else self.token
        return answer


def key_in(answer: Answer) -> str:
    """The key that a page of the set-up shows."""
    found = re.search(r'id="key" class="key">(.*?)</code>', answer.text)
    assert found, answer.text
    return re.sub(r"<[^>]*>|\s", "", found[1])


def codes_in(answer: Answer) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"\b(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}\b", answer.text)


def paths(live: Live, method: str) -> list[str]:
    """Every address of the panel that takes this method; where it names a user, the last one."""
    user = list(live.users.all())[-1].id
    return [path.replace("{user}", user) for path, _ in live.addresses(method)]
