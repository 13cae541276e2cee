"""No seal."""


class Plaintext:
    """Hazard: no seal at all. Whoever reads the store, or a backup of it, can make everybody's codes.

    It is for tests, for trying things out, and for stores whose every value is encrypted elsewhere. It does not notice
    when a record is moved to another user.
    """

    __slots__ = ()

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:  # noqa: ARG002  # the port's signature
        """Return the plaintext."""
        return plaintext

    def open(self, sealed: bytes, context: bytes, /) -> bytes:  # noqa: ARG002  # the port's signature
        """Return what was stored."""
        return sealed
