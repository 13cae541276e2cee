"""The benchmarks run, and show every row that is asked of them. What they measured is not looked at."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from benchmarks import keeping
from benchmarks.crews import Tasks, Threads, take_turns
from benchmarks.planning import plan
from benchmarks.report import Ratio, Report, Row, Table
from need import miss

PACKAGES: Final = (
    "argon2", "bcrypt", "cryptography", "django_otp", "mintotp", "oath", "otpauth", "passlib", "psycopg_pool", "pyotp",
    "pyperf", "redis",
)  # fmt: skip
ROOT: Final = Path(__file__).resolve().parent.parent
STORES: Final = ("SQLite", "PostgreSQL", "Redis")
THREADS: Final = ("1 thread", "8 threads", "32 threads")
TASKS: Final = ("1 task", "8 tasks", "32 tasks")
WHAT: Final = ("load and swap alone", "log-in, Plaintext", "log-in, Keyring")
OTHERS: Final = ("the standard library alone", "pyotp", "passlib.totp", "cryptography's twofactor.totp")
IN_MEMORY: Final = (
    "the whole", "opening the seal", "decoding the record", "the transition", "encoding the record", "sealing",
    "loading and swapping", "the audit log", "the rest: the service around",
)  # fmt: skip
ROWS: Final = {
    "Calls": {
        "One code": [
            f"beside {name}" for name in (
                "hmac.digest alone", "pyotp", "libpass", "cryptography", "otpauth", "oath", "mintotp", "liboath",
            )
        ],
        "A wrong code in a window of three": [
            f"beside {name}" for name in ("three hmac.digest", "pyotp", "libpass", "django-otp")
        ],
        "From base32 to a verdict": [f"beside {name}" for name in ("pyotp", "libpass", "cryptography")],
        "A key URI": [f"{way}, beside {name}" for way, name in product(("written", "read"), ("pyotp", "libpass"))],
        "A log-in in memory": ["Plaintext", "Keyring"],
        "Where a log-in in memory spends its time": list(IN_MEMORY),
        "A wrong recovery code": [
            *(f"{what}: {count} codes beside 1" for what, count in product(("check", "attempt"), (10, 100))),
            "check: 10 codes beside 10 of argon2", "check: 10 codes beside 10 of bcrypt",
        ],
    },
    "Imports": {
        "An import": [f"import totpcore, beside {other}" for other in OTHERS],
        "An import of what is used": [
            f"from totpcore import {name}, beside {other}" for name, other in product(("TOTP", "TwoFactor"), OTHERS)
        ],
        "Loaded when used": ["sqlite3", "logging", "argparse", "urllib"],
    },
    "Sizes": {
        "A ready token": ["TOTP, what Python allocates", "TOTP, what the whole process grows by"],
        "A user in each store": [
            f"{store}, {seal}" for store, seal in product(("Memory", *STORES), ("Plaintext", "Keyring"))
        ],
        "What a log-in writes": [
            "SQLite, write-ahead log", "PostgreSQL, log-ins of the same users",
            "PostgreSQL, each user on a page of its own, after a checkpoint", "Redis, append-only file",
        ],
    },
    "Stores": {
        "Throughput beside the raw driver": [
            f"{store}, {crew}: {what}" for store, crew, what in product(STORES, THREADS + TASKS, WHAT)
        ],
        "Latency from few users to many": [f"{store}, 20 to 200 users" for store in STORES],
        "A crowd on one user": [f"{store}, {crew}" for store, crew in product(STORES, ("32 threads", "32 tasks"))],
        "Workers on one user, and on many": [
            f"{store}, {crew}"
            for store, crew in product(
                STORES, ("2 workers on many users", "1 worker on one user", "2 workers on one user")
            )
        ],
        "Beside django-otp": [
            f"{store}, {crew}: {what}"
            for store, crew, what in product(STORES[:2], THREADS, ("DjangoStore", "the store without Django"))
        ],
    },
}  # fmt: skip
TREE: Final = "The import tree of `TwoFactor`"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a reader of the documentation does."""
    if absent := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        miss(f"needs {', '.join(absent)}")
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Everything, measured for a blink: the folder with what was written, and what was said.

    What is measured means nothing, so the databases are in memory where the system has a folder for that.
    """
    folder, fast = tmp_path_factory.mktemp("benchmarks"), Path("/dev/shm")
    where = {"TMPDIR": str(fast)} if fast.is_dir() else {}
    done = run(
        "--quick", "--users", "20,200", "--json", str(folder / "json"), "--markdown", str(folder / "md"),
        TOTPCORE_TEST_REQUIRE_ALL="", **where,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_every_row_is_there_with_a_verdict(quick: tuple[Path, str]) -> None:
    """Without a name everything is measured, in every way, and each row says whether its target is reached."""
    folder, said = quick
    reports = [Report.of(fields) for fields in json.loads((folder / "json").read_text("utf-8"))]
    if skipped := [row.verdict for report in reports for row in report.rows() if row.skipped]:
        miss(f"needs all servers and peers; {', '.join(skipped)}")
    tables = {report.title: {table.title: table for table in report.tables} for report in reports}
    tree = tables["Imports"].pop(TREE)
    assert tree.rows[0].name == "from totpcore import TwoFactor"
    assert {title: {name: [row.name for row in table.rows] for name, table in found.items()}
            for title, found in tables.items()} == ROWS  # fmt: skip
    markdown = (folder / "md").read_text("utf-8")
    for table in (table for found in tables.values() for table in found.values()):
        for row in table.rows:
            assert row.name in said
            assert f"| {row.name} |" in markdown
            has_target = row.met is not None or (row.at_least, row.at_most) != (None, None)
            assert row.verdict in (("reached", "not reached") if has_target else ("shown",))
            assert row.ratio is not None or row.note or row.met is not None or row.our_bytes
    assert re.search(r"\nIn all: \d+ reached, \d+ not reached, \d+ shown\n", said)


def test_what_the_contract_says_is_reached_on_any_machine(quick: tuple[Path, str]) -> None:
    """One acceptance a round, whoever races; nothing heavy is loaded by an import: no noise can change that."""
    reports = [Report.of(fields) for fields in json.loads((quick[0] / "json").read_text("utf-8"))]
    tables = {table.title: table for report in reports for table in report.tables}
    crowds = [row for row in tables["A crowd on one user"].rows if not row.skipped]
    crowds += [row for row in tables["Workers on one user, and on many"].rows if row.name.endswith("on one user")]
    for row in crowds:
        assert row.verdict == "reached", row.note
        assert "p99 " in row.note
        assert " 0 StoreContended" in row.note
    assert {row.verdict for row in tables["Loaded when used"].rows} == {"reached"}


def test_the_pages_have_the_figures_that_were_measured() -> None:
    """Nobody mends a figure by hand: each page is what `--keep` writes from what is kept."""
    for page in keeping.PAGES:
        assert page.read_text("utf-8") == keeping.written(page), page.name
        assert "<!-- measured:" in page.read_text("utf-8")


def test_what_is_kept_is_whole() -> None:
    """The kept figures are of a full run: every row has been measured, with all rounds, and none was skipped."""
    reports = keeping.kept()
    tables = {report.title: {table.title: table for table in report.tables} for report in reports}
    assert tables.keys() == ROWS.keys()
    for title, found in tables.items():
        assert found.keys() - {TREE} == ROWS[title].keys()
    assert not [row.name for report in reports for row in report.rows() if row.skipped]
    for title in ("Calls", "Imports"):
        for name, rows in ROWS[title].items():
            assert [row.name for row in tables[title][name].rows] == rows
    flat = [row.name for row in tables["Stores"]["Latency from few users to many"].rows]
    assert flat[:3] == [f"SQLite, 1,000 to {size} users" for size in ("10,000", "100,000", "1,000,000")]
    workers = [row.name for row in tables["Stores"]["Workers on one user, and on many"].rows]
    assert {f"SQLite, {count} workers on {users}" for count in (4, 16, 64) for users in ("one user", "many users")} <= {
        *workers
    }
    assert "not measured" not in plan(reports)


def test_a_benchmark_that_was_not_run_keeps_its_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`--keep` after one benchmark replaces that one, and writes the pages anew."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured: summary -->\nold\n<!-- end -->\nafter\n", "utf-8")
    monkeypatch.setattr(keeping, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(keeping, "PAGES", (page,))

    def report(title: str, met: bool) -> Report:
        return Report(title=title, surroundings={}, tables=[Table(title="t", about="a", base="b",
                      rows=[Row(name="n", met=met, ratio=Ratio(1.0, 0.5, 2.0))])])  # fmt: skip

    keeping.keep([report("One", True), report("Two", True)])
    keeping.keep([report("Two", False)])
    assert keeping.kept() == [report("One", True), report("Two", False)]
    said = page.read_text("utf-8")
    assert "\nIn all: 1 reached, 1 not reached.\n" in said
    assert (said.startswith("before\n"), said.endswith("after\n"), "old" in said) == (True, True, False)


def test_the_plan_is_computed_from_what_was_measured() -> None:
    """10⁵ log-ins a second over the most that one server did, rounded up; what nobody measured is said."""
    table = Table(title="Workers on one user, and on many", about="", base="", rows=[
        Row(name=f"Redis, {count} workers on many users", ours=rate) for count, rate in ((4, 3_000.0), (16, 2_000.0))
    ])  # fmt: skip
    lines = plan([Report(title="Stores", surroundings={}, tables=[table])]).splitlines()
    assert "| 10⁵ log-ins a second need | not measured | 34 such servers |" in lines
    assert "| a user takes | not measured | not measured |" in lines


@pytest.mark.parametrize(("everything", "code"), [("", 0), ("1", 1)])
def test_a_missing_server_is_said(everything: str, code: int) -> None:
    """Without its server a store's rows say so; that is an error only where everything must run."""
    done = run("stores", "--quick", "--store", "redis", PATH="", TOTPCORE_TEST_REQUIRE_ALL=everything)
    assert done.stdout.count("skipped: no redis-server") == 4, done.stderr
    assert done.returncode == code


