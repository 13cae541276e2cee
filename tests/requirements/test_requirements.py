"""Each requirement is met and shown, or has its reason; and whatever is missing is found."""

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from requirements.marks import Marker, Stray, read, scan
from requirements.matrix import DATA, LONGEST_DO, TESTS, TOPICS, Matrix, Requirement, fault_of, load, sources
from requirements.pages import CHECKLIST, END, START, TABLE, checklist, table, with_block

NOW = Matrix.now()
PUBLISHED = {"source": "RFC 4226", "section": "§1", "level": "MUST", "text": "A code is right."}


def row(id_: str = "X-1", responsibility: str = "LIB", **fields: Any) -> Requirement:
    """A row that is sound, but for the fields that are given."""
    own: dict[str, dict[str, Any]] = {
        "LIB": {"where": ("totpcore.otp:hotp",)},
        "APP": {"topic": TOPICS[0], "do": "Do it."},
        "OUT": {"why_out": "It is about something else."},
    }
    return Requirement(**PUBLISHED | {"id": id_, "responsibility": responsibility} | own[responsibility] | fields)


def gaps(*rows: Requirement, names: tuple[str, ...] = ("X-1",)) -> list[str]:
    """The gaps of some rows, where one test names some requirements."""
    return Matrix(rows, (Marker("test_x.py::test_x", names),)).gaps()


# ---- as it stands ----


def test_nothing_is_missing() -> None:
    """Each row of the library is named by a test or has its reason, each of the application says what to do."""
    assert NOW.gaps() == []


def test_the_figures() -> None:
    """261 requirements of eight documents: 138 for the library, 106 for the application, 17 for neither."""
    assert Counter(one.responsibility for one in NOW.rows) == {"LIB": 138, "APP": 106, "OUT": 17}
    assert sources(NOW.rows) == [
        "RFC 4226", "RFC 6238", "RFC 4648", "Google Key URI Format", "NIST SP 800-63B-4", "OWASP ASVS 5.0.0",
        "OWASP ASVS 4.0.3", "OWASP MFA Cheat Sheet",
    ]  # fmt: skip


def test_few_requirements_are_answered_by_a_reason_alone() -> None:
    """Where there is code there is a test. What has no code stands here by name: nothing is added to it in passing."""
    assert [one.id for one in NOW.of("LIB") if not NOW.tests(one.id)] == ["N63B4-3.1.1.2-5", "N63B4-3.1.4-1"]


def test_few_and_good_tests() -> None:
    """A requirement of the library is named by one to four tests, each of which shows it."""
    assert {one.id: NOW.tests(one.id) for one in NOW.of("LIB") if len(NOW.tests(one.id)) > 4} == {}


def test_the_table_is_in_step() -> None:
    """`docs/reference/requirements.md` is what the rows and the tests say today."""
    assert TABLE.read_text("utf-8") == table(NOW)


def test_the_checklist_is_in_step() -> None:
    """Between its two comments the integrator's checklist is what the rows say today."""
    page = CHECKLIST.read_text("utf-8")
    assert page == with_block(page, checklist(NOW))


def test_every_row_is_on_a_page() -> None:
    """The table has the rows of the library and of nobody, the checklist those of the application, word for word."""
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in table(NOW).splitlines() if line.startswith("| ")}
    for one in (*NOW.of("LIB"), *NOW.of("OUT")):
        assert one.text in lines[one.id].replace("\\|", "|")
        assert one.section in lines[one.id]
    items = checklist(NOW).replace("\n      ", " ")  # each on one line
    ids = [id_ for shown in re.findall(r"\(([^()]+)\)$", items, re.MULTILINE) for id_ in shown.split(", ")]
    assert sorted(ids) == sorted(one.id for one in NOW.of("APP"))
    assert all(f"] {one.do} (" in items for one in NOW.of("APP"))


# ---- every kind of gap is found ----


def test_a_sound_row_has_no_gap() -> None:
    """The rows that the tests below break are sound."""
    assert gaps(row(), row("X-2", "APP"), row("X-3", "OUT")) == []


