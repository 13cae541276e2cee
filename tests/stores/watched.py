"""A connection to an SQLite file on which another thread looks at every moment."""

from totpcore.stores import _connections


class Watched(_connections.Connection):
    """Put it in the place of `Connection`: after each change of it, another thread is about to open its own."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        _connections.check_nothing_is_inherited()
