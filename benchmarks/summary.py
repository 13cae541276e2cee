"""What came out, in a few lines: how many targets are reached, and which are not."""

from collections.abc import Iterable

from .report import Report


def summary(reports: Iterable[Report]) -> str:
    """Return how many rows have each verdict, and a line for each row whose target is not reached."""
    verdicts = {"reached": 0, "not reached": 0, "shown": 0, "skipped": 0}
    missed = []
    for report in reports:
        for table in report.tables:
            for row in table.rows:
                verdicts[row.verdict.partition(":")[0]] += 1
                if row.verdict == "not reached":
                    missed.append("  ".join(filter(None, (f"{table.title}:", *row.cells()[:3]))))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items() if count)
    return "\n".join([f"In all: {counts}", *(f"  not reached: {line}" for line in missed)]) + "\n"