@pytest.mark.parametrize(("broken", "gap"), [
    (row(where=()), "X-1: no place in the code, and no reason"),
    (row(where=(), reason=" "), "X-1: no place in the code, and no reason"),
    (row(where=("totpcore.otp:htop",)), "X-1: totpcore.otp:htop does not exist"),
    (row(where=("totpcore.opt:hotp",)), "X-1: totpcore.opt:hotp does not exist"),
    (row(where=("totpcore.otp",)), "X-1: totpcore.otp does not exist"),
    (row(where=("totpcore.otp:TOTP.codes",)), "X-1: totpcore.otp:TOTP.codes does not exist"),
    (row(where=("totpcore.keyuri:TOTP",)), "X-1: totpcore.keyuri:TOTP stands in totpcore.otp"),
    (row(where=("test_otp:test_resync_spends_the_newest",)),
     "X-1: test_otp:test_resync_spends_the_newest is no place in totpcore"),
    (row(where=("hmac:digest",)), "X-1: hmac:digest is no place in totpcore"),
    (row(where=("totpcore.otp:hotp",) * 2), "X-1: totpcore.otp:hotp: stands 2 times"),
    (row(do="Do it."), "X-1: `do` is for APP rows"),
    (row(why_out="No."), "X-1: `why_out` is for OUT rows"),
    (row(text=""), "X-1: what was published is not whole"),
    (row(responsibility="APP", do=""), f"X-1: what to do has to be one line of up to {LONGEST_DO} characters"),
    (row(responsibility="APP", do="x" * 141), f"X-1: what to do has to be one line of up to {LONGEST_DO} characters"),
    (row(responsibility="APP", do="a\nb"), f"X-1: what to do has to be one line of up to {LONGEST_DO} characters"),
    (row(responsibility="APP", topic=""), "X-1: nothing is no topic of the checklist"),
    (row(responsibility="APP", topic="Misc"), "X-1: Misc is no topic of the checklist"),
    (row(responsibility="APP", where=("totpcore.otp:hotp",)), "X-1: `where` is for LIB rows"),
    (row(responsibility="OUT", why_out=""), "X-1: nothing says why it is nobody's"),
    (dataclasses.replace(row(), responsibility="ALL"), "X-1: ALL is nobody's name"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_a_broken_row_is_found(broken: Requirement, gap: str) -> None:
    """A row that does not say what it has to, or says what it has not to, is a gap of its own."""
    assert gap in gaps(broken)


def test_a_row_without_a_test_is_found() -> None:
    """A reason besides the places in the code is no way around a test."""
    for one in (row(), row(reason="Otherwise.")):
        assert gaps(one, row("X-2", "APP"), names=("X-2",)) == ["X-1: no test names it"]
    assert gaps(row(where=(), reason="Otherwise."), row("X-2", "APP"), names=("X-2",)) == []


def test_a_row_that_stands_twice_is_found() -> None:
    """Of two rows with one id nobody knows which is meant."""
    assert gaps(row(), row(text="Another.")) == ["X-1: stands 2 times"]


def test_a_marker_with_an_unknown_id_is_found() -> None:
    """A slip in an id would leave its requirement without a test, and the test without its name."""
    assert gaps(row(), names=("X-1", "X-7")) == ["test_x.py::test_x: there is no requirement X-7"]
    assert gaps(row(), names=("X-1", "X-1")) == ["test_x.py::test_x: X-1: stands 2 times"]


@pytest.mark.parametrize("one", NOW.of("LIB"), ids=lambda one: one.id)
def test_each_requirement_is_missed(one: Requirement) -> None:
    """With its markers gone a row is a gap; with the row gone its markers are."""
    without = tuple(marker._replace(ids=tuple(id_ for id_ in marker.ids if id_ != one.id)) for marker in NOW.markers)
    expect = [f"{one.id}: no test names it"] if one.where else []
    assert Matrix(NOW.rows, without).gaps() == expect
    fewer = tuple(other for other in NOW.rows if other is not one)
    assert Matrix(fewer, NOW.markers).gaps() == [
        f"{test}: there is no requirement {one.id}" for test in NOW.tests(one.id)
    ]


def test_a_place_is_found_where_it_is_defined() -> None:
    """Functions, classes, methods, fields and constants of the package are places."""
    for name in ("hotp", "TOTP", "TOTP.match", "TOTP.period", "LARGEST_COUNTER", "_truncate"):
        assert fault_of(f"totpcore.otp:{name}") is None


# ---- markers are read ----

ON_TESTS = """
@pytest.mark.requirement("A", "B")
@given(st.integers())
def test_one(): ...

class TestMany:
    @pytest.mark.skipif(WINDOWS, reason="no fork")
    @mark.requirement("C")
    async def test_two(self): ...

@pytest.mark.requirement("D")
class TestAll: ...

@pytest.mark.parametrize("x", [1, pytest.param(2, marks=[pytest.mark.requirement("E")])])
def test_three(x): ...
"""


def test_markers_are_found_wherever_pytest_takes_them() -> None:
    """On functions, in and on classes, and on single parameters."""
    found = [("test_one", ("A", "B")), ("TestAll", ("D",)), ("test_three", ("E",)), ("TestMany::test_two", ("C",))]
    assert sorted(scan(ON_TESTS, "in/test_x.py")) == sorted(Marker(f"in/test_x.py::{test}", ids) for test, ids in found)


@pytest.mark.parametrize(("source", "fault"), [
    ('pytestmark = pytest.mark.requirement("A")', "it stands on no test"),
    ('each = pytest.mark.requirement("A")', "it stands on no test"),
    ('@pytest.mark.requirement("A")\ndef helper(): ...', "it stands on no test"),
    ('@pytest.mark.requirement("A")\nclass Base: ...', "it stands on no test"),
    ('class Base:\n    @pytest.mark.requirement("A")\n    def test_x(self): ...', "it stands on no test"),
    ('def outer():\n    @pytest.mark.requirement("A")\n    def test_x(): ...', "it stands on no test"),
    ('@pytest.mark.skip\n@pytest.mark.requirement("A")\ndef test_x(): ...', "its test is never run"),
    ('@pytest.mark.xfail(reason="x")\n@pytest.mark.requirement("A")\ndef test_x(): ...', "its test is never run"),
    ("@pytest.mark.requirement\ndef test_x(): ...", "it does not name its requirements by texts alone"),
    ("@pytest.mark.requirement()\ndef test_x(): ...", "it does not name its requirements by texts alone"),
    ("@pytest.mark.requirement(ID)\ndef test_x(): ...", "it does not name its requirements by texts alone"),
    ('@pytest.mark.requirement("A", *MORE)\ndef test_x(): ...', "it does not name its requirements by texts alone"),
    ('@pytest.mark.requirement(id="A")\ndef test_x(): ...', "it does not name its requirements by texts alone"),
])  # fmt: skip
def test_a_marker_that_marks_nothing_is_found(source: str, fault: str) -> None:
    """It would look as if a requirement had its test."""
    (stray,) = scan(source, "test_x.py")
    assert isinstance(stray, Stray)
    assert stray.fault == fault
    assert Matrix((), (), (stray,)).gaps() == [f"{stray.place}: {fault}"]


def test_a_marker_in_a_helper_is_found(tmp_path: Path) -> None:
    """What stands in a file that pytest does not collect marks no test; files are read in every folder."""
    marked = '@pytest.mark.requirement("A")\ndef test_x(): ...\n'
    for name in ("deep/down/test_a.py", "deep/helper.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(marked, encoding="utf-8")
    assert read(tmp_path) == [
        Marker("deep/down/test_a.py::test_x", ("A",)), Stray("deep/helper.py:1", "it stands on no test"),
    ]  # fmt: skip


def test_what_is_marked_is_what_pytest_runs(request: pytest.FixtureRequest) -> None:
    """Of the tests of this run, those that pytest sees marked are those that are read from the files."""
    seen: dict[str, set[str]] = {}
    for item in request.session.items:
        ids = {str(id_) for mark in item.iter_markers("requirement") for id_ in mark.args}
        if ids and TESTS in item.path.parents:
            name = "::".join(part.split("[")[0] for part in item.nodeid.split("::")[1:])
            seen.setdefault(f"{item.path.relative_to(TESTS).as_posix()}::{name}", set()).update(ids)
    read_of = {
        test: {id_ for marker in NOW.markers if f"{test}::".startswith(f"{marker.test}::") for id_ in marker.ids}
        for test in seen
    }
    assert read_of == seen


# ---- the pages ----


def test_the_block_alone_is_replaced() -> None:
    """What a person wrote around the block stays to the letter, and writing twice changes nothing."""
    page = f"# Head\n\nprose\n{START}old\n{END}\n\nmore prose\n"
    written = with_block(page, "new\n")
    assert written == f"# Head\n\nprose\n{START}\nnew\n\n{END}\n\nmore prose\n"
    assert with_block(written, "new\n") == written


@pytest.mark.parametrize("page", ["", START, END, f"{END}\n{START}", f"{START}{END}{END}", f"{START}{START}{END}"])
def test_a_page_without_a_place_for_the_block_is_refused(page: str) -> None:
    """Nothing is written over what a person wrote."""
    with pytest.raises(ValueError, match="once each"):
        with_block(page, "new")


def test_a_table_is_not_broken_by_a_text() -> None:
    """A pipe in a text is no end of a cell."""
    one = row(text="a|b", where=(), reason="c|d")
    assert r"| X-1 | §1 | MUST | a\|b |  | c\|d |" in table(Matrix((one,), ()))


def test_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """A slip in the name of a field is not passed over."""
    file = tmp_path / "rows.json"
    file.write_text(DATA.read_text("utf-8").replace('"reason"', '"reson"', 1), encoding="utf-8")
    with pytest.raises(TypeError, match="reson"):
        load(file)
