"""The attacker's view: every address, every form and every cookie, without a browser and thus quick."""

import re
import threading
from html.parser import HTMLParser

import pytest
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from admin_panel import users
from browser.codes import oath_code
from need import need
from panel.live import PASSWORD, START, Account, Live, Visitor
from totpcore import EventKind, Rule, State, StoreError

need("oathtool")

HALF_REACHES = {"/login/code", "/login/recovery"}


def addresses(live: Live, method: str) -> list[tuple[str, set[str]]]:
    """Every address of the panel that takes this method, with all methods it takes."""
    user = live.panel.users.all()[-1].id
    return [
        (rule.rule.replace("<user>", user), rule.methods or set())
        for rule in live.app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint != "static"
    ]


def every_page(live: Live, visitor: Visitor) -> list[tuple[str, TestResponse]]:
    """All pages that can be opened, and what is no page."""
    paths = [path for path, _ in addresses(live, "GET")]
    return [(path, visitor.get(path)) for path in [*paths, "/nowhere", "/static/panel.css", "/static/panel.js"]]


def test_half_session_reaches_nothing_else(live: Live) -> None:
    """With the password alone every address leads back to the code page, by GET and by POST."""
    live.add_with_factor("ada", owner=True)
    for path, _ in addresses(live, "GET"):
        visitor = live.visitor()
        visitor.give_password("ada")
        answer = visitor.get(path)
        if path in HALF_REACHES:
            assert answer.status_code == 200
        else:
            assert (answer.status_code, answer.headers["Location"]) == (302, "/login/code"), path
    for path, _ in addresses(live, "POST"):
        if path in HALF_REACHES or path == "/logout":
            continue
        visitor = live.visitor()
        visitor.give_password("ada")
        answer = visitor.post(path, own_password=PASSWORD, new_password="another password", reason="x")
        assert (answer.status_code, answer.headers["Location"]) == (302, "/login/code"), path
    assert live.panel.users.check_password("ada", PASSWORD)


def test_half_session_ends_after_five_minutes(live: Live) -> None:
    """At 299 seconds a right code is accepted; at 300 the password is asked for again."""
    ada = live.add_with_factor("ada")
    slow, slower = live.visitor(), live.visitor()
    for visitor in (slow, slower):
        visitor.give_password("ada")
    live.tick(299)
    assert slow.post("/login/code", code=ada.code(live.clock())).headers["Location"] == "/"
    live.tick(1)
    assert slower.post("/login/code", code=ada.code(live.clock() + 30)).headers["Location"] == "/login"


def test_full_session_ends_in_the_end(live: Live) -> None:
    """After eight hours one logs in again."""
    visitor = live.visitor()
    visitor.log_in(live.add("ada"))
    live.tick(8 * 3600 - 1)
    assert visitor.get("/").status_code == 200
    live.tick(1)
    assert visitor.get("/").headers["Location"] == "/login"


def test_guest_reaches_only_the_log_in(live: Live) -> None:
    """Without a session every page leads to the log-in."""
    live.add("ada")
    for path, _ in addresses(live, "GET"):
        answer = live.visitor().get(path)
        assert (answer.status_code == 200) if path == "/login" else (answer.headers["Location"] == "/login"), path


def test_cookie_changes_at_each_step(live: Live) -> None:
    """A word that was known before a step up is worth nothing after it: guest, password, code, change, log-out."""
    ada = live.add_with_factor("ada")
    visitor, words = live.visitor(), []
    visitor.get("/login")
    words.append(visitor.cookie)
    visitor.give_password("ada")
    words.append(visitor.cookie)
    visitor.post("/login/code", code=ada.code(live.clock()))
    words.append(visitor.cookie)
    live.tick(60)
    visitor.get("/profile/two-factor")
    visitor.post("/profile/two-factor/disable", code=ada.code(live.clock()))
    words.append(visitor.cookie)
    visitor.get("/profile")
    visitor.post("/logout")
    words.append(visitor.cookie)
    assert len(set(words)) == 5
    for word in words:
        old = live.visitor()
        old.client.set_cookie("panel", word)
        assert old.get("/profile").headers["Location"] == "/login"


def test_planted_cookie_is_not_used(live: Live) -> None:
    """Session fixation: a word that somebody put into the browser is replaced at the log-in."""
    ada = live.add("ada")
    victim = live.visitor()
    victim.client.set_cookie("panel", "planted")
    victim.log_in(ada)
    thief = live.visitor()
    thief.client.set_cookie("panel", "planted")
    assert victim.get("/profile").status_code == 200
    assert thief.get("/profile").headers["Location"] == "/login"


