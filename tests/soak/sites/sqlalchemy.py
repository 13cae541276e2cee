"""The recipe `docs/examples/sqlalchemy_store.py`, on PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from totpcore import StoreError

from . import Site
from .postgres import database


@contextmanager
def recipe() -> Iterator[Site]:
    """Processes on a column of the table of users."""
    with database("sqlalchemy") as (conninfo, about, server):
        from sqlalchemy import insert
        from sqlalchemy.exc import DBAPIError, IntegrityError

        from servers.postgres import as_url
        from sqlalchemy_store import Base, ColumnStore, User, make_engine

        class Registered(ColumnStore):
            """The recipe, for users whom the application registers before their first swap."""

            def __init__(self) -> None:
                super().__init__(make_engine(url))

            def load(self, user: str, /) -> bytes | None:
                with _named():
                    return super().load(user)

            def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
                with _named():
                    if old is None:
                        with suppress(IntegrityError), self._engine.begin() as connection:
                            connection.execute(insert(User).values(id=user))
                    return super().swap(user, old, new)

            def close(self) -> None:
                self._engine.dispose()

        @contextmanager
        def _named() -> Iterator[None]:
            try:
                yield
            except DBAPIError as error:
                raise StoreError("the driver failed") from error

        url = as_url(conninfo).replace("postgresql:", "postgresql+psycopg:", 1)
        engine = make_engine(url)
        Base.metadata.create_all(engine)
        engine.dispose()
        yield Site(Registered, about, server=server)
