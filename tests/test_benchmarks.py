"""The benchmarks run, and show every row that is asked of them. What they measured is not looked at."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Final

import pytest

from benchmarks.crews import Tasks, Threads, take_turns
from benchmarks.report import Ratio, Report, Row, Table
from need import miss

PACKAGES: Final = ("cryptography", "django_otp", "psycopg_pool", "redis")
ROOT: Final = Path(__file__).resolve().parent.parent
STORES: Final = ("SQLite", "PostgreSQL", "Redis")
THREADS: Final = ("1 thread", "8 threads", "32 threads")
TASKS: Final = ("1 task", "8 tasks", "32 tasks")
WHAT: Final = ("load and swap alone", "log-in, Plaintext", "log-in, Keyring")
ROWS: Final = {
    "Throughput beside the raw driver": [
        f"{store}, {crew}: {what}" for store, crew, what in product(STORES, THREADS + TASKS, WHAT)
    ],
    "Latency from few users to many": [f"{store}, 20 to 200 users" for store in STORES],
    "A crowd on one user": [f"{store}, {crew}" for store, crew in product(STORES, ("32 threads", "32 tasks"))],
    "Beside django-otp": [
        f"{store}, {crew}: {what}"
        for store, crew, what in product(STORES[:2], THREADS, ("DjangoStore", "the store without Django"))
    ],
}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a reader of the documentation does."""
    if absent := [name for name in PACKAGES if importlib.util.find_spec(name) is None]:
        miss(f"needs {', '.join(absent)}")
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_row_is_there_with_a_verdict(tmp_path: Path) -> None:
    """`stores` measures every store in every way, and says of each whether the target is reached."""
    done = run(
        "stores", "--quick", "--users", "20,200",
        "--json", str(tmp_path / "json"), "--markdown", str(tmp_path / "md"), TOTPCORE_TEST_REQUIRE_ALL="",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (report,) = json.loads((tmp_path / "json").read_text("utf-8"))
    skipped = [row["verdict"] for table in report["tables"] for row in table["rows"] if row["skipped"]]
    if skipped:
        miss(f"needs all servers; {', '.join(skipped)}")
    assert {table["title"]: [row["name"] for row in table["rows"]] for table in report["tables"]} == ROWS
    markdown = (tmp_path / "md").read_text("utf-8")
    for table in report["tables"]:
        for row in table["rows"]:
            assert row["name"] in done.stdout
            assert f"| {row['name']} |" in markdown
            if table["title"] == "A crowd on one user":  # by the contract, whatever the machine
                assert row["verdict"] == "reached", row["note"]
                assert "p99 " in row["note"]
                assert " 0 StoreContended" in row["note"]
            elif table["title"] == "Beside django-otp":
                assert row["verdict"] == "shown"
            else:
                assert row["verdict"] in ("reached", "not reached")


@pytest.mark.parametrize(("everything", "code"), [("", 0), ("1", 1)])
def test_a_missing_server_is_said(everything: str, code: int) -> None:
    """Without its server a store's rows say so; that is an error only where everything must run."""
    done = run("stores", "--quick", "--store", "redis", PATH="", TOTPCORE_TEST_REQUIRE_ALL=everything)
    assert done.stdout.count("skipped: no redis-server") == 3, done.stderr
    assert done.returncode == code


def test_without_a_command_the_benchmarks_are_listed() -> None:
    """`python -m benchmarks` says what there is, and runs nothing."""
    done = run()
    assert done.returncode == 0, done.stderr
    assert "stores" in done.stdout
    assert "all of them" in done.stdout


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
