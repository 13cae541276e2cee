"""What docs/how-to/half-authenticated.md says of tokens, of the tie, and of the order in which a log-in reads."""

import ast
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin_panel import create_app
from admin_panel.session import Panel
from howto.api_tokens import SCHEMA, give, owner, reset, tie
from totpcore import TOTP, Gate, MemoryStore, Plaintext, Secret, SQLiteStore, StoreError, TwoFactor

HOWTO = Path(__file__).parents[2] / "docs/examples/howto"
WHO, PASSWORD = "7", "adas own password"


# ---- tokens of an API ----


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """A user without a second factor, and no token yet."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.executescript(f"{SCHEMA} INSERT INTO users (id) VALUES ('{WHO}')")
        yield db


@pytest.fixture
def factor() -> TwoFactor:
    """A second factor that is off."""
    return TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext())


def adopt(factor: TwoFactor) -> None:
    """Turn it on as a command does, which knows nothing of the user's row."""
    factor.adopt(WHO, TOTP(Secret.generate()), spent=-1)


def hashes(db: sqlite3.Connection) -> list[str]:
    """The rows that are kept."""
    return [row[0] for row in db.execute("SELECT hash FROM tokens")]


def test_a_token_opens_until_its_owner_changes_something(db: sqlite3.Connection, factor: TwoFactor) -> None:
    """Used as often as you like; by its word alone, which is not kept."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    assert [owner(db, factor, word) for _ in range(3)] == [WHO] * 3
    assert owner(db, factor, "another") is None
    (kept,) = hashes(db)
    assert owner(db, factor, kept) is None
    assert word not in "".join(map(str, db.execute("SELECT * FROM tokens").fetchone()))
    db.execute("UPDATE users SET version = version + 1")
    assert owner(db, factor, word) is None


def test_a_token_that_a_set_up_ended_does_not_come_back(db: sqlite3.Connection, factor: TwoFactor) -> None:
    """Its row is gone, so that a reset, after which the generation is as before, finds nothing to match."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    adopt(factor)
    assert owner(db, factor, word) is None
    assert hashes(db) == []
    factor.reset(WHO, actor="bob", reason="a command that knows no version")
    assert owner(db, factor, word) is None


def test_a_token_that_nobody_used_in_between_does_not_either(db: sqlite3.Connection, factor: TwoFactor) -> None:
    """The reset raises the version, from before the second factor goes."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    adopt(factor)
    db.execute("UPDATE users SET two_factor = 1")
    reset(db, factor, WHO, actor="bob", reason="phone lost")
    assert db.execute("SELECT two_factor FROM users").fetchone() == (0,)
    assert factor.status(WHO).generation is None
    assert owner(db, factor, word) is None


def test_the_version_is_raised_before_the_reset(
    db: sqlite3.Connection, factor: TwoFactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise there would be a moment in which everything holds that was made before the set-up."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    adopt(factor)
    seen: list[str | None] = []
    afterwards(monkeypatch, TwoFactor, "reset", lambda: seen.append(owner(db, factor, word)))
    reset(db, factor, WHO, actor="bob", reason="phone lost")
    assert seen == [None]


def test_a_reset_that_overtakes_the_page_leaves_no_token(db: sqlite3.Connection, factor: TwoFactor) -> None:
    """The tie is that of the session which asked, not of the moment in which the row is written."""
    adopt(factor)
    of_the_session = tie(db, factor, WHO)
    reset(db, factor, WHO, actor="bob", reason="phone lost")
    assert owner(db, factor, give(db, WHO, tied=of_the_session)) is None


def test_a_token_of_nobody_opens_nothing(db: sqlite3.Connection, factor: TwoFactor) -> None:
    """The account is gone, its rows are still there."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    db.execute("DELETE FROM users")
    assert owner(db, factor, word) is None


def test_a_store_in_trouble_ends_nothing_and_opens_nothing(
    db: sqlite3.Connection, factor: TwoFactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token is deleted because something changed, and not because nobody could tell."""
    word = give(db, WHO, tied=tie(db, factor, WHO))
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "load", _trouble)
        with pytest.raises(StoreError):
            owner(db, factor, word)
    assert owner(db, factor, word) == WHO


def _trouble(*_: object) -> bytes:
    raise StoreError("the store is away")


# ---- the order in which a log-in reads ----


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """The Flask panel, with Ada in it."""
    SQLiteStore(tmp_path / "second-factors.db", create=True)
    app = create_app(tmp_path)
    parts(app).users.add("ada", "Ada", PASSWORD)
    return app


def parts(app: Flask) -> Panel:
    """What its views share."""
    panel: Panel = app.extensions["panel"]
    return panel


def give_password(app: Flask) -> FlaskClient:
    """The first step of the log-in."""
    client = app.test_client()
    token = re.search(r'name="csrf" value="(\w+)"', client.get("/login").text)
    assert token
    client.post("/login", data={"csrf": token[1], "login": "ada", "password": PASSWORD})
    return client


def afterwards(patch: pytest.MonkeyPatch, target: object, name: str, act: Callable[[], object]) -> None:
    """Do something once, right after a call has got its answer."""
    call = getattr(target, name)

    def overtaken(*given: object, **named: object) -> object:
        answer = call(*given, **named)
        patch.setattr(target, name, call)
        act()
        return answer

    patch.setattr(target, name, overtaken)


def test_a_bare_reset_while_the_password_is_checked_wins(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changed no version; the flag in the row that was read before stops the log-in."""
    panel = parts(app)
    (ada,) = panel.users.all()
    panel.factor.adopt(ada.id, TOTP(Secret.generate()), spent=-1)
    panel.users.expect_factor(ada.id, expected=True)

    def by_command() -> None:
        panel.factor.reset(ada.id, actor="console", reason="test")
        with closing(sqlite3.connect(tmp_path / "users.db", isolation_level=None)) as users:
            users.execute("UPDATE users SET two_factor = 0")

    afterwards(monkeypatch, type(panel.users), "check_password", by_command)
    assert give_password(app).get("/").headers["Location"] == "/login"
    assert panel.factor.gate(ada.id) is Gate.ALLOW, "the reset was done"
    assert give_password(app).get("/").status_code == 200


def test_a_set_up_between_status_and_gate_ends_the_session(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """`status` comes first: the session is tied to what held before anything was asked."""
    panel = parts(app)
    (ada,) = panel.users.all()
    for name in ("status", "gate"):
        afterwards(monkeypatch, TwoFactor, name, lambda: panel.factor.adopt(ada.id, TOTP(Secret.generate()), spent=-1))
        assert give_password(app).get("/").headers["Location"] == "/login", name
        panel.factor.reset(ada.id, actor="console", reason="test")


# ---- what only shows something else ----


@pytest.mark.parametrize("name", ["code_view", "workers", "workers_async"])
def test_a_view_that_is_not_to_be_copied_says_so(name: str) -> None:
    """In its first lines, with the page that has one to copy."""
    said = " ".join((ast.get_docstring(ast.parse((HOWTO / f"{name}.py").read_text("utf-8"))) or "").split())
    assert re.search(r"not (?:one )?to (?:be )?cop(?:y|ied)", said)
    pages = re.findall(r"docs/how-to/[\w-]+\.md", said)
    assert pages
    assert all((HOWTO.parents[2] / page).is_file() for page in pages)