def test_cookie_is_out_of_reach(live: Live) -> None:
    """No script reads it, no other site sends it, and behind TLS it goes nowhere else. The file holds no cookie."""
    visitor = live.visitor()
    cookie = visitor.get("/login").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    live.app.config["SECURE_COOKIE"] = True
    cookie = live.visitor().get("/login").headers["Set-Cookie"]
    assert cookie.startswith("__Host-panel=")
    assert "Secure" in cookie.split("; ")
    live.app.config["SECURE_COOKIE"] = False
    visitor.log_in(live.add("ada"))
    files = b"".join(path.read_bytes() for path in live.folder.iterdir())
    assert visitor.cookie.encode() not in files
    assert PASSWORD.encode() not in files


def test_session_ends_when_the_factor_changes_elsewhere(live: Live) -> None:
    """Set-up, replacement, disabling and reset in one browser end the session in another, not the one that did it."""
    ada = live.add("ada")

    def two() -> tuple[Visitor, Visitor]:
        pair = live.visitor(), live.visitor()
        for visitor in pair:
            visitor.log_in(account)
            live.tick(60)
        return pair

    account = ada
    first, second = two()
    first.get("/profile/two-factor")
    key = set_up_key(first.post("/profile/two-factor/setup"))
    assert second.get("/").status_code == 200, "a set-up that is under way ends nothing"
    first.post("/profile/two-factor/confirm", code=oath_code(key, live.clock()))
    assert first.get("/").status_code == 200
    assert second.get("/").headers["Location"] == "/login"

    live.tick(60)
    account = Account(ada.id, "ada", key)
    first, second = two()
    first.get("/profile/two-factor")
    key = set_up_key(first.post("/profile/two-factor/replace", code=account.code(live.clock())))
    first.post("/profile/two-factor/confirm", code=oath_code(key, live.clock()))
    assert first.get("/").status_code == 200
    assert second.get("/").headers["Location"] == "/login"

    live.tick(60)
    account = Account(ada.id, "ada", key)
    first, second = two()
    first.get("/profile/two-factor")
    first.post("/profile/two-factor/disable", code=account.code(live.clock()))
    assert first.get("/").status_code == 200
    assert second.get("/").headers["Location"] == "/login"


def set_up_key(answer: TestResponse) -> str:
    """The key that a page of the set-up shows."""
    found = re.search(r'id="key" class="key">(.*?)</code>', answer.text)
    assert found, answer.text
    return re.sub(r"<[^>]*>|\s", "", found[1])


def test_change_by_the_command_line_ends_sessions(live: Live) -> None:
    """The session hangs on the store's word, so that a change around the panel ends it too."""
    ada = live.add_with_factor("ada")
    full, half = live.visitor(), live.visitor()
    full.log_in(ada)
    half.give_password("ada")
    live.factor.reset(ada.id, actor="console", reason="test")
    assert full.get("/").headers["Location"] == "/login"
    assert half.get("/login/code").headers["Location"] == "/login"
    assert "Log-in is stopped" in live.visitor().give_password("ada").text


def test_password_change_ends_other_sessions(live: Live) -> None:
    """Whoever changes the password stays in, alone."""
    ada = live.add("ada")
    first, second = live.visitor(), live.visitor()
    first.log_in(ada)
    second.log_in(ada)
    first.get("/profile/password")
    first.post("/profile/password", own_password=PASSWORD, new_password="a better password")
    assert first.get("/").status_code == 200
    assert second.get("/").headers["Location"] == "/login"


def test_reset_between_password_and_code_is_seen(live: Live) -> None:
    """A log-in that a reset overtakes does not end in a session."""
    ada, grace = live.add("ada", owner=True), live.add_with_factor("grace")
    owner, other = live.visitor(), live.visitor()
    owner.log_in(ada)
    other.give_password("grace")
    owner.get(f"/setup/staff/administrators/{grace.id}")
    owner.post(f"/setup/staff/administrators/{grace.id}/reset", reason="lost", own_password=PASSWORD)
    assert other.post("/login/code", code=grace.code(live.clock())).headers["Location"] == "/login"