def test_help_names_the_benchmarks() -> None:
    """`--help` says what there is, and runs nothing; another name is an error that names them."""
    done = run("--help")
    assert done.returncode == 0, done.stderr
    for name in ("calls", "imports", "sizes", "stores"):
        assert f"\n{name} " in done.stdout
    wrong = run("speed")
    assert (wrong.returncode, "none of calls, imports, sizes, stores" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("ratio", "words"), [(1.234, "1.23"), (0.1, "0.10"), (0.0123, "0.012"), (2.34e-6, "2.3e-06"), (12.5, "12.50")]
)
def test_a_small_ratio_is_not_written_as_zero(ratio: float, words: str) -> None:
    """Two decimals, or two digits where there would be nothing but zeros."""
    assert Row(name="n", ratio=Ratio(ratio, ratio, ratio)).cells()[2] == f"{words} ({words} to {words})"


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row(name="", ratio=Ratio(0.8, 0.1, 2.0), at_least=0.8), "reached"),
        (Row(name="", ratio=Ratio(0.79, 0.1, 2.0), at_least=0.8), "not reached"),
        (Row(name="", ratio=Ratio(1.5, 0.1, 2.0), at_most=1.5), "reached"),
        (Row(name="", ratio=Ratio(1.51, 0.1, 2.0), at_most=1.5), "not reached"),
        (Row(name="", met=True), "reached"),
        (Row(name="", met=False), "not reached"),
        (Row(name="", ratio=Ratio(0.1, 0.1, 0.1)), "shown"),
        (Row(name="", skipped="no initdb"), "skipped: no initdb"),
    ],
)
def test_the_verdict_is_on_the_median(row: Row, verdict: str) -> None:
    """A target is reached by the median of the ratios, to the dot; without a target a row is only shown."""
    assert row.verdict == verdict


