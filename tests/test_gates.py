"""What the source must not contain, read from its syntax, so that a review need not look for it.

Each gate is tried on a line that offends before it is trusted on the package.
"""

import ast
from pathlib import Path

import pytest

import totpcore
from gates import GATES, offences, plain_comparison, unchecked_int

ROOT = Path(totpcore.__file__).parent
MODULES = [str(file.relative_to(ROOT)) for file in sorted(ROOT.rglob("*.py"))]

OFFENDERS = {
    "assert": "assert code",
    "guessable randomness": "import random",
    "pickle": "from pickle import loads",
    "eval": "eval(text)",
    "network": "import urllib.request",
    "unknown modules": "import _socket",
    "int of unchecked text": "def read(text):\n    return int(text)",
    "plain comparison of secrets": "ok = typed.value == expected",
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("module", MODULES)
def test_the_package_passes_every_gate(module: str, gate: str) -> None:
    """No module has what the gate is against."""
    assert offences(gate, module, (ROOT / module).read_text("utf-8")) == []


@pytest.mark.parametrize("gate", GATES)
def test_every_gate_finds_an_offender(gate: str) -> None:
    """A gate that lets everything through is found out."""
    assert offences(gate, "otp.py", OFFENDERS[gate])


@pytest.mark.parametrize(
    "line",
    [
        "codes == other",
        "self._key != key",
        "secret.reveal() == wanted",
        "typed in spent",
        "canonical.value == plain",
        "raw[0] == 1",
        "str(code) == text",
        "bytes(key) == other",
        "f'{code}' == text",
        "(code, 1) == pair",
        "text in {code}",
        "code.__eq__(text)",
        "operator.eq(code, text)",
        "typed.value.startswith(text)",
        "'x' + code == text",
    ],
)
def test_comparisons_of_secrets_are_recognised_by_name(line: str) -> None:
    """However the secret is reached."""
    assert list(plain_comparison(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["len(code) == 6", "type(code) == str", "code is None", "hmac.compare_digest(code, other)", "digits == 6"]
)
def test_what_shows_nothing_of_a_secret_is_no_comparison_of_it(line: str) -> None:
    """Lengths, `None` and the constant-time comparison are let through."""
    assert not list(plain_comparison(ast.parse(line)))


@pytest.mark.parametrize(
    ("body", "offends"),
    [
        ("return int(t)", True),
        ("if t.strip('0123456789'):\n        raise ValueError\n    return int(t)", True),
        ("if len(t) > 20 or t.strip('0123456789'):\n        raise ValueError\n    return int(t)", False),
        ("if len(s) > 20 or s.strip('0123456789'):\n        raise ValueError\n    return int(t)", True),
        ("return int.from_bytes(t)", False),
        ("return int(t // 30)", False),
        ("return int(t % 1)", True),
        ("return int(t + '')", True),
        ("return map(int, t)", True),
        ("return lambda: int(t)", True),
        ("async def inner():\n        return int(t)", True),
    ],
)
def test_int_needs_both_bounds_on_the_same_text(body: str, offends: bool) -> None:
    """A bound on the length alone, on the digits alone, or on another text, is none."""
    assert bool(list(unchecked_int(ast.parse(f"def read(t, s):\n    {body}")))) is offends


def test_int_outside_of_a_function_is_not_let_through() -> None:
    """Nothing has bounded the text there."""
    assert list(unchecked_int(ast.parse("number = int(text)")))


@pytest.mark.parametrize(
    ("gate", "line"),
    [
        ("eval", "builtins.eval(text)"),
        ("eval", "run = exec"),
        ("unknown modules", "import importlib"),
        ("unknown modules", "from importlib import import_module"),
        ("unknown modules", "import websockets"),
        ("unknown modules", "import subprocess"),
    ],
)
def test_ways_around_a_gate_are_closed(gate: str, line: str) -> None:
    """By another name, or by a module that opens the door to all others."""
    assert offences(gate, "otp.py", line)
