"""Who may log in, their sessions, the house rule and the audit trail: a schema of one PostgreSQL database.

Rule 1. Passwords are hashed, of a session only a hash is kept, of a second factor only the flag that it is expected.
Rule 2. One statement is one transaction, on whatever connection of the pool is free.
Rule 3. Whatever changes a credential also raises `version`, which every session of that user is tied to.
Rule 4. totpcore tells its events on the event loop, where nothing may wait: they are kept by a task of their own.
"""

import asyncio
import logging
import secrets
from asyncio import Queue, to_thread
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import astuple
from types import TracebackType
from typing import Literal, LiteralString, Self

from psycopg import AsyncConnection, Error
from psycopg.errors import UniqueViolation
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from fastapi_panel.passwords import check_password_hash, generate_password_hash
from panel_pages.access import Session, User
from totpcore import Enforcement, Event, Rule

SCHEMA = """
SELECT pg_advisory_xact_lock(hashtext('panel'));
CREATE SCHEMA IF NOT EXISTS panel;
CREATE TABLE IF NOT EXISTS panel.users (
    id text PRIMARY KEY, login text NOT NULL, name text NOT NULL, owner boolean NOT NULL, password text NOT NULL,
    temporary boolean NOT NULL, two_factor boolean NOT NULL DEFAULT false,
    codes_shown boolean NOT NULL DEFAULT false, version integer NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX IF NOT EXISTS login ON panel.users (lower(login));
CREATE TABLE IF NOT EXISTS panel.sessions (
    hash text PRIMARY KEY, "user" text NOT NULL, stage text NOT NULL, tie text NOT NULL,
    expires double precision NOT NULL, recovered text NOT NULL, notice text NOT NULL, setup text NOT NULL);
CREATE TABLE IF NOT EXISTS panel.house_rule (
    only_one integer PRIMARY KEY CHECK (only_one = 1), rule text NOT NULL, deadline double precision);
CREATE TABLE IF NOT EXISTS panel.audit (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at double precision NOT NULL, kind text NOT NULL,
    "user" text NOT NULL, reason text NOT NULL, actor text, failures integer NOT NULL, codes_left integer NOT NULL);
"""
FIELDS = "id, login, name, owner, temporary, two_factor, codes_shown, version"
USER = f"SELECT {FIELDS} FROM panel.users"
USER_AND_PASSWORD = f"SELECT {FIELDS}, password FROM panel.users"
LOG = logging.getLogger(__name__)


