"""The pages for reviewers and integrators are in step with the code: figures, names, lines, and what breaks.

Rules of this file:

1. No figure in a page is believed: each is computed anew, and the odds twice, by other arithmetic than the code's.
2. What a page names, exists.
3. What the audit guide says will fail when something is broken is broken here, in a copy, and has to fail.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

import totpcore
from records.life import USER, Life, reason_of
from test_floors import FLOORS, lines_of_code
from totpcore import Policy

ROOT = Path(__file__).parents[1]
PACKAGE = Path(totpcore.__file__).parent
DOCS = ROOT / "docs"
THREATS, AUDIT = DOCS / "explanation/threat-model.md", DOCS / "explanation/audit.md"
CHECKLIST, SECURITY = DOCS / "integrator-checklist.md", DOCS / "security.md"
PAGES = (THREATS, AUDIT, CHECKLIST, SECURITY)
DAY = 86_400

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def words(page: Path) -> str:
    """The text of a page, with line breaks and runs of spaces as one space."""
    return " ".join(page.read_text("utf-8").split())


# ---- what is named exists ----


def names_of(node: ast.stmt) -> set[str]:
    """What a statement gives a name to, where it is one that defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def names_in(file: Path) -> set[str]:
    """Every function, class, constant and field that a file defines, with its class before it."""
    found = set[str]()

    def walk(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            found.update(prefix + name for name in names_of(node))
            if isinstance(node, ast.ClassDef):
                walk(node.body, f"{prefix}{node.name}.")

    walk(ast.parse(file.read_text("utf-8")).body, "")
    return found


def inherited_by(class_name: str, file: Path) -> set[str]:
    """The names of a class of tests: those of the contract too, where it inherits that."""
    names = names_in(file)
    own = {name.removeprefix(f"{class_name}.") for name in names if name.startswith(f"{class_name}.")}
    bases = next(
        node.bases
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    if any(ast.unparse(base) == "StoreContract" for base in bases):
        contract = names_in(PACKAGE / "testing/_contract.py")
        own |= {name.removeprefix("StoreContract.") for name in contract if name.startswith("StoreContract.")}
    return own


@each_page
def test_every_function_that_a_page_names_exists(page: Path) -> None:
    """`otp.py: scan` is in `otp.py`, and so on."""
    for file, name in re.findall(r"`([\w/]+\.py): ([\w.]+)`", words(page)):
        assert (PACKAGE / file).exists(), file
        assert name in names_in(PACKAGE / file), f"{file}: {name}"


@each_page
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    """So are the tests, also those that a class inherits from the contract; and the folders of tests."""
    text = words(page)
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        assert name in names_in(ROOT / file), f"{file}::{name}"
    for file, group, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)::(\w+)`", text):
        assert name in inherited_by(group, ROOT / file), f"{file}::{group}::{name}"
    for folder in re.findall(r"`(tests/\w+)`", text):
        assert any((ROOT / folder).rglob("*.*")), folder


def test_names_are_looked_for() -> None:
    """The two tests above find names to look for, and know which are none."""
    assert len(re.findall(r"`[\w/]+\.py: [\w.]+`", words(THREATS))) > 20
    assert len(re.findall(r"`tests/[\w/]+\.py::", words(THREATS))) > 30
    known = names_in(PACKAGE / "otp.py")
    assert {"scan", "TOTP.match", "TOTP.period", "LARGEST_COUNTER", "Algorithm.SHA1"} <= known
    assert not {"match", "compute", "TOTP.scan"} & known
    assert "test_swap_goes_by_value" in inherited_by("TestSQLiteStore", ROOT / "tests/stores/test_contract.py")


# ---- the audit guide ----

HEADING = re.compile(r"^### (\S+\.py): (\d+) lines, (\d+) minutes?$", re.MULTILINE)
BREAK = re.compile(r"\*\*Break it\.\*\* In `(\S+\.py): ([\w.]+)` put `(.+?)` for `(.+?)`: `(tests/\S+?)` fails\.")
STORES = {"stores/memory", "stores/sqlite", "stores/_connections"}


def test_the_audit_guide_leads_through_every_module() -> None:
    """From floor 0 to the loop and the stores, in an order that goes up, each with its true number of lines."""
    stations = HEADING.findall(AUDIT.read_text("utf-8"))
    assert {file: int(lines) for file, lines, _ in stations} == {
        f"{part}.py": lines_of_code(PACKAGE / f"{part}.py") for part in set[str]().union(*FLOORS, STORES)
    }
    floors = [
        next((floor for floor, parts in enumerate(FLOORS) if file.removesuffix(".py") in parts), len(FLOORS))
        for file, _, _ in stations
    ]
    assert floors == sorted(floors)


def test_the_audit_guide_keeps_its_hour() -> None:
    """The minutes make an hour, and the lines of the audit path are as many as it says."""
    text = AUDIT.read_text("utf-8")
    assert sum(int(minutes) for _, _, minutes in HEADING.findall(text)) == 60
    path = sum(lines_of_code(PACKAGE / f"{part}.py") for part in set[str]().union(*FLOORS[:-3]))
    assert f"has {path:,} lines of code".replace(",", " ") in words(AUDIT)


class Break(NamedTuple):
    """One change that the audit guide proposes."""

    file: str
    place: str
    new: str
    old: str
    test: str


MODULES = [file for file, _, _ in HEADING.findall(AUDIT.read_text("utf-8"))]
BREAKS = [Break(*found) for found in BREAK.findall(words(AUDIT))]


def test_there_is_something_to_break_in_every_module() -> None:
    """Each module but `ports`, which has no code to run, has a change to try; none is written so that it is missed."""
    assert {found.file for found in BREAKS} == set(MODULES) - {"ports.py"}
    assert len(BREAKS) == words(AUDIT).count("**Break it.**")


def around(file: Path, name: str) -> tuple[str, str, str]:
    """The text of a file before, in and after what has the name: a function, a class or a constant."""
    source = file.read_text("utf-8")
    body: list[ast.stmt] = ast.parse(source).body
    node: ast.stmt = body[0]
    for part in name.split("."):
        node = next(node for node in body if part in names_of(node))
        body = node.body if isinstance(node, ast.ClassDef) else []
    lines = source.splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno or node.lineno
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def run_test(folder: Path, test: str) -> subprocess.CompletedProcess[str]:
    """Run one test on the package in a folder."""
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
    }
    options = [
        "-q",
        "-x",
        "--no-cov",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
    ]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, test],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("found", BREAKS, ids=lambda found: f"{found.file} {found.old}")
