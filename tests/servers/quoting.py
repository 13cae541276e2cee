"""A table of PostgreSQL whose constraint, trigger and cast quote what they refuse, and a store that must not."""

import traceback
from typing import Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from totpcore import Store, StoreError

VALUE: Final = b"canary"
_SAID: Final = (("7", "violates check constraint"), ("raise", "SQLSTATE P0001"), ("cast", "SQLSTATE 22P02"))


def check_that_nothing_is_quoted(store: Store, conninfo: str, *, users: str) -> None:
    """Have each refuse a swap. `users` is the column of the user ids, in the table `totpcore`, which is there."""
    refuse = SQL(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.{users} = 'raise' THEN RAISE 'no: %', encode(NEW.value, 'escape'); END IF;"
        " IF NEW.{users} = 'cast' THEN PERFORM encode(NEW.value, 'escape')::int; END IF;"
        " RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE INSERT ON totpcore FOR EACH ROW EXECUTE FUNCTION refuse()"
    ).format(users=Identifier(users))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("ALTER TABLE totpcore ADD CHECK (length(value) < 6)")
        connection.execute(refuse)
    for user, said in _SAID:
        with pytest.raises(StoreError, match=said) as trouble:
            store.swap(user, None, VALUE)
        shown = "".join(traceback.format_exception(trouble.value))
        assert VALUE.decode() not in shown
        assert VALUE.hex() not in shown
        assert trouble.value.__cause__ is trouble.value.__context__ is None
