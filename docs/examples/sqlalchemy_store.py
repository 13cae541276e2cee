"""The second factor as a column of the application's own user table, with SQLAlchemy 2.

What it promises: `ColumnStore` meets `totpcore.testing.StoreContract`. A swap is one UPDATE that names the value which
it replaces, in a transaction of its own: never in the session of a request, whose rollback would make guesses free.
Where the database fails, SQLAlchemy's error is raised, and nothing is accepted.

Its limits:

- A user needs a row. Without one there is nothing to load, and of all swaps only that of nothing by nothing is `True`:
  to set up a second factor then ends in `StoreContended`.
- It lists no users, so `totpcore.sealing.reseal` does not take it; a `users` method is one more SELECT.
- Nothing else writes the column. It is not loaded with the user either: hence `deferred`.
- A request that has changed the user's row and not committed yet has locked it, and would wait for itself: commit
  before the second factor is verified. On SQLite any change locks the whole file: in production take PostgreSQL, or
  keep the records in another file, with `totpcore.SQLiteStore`.
- The user ids must be told apart code point by code point, as PostgreSQL and SQLite do. On MySQL and MariaDB the
  column `id` needs the collation `utf8mb4_0900_bin` or `utf8mb4_nopad_bin`.
- Row-level security of PostgreSQL would hide a row, and who has none needs no code. So `make_engine` turns it into an
  error, by `row_security = off`; behind a pooler that takes no `options`, set that on the role instead.
- The isolation level is the server's default, which has to be read committed, as it is unless somebody changed it.
"""

import os

from sqlalchemy import Engine, LargeBinary, NullPool, String, create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The application's tables."""


class User(Base):
    """A user of the application."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    second_factor: Mapped[bytes | None] = mapped_column(LargeBinary, default=None, deferred=True)


def make_engine(url: str) -> Engine:
    """Return an engine for the store alone; make one in each process.

    Not the application's: a request that has the last connection of its pool would wait for itself. Each statement
    commits itself, which is one round trip. No error shows what is stored. A forked child leaves its parent's
    connections alone; SQLite gets no pool, as none of its connections may be open when a process forks.
    """
    given = {}
    if url.startswith("sqlite"):
        given = {"poolclass": NullPool, "connect_args": {"timeout": 60}}
    elif url.startswith("postgresql"):
        given = {"connect_args": {"options": "-c row_security=off"}}
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True, **given)
    os.register_at_fork(after_in_child=lambda: engine.dispose(close=False))
    return engine


class ColumnStore:
    """A `totpcore.Store` on that column."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, user: str, /) -> bytes | None:
        """Return the user's value, or `None`."""
        with self._engine.begin() as connection:
            return connection.scalar(select(User.second_factor).where(User.id == user))

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Replace `old` by `new` if and only if the value is still exactly `old`."""
        if old is None and new is None:
            return self.load(user) is None
        unchanged = User.second_factor.is_not_distinct_from(old)
        with self._engine.begin() as connection:
            change = update(User).where(User.id == user, unchanged).values(second_factor=new)
            return connection.execute(change).rowcount == 1
