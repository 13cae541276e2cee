"""Who may log in, their sessions, the house rule and the audit trail: one SQLite file.

Rule 1. Passwords are hashed, of a session only a hash is kept, of a second factor only the flag that it is expected.
Rule 2. Each method opens the file for itself and closes it again, so that threads share nothing.
Rule 3. Whatever changes a credential also raises `version`, which every session of that user is tied to.
"""

import logging
import secrets
import sqlite3
from contextlib import closing
from dataclasses import astuple
from pathlib import Path
from typing import Literal

from werkzeug.security import check_password_hash, generate_password_hash

from panel_pages.access import Session, User
from totpcore import Enforcement, Event, Rule

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL, owner INTEGER NOT NULL,
    password TEXT NOT NULL, temporary INTEGER NOT NULL, two_factor INTEGER NOT NULL DEFAULT 0,
    codes_shown INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, user TEXT NOT NULL, stage TEXT NOT NULL, tie TEXT NOT NULL, expires REAL NOT NULL,
    recovered TEXT NOT NULL, notice TEXT NOT NULL, setup TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS house_rule (
    only INTEGER PRIMARY KEY CHECK (only = 1), rule TEXT NOT NULL, deadline REAL);
CREATE TABLE IF NOT EXISTS audit (
    at REAL NOT NULL, kind TEXT NOT NULL, user TEXT NOT NULL, reason TEXT NOT NULL, actor TEXT,
    failures INTEGER NOT NULL, codes_left INTEGER NOT NULL);
"""
USER = "SELECT id, login, name, owner, temporary, two_factor, codes_shown, version"
LOG = logging.getLogger(__name__)


class Users:
    """The file of the users, at `path`; it is made if there is none, for its owner alone to read."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._path = path
        # Compared with when nobody has the login name, so that the answer takes as long and does not tell.
        self._nobody = generate_password_hash(secrets.token_hex())
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(SCHEMA)

    def _run(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with closing(sqlite3.connect(self._path, timeout=10, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, values).fetchall()

    def all(self) -> list[User]:
        """Every administrator, by name."""
        return [_user(row) for row in self._run(f"{USER} FROM users ORDER BY name")]

    def by_id(self, user: str) -> User | None:
        """The administrator with this id."""
        return next((_user(row) for row in self._run(f"{USER} FROM users WHERE id = ?", user)), None)

    def check_password(self, login: str, password: str) -> User | None:
        """The administrator with this login name, if the password is theirs."""
        return self._check("login", login, password)

    def check_own_password(self, user: User, password: str) -> bool:
        """Whether this is their password. By the id: the login name may be somebody else's in the meantime."""
        return self._check("id", user.id, password) is not None

    def _check(self, column: Literal["id", "login"], value: str, password: str) -> User | None:
        row = next(iter(self._run(f"{USER}, password FROM users WHERE {column} = ?", value)), None)
        right = check_password_hash(row["password"] if row else self._nobody, password)
        return _user(row) if row and right else None

    def add(self, login: str, name: str, password: str, *, owner: bool = False, temporary: bool = False) -> None:
        """Add an administrator."""
        values = secrets.token_hex(8), login, name, owner, generate_password_hash(password), temporary
        self._run("INSERT INTO users (id, login, name, owner, password, temporary) VALUES (?, ?, ?, ?, ?, ?)", *values)

    def rename(self, user: str, login: str, name: str) -> bool:
        """Change the names; `False` if the login name is taken."""
        try:
            self._run("UPDATE users SET login = ?, name = ? WHERE id = ?", login, name, user)
        except sqlite3.IntegrityError:
            return False
        return True

    def set_password(self, user: User, password: str) -> bool:
        """Change one's own password; `False`, and no change, if somebody reset it since `user` was read."""
        sql = "UPDATE users SET password = ?, temporary = 0, version = version + 1 WHERE id = ? AND version = ?"
        return bool(self._run(f"{sql} RETURNING 1", generate_password_hash(password), user.id, user.version))

    def reset_password(self, user: str) -> str:
        """Give somebody a temporary password, to hand over."""
        password = secrets.token_urlsafe(12)
        sql = "UPDATE users SET password = ?, temporary = 1, version = version + 1 WHERE id = ?"
        self._run(sql, generate_password_hash(password), user)
        return password

    def end_sessions(self, user: User) -> int:
        """End every session of theirs, and return the version that holds now.

        If somebody reset the password since `user` was read, that is the old one, which ties nothing any more.
        """
        sql = "UPDATE users SET version = version + 1 WHERE id = ? AND version = ? RETURNING version"
        return next((row["version"] for row in self._run(sql, user.id, user.version)), user.version)

    def expect_factor(self, user: str, expected: bool) -> None:
        """Keep whether this user has a second factor, its recovery codes unseen; it ends every session of theirs."""
        sql = "UPDATE users SET two_factor = ?, codes_shown = 0, version = version + 1 WHERE id = ?"
        self._run(sql, expected, user)

    def note_codes(self, user: str, *, shown: bool) -> None:
        """Keep whether this user has been shown the recovery codes that hold now."""
        self._run("UPDATE users SET codes_shown = ? WHERE id = ?", shown, user)

    def enforcement(self) -> Enforcement:
        """The house rule in force."""
        row = next(iter(self._run("SELECT rule, deadline FROM house_rule")), None)
        return Enforcement(Rule[row["rule"]], deadline=row["deadline"]) if row else Enforcement(Rule.OFF)

    def set_enforcement(self, enforcement: Enforcement) -> None:
        """Change the house rule."""
        self._run("REPLACE INTO house_rule VALUES (1, ?, ?)", enforcement.rule.name, enforcement.deadline)

    def session(self, digest: str) -> Session | None:
        """The session whose cookie has this hash."""
        return next((Session(*row) for row in self._run("SELECT * FROM sessions WHERE hash = ?", digest)), None)

    def add_session(self, session: Session) -> None:
        """Add a session."""
        self._run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *astuple(session))

    def notify(self, digest: str, notice: str) -> None:
        """Leave a message for the next page of a session."""
        self._run("UPDATE sessions SET notice = ? WHERE hash = ?", notice, digest)

    def mark_setup(self, digest: str, mark: str) -> None:
        """Keep which set-up a session began."""
        self._run("UPDATE sessions SET setup = ? WHERE hash = ?", mark, digest)

    def end_session(self, digest: str, *, now: float) -> None:
        """Remove one session, and all that are out of date."""
        self._run("DELETE FROM sessions WHERE hash = ? OR expires <= ?", digest, now)

    def record(self, event: Event) -> None:
        """Keep an event of totpcore. No event holds a code or a secret."""
        fields = event.reason, event.actor, event.failures, event.codes_left
        try:
            self._run("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", event.at, event.kind.value, event.user, *fields)
        except sqlite3.Error:
            # As an error with all of it: `log_event` tells of an accepted call at a level that few logs keep.
            LOG.exception("The audit trail could not keep %r", event)

    def events(self, newest: int) -> list[sqlite3.Row]:
        """The newest events, with the names of user and actor."""
        return self._run(
            "SELECT audit.*, coalesce(users.name, user) AS who, coalesce(actors.name, actor, '') AS by_whom FROM audit "
            "LEFT JOIN users ON users.id = user LEFT JOIN users AS actors ON actors.id = actor "
            "ORDER BY audit.rowid DESC LIMIT ?",
            newest,
        )


def _user(row: sqlite3.Row) -> User:
    flags = bool(row["owner"]), bool(row["temporary"]), bool(row["two_factor"]), bool(row["codes_shown"])
    return User(row["id"], row["login"], row["name"], *flags, row["version"])
