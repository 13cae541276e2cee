"""The example panel keeps quiet: its pages, its logs at DEBUG, its audit table and its sessions.

Rules of this file:

1. Secrets are shown by the answers to the set-up, recovery codes by the one answer that issues them, codes by nobody.
2. The file of the second factors is not searched: under `Plaintext` it holds the secrets, and says so. Everything else
   in the panel's folder is.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import pytest
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from panel.live import PASSWORD, START, Account, Live, Visitor
from silence.finder import Finder, Leaked
from silence.listening import Everything, listening
from totpcore import TOTP, Secret, StoreError
from totpcore.testing import HandClock

SETUP = "/profile/two-factor"


class Walk:
    """An owner who sets up, logs in and changes everything, and all that was answered."""

    def __init__(self, live: Live) -> None:
        self.live, self.account = live, live.add("ada", owner=True)
        self.visitor: Visitor = live.visitor()
        self.finder, self.typed = Finder({}), 0
        self.answers: list[tuple[str, TestResponse]] = []
        self.keys: list[TOTP] = []

    def send(self, path: str, **fields: str) -> TestResponse:
        """Send a form; what is typed as a code is looked for from then on."""
        if "code" in fields:
            self.typed += 1
            self.finder.add({f"typed code {self.typed}": fields["code"]})
        return self.keep(path, self.visitor.post(path, **fields))

    def keep(self, path: str, answer: TestResponse) -> TestResponse:
        """Keep an answer."""
        self.answers.append((f"{len(self.answers)}: {path}", answer))
        return answer

    def look_around(self) -> None:
        """Open every page that there is."""
        for rule in self.live.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and rule.endpoint != "static":
                for user in self.live.panel.users.all():
                    path = rule.rule.replace("<user>", user.id)
                    self.keep(path, self.visitor.get(path))

    def begin(self, way: str, **fields: str) -> TOTP:
        """Begin set-up: the page shows the secret, which is looked for from the moment at which it is confirmed."""
        shown = self.send(f"{SETUP}/{way}", **fields)
        enrolment = self.live.factor.pending(self.account.id)
        assert enrolment is not None
        assert enrolment.secret.base32 in shown.text
        self.answers.pop()
        self.keys.append(TOTP(enrolment.secret))
        return self.keys[-1]

    def confirm(self, token: TOTP) -> list[str]:
        """Confirm: the answer shows the recovery codes, for the only time, and no secret."""
        self.finder.add({f"secret {len(self.keys)}": token.secret.reveal()})
        answer = self.send(f"{SETUP}/confirm", code=token.code(self.live.clock()))
        self.finder.check("the page of the recovery codes", answer.text)
        return self.issued(answer)

    def issued(self, answer: TestResponse) -> list[str]:
        """The recovery codes of an answer, which is not searched for these."""
        self.answers.pop()
        found = [part.split("</code>")[0] for part in answer.text.split("<code>")[1:]]
        assert len(found) == 10
        self.finder.add({f"recovery code {self.typed}.{number}": code for number, code in enumerate(found)})
        return found

    def log_in(self, *, code: str = "", recovery: str = "") -> TestResponse:
        """Both steps of the log-in, as a new visitor."""
        self.visitor = self.live.visitor()
        self.keep("/login", self.visitor.give_password("ada"))
        self.keep("/login/code", self.visitor.get("/login/code"))
        self.keep("/login/recovery", self.visitor.get("/login/recovery"))
        return self.send("/login/recovery", code=recovery) if recovery else self.send("/login/code", code=code)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A panel on a clock that is moved by hand; randomness repeats, and passwords are hashed quickly."""
    monkeypatch.setattr(
        "admin_panel.users.generate_password_hash", partial(generate_password_hash, method="pbkdf2:sha256:10")
    )
    random = Random(11)
    monkeypatch.setattr(secrets, "token_bytes", lambda nbytes=None: random.randbytes(nbytes or 32))
    return Live(tmp_path, HandClock(START))


@pytest.fixture
def everything() -> Iterator[Everything]:
    """All loggers, at DEBUG."""
    with listening() as kept:
        yield kept


def walk(live: Live) -> Walk:
    """The whole life of a second factor on the panel."""
    one = Walk(live)
    one.visitor.log_in(one.account)
    one.visitor.get(SETUP)
    token = one.begin("setup")
    one.finder.add({"wrong code": wrong_code(live, token)})
    refused = one.send(f"{SETUP}/confirm", code=wrong_code(live, token))
    assert refused.status_code == 422
    one.finder.check("the set-up page after a wrong code", refused.text)
    one.answers.pop()
    codes = one.confirm(token)
    one.look_around()
    for bad in (wrong_code(live, token), "12345x", codes[9] + "Z", token.code(live.clock())):
        one.send(f"{SETUP}/recovery-codes", code=bad)
        one.send(f"{SETUP}/disable", code=bad)
    live.tick(60)
    assert one.log_in(code=wrong_code(live, token)).status_code == 422
    assert one.send("/login/code", code=token.code(live.clock())).status_code == 302
    assert one.log_in(code=token.code(live.clock())).status_code == 422
    one.look_around()
    assert one.log_in(recovery=codes[0]).status_code == 302
    assert one.log_in(recovery=codes[0]).status_code == 422
    assert one.log_in(recovery=codes[1]).status_code == 302
    one.look_around()
    new = one.issued(one.send(f"{SETUP}/recovery-codes", code=codes[2]))
    another = one.begin("replace", code=new[0])
    one.look_around()
    one.confirm(another)
    one.look_around()
    live.tick(60)
    one.send("/profile/password", own_password=PASSWORD, new_password="x")
    one.send(f"{SETUP}/disable", code=another.code(live.clock()))
    one.look_around()
    return one


