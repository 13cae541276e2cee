"""The documents are run: examples give what they say, links lead somewhere, tables are in step with the code."""

import doctest
import re
import tomllib
from collections import Counter
from itertools import accumulate
from pathlib import Path

import pytest

from browser.steady.sitecustomize import steady_bytes
from totpcore import HOTP, TOTP, EventKind, Policy, Refused, Secret, State, errors
from totpcore._record import Active, Pending, Record
from totpcore._states import TABLE
from totpcore.keyuri import concerns_of
from totpcore.recovery import RecoverySet
from totpcore.throttle import Tally

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_give_what_they_say(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every `>>>` in a page is run."""
    monkeypatch.setattr("secrets.token_bytes", steady_bytes(page.name))  # no code of an example is right by chance
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8").failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link within the project names a file that exists."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


# A heading, a row of a table and a link that has a line to itself stay whole; so does what has no place to be broken.
WHOLE = re.compile(r"#|\s*\||\s*(?:- )?!?\[[^\]]*\]\([^)]*\)$")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_wrapped(page: Path) -> None:
    """No line has more than 120 characters, in prose and in examples."""
    wide = [line for line in page.read_text("utf-8").splitlines() if len(line) > 120 and not WHOLE.match(line)]
    assert [line for line in wide if max(map(len, line.split())) < 120] == []


def test_the_readme_has_twelve_lines_with_a_refusal_and_two_commands() -> None:
    """The example is short and shows a refusal; the commands are the ones that tox knows."""
    readme = (ROOT / "README.md").read_text("utf-8")
    example = readme.split("```python")[1].split("```")[0]
    code = [line for line in example.splitlines() if line.startswith((">>>", "..."))]
    assert "\n## Twelve lines\n" in readme
    assert len(code) == 12
    assert "errors.CodeReplayed" in example
    commands = re.findall(r"```sh\n(.*?)\n```", readme, re.DOTALL)
    assert commands == [
        "python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox run -e demo",
        ".venv/bin/tox run-parallel",
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "demo" in project["tool"]["tox"]["env"]


def test_contributors_are_told_what_one_command_runs() -> None:
    """The list has each environment of `tox run-parallel`."""
    page = (ROOT / "docs/contributing.md").read_text("utf-8")
    named = [name for names in re.findall(r"^- (`[\w.`, ]+`): ", page, re.MULTILINE) for name in names.split(", ")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert sorted(named) == sorted(f"`{name}`" for name in project["tool"]["tox"]["env_list"])


def test_the_states_page_is_drawn_from_the_table() -> None:
    """Each call in each state stands in the page as the table has it, and nothing else does."""
    page = (ROOT / "docs/reference/states.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", page.split("\n## The table\n")[1], re.MULTILINE)
    shown = {call: [cell.strip().strip("`") for cell in cells.split("|")] for call, cells in rows}
    assert shown == {
        call.value: [TABLE[state][call].value if call in TABLE[state] else "-" for state in State] for call in EventKind
    }
    assert "](../figures/states.svg)" in page  # which tests/test_figures.py draws


def test_the_record_page_names_every_field() -> None:
    """Every stored field is documented."""
    page = (ROOT / "docs/reference/record.md").read_text("utf-8")
    names = {name for part in (Record, Active, Pending, RecoverySet, Tally) for name in part._fields} - {"token"}
    for name in names | {"v", "type", "secret", "digits", "algorithm", "period", "t0"}:
        assert f"`{name}`" in page, name


def test_the_refusals_page_names_every_refusal() -> None:
    """Every refusal has its word for the audit log and what to tell the user."""
    page = (ROOT / "docs/reference/errors.md").read_text("utf-8")
    refusals = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Refused)]
    for refusal in refusals:
        if refusal is not Refused:
            assert re.search(rf"^\| `{refusal.__name__}`.*`{refusal.reason}`", page, re.MULTILINE), refusal
    assert "`malformed`" in page


def test_the_sentence_about_guesses_is_what_the_policy_does() -> None:
    """What fits into each day for somebody who types wrong codes as fast as they are answered, until the lock."""
    policy = Policy()
    answered = list(accumulate(policy.wait_after(failures) for failures in range(policy.lock_after)))
    days = list(Counter(int(at // 86_400) for at in answered).values())
    assert (answered.count(0.0), policy.wait_after(5), days[:2], sum(days)) == (5, 30.0, [34, 24], 100)
    for name, said in (("numbers", "34 on the first day and 24 on each later one"), ("errors", "34 fit into a day")):
        assert said in " ".join((ROOT / f"docs/reference/{name}.md").read_text("utf-8").split()), name


def test_the_page_about_apps_names_every_app_of_a_warning() -> None:
    """Whoever meets a `CompatibilityWarning` finds its apps there."""
    page = (ROOT / "docs/reference/apps.md").read_text("utf-8")
    secret = Secret(bytes(range(20)))
    concerns = concerns_of(TOTP(secret, digits=8, period=45, algorithm="SHA256")) + concerns_of(HOTP(secret))
    apps = {name for concern in concerns for name in re.findall(r"\b[A-Z2]\w+", concern)}
    assert apps > {"Microsoft", "2FAS", "KeePassXC", "Bitwarden"}
    for app in apps - {"SHA1"}:
        assert app == "Authenticator" or f"| {app}" in page, app


def test_nothing_names_a_machine() -> None:
    """No document or source names a path of some machine."""
    for file in [*PAGES, *ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"), *ROOT.glob("docs/**/*.py")]:
        assert not re.search(r"/(root|home|work)/\w", file.read_text("utf-8").replace(__name__, "")), file
