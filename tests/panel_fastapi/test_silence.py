"""The FastAPI panel keeps quiet: its pages, its logs at DEBUG, its audit table and its sessions.

Rule of this file: the table of the second factors is not searched: under `Plaintext` it holds the secrets, and says so.
Everything else in the database is.
"""

import secrets
from collections.abc import Iterator
from functools import partial
from random import Random

import pytest

from need import need
from panel_fastapi.live import Live
from silence.finder import Finder
from silence.listening import Everything, listening
from silence.walking import check_addresses, walk
from totpcore import StoreError
from totpcore.stores.postgres import AsyncPostgresStore

need("oathtool")

pytest_plugins = ["servers.fixtures"]


@pytest.fixture
def repeating(live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """The panel, whose randomness repeats from now on."""
    random = Random(11)
    monkeypatch.setattr(secrets, "token_bytes", lambda nbytes=None: random.randbytes(nbytes or 32))
    return live


@pytest.fixture
def everything() -> Iterator[Everything]:
    """All loggers, at DEBUG."""
    with listening() as kept:
        yield kept


def test_no_page_no_log_and_no_table_shows_a_secret(
    repeating: Live, everything: Everything, capfd: pytest.CaptureFixture[str]
) -> None:
    """Over a whole life, after each confirmation: no secret, no code that was typed, no recovery code, anywhere.

    Every page, header and cookie; all loggers at DEBUG and the standard streams; the users, their sessions and the
    audit trail.
    """
    one = walk(repeating)
    written = capfd.readouterr()
    assert len(one.answers) > 60
    assert {answer.status_code for _, answer in one.answers} >= {200, 302, 422}
    for where, answer in one.answers:
        one.finder.check(where, answer.text, str(answer.headers))
    check_addresses(one)
    assert len(everything.kept) > 100
    one.finder.check("the logs", *everything.kept)
    one.finder.check("the standard streams", written.out, written.err)
    assert len(list(repeating.users.events(100))) > 20
    one.finder.check("the tables", repeating.kept())


def test_a_view_that_fails_logs_no_code(live: Live, everything: Everything, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store raises what nobody expects, a traceback is logged; neither that nor the page has the code."""
    grace = live.add_with_factor("grace")
    visitor = live.visitor()
    visitor.give_password("grace")
    code = grace.code(live.now())
    finder = Finder({"code": code, "key": grace.key})
    for error in (OSError("No space left on device"), StoreError("PostgreSQL failed"), MemoryError()):
        with monkeypatch.context() as patch:
            patch.setattr(AsyncPostgresStore, "swap", partial(_raise, error))
            answer = visitor.post("/login/code", code=code)
        assert answer.status_code == (503 if isinstance(error, StoreError) else 500)
        finder.check("the page of an error", answer.text, str(answer.headers))
    finder.check("the logs", *everything.kept)
    assert any("PostgreSQL failed" in line for line in everything.kept)
    assert visitor.post("/login/code", code=code).status_code == 302


async def _raise(error: BaseException, *_: object) -> bool:
    raise error
