"""The test vectors of the RFCs as data, for any implementation of them.

    >>> from totpcore.vectors import rfc6238
    >>> vector = rfc6238()[1]
    >>> vector.at, vector.algorithm, vector.expect
    (59, 'SHA256', '46119246')
    >>> len(vector.key)
    32

Rules of this file:

1. The values are in the JSON files beside it, as the RFCs print them, each file with its source. Nothing is computed
   here that an implementation should compute.
2. It knows nothing of the rest of totpcore, so that it can judge any implementation.
3. What a function needs is imported inside it: a program that never reads the vectors does not pay for them.
"""

from dataclasses import dataclass

__all__ = ["Base32Vector", "HOTPVector", "TOTPVector", "Vector", "rfc4226", "rfc4648", "rfc6238"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One line of an RFC's table: where it stands, and what an implementation has to answer."""

    section: str
    expect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HOTPVector(Vector):
    """A code of RFC 4226, with the values on the way to it (sections 5.3 and 5.4).

    Attributes:
        hmac: HS, the HMAC of the counter, in hexadecimal.
        truncated: Snum, the 31 bits that dynamic truncation takes out of HS.
    """

    key: bytes
    counter: int
    algorithm: str
    digits: int
    hmac: str
    truncated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TOTPVector(Vector):
    """A code of RFC 6238.

    Attributes:
        at: Unix time in seconds.
        counter: T, the time step that `at` lies in.
    """

    key: bytes
    at: int
    counter: int
    period: int
    t0: int
    algorithm: str
    digits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Base32Vector(Vector):
    """Data, and its base32 text with padding."""

    data: bytes


def rfc4226() -> tuple[HOTPVector, ...]:
    """The ten codes of RFC 4226, appendix D, with their intermediate values.

    >>> rfc4226()[0].hmac, rfc4226()[0].truncated, rfc4226()[0].expect
    ('cc93cf18508d94934c64b65d8ba7667fb7cde4b0', 1284755224, '755224')
    """
    return tuple(
        HOTPVector(
            section=row["section"],
            expect=row["expect"],
            key=bytes.fromhex(row["key"]),
            counter=int(row["counter"]),
            algorithm=row["algorithm"],
            digits=int(row["digits"]),
            hmac=row["hmac"],
            truncated=int(row["truncated"]),
        )
        for row in _rows("rfc4226.json")
    )


def rfc6238() -> tuple[TOTPVector, ...]:
    """The eighteen codes of RFC 6238, appendix B.

    The keys have 20, 32 and 64 bytes, one length for each hash (erratum 2866); the text of the appendix names only
    the first.

    >>> {vector.algorithm: len(vector.key) for vector in rfc6238()}
    {'SHA1': 20, 'SHA256': 32, 'SHA512': 64}
    """
    return tuple(
        TOTPVector(
            section=row["section"],
            expect=row["expect"],
            key=bytes.fromhex(row["key " + row["algorithm"]]),
            at=int(row["at"]),
            counter=int(row["counter"], 16),
            period=int(row["period"]),
            t0=int(row["t0"]),
            algorithm=row["algorithm"],
            digits=int(row["digits"]),
        )
        for row in _rows("rfc6238.json")
    )


def rfc4648() -> tuple[Base32Vector, ...]:
    """The seven base32 texts of RFC 4648, section 10.

    >>> rfc4648()[-1].data, rfc4648()[-1].expect
    (b'foobar', 'MZXW6YTBOI======')
    """
    return tuple(
        Base32Vector(section=row["section"], expect=row["expect"], data=row["data"].encode("ascii"))
        for row in _rows("rfc4648.json")
    )


def _rows(name: str) -> list[dict[str, str]]:
    """The lines of one file's table, every value as text, each line with what holds for the whole table.

    Raises:
        ValueError: If the file is not such a table. An empty answer would make a self-test succeed on nothing.
    """
    import json  # noqa: PLC0415  rule 3
    from importlib.resources import files  # noqa: PLC0415  rule 3

    table: object = json.loads(files(__name__).joinpath(name).read_text(encoding="utf-8"))
    match table:
        case {"common": dict() as common, "vectors": [_, *_] as lines}:
            return [{str(column): str(value) for column, value in (common | dict(line)).items()} for line in lines]
    message = f"{name} holds no vectors"
    raise ValueError(message)
