"""The Flask panel keeps quiet: its pages, its logs at DEBUG, its audit table and its sessions.

Rule of this file: the file of the second factors is not searched: under `Plaintext` it holds the secrets, and says so.
Everything else in the panel's folder is.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random

import pytest

from panel.live import PASSWORD, START, Account, Live
from silence.finder import Finder, Leaked
from silence.listening import Everything, listening
from silence.walking import SETUP, Walk, check_addresses, walk, wrong_code
from totpcore import TOTP, Secret, StoreError
from totpcore.testing import HandClock


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Live:
    """A panel on a clock that is moved by hand; randomness repeats, and passwords are hashed quickly."""
    random = Random(11)
    monkeypatch.setattr(secrets, "token_bytes", lambda nbytes=None: random.randbytes(nbytes or 32))
    monkeypatch.setattr(f"{Live.module}.generate_password_hash", Live.hash)
    return Live(tmp_path, HandClock(START))


@pytest.fixture
def everything() -> Iterator[Everything]:
    """All loggers, at DEBUG."""
    with listening() as kept:
        yield kept


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
        one.finder.check(where, answer.text, str(answer.headers))
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
    assert [leak.canary for leak in one.finder.find(shown.text)] == ["secret"]
    issued = one.visitor.post(f"{SETUP}/confirm", code=token.code(live.clock()))
    codes = one.issued(one.keep("confirm", issued))
    assert len({leak.canary for leak in one.finder.find(issued.text)}) == len(codes)
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
        finder.check("the page of an error", answer.text, str(answer.headers))
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
