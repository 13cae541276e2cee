"""Set-up under a policy that apps do not follow: the developer is told once, with the apps that show wrong codes."""

import asyncio
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import override_settings

from awaited import awaited_store
from django_app.visitors import House
from totpcore import AsyncTwoFactor, CompatibilityWarning, MemoryStore, Plaintext, Policy, TwoFactor
from totpcore.django import _own
from totpcore.testing import Phone

HASH = ("Microsoft Authenticator", "Authy", "Duo", "older Google Authenticator", "numberstation")
DIGITS = ("Microsoft and Google Authenticator",)
PERIOD = ("Microsoft Authenticator", "older Google Authenticator")
ODD_PERIOD = (*PERIOD, "browser extension Authenticator", "2FAS refuses")

POLICIES: list[tuple[Policy, tuple[str, ...]]] = [
    (Policy(algorithm="SHA256"), HASH),
    (Policy(algorithm="SHA512"), HASH),
    (Policy(digits=7), DIGITS),
    (Policy(digits=8), DIGITS),
    (Policy(period=60), PERIOD),
    (Policy(period=10), PERIOD),
    (Policy(period=45), ODD_PERIOD),
    (Policy(period=120), ODD_PERIOD),
    (Policy(algorithm="SHA256", digits=8, period=45), (*HASH, *DIGITS, *ODD_PERIOD)),
]
NOW = 1_800_000_000
PLAIN = Policy(window=(0, 0), look_ahead=5, secret_bytes=32, recovery_codes=5, pending_seconds=60)
every_policy = pytest.mark.parametrize(("policy", "named"), POLICIES, ids=lambda value: repr(value)[:60])


def told(calls: Callable[[], object]) -> list[warnings.WarningMessage]:
    """What is said of compatibility meanwhile, where each place says a thing once."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        calls()
    return [one for one in caught if issubclass(one.category, CompatibilityWarning)]


def names(messages: list[warnings.WarningMessage], named: tuple[str, ...], file: str) -> None:
    """It is one message, of this file, and these are in it."""
    assert [message.filename for message in messages] == [file]
    assert [word for word in named if word not in str(messages[0].message)] == []


def service(policy: Policy) -> TwoFactor:
    """A service of this policy."""
    return TwoFactor(
        MemoryStore(), issuer="ACME", sealer=Plaintext(), policy=policy, clock=lambda: NOW, audit=lambda _: None
    )


def enrols(policy: Policy) -> None:
    """Three people set up at one place of the program."""
    factor = service(policy)
    for user in ("1", "2", "3"):
        factor.enrol(user, account="alice+admin")


def replaces(policy: Policy) -> None:
    """One of them has a new phone, twice."""
    factor = service(policy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompatibilityWarning)
        shown = Phone.scan(factor.enrol("1", account="alice").uri)
    codes = factor.confirm("1", shown.code(NOW)).recovery_codes
    for code in codes[:2]:
        factor.replace("1", code, account="alice")


def enrols_awaited(policy: Policy) -> None:
    """The same on a store that is awaited."""
    factor = AsyncTwoFactor(
        awaited_store(MemoryStore()), issuer="ACME", sealer=Plaintext(), policy=policy, audit=lambda _: None
    )

    async def program() -> None:
        for user in ("1", "2", "3"):
            await factor.enrol(user, account="alice")

    asyncio.run(program())


WAYS = [enrols, replaces, enrols_awaited]


@every_policy
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_place_is_told_once(way: Callable[[Policy], None], policy: Policy, named: tuple[str, ...]) -> None:
    """However many people set up there, the line that calls is told once, of every app that shows wrong codes."""
    names(told(lambda: way(policy)), named, __file__)


@every_policy
def test_the_pages_of_the_django_app_are_told_once(policy: Policy, named: tuple[str, ...], house: House) -> None:
    """As above, where the visitors of its pages set up; the line is that of the page."""
    visitors = [house.visitor(name) for name in ("alice", "bob")]

    def set_up() -> None:
        with override_settings(TOTPCORE_POLICY=policy):
            for visitor in visitors:
                visitor.gives_password()
                assert visitor.post("/2fa/setup/").status_code == 200

    names(told(set_up), named, _own.__file__)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_apps_need_not_follow_is_not_told(way: Callable[[Policy], None]) -> None:
    """Waits, windows, recovery codes and the length of the secret are between the server and its users."""
    assert told(lambda: way(PLAIN)) == []


PROGRAM = """
from totpcore import MemoryStore, Plaintext, Policy, TwoFactor
factor = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), policy=Policy(digits=8))
for user in ("1", "2", "3"):
    factor.enrol(user, account="alice")
factor.enrol("4", account="alice")
"""


def test_a_program_prints_it_once(tmp_path: Path) -> None:
    """As Python comes, with no filter of anybody's: a line for each of the two places, on standard error."""
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    said = subprocess.run(
        [sys.executable, "program.py"],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
        env=quiet_environment(),
    )
    lines = [line for line in said.stderr.splitlines() if "CompatibilityWarning" in line]
    assert [line.split(": ")[0].rpartition("/")[2] for line in lines] == ["program.py:5", "program.py:6"]


def quiet_environment() -> dict[str, str]:
    """The variables of this process without those that choose warnings."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