def test_what_is_broken_is_noticed(found: Break, tmp_path: Path) -> None:
    """The old text stands in its place exactly once; with the new one the package imports, and the named test fails."""
    shutil.copytree(PACKAGE, tmp_path / "totpcore", ignore=shutil.ignore_patterns("__pycache__"))
    broken = tmp_path / "totpcore" / found.file
    before, place, after = around(broken, found.place)
    assert place.count(found.old) == 1
    broken.write_text(before + place.replace(found.old, found.new) + after, "utf-8")
    ran = run_test(tmp_path, found.test)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert re.search(r"\b1 failed", ran.stdout), ran.stdout


# ---- the odds ----

POLICIES = {"Policy()": Policy(), "Policy.strict()": Policy.strict(), "Policy(digits=8)": Policy(digits=8)}
DAYS = (1, 30, 365)


def guesses_by_hand(days: int, daily: bool) -> int:
    """How many codes the waits of the defaults let through, counted from the start of each wait."""
    waits = [0] * 4 + [30 * 2**number for number in range(7)] + [3600] * 89  # after each of a hundred wrong codes
    length = DAY if daily else days * DAY
    moments = [sum(waits[:number]) for number in range(100)]
    each = sum(moment < length for moment in moments)
    return each * days if daily else each


def chance(policy: Policy, guesses: int) -> Fraction:
    """That at least one of so many guesses is one of the codes in the window, as an exact fraction."""
    past, future = policy.window
    return 1 - (1 - Fraction(past + 1 + future, 10**policy.digits)) ** guesses


def percent(value: Fraction) -> str:
    """A fraction in per cent with four places, rounded without a float."""
    hundredths = round(value * 10**6)
    return f"{hundredths // 10**4}.{hundredths % 10**4:04d} %"


@pytest.mark.parametrize("daily", [False, True])
@pytest.mark.parametrize("name", POLICIES)
def test_the_odds_in_the_threat_model(name: str, daily: bool) -> None:
    """Each row of the table is what `guess_probability` says, and what fractions computed here say."""
    policy = POLICIES[name]
    exact = [chance(policy, guesses_by_hand(days, daily)) for days in DAYS]
    told = [policy.guess_probability(days=days, logins_per_day=int(daily)) for days in DAYS]
    assert told == pytest.approx([float(value) for value in exact], rel=1e-9)
    row = " | ".join([f"`{name}`", "daily" if daily else "never", *map(percent, exact)])
    assert f"| {row} |" in THREATS.read_text("utf-8")


