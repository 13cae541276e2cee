"""Every `otpauth` URI out of the tests and sources of authenticator apps: met, or listed with its reason.

The URIs are in `vectors/apps.json`, the list is `vectors/differences.json`, and the page for readers is
`docs/reference/differences.md`. After a change of the list, write the page anew:

    PYTHONPATH=src:tests python tests/test_apps.py --write
"""

import json
import sys
from functools import cache
from pathlib import Path
from textwrap import fill

import pytest

from totpcore.errors import InvalidURI
from totpcore.keyuri import KeyURI
from totpcore.otp import TOTP
from vectors import (
    REFUSED,
    Answer,
    Case,
    Difference,
    answer_of,
    apps,
    check,
    differences,
    listed,
    load,
    peers,
    refusal_of,
)

ALL = (*peers(), *apps())
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "differences.md"


def fields_of(uri: KeyURI) -> Answer:
    """What a URI says, under the names that the vectors use."""
    token, is_totp = uri.token, isinstance(uri.token, TOTP)
    return {
        "type": "totp" if is_totp else "hotp",
        "secret": token.secret.base32,
        "issuer": uri.issuer,
        "account": uri.account,
        "algorithm": str(token.algorithm),
        "digits": token.digits,
        "period": token.period if isinstance(token, TOTP) else None,
        "counter": None if is_totp else uri.counter,
    }


def expected(case: Case) -> Case:
    """The case in one spelling: some apps say `""` and some `null` where there is no issuer, or no account."""
    if "reject" in case.expect:
        return case
    names = {"issuer": case.expect["issuer"] or None, "account": case.expect["account"] or ""}
    return Case(case.id, case.kind, case.input, case.expect | names)


@pytest.mark.parametrize("case", [case for case in apps() if "reject" not in case.expect], ids=repr)
def test_uris_that_an_app_reads(case: Case) -> None:
    """A URI that an app reads is read the same, or the difference is on the list."""
    check(expected(case), answer_of(lambda: fields_of(KeyURI.parse(case.input["uri"]))))


@pytest.mark.parametrize("case", [case for case in apps() if "reject" in case.expect], ids=repr)
def test_uris_that_an_app_refuses(case: Case) -> None:
    """A URI that an app refuses is refused, or the difference is on the list."""
    check(case, refusal_of(lambda: KeyURI.parse(case.input["uri"])))


@pytest.mark.parametrize("case", [case for case in apps() if "reject" not in case.expect], ids=repr)
def test_uris_of_apps_survive_being_written_again(case: Case) -> None:
    """Whatever was read can be written, and reads the same again."""
    read = answer_of(lambda: {"uri": KeyURI.parse(case.input["uri"])})
    if read != REFUSED:
        assert fields_of(KeyURI.parse(read["uri"].text)) == fields_of(read["uri"])


STEAM = [case for difference in differences() if difference.key == "steam" for case in ALL if case.id in difference.ids]


@pytest.mark.parametrize("case", STEAM, ids=repr)
def test_a_refusal_names_steam(case: Case) -> None:
    """Whoever scans a Steam token is told so, instead of being told about a number of digits."""
    with pytest.raises(InvalidURI, match="Steam"):
        KeyURI.parse(case.input["uri"])


def test_every_listed_case_exists_and_differs() -> None:
    """The list names each case once, none that is unknown, and none without a difference."""
    ids = [id_ for difference in differences() for id_ in difference.ids]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {case.id for case in ALL}
    assert all(difference.ids and all(difference.answers.values()) for difference in differences())


def test_every_case_has_its_own_id_and_a_source() -> None:
    """The ids are unique, and each case says where it was taken from."""
    rows = [*load("peers.json")["cases"], *load("apps.json")["cases"]]
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row.get("sources") or row.get("source") for row in rows)


def test_the_page_is_in_step_with_the_list() -> None:
    """`docs/reference/differences.md` is what the list says today."""
    assert PAGE.read_text(encoding="utf-8") == render()


def render() -> str:
    """The page for readers."""
    ids = [case.id for case in ALL]
    given = len(load("peers.json")["cases"]) + len(load("apps.json")["cases"])
    differ = sum(len(difference.ids) for difference in differences())
    lines = [
        "# Where totpcore answers differently",
        "",
        wrapped(
            "The test suites and sources of other TOTP and HOTP libraries and of authenticator apps were searched for "
            f"what they expect: {given} cases, and {len(ids) - given} of them once more with a longer secret. totpcore "
            f"is run on all {len(ids)}. It meets {len(ids) - differ}; the other {differ} are on this page, each group "
            "with its reason, and [each by itself](#every-case) with the rule that it follows from."
        ),
        "",
        wrapped(
            "The cases with their sources are in `tests/vectors/`. This page is written by `tests/test_apps.py` from "
            "`tests/vectors/differences.json`, and the tests hold three things: a case that is not listed is met, a "
            "listed case is not, and this page is in step with the list."
        ),
        "",
        "| reason | refused | answered otherwise |",
        "| --- | ---: | ---: |",
        *(f"| {one.title} | {len(one.refused) or ''} | {len(one.answers) or ''} |" for one in differences()),
        "",
    ]
    for difference in differences():
        lines += [f"## {difference.title}", ""]
        for paragraph in (difference.reason, f"*The rule:* {difference.rule}", sentence(difference)):
            lines += [wrapped(paragraph), ""]
    lines += ["## Every case", "", "| case | from the tests or the source of | totpcore | because |"]
    lines += ["| --- | --- | --- | --- |", *map(row_of, sorted(ids_and_rules()))]
    return "\n".join(lines) + "\n"


def ids_and_rules() -> list[tuple[str, str]]:
    """Each case that differs, with the rule it follows from."""
    return [(id_, difference.rule) for difference in differences() for id_ in difference.ids]


def row_of(case: tuple[str, str]) -> str:
    """One case as a line of the table."""
    id_, rule = case
    answer = listed()[id_]
    told = ", ".join(f"{name} {json.dumps(value)}" for name, value in answer.items())
    does = {"reject true": "refuses it", "reject false": "takes it"}.get(told, f"answers {told}")
    return f"| `{id_}` | {', '.join(sources()[id_.removesuffix('-long')])} | {does} | {rule} |"


@cache
def sources() -> dict[str, list[str]]:
    """Whose each case is."""
    of_peers = {row["id"]: [one["project"] for one in row["sources"]] for row in load("peers.json")["cases"]}
    of_apps = {row["id"]: [row["source"].partition(":")[0]] for row in load("apps.json")["cases"]}
    return of_peers | of_apps


def wrapped(text: str) -> str:
    """A paragraph in lines of 120 columns."""
    return fill(text, 120, break_long_words=False, break_on_hyphens=False)


def sentence(difference: Difference) -> str:
    """How many cases, and the first of them by name."""
    shown = 6
    ids = difference.ids
    names = ", ".join(f"`{id_}`" for id_ in ids[:shown])
    count = "One case" if len(ids) == 1 else f"{len(ids)} cases"
    return f"{count}: {names}" + (f" and {len(ids) - shown} more." if len(ids) > shown else ".")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit(__doc__)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