class Users:
    """The users, at this conninfo; `async with` makes the tables if there are none, and keeps connections."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        # Compared with when nobody has the login name, so that the answer takes as long and does not tell.
        self._nobody = generate_password_hash(secrets.token_hex())

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as ending, asyncio.timeout(30):
            async with await AsyncConnection.connect(self._conninfo) as connection:
                await connection.execute(SCHEMA)
            options = {"autocommit": True, "row_factory": dict_row}
            pool = AsyncConnectionPool[AsyncConnection[DictRow]](
                self._conninfo,
                kwargs=options,
                min_size=1,
                max_size=10,
                timeout=10,
                check=AsyncConnectionPool.check_connection,  # a server that was started anew has forgotten the old ones
                open=False,
            )
            self._pool = await ending.enter_async_context(pool)
            self._events: Queue[Event] = Queue()
            self._keeping = asyncio.create_task(self._keep())
            ending.push_async_callback(self._stop_keeping)
            self._ending = ending.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ending.aclose()

    async def _run(self, sql: LiteralString, *values: object) -> list[DictRow]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(sql, values)
            return await cursor.fetchall() if cursor.description else []

    async def all(self) -> list[User]:
        """Every administrator, by name."""
        return [User(**row) for row in await self._run(f"{USER} ORDER BY name")]

    async def by_id(self, user: str) -> User | None:
        """The administrator with this id."""
        if "\0" in user:  # an address may hold it, a text of PostgreSQL not
            return None
        return next((User(**row) for row in await self._run(f"{USER} WHERE id = %s", user)), None)

    async def check_password(self, login: str, password: str) -> User | None:
        """The administrator with this login name, if the password is theirs."""
        return await self._check("lower(login) = lower(%s)", login, password)

    async def check_own_password(self, user: User, password: str) -> bool:
        """Whether this is their password. By the id: the login name may be somebody else's in the meantime."""
        return await self._check("id = %s", user.id, password) is not None

    async def _check(
        self, whose: Literal["lower(login) = lower(%s)", "id = %s"], value: str, password: str
    ) -> User | None:
        row = next(iter(await self._run(f"{USER_AND_PASSWORD} WHERE {whose}", value)), None)
        kept = row.pop("password") if row else self._nobody
        right = await to_thread(check_password_hash, kept, password)
        return User(**row) if row and right else None

    async def add(self, login: str, name: str, password: str, *, owner: bool = False, temporary: bool = False) -> None:
        """Add an administrator."""
        hashed = await to_thread(generate_password_hash, password)
        sql = "INSERT INTO panel.users (id, login, name, owner, password, temporary) VALUES (%s, %s, %s, %s, %s, %s)"
        await self._run(sql, secrets.token_hex(8), login, name, owner, hashed, temporary)

    async def rename(self, user: str, login: str, name: str) -> bool:
        """Change the names; `False` if the login name is taken."""
        try:
            await self._run("UPDATE panel.users SET login = %s, name = %s WHERE id = %s", login, name, user)
        except UniqueViolation:
            return False
        return True

    async def set_password(self, user: User, password: str) -> bool:
        """Change one's own password; `False`, and no change, if somebody reset it since `user` was read."""
        hashed = await to_thread(generate_password_hash, password)
        sql = "UPDATE panel.users SET password = %s, temporary = false, version = version + 1"
        return bool(await self._run(f"{sql} WHERE id = %s AND version = %s RETURNING 1", hashed, user.id, user.version))

    async def reset_password(self, user: str) -> str:
        """Give somebody a temporary password, to hand over."""
        password = secrets.token_urlsafe(12)
        hashed = await to_thread(generate_password_hash, password)
        sql = "UPDATE panel.users SET password = %s, temporary = true, version = version + 1 WHERE id = %s"
        await self._run(sql, hashed, user)
        return password

    async def end_sessions(self, user: User) -> int:
        """End every session of theirs, and return the version that holds now.

        If somebody reset the password since `user` was read, that is the old one, which ties nothing any more.
        """
        sql = "UPDATE panel.users SET version = version + 1 WHERE id = %s AND version = %s RETURNING version"
        return next((int(row["version"]) for row in await self._run(sql, user.id, user.version)), user.version)

    async def expect_factor(self, user: str, expected: bool) -> None:
        """Keep whether this user has a second factor, its recovery codes unseen; it ends every session of theirs."""
        sql = "UPDATE panel.users SET two_factor = %s, codes_shown = false, version = version + 1 WHERE id = %s"
        await self._run(sql, expected, user)

    async def note_codes(self, user: str, *, shown: bool) -> None:
        """Keep whether this user has been shown the recovery codes that hold now."""
        await self._run("UPDATE panel.users SET codes_shown = %s WHERE id = %s", shown, user)

    async def enforcement(self) -> Enforcement:
        """The house rule in force."""
        row = next(iter(await self._run("SELECT rule, deadline FROM panel.house_rule")), None)
        return Enforcement(Rule[row["rule"]], deadline=row["deadline"]) if row else Enforcement(Rule.OFF)

    async def set_enforcement(self, enforcement: Enforcement) -> None:
        """Change the house rule."""
        sql = """INSERT INTO panel.house_rule VALUES (1, %s, %s)
            ON CONFLICT (only_one) DO UPDATE SET rule = excluded.rule, deadline = excluded.deadline"""
        await self._run(sql, enforcement.rule.name, enforcement.deadline)

    async def session(self, digest: str) -> Session | None:
        """The session whose cookie has this hash."""
        rows = await self._run("SELECT * FROM panel.sessions WHERE hash = %s", digest)
        return next((Session(**row) for row in rows), None)

    async def add_session(self, session: Session) -> None:
        """Add a session."""
        await self._run("INSERT INTO panel.sessions VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", *astuple(session))

    async def notify(self, digest: str, notice: str) -> None:
        """Leave a message for the next page of a session."""
        await self._run("UPDATE panel.sessions SET notice = %s WHERE hash = %s", notice, digest)

    async def mark_setup(self, digest: str, mark: str) -> None:
        """Keep which set-up a session began."""
        await self._run("UPDATE panel.sessions SET setup = %s WHERE hash = %s", mark, digest)

    async def end_session(self, digest: str, *, now: float) -> None:
        """Remove one session, and all that are out of date."""
        await self._run("DELETE FROM panel.sessions WHERE hash = %s OR expires <= %s", digest, now)

    def record(self, event: Event) -> None:
        """Keep an event of totpcore, soon. No event holds a code or a secret."""
        self._events.put_nowait(event)

    async def events(self, newest: int) -> list[Mapping[str, object]]:
        """The newest events, with the names of user and actor."""
        await self._events.join()
        rows = await self._run(
            """SELECT audit.*, coalesce(users.name, audit."user") AS who,
                coalesce(actors.name, audit.actor, '') AS by_whom FROM panel.audit
            LEFT JOIN panel.users ON users.id = audit."user" LEFT JOIN panel.users AS actors ON actors.id = audit.actor
            ORDER BY number DESC LIMIT %s""",
            newest,
        )
        return [*rows]

    async def _keep(self) -> None:
        sql = """INSERT INTO panel.audit (at, kind, "user", reason, actor, failures, codes_left)
            VALUES (%s, %s, %s, %s, %s, %s, %s)"""
        while True:
            event = await self._events.get()
            fields = event.reason, event.actor, event.failures, event.codes_left
            try:
                await self._run(sql, event.at, event.kind.value, event.user, *fields)
            except Error:
                # As an error with all of it: `log_event` tells of an accepted call at a level that few logs keep.
                LOG.exception("The audit trail could not keep %r", event)
            finally:
                self._events.task_done()

    async def _stop_keeping(self) -> None:
        await self._events.join()
        self._keeping.cancel()
        await asyncio.wait((self._keeping,))