def test_reset_during_a_change_of_password_wins(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows the old password cannot write over the temporary one, however the requests overlap."""
    grace = live.add("grace")
    visitor = live.visitor()
    visitor.log_in(grace)
    visitor.get("/profile/password")
    given: list[str] = []

    def overtaken(password: str) -> str:
        monkeypatch.setattr(users, "generate_password_hash", generate_password_hash)
        given.append(live.panel.users.reset_password(grace.id))
        return generate_password_hash(password)

    monkeypatch.setattr(users, "generate_password_hash", overtaken)
    assert visitor.post("/profile/password", own_password=PASSWORD, new_password="one of the thief").status_code == 409
    assert live.panel.users.check_password("grace", given[0])
    assert visitor.get("/").headers["Location"] == "/login"


def test_forms_without_their_token_change_nothing(live: Live) -> None:
    """Each POST without the token, with another session's or with none of a cookie is 400, and nothing has changed."""
    ada, grace = live.add_with_factor("ada", owner=True), live.add_with_factor("grace")
    visitor, foreign = live.visitor(), live.visitor()
    visitor.log_in(ada)
    foreign.get("/login")
    live.tick(60)
    before = live.panel.users.all(), live.factor.status(ada.id), live.factor.status(grace.id)
    fields = {
        "code": ada.code(live.clock()),
        "own_password": PASSWORD,
        "new_password": "another password",
        "reason": "test",
        "login": "mallory",
        "name": "Mallory",
        "password": PASSWORD,
        "rule": "OFF",
    }
    for path, _ in addresses(live, "POST"):
        for token in ("", foreign.token, "x" * 64, "\N{SNOWMAN}"):
            assert visitor.client.post(path, data={**fields, "csrf": token}).status_code == 400, path
        assert visitor.client.post(path, data=fields).status_code == 400, path
        assert live.app.test_client().post(path, data={**fields, "csrf": visitor.token}).status_code == 400, path
    assert (live.panel.users.all(), live.factor.status(ada.id), live.factor.status(grace.id)) == before
    assert visitor.get("/").status_code == 200


def test_nothing_is_changed_by_get(live: Live) -> None:
    """The addresses that only change something answer 405 to a GET."""
    ada = live.add("ada", owner=True)
    live.add("grace")
    visitor = live.visitor()
    visitor.log_in(ada)
    changing = [path for path, methods in addresses(live, "POST") if "GET" not in methods]
    assert len(changing) >= 7
    for path in changing:
        assert visitor.get(path).status_code == 405, path


class Markup(HTMLParser):
    """Collects what a strict content security policy would block."""

    def __init__(self) -> None:
        super().__init__()
        self.blocked: list[str] = []
        self.script = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        names = dict(attrs)
        if tag == "style" or "style" in names or any(name.startswith("on") for name in names):
            self.blocked.append(tag)
        if tag == "script" and not names.get("src"):
            self.blocked.append(tag)


def test_every_answer_is_hardened(live: Live) -> None:
    """For guest, half and full session, on pages, redirects, errors and files: no-store, the policy, nothing inline."""
    ada = live.add_with_factor("ada", owner=True)
    guest, half, full = live.visitor(), live.visitor(), live.visitor()
    half.give_password("ada")
    full.log_in(ada)
    answers = [each for visitor in (guest, half, full) for each in every_page(live, visitor)]
    answers += [
        ("setup", setting_up(live)),
        ("400", live.visitor().post("/login")),
        ("413", full.post("/profile", login="x" * 100_000)),
    ]
    assert {200, 302, 400, 404, 413} <= {answer.status_code for _, answer in answers}
    for path, answer in answers:
        assert answer.headers["Cache-Control"] == "no-store", path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.mimetype == "text/html":
            markup = Markup()
            markup.feed(answer.text)
            assert not markup.blocked, path


def setting_up(live: Live) -> TestResponse:
    """The page with the QR code."""
    visitor = live.visitor()
    visitor.log_in(live.add("grace"))
    visitor.get("/profile/two-factor")
    return visitor.post("/profile/two-factor/setup")


def test_secret_is_only_in_answers_to_post(live: Live) -> None:
    """No page that can be opened by its address shows a key, also while a set-up is under way."""
    visitor = live.visitor()
    visitor.log_in(live.add("ada", owner=True))
    visitor.get("/profile/two-factor")
    key = set_up_key(visitor.post("/profile/two-factor/setup"))
    for path, answer in every_page(live, visitor):
        assert key not in re.sub(r"<[^>]*>|\s", "", answer.text), path
        assert "otpauth" not in answer.text


ODD = [
    "",
    " ",
    "\N{GRINNING FACE}" * 6,
    "１２３４５６",
    "-1",
    "0" * 50_000,
    "\0",
    "ABCD-" * 6,
    "%00",
    "\r\n",
    "None",
    "\u202e1",
    "1" * 24,
]


@pytest.mark.parametrize("typed", ODD)
def test_odd_input_never_breaks_a_form(live: Live, typed: str) -> None:
    """Whatever is typed as a code, anywhere, is refused with a page and not with a broken one."""
    ada = live.add_with_factor("ada")
    visitor = live.visitor()
    visitor.give_password("ada")
    for path in ("/login/code", "/login/recovery"):
        assert visitor.post(path, code=typed).status_code in {422, 429}, path
    visitor.log_in(ada)
    for form in ("confirm", "replace", "disable", "recovery-codes"):
        visitor.get("/profile/two-factor")
        answer = visitor.post(f"/profile/two-factor/{form}", code=typed)
        assert answer.status_code in {422, 429}, form
        assert not typed.strip() or len(typed) < 24 or typed not in answer.text
    assert live.factor.status(ada.id).state is State.ON


@pytest.mark.parametrize(
    "fields", [{}, {"login": "\0", "password": "\0"}, {"login": "' OR 1=1 --", "password": "x" * 60_000}]
)
def test_odd_passwords_never_break_the_log_in(live: Live, fields: dict[str, str]) -> None:
    """Missing, binary and long input is a wrong password."""
    live.add("ada")
    visitor = live.visitor()
    visitor.get("/login")
    assert visitor.post("/login", **fields).status_code == 422


def test_forms_of_staff_refuse_nonsense(live: Live) -> None:
    """A colon in a login name, an unknown rule, no day, an unknown person: a sentence, and nothing changes."""
    ada = live.add("ada", owner=True)
    visitor = live.visitor()
    visitor.log_in(ada)
    visitor.get("/profile")
    assert visitor.post("/profile", login="a:b", name="Ada").status_code == 422
    assert visitor.post("/profile", login="ada", name=" ").status_code == 422
    assert visitor.post("/setup/staff/two-factor-rule", rule="SOMETIMES").status_code == 422
    assert visitor.post("/setup/staff/two-factor-rule", rule="REQUIRE", deadline="tomorrow").status_code == 422
    assert visitor.post("/setup/staff/two-factor-rule", rule="REQUIRE", deadline="0001-01-01").status_code == 422
    assert visitor.post("/setup/staff/two-factor-rule").status_code == 422
    assert live.panel.users.enforcement().rule is Rule.OFF
    assert visitor.get("/setup/staff/administrators/nobody").status_code == 404
    assert (
        visitor.post(f"/setup/staff/administrators/{ada.id}/reset", reason="me", own_password=PASSWORD).status_code
        == 404
    )
    assert visitor.post("/profile/password", own_password="x", new_password="a better password").status_code == 422
    assert visitor.post("/profile/password", own_password=PASSWORD, new_password="short").status_code == 422


def test_whoever_is_no_owner_changes_nobody_else(live: Live) -> None:
    """The addresses of an owner are forbidden to others, with the right token as well."""
    owner, grace = live.add("ada", owner=True), live.add("grace")
    visitor = live.visitor()
    visitor.log_in(grace)
    reset = f"/setup/staff/administrators/{owner.id}/reset"
    for path in (reset, "/setup/staff/two-factor-rule"):
        answer = visitor.post(path, reason="x", own_password=PASSWORD, login="eve", name="Eve", rule="OFF")
        assert answer.status_code == 403, path
    for path in (f"/setup/staff/administrators/{owner.id}", "/setup/staff/two-factor-rule", "/setup/staff/audit"):
        assert visitor.get(path).status_code == 403, path
    assert len(live.panel.users.all()) == 2


def test_missing_record_stops_the_log_in(live: Live) -> None:
    """A flag without a record is not an open door: the page says whom to call, and no session is made."""
    ada = live.add("ada")
    visitor = live.visitor()
    visitor.log_in(ada)
    live.panel.users.expect_factor(ada.id, expected=True)
    other = live.visitor()
    answer = other.give_password("ada")
    assert answer.status_code == 503
    assert "Log-in is stopped" in answer.text
    assert "Call an owner" in answer.text
    for each in (visitor, other):
        assert each.get("/").headers["Location"] == "/login"


def test_store_that_does_not_answer_lets_nobody_in(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open sessions stand still while the store is out of order, and go on when it is back."""
    ada = live.add_with_factor("ada")
    visitor = live.visitor()
    visitor.log_in(ada)

    def broken(*_: object) -> None:
        raise StoreError

    with monkeypatch.context() as patch:
        patch.setattr("totpcore.TwoFactor.status", broken)
        assert visitor.get("/").status_code == 503
    assert visitor.get("/").status_code == 200


def test_code_confirmed_twice(live: Live) -> None:
    """The second form of a set-up that is done does not log out, break anything, or show codes again."""
    visitor = live.visitor()
    visitor.log_in(live.add("ada"))
    visitor.get("/profile/two-factor")
    key = set_up_key(visitor.post("/profile/two-factor/setup"))
    code = oath_code(key, live.clock())
    stale = visitor.token
    assert 'id="codes"' in visitor.post("/profile/two-factor/confirm", code=code).text
    assert visitor.client.post("/profile/two-factor/confirm", data={"csrf": stale, "code": code}).status_code == 400
    answer = visitor.post("/profile/two-factor/confirm", code=code)
    assert answer.status_code == 422
    assert 'id="codes"' not in answer.text


def test_too_many_codes_end_a_set_up(live: Live) -> None:
    """After twenty wrong codes the set-up has ended, the page says so, and the right code comes too late."""
    visitor = live.visitor()
    visitor.log_in(live.add("ada"))
    visitor.get("/profile/two-factor")
    key = set_up_key(visitor.post("/profile/two-factor/setup"))
    for _ in range(19):
        assert key in re.sub(
            r"<[^>]*>|\s", "", visitor.post("/profile/two-factor/confirm", code=oath_code(key, START + 3000)).text
        )
    assert "start again" in visitor.post("/profile/two-factor/confirm", code=oath_code(key, START + 3000)).text
    assert "start again" in visitor.post("/profile/two-factor/confirm", code=oath_code(key, START)).text


def test_set_up_is_not_a_way_around_the_old_factor(live: Live) -> None:
    """An open session cannot bind a new device without a code."""
    ada = live.add_with_factor("ada")
    visitor = live.visitor()
    visitor.log_in(ada)
    visitor.get("/profile/two-factor")
    answer = visitor.post("/profile/two-factor/setup")
    assert answer.status_code == 302
    assert "type a code under Replace device" in visitor.get("/profile/two-factor").text
    assert not live.factor.status(ada.id).replacing


def test_one_code_and_many_browsers(live: Live) -> None:
    """Eight half sessions send the same right code at once: one gets in."""
    ada = live.add_with_factor("ada")
    visitors = [live.visitor() for _ in range(8)]
    for visitor in visitors:
        visitor.give_password("ada")
    code, start, answers = ada.code(live.clock()), threading.Barrier(8), []

    def send(visitor: Visitor) -> None:
        start.wait()
        answers.append(visitor.post("/login/code", code=code).status_code)

    threads = [threading.Thread(target=send, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302] + [422] * 7


def test_clock_of_the_server_set_back(live: Live) -> None:
    """The page says that the server's clock is behind and that a recovery code works; and it does."""
    ada = live.add_with_factor("ada")
    live.visitor().log_in(ada)
    live.tick(-3600)
    visitor = live.visitor()
    visitor.give_password("ada")
    assert "clock of this server" in visitor.post("/login/code", code=ada.code(live.clock())).text
    assert visitor.post("/login/recovery", code=ada.recovery_codes[0]).status_code == 302


def test_unknown_name_costs_as_much_as_a_wrong_password(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash is compared either way, and the page is the same."""
    live.add("ada")
    compared: list[str] = []

    def compare(kept: str, _: str) -> bool:
        compared.append(kept.partition("$")[0])
        return False

    monkeypatch.setattr("admin_panel.users.check_password_hash", compare)
    pages = []
    for login in ("ada", "nobody"):
        visitor = live.visitor()
        visitor.get("/login")
        pages.append(visitor.post("/login", login=login, password="x").text.replace(visitor.token, ""))
    assert pages[0] == pages[1]
    assert len(compared) == 2
    assert compared[0] == compared[1]


def test_files_are_for_their_owner_alone(live: Live) -> None:
    """Nobody else on the machine reads the users or the second factors."""
    live.add_with_factor("ada")
    assert {"users.db", "second-factors.db"} <= {path.name for path in live.folder.iterdir()}
    for path in live.folder.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_audit_is_kept_with_stable_ids(live: Live) -> None:
    """The trail holds ids and words; names are looked up when it is shown."""
    ada = live.add_with_factor("ada")
    kinds = {row["kind"] for row in live.panel.users.events(10)}
    assert kinds == {EventKind.ENROL.value, EventKind.CONFIRM.value}
    assert {row["user"] for row in live.panel.users.events(10)} == {ada.id}
    assert all(START <= row["at"] <= live.clock() for row in live.panel.users.events(10))