def test_the_ratio_is_that_of_one_round() -> None:
    """Each round has its ratio; a machine that slows down from round to round changes none of them."""
    assert Ratio.of([80.0, 40.0, 9.0], [100.0, 50.0, 10.0]) == Ratio(0.8, 0.8, 0.9)


def test_columns_that_nobody_fills_are_left_out() -> None:
    """A table without ratios has no column for them, in text and in Markdown alike."""
    table = Table(title="t", about="a", base="b", rows=[Row(name="n", met=True, target="one", note="two")])
    report = Report(title="T", surroundings={"date": "today"}, tables=[table])
    assert table.lines() == [("", "target", "verdict", ""), ("n", "one", "reached", "two")]
    assert "| n | one | reached | two |" in report.markdown()
    assert "n  one     reached  two" in report.text()


def test_contenders_take_turns() -> None:
    """Every round has all contenders, every other round in the opposite order, so that drift favours none."""
    order: list[str] = []

    def contender(name: str) -> Callable[[], float]:
        def measure() -> float:
            order.append(name)
            return float(len(order))

        return measure

    assert take_turns([contender("a"), contender("b")], 3) == [[1.0, 4.0, 5.0], [2.0, 3.0, 6.0]]
    assert "".join(order) == "abbaab"


def test_a_crew_counts_all_its_clients() -> None:
    """The rate is that of all clients together, threads and tasks alike; each does at least one step."""
    done: list[int] = []

    async def step() -> None:
        done.append(1)

    with Threads(3) as threads:
        assert threads.rate([lambda: done.append(1)] * 3, 0) > 0
        assert len(threads.at_once([lambda: done.append(1)] * 3)) == 3
    with Tasks(3) as tasks:
        assert tasks.rate([step] * 3, 0) > 0
        assert len(tasks.at_once([step] * 3)) == 3
    assert len(done) == 2 * (3 + 3 + 3)  # what opens the connections, what is counted, and what is done at once


def test_a_step_that_fails_ends_the_measurement() -> None:
    """An error in one thread is raised as it is, and the others do not wait for it."""

    def fail() -> None:
        raise LookupError

    async def fail_too() -> None:
        raise LookupError

    with Threads(2) as threads, pytest.raises(LookupError):
        threads.rate([fail, lambda: None], 0)
    with Tasks(2) as tasks, pytest.raises(LookupError):
        tasks.rate([fail_too] * 2, 0)
