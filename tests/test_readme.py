"""What a newcomer meets: the README, the changelog, and one version."""

import re
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path

import totpcore

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "docs/changelog.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_readme_is_short_and_begins_with_what_it_is() -> None:
    """A title, one sentence, a picture, before anything else; and no more than 110 lines."""
    parts = README.split("\n\n")
    assert parts[0] == "# totpcore"
    assert parts[1].count(".") == 1
    assert re.match(r"!\[[^\]]{40,}\]\(docs/pictures/panel-setup\.png\)$", parts[2])
    assert len(README.splitlines()) <= 110


def test_the_readme_leads_everywhere() -> None:
    """To each framework, the tutorial, the manual, and what reviewers and integrators need."""
    targets = set(re.findall(r"\]\(docs/([^)#]+)", README))
    assert targets >= {
        "how-to/django.md", "how-to/flask.md", "how-to/fastapi.md", "tutorial/index.md", "index.md",
        "explanation/comparison.md", "explanation/threat-model.md", "integrator-checklist.md", "security.md",
        "changelog.md", "contributing.md",
    }  # fmt: skip


def test_the_extras_in_the_readme_are_those_of_the_package() -> None:
    """Each is named."""
    line = next(part for part in README.split("\n\n") if "extras:" in part)
    assert set(re.findall(r"`(?:totpcore)?\[(\w+)\]`", line)) == set(PROJECT["optional-dependencies"])


def test_the_version_is_in_one_place() -> None:
    """The package's `__version__`; what is installed has it, and nothing else in the project's description does."""
    assert "version" in PROJECT["dynamic"]
    assert version("totpcore") == totpcore.__version__
    assert totpcore.__version__ not in (ROOT / "pyproject.toml").read_text("utf-8").partition("[tool.")[0]


def test_what_is_one_point_zero_calls_itself_stable() -> None:
    """The classifier goes with the version."""
    (status,) = (line for line in PROJECT["classifiers"] if line.startswith("Development Status"))
    assert (status == "Development Status :: 5 - Production/Stable") == (int(totpcore.__version__.split(".")[0]) >= 1)


def test_the_changelog_is_one_that_people_can_read() -> None:
    """Newest first, the version of now among them, dates as they are written in ISO 8601, and known headings."""
    sections = re.findall(r"^## (\S+)(?: - (\S+))?$", CHANGELOG, re.MULTILINE)
    assert sections[0] == ("Unreleased", "")
    assert sections[1][0] == totpcore.__version__
    released = [date.fromisoformat(day) for _, day in sections[1:]]
    assert released == sorted(released, reverse=True)
    headings = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert headings <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