def wrong_code(live: Live, token: TOTP) -> str:
    """A code that is wrong for some minutes."""
    near = {token.code(live.clock() + 30 * step) for step in range(-12, 13)}
    return next(code for code in (f"{number:06d}" for number in range(873_000, 874_000)) if code not in near)


def check_addresses(one: Walk) -> None:
    """Web servers and proxies log addresses: none holds what was typed, and every form that takes it is a POST."""
    forms = 0
    for where, answer in one.answers:
        one.finder.check(where, answer.request.url, answer.headers.get("Location", ""))
        for form in answer.text.split("<form")[1:]:
            head, body = form.split(">", 1)
            if 'name="code"' in body.split("</form>")[0] or 'type="password"' in body.split("</form>")[0]:
                forms += 1
                assert 'method="post"' in head, where
    assert forms > 20


def test_no_page_no_log_and_no_file_shows_a_secret(
    live: Live, everything: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over a whole life, after each confirmation: no secret, no code that was typed, no recovery code, anywhere.

    Every page, header and cookie; all loggers at DEBUG and the standard streams; the users' file, with the audit trail
    and the sessions, row by row and byte by byte, with its journal.
    """
    one = walk(live)
    written = capfd.readouterr()
    assert len(one.answers) > 60
    assert {answer.status_code for _, answer in one.answers} >= {200, 302, 422}
    for where, answer in one.answers:
        one.finder.check(where, answer.get_data(), str(answer.headers))
    check_addresses(one)
    one.finder.check("the logs", *everything.kept)
    one.finder.check("the standard streams", written.out, written.err)
    files = [file for file in live.folder.iterdir() if not file.name.startswith("second-factors")]
    assert "users.db" in {file.name for file in files}
    for file in files:
        one.finder.check(file.name, file.read_bytes())
    with closing(sqlite3.connect(live.folder / "users.db")) as connection:
        for table in ("users", "sessions", "audit", "house_rule"):
            one.finder.check(table, str(connection.execute(f"SELECT * FROM {table}").fetchall()))
        assert connection.execute("SELECT count(*) FROM audit").fetchone()[0] > 20


def test_the_search_would_find_it(live: Live) -> None:
    """The pages that do show a secret or recovery codes are found out, so the search above is no empty one."""
    one = Walk(live)
    one.visitor.log_in(one.account)
    one.visitor.get(SETUP)
    shown = one.visitor.post(f"{SETUP}/setup")
    enrolment = live.factor.pending(one.account.id)
    assert enrolment is not None
    token = TOTP(enrolment.secret)
    one.finder.add({"secret": enrolment.secret.reveal()})
    assert [leak.canary for leak in one.finder.find(shown.get_data())] == ["secret"]
    issued = one.visitor.post(f"{SETUP}/confirm", code=token.code(live.clock()))
    codes = one.issued(one.keep("confirm", issued))
    assert len({leak.canary for leak in one.finder.find(issued.get_data())}) == len(codes)
    one.finder.add({"wrong": wrong_code(live, token)})
    with pytest.raises(Leaked):
        one.finder.check("an echo", f'<input name="code" value="{wrong_code(live, token)}">')


def test_a_view_that_fails_logs_no_code(live: Live, everything: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store raises what nobody expects, Flask logs a traceback; neither that nor the page has the code."""
    account = add_with_factor(live, "grace")
    visitor = live.visitor()
    visitor.give_password("grace")
    code = account_code(live, account)
    finder = Finder({"code": code, "key": account.key, "password": PASSWORD})
    finder.add({"secret": Secret.from_base32(account.key).reveal()})
    for error in (OSError("No space left on device"), StoreError("SQLite failed"), MemoryError()):
        with monkeypatch.context() as patch:
            patch.setattr(type(live.factor._store), "swap", staticmethod(partial(_raise, error)))
            answer = visitor.post("/login/code", code=code)
        assert answer.status_code == (503 if isinstance(error, StoreError) else 500)
        finder.check("the page of an error", answer.get_data(), str(answer.headers))
    finder.check("the logs", *everything.kept)
    assert any("No space left on device" in line for line in everything.kept)
    assert visitor.post("/login/code", code=code).status_code == 302


def _raise(error: BaseException, *_: object) -> bool:
    raise error


def add_with_factor(live: Live, login: str) -> Account:
    """An administrator with a confirmed second factor, without a browser and without other programs."""
    account = live.add(login)
    enrolment = live.factor.enrol(account.id, account=login)
    confirmed = live.factor.confirm(account.id, TOTP(enrolment.secret).code(live.clock()))
    live.panel.users.expect_factor(account.id, expected=True)
    live.tick(60)
    return Account(account.id, login, enrolment.secret.base32, tuple(confirmed.recovery_codes))


def account_code(live: Live, account: Account) -> str:
    """What their app shows."""
    return TOTP(Secret.from_base32(account.key)).code(live.clock())
