"""Tokens of an API, which end with the password and the second factor that they were made under.

Rule 1. A token is a random word, shown once. Its row has the word's hash, the user and the tie: the user's own version
and the generation of their second factor, as a session has it.
Rule 2. A row whose tie does not hold any more is deleted. `generation` is `None` before a set-up and after a reset, so
one that was only passed over would hold again.
Rule 3. The version goes up with every change of password or second factor. That ends the rows which nobody has looked
at in the meantime. A command that resets knows nothing of it, so whoever resets raises it as well.
"""

import hashlib
import secrets
import sqlite3

from totpcore import TwoFactor

SCHEMA = """
CREATE TABLE users (id TEXT PRIMARY KEY, two_factor INTEGER NOT NULL DEFAULT 0, version INTEGER NOT NULL DEFAULT 0);
CREATE TABLE tokens (hash TEXT PRIMARY KEY, user TEXT NOT NULL, tie TEXT NOT NULL);
"""


# page: tokens
def tie(db: sqlite3.Connection, two_factor: TwoFactor, user: str) -> str:
    """What sessions and tokens of this user hang on. For a session it is read at its log-in."""
    row = db.execute("SELECT version FROM users WHERE id = ?", (user,)).fetchone()
    return f"{row and row[0]}/{two_factor.status(user).generation}"


def give(db: sqlite3.Connection, user: str, *, tied: str) -> str:
    """Return a new token. `tied` is the tie of the full session that asks, which a reset may overtake."""
    word = secrets.token_urlsafe(32)
    db.execute("INSERT INTO tokens VALUES (?, ?, ?)", (_digest(word), user, tied))
    return word


def owner(db: sqlite3.Connection, two_factor: TwoFactor, word: str) -> str | None:
    """Whose token this is. One that has ended is deleted."""
    for user, tied in db.execute("SELECT user, tie FROM tokens WHERE hash = ?", (_digest(word),)).fetchall():
        if tied == tie(db, two_factor, user):
            return str(user)
        db.execute("DELETE FROM tokens WHERE hash = ?", (_digest(word),))
    return None


def reset(db: sqlite3.Connection, two_factor: TwoFactor, user: str, *, actor: str, reason: str) -> None:
    """An operator's reset: the version, the second factor, the flag. The new password is left out here."""
    db.execute("UPDATE users SET version = version + 1 WHERE id = ?", (user,))
    two_factor.reset(user, actor=actor, reason=reason)
    db.execute("UPDATE users SET two_factor = 0 WHERE id = ?", (user,))


# page: end
def _digest(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()
