"""The two example panels show the same: page by page, word for word."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.codes import oath_code, wrong_code
from browser.site import PASSWORD, START, Account
from need import need
from pages.live import Answer, Live, Visitor, key_in, paths
from panel.live import Live as FlaskLive
from panel_fastapi.live import Live as FastAPILive
from panel_pages import HEADERS
from totpcore.testing import HandClock

need("oathtool")

pytest_plugins = ["servers.fixtures"]

# What is another in each panel, and each time: tokens, ids, keys, pictures of keys, recovery codes, passwords.
OTHER = {
    r'name="csrf" value="[0-9a-f]{64}"': "token",
    r"\b[0-9a-f]{16}\b": "id",
    r"<svg.*?</svg>": "picture",
    r"secret=[A-Z2-7]+": "secret",
    r"<span>[A-Z2-7]{4}</span>": "key",
    r"(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}": "recovery code",
    r'(?<=id="temporary">)[^<]+': "password",
}


@pytest.fixture
def flask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlaskLive:
    """The Flask panel."""
    monkeypatch.setattr(f"{FlaskLive.module}.generate_password_hash", FlaskLive.hash)
    return FlaskLive(tmp_path, HandClock(START))


def as_seen(answer: Answer) -> tuple[int, str, set[str]]:
    """An answer without what is another each time."""
    redirect = answer.status_code == 302  # what such an answer says beside where to go, no browser shows
    text = "" if redirect else answer.text
    for pattern, name in OTHER.items():
        text = re.sub(pattern, name, text, flags=re.DOTALL)
    shown = {"Location", "Set-Cookie", "Retry-After", *HEADERS, *(() if redirect else ("Content-Type",))}
    headers = {f"{name}: {answer.headers[name]}" for name in shown if name in answer.headers}
    headers = {re.sub(r"panel=[\w-]+", "panel=word", header) for header in headers}
    return answer.status_code, text, {"; ".join(sorted(header.split("; "))) for header in headers}


def everything(live: Live) -> Iterator[tuple[str, Answer]]:
    """What people see on a panel, as one story."""
    ada, grace = live.add("ada", owner=True), live.add_with_factor("grace")
    live.add("alan")
    visitor, half, staff = live.visitor(), live.visitor(), live.visitor()
    yield "log-in, wrong", visitor.give_password("ada", "wrong")
    half.give_password("grace")
    staff.log_in(grace)
    visitor.give_password("ada")
    live.tick(60)
    for who, one in (("guest", live.visitor()), ("half", half), ("staff", staff), ("owner", visitor)):
        for path in [*paths(live, "GET"), "/nowhere", "/logout"]:
            yield re.sub(r"[0-9a-f]{16}", "id", f"{who}: {path}"), one.get(path)
    yield "no token", visitor.post_without_token("/profile")
    yield "too long", visitor.post("/profile", login="x" * 100_000)
    yield from refused(live, visitor, half, grace)
    yield from set_up(live, visitor)
    yield from under_the_rule(live, visitor, ada, grace)


def refused(live: Live, visitor: Visitor, half: Visitor, grace: Account) -> Iterator[tuple[str, Answer]]:
    """Forms that are shown once more."""
    half.get("/login/code")
    for number, typed in enumerate(["", *[live.wrong_code(grace)] * 6]):
        yield f"code {number}", half.post("/login/code", code=typed)
    for number, typed in enumerate(["x", "0000-1111-2222-3333-4444-5555"]):
        yield f"recovery code {number}", half.post("/login/recovery", code=typed)
    visitor.get("/profile")
    yield "names", visitor.post("/profile", login="a:b", name="Ada")
    yield "own password", visitor.post("/profile/password", own_password="x", new_password="y" * 20)
    yield "new password", visitor.post("/profile/password", own_password=PASSWORD, new_password="y")
    yield "rule", visitor.post("/setup/staff/two-factor-rule", rule="SOMETIMES")
    for fields in ({"reason": "lost"}, {"own_password": PASSWORD, "reason": " "}):
        yield f"reset {fields}", visitor.post(f"/setup/staff/administrators/{grace.id}/reset", **fields)


def set_up(live: Live, visitor: Visitor) -> Iterator[tuple[str, Answer]]:
    """Set-up, also in two sessions; changes, off."""
    elsewhere = live.visitor()
    elsewhere.give_password("ada")
    elsewhere.post("/profile/two-factor/setup")
    yield "pending elsewhere", visitor.get("/profile/two-factor")
    shown = visitor.post("/profile/two-factor/setup")
    key = key_in(shown)
    yield "setup", shown
    yield "pending", visitor.get("/profile/two-factor")
    yield "begun anew elsewhere", elsewhere.post("/profile/two-factor/confirm", code="000000")
    for word, typed in (("wrong", wrong_code(key, live.now())), ("ahead", oath_code(key, live.now() + 120))):
        yield f"confirm, {word}", visitor.post("/profile/two-factor/confirm", code=typed)
    yield "confirm", visitor.post("/profile/two-factor/confirm", code=oath_code(key, live.now()))
    yield "confirm twice", visitor.post("/profile/two-factor/confirm", code=oath_code(key, live.now()))
    yield "on", visitor.get("/profile/two-factor")
    yield "setup again", visitor.post("/profile/two-factor/setup")
    yield "what it says", visitor.get("/profile/two-factor")
    for form in ("recovery-codes", "replace", "disable"):
        live.tick(60)
        yield f"{form}, refused", visitor.post(f"/profile/two-factor/{form}", code="123")
        yield form, visitor.post(f"/profile/two-factor/{form}", code=oath_code(key, live.now()))
    yield "off", visitor.get("/profile")


def under_the_rule(live: Live, visitor: Visitor, ada: Account, grace: Account) -> Iterator[tuple[str, Answer]]:
    """The banner, the confinement, a recovery, a reset."""
    yield "rule saved", visitor.post("/setup/staff/two-factor-rule", rule="REQUIRE", deadline="2027-01-16")
    yield "nudged", visitor.get("/setup/staff/two-factor-rule")
    for path in ("/nowhere", "/logout", "/profile/two-factor"):
        yield f"nudged: {path}", visitor.get(path)
    yield "nudged, no token", visitor.post_without_token("/profile")
    live.require()
    yield "confined", visitor.get("/profile/two-factor")
    live.fail(grace, 95)  # after the five above
    live.tick(3600)
    lost = live.visitor()
    lost.give_password("grace")
    yield "locked", lost.get("/login/code")
    yield "recovery", lost.post("/login/recovery", code=grace.recovery_codes[0])
    yield "after recovery", lost.get("/profile/two-factor")
    live.encourage()
    visitor.get("/profile")
    reset = f"/setup/staff/administrators/{grace.id}/reset"
    yield "reset", visitor.post(reset, own_password=PASSWORD, reason="lost")
    yield "audit", visitor.get("/setup/staff/audit")
    live.users.expect_factor(grace.id, expected=True)
    stopped = live.visitor()
    live.users.expect_factor(ada.id, expected=True)
    yield "stopped", stopped.give_password("ada")
    yield "log out", visitor.post("/logout")


def test_every_page_is_the_same(flask: FlaskLive, live: FastAPILive) -> None:
    """In one story, from the log-in to the reset: status, text, and the headers that matter are the same."""
    one = {name: as_seen(answer) for name, answer in everything(flask)}
    assert len(one) > 80
    assert {status for status, _, _ in one.values()} == {200, 302, 400, 403, 404, 405, 413, 422, 429, 503}
    two = {name: as_seen(answer) for name, answer in everything(live)}
    for name, answer in one.items():
        assert two[name] == answer, name