def test_the_odds_in_the_threat_model_are_all_of_them() -> None:
    """There is no row in the table that nobody computes, and the sentences around it say the same."""
    rows = re.findall(r"^\| `Policy.*$", THREATS.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == 2 * len(POLICIES)
    text = words(THREATS)
    assert f"has a chance of {percent(chance(Policy(), guesses_by_hand(1, daily=True)))} to get in" in text
    each_day = guesses_by_hand(1, daily=True)
    assert f"and 23 by the hour: {each_day}, each" in text
    assert f"`Accepted.failures_before` says {each_day} at each log-in" in text
    assert f"has {guesses_by_hand(365, daily=True):,} wrong codes".replace(",", " ") in text


class Attack:
    """Somebody who knows the password, types wrong codes whenever one is answered, and lets the owner in between."""

    def __init__(self, policy: Policy, *, daily: bool) -> None:
        self.life = Life(policy).on()
        self.begin, self.daily, self.answered = self.life.clock(), daily, 0

    def during(self, days: int) -> int:
        """Attack for so many days; return how many codes were looked at."""
        life, login = self.life, self.begin + DAY
        while life.clock() < self.begin + days * DAY:
            if self.daily and life.clock() >= login:
                login = life.clock() + DAY
                life.clock.tick(30)  # a code that is not spent yet
                life.service.verify(USER, life.code())
            reason = reason_of(lambda: life.service.verify(USER, life.wrong()))
            if reason == "locked":
                break
            self.answered += reason == "wrong"
            life.wait_over()
        return self.answered


@pytest.mark.parametrize(("days", "daily"), [(1, False), (30, False), (1, True), (30, True)])
def test_an_attack_on_the_real_thing_gets_no_more(days: int, daily: bool) -> None:
    """Played against a `TwoFactor`, the attacker gets as many answers as the table counts, or hardly fewer.

    Fewer, because the owner has to wait until the last wait is over before they can log in.
    """
    counted = guesses_by_hand(days, daily)
    answered = Attack(Policy(), daily=daily).during(days)
    assert 0.99 * counted <= answered <= counted


def test_the_lock_comes_within_four_days() -> None:
    """As the threat model says of lock-out as a weapon: not within three days, and within four."""
    assert guesses_by_hand(3, daily=False) < 100 <= guesses_by_hand(4, daily=False)


def test_waits_fall_and_the_lock_stays_where_the_clock_is_moved() -> None:
    """As the threat model says of whoever moves the clock: a hundred guesses need no patience, and there is no more."""
    life, answered = Life(Policy()).on(), 0
    while reason_of(lambda: life.service.verify(USER, life.wrong())) == "wrong":
        answered += 1
        life.clock.tick(2 * 3600 if answered % 2 else -2 * 3600)
    assert answered == 100
    assert reason_of(lambda: life.service.verify(USER, life.code())) == "locked"


# ---- the security policy ----


def test_the_security_policy_names_the_pythons_that_are_tested() -> None:
    """Those of the package's classifiers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = [found[1] for line in project["classifiers"] if (found := re.search(r":: (3\.\d+)$", line))]
    assert f"The Pythons are {', '.join(versions[:-1])} and {versions[-1]}, " in words(SECURITY)


def test_the_security_policy_leads_to_the_proof() -> None:
    """To the pages, the tables, the changelog and the command; and it says how to report, and when that is answered."""
    text = SECURITY.read_text("utf-8")
    for target in (
        "explanation/threat-model.md", "explanation/audit.md", "integrator-checklist.md", "reference/weaknesses.md",
        "reference/requirements.md", "changelog.md",
    ):  # fmt: skip
        assert f"]({target})" in text
    for said in ("tox run -e proof", "private vulnerability report form", "within three working days"):
        assert said in words(SECURITY)


# ---- the integrator's checklist ----


class Class(NamedTuple):
    """A class of weaknesses, as the tests know it."""

    id: str
    who: str
    cases: str


CLASSES = [
    Class(found["id"], found["who"], " ".join(found["cases"]))
    for found in json.loads((ROOT / "tests/weaknesses/classes.json").read_text("utf-8"))
]
YOURS = sorted(found.id for found in CLASSES if "DOC" in found.who.split("/"))


def by_hand() -> str:
    """The checklist without the part that is generated."""
    return CHECKLIST.read_text("utf-8").split("<!-- generated: requirements -->")[0]


def items() -> list[str]:
    """The items of the checklist, and its paragraphs, each as one line."""
    return [" ".join(part.split()) for part in re.split(r"\n(?=- \[ \]|\n)", by_hand()) if part.strip()]


def test_every_class_that_only_the_application_stops_has_its_line() -> None:
    """Each id is in the checklist, and no other is."""
    assert len(YOURS) >= 11
    assert sorted(set(re.findall(r"\((V\d\d)\)", by_hand()))) == YOURS


def test_every_case_that_the_checklist_cites_is_one_of_the_class() -> None:
    """What an item cites stands in the data of the class that it names, where only cases that were read are."""
    known, cited = {found.id: found.cases for found in CLASSES}, 0
    for item in items():
        for case in re.findall(r"CVE-[\d-]+\d|GHSA-[\w-]+|[\w-]+#\d+|devise-two-factor [\d.]+\d", item):
            ids = re.findall(r"\((V\d\d)\)", item)
            assert any(case in known[number] for number in ids), (case, ids)
            cited += 1
    assert cited > 5


def test_the_checklist_is_one() -> None:
    """Its sections hold boxes to tick, each of one or two lines of advice, and none is ticked."""
    sections = by_hand().split("\n## ")[1:]
    assert len(sections) >= 14
    for section in sections[:-1]:
        assert section.count("- [ ] ") >= 2, section.splitlines()[0]
    assert "- [x]" not in by_hand()


def test_the_checklist_ends_with_the_requirements() -> None:
    """The last section is the generated one, between its two markers."""
    last = CHECKLIST.read_text("utf-8").split("\n## ")[-1]
    assert last.startswith("Requirements of the standards that are yours\n")
    assert re.search(r"<!-- generated: requirements -->\n.*<!-- end -->\n*\Z", last, re.DOTALL)
