"""Forms and answers: tokens, headers, odd input, what is shown where, without a browser and thus quick."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from browser.codes import oath_code, wrong_code
from browser.site import PASSWORD, START
from pages.live import Answer, Live, Visitor, key_in, paths
from totpcore import Rule, State

UNSEEN = ["a\0b", "\u200b", "Ada\u202e", "\u2066Ada", "\x1b[2J", " \t "]
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


def every_page(live: Live, visitor: Visitor) -> list[tuple[str, Answer]]:
    """All pages that can be opened, and what is no page."""
    found = [*paths(live, "GET"), "/nowhere", "/static/panel.css", "/static/panel.js", "/static/nowhere"]
    return [(path, visitor.get(path)) for path in found]


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


def setting_up(live: Live) -> Answer:
    """The page with the QR code."""
    visitor = live.visitor()
    visitor.log_in(live.add("grace"))
    visitor.get("/profile/two-factor")
    return visitor.post("/profile/two-factor/setup")


class Forms:
    """What is sent, and what comes back."""

    def test_forms_without_their_token_change_nothing(self, live: Live) -> None:
        """Each POST without the token, with another session's or without a cookie is 400, and nothing has changed."""
        ada, grace = live.add_with_factor("ada", owner=True), live.add_with_factor("grace")
        visitor, foreign = live.visitor(), live.visitor()
        visitor.log_in(ada)
        foreign.get("/login")
        live.tick(60)
        before = live.users.all(), live.factor.status(ada.id), live.factor.status(grace.id)
        fields = {
            "code": ada.code(live.now()),
            "own_password": PASSWORD,
            "new_password": "another password",
            "reason": "test",
            "login": "mallory",
            "name": "Mallory",
            "password": PASSWORD,
            "rule": "OFF",
        }
        for path in paths(live, "POST"):
            for token in ("", foreign.token, "x" * 64, "\N{SNOWMAN}"):
                assert visitor.post_without_token(path, **fields, csrf=token).status_code == 400, path
            assert visitor.post_without_token(path, **fields).status_code == 400, path
            assert live.visitor().post_without_token(path, **fields, csrf=visitor.token).status_code == 400, path
        assert (live.users.all(), live.factor.status(ada.id), live.factor.status(grace.id)) == before
        assert visitor.get("/").status_code == 200

    def test_nothing_is_changed_by_get(self, live: Live) -> None:
        """The addresses that only change something answer 405 to a GET."""
        ada = live.add("ada", owner=True)
        live.add("grace")
        visitor = live.visitor()
        visitor.log_in(ada)
        changing = sorted({*paths(live, "POST")} - {*paths(live, "GET")})
        assert len(changing) >= 7
        for path in changing:
            assert visitor.get(path).status_code == 405, path

    def test_nothing_is_changed_by_head(self, live: Live) -> None:
        """Whatever form comes with it, and without a token, a HEAD logs nobody in and changes nothing."""
        ada, grace = live.add("ada", owner=True), live.add("grace")
        live.encourage()
        visitor = live.visitor()
        visitor.log_in(ada)
        before = live.users.all(), live.users.enforcement(), live.factor.status(ada.id), live.factor.status(grace.id)
        fields = {
            "own_password": PASSWORD,
            "new_password": "another password",
            "reason": "test",
            "login": "ada",
            "name": "Mallory",
            "password": PASSWORD,
            "rule": "OFF",
        }
        for path in {*paths(live, "GET"), *paths(live, "POST")}:
            assert visitor.head(path, **fields).status_code != 422, path
            guest = live.visitor()
            assert guest.head(path, **fields).status_code in {200, 302, 405}, path
            assert guest.get("/").headers["Location"] == "/login", path
        assert (
            live.users.all(),
            live.users.enforcement(),
            live.factor.status(ada.id),
            live.factor.status(grace.id),
        ) == before
        assert live.users.check_password("ada", PASSWORD)
        assert visitor.get("/").status_code == 200
        katherine = live.add_with_factor("katherine")
        half = live.visitor()
        half.give_password("katherine")
        for path, code in (
            ("/login/code", katherine.code(live.now())),
            ("/login/recovery", katherine.recovery_codes[0]),
        ):
            assert half.head(path, code=code).status_code in {200, 405}
            assert half.get("/").headers["Location"] == "/login/code"

    def test_every_answer_is_hardened(self, live: Live) -> None:
        """For every session, on pages, redirects, errors and files: no-store, the policy, nothing inline."""
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
            if "Content-Type" in answer.headers and answer.headers["Content-Type"].startswith("text/html"):
                markup = Markup()
                markup.feed(answer.text)
                assert not markup.blocked, path

    def test_secret_is_only_in_answers_to_post(self, live: Live) -> None:
        """No page that can be opened by its address shows a key, also while a set-up is under way."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada", owner=True))
        visitor.get("/profile/two-factor")
        key = key_in(visitor.post("/profile/two-factor/setup"))
        for path, answer in every_page(live, visitor):
            assert key not in re.sub(r"<[^>]*>|\s", "", answer.text), path
            assert "otpauth" not in answer.text

    @pytest.mark.parametrize("typed", ODD)
    def test_odd_input_never_breaks_a_form(self, live: Live, typed: str) -> None:
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
    def test_odd_passwords_never_break_the_log_in(self, live: Live, fields: dict[str, str]) -> None:
        """Missing, binary and long input is a wrong password."""
        live.add("ada")
        visitor = live.visitor()
        visitor.get("/login")
        assert visitor.post("/login", **fields).status_code == 422

    def test_forms_of_staff_refuse_nonsense(self, live: Live) -> None:
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
        assert live.users.enforcement().rule is Rule.OFF
        assert visitor.get("/setup/staff/administrators/nobody").status_code == 404
        assert (
            visitor.post(f"/setup/staff/administrators/{ada.id}/reset", reason="me", own_password=PASSWORD).status_code
            == 404
        )
        assert visitor.post("/profile/password", own_password="x", new_password="a better password").status_code == 422
        assert visitor.post("/profile/password", own_password=PASSWORD, new_password="short").status_code == 422

    @pytest.mark.parametrize("typed", UNSEEN)
    def test_what_others_read_can_be_seen(self, live: Live, typed: str) -> None:
        """Neither a name nor a reason hides signs; both are refused before anything is changed."""
        ada, grace = live.add("ada", owner=True), live.add_with_factor("grace")
        visitor = live.visitor()
        visitor.log_in(ada)
        visitor.get("/profile")
        answer = visitor.post("/profile", login="ada", name=typed)
        assert (answer.status_code, "can be seen" in answer.text) == (422, True)
        reset = f"/setup/staff/administrators/{grace.id}/reset"
        answer = visitor.post(reset, reason=typed, own_password=PASSWORD)
        assert (answer.status_code, "Say why" in answer.text) == (422, True)
        assert live.users.check_password("grace", PASSWORD)
        assert live.factor.status(grace.id).state is State.ON

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [(" Zo\xeb  O'Neil ", "Zo\xeb O'Neil"), ("\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce")],
    )
    def test_names_of_all_people_are_taken(self, live: Live, typed: str, kept: str) -> None:
        """Letters of all scripts, and spaces between them, of which one is as good as many."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada"))
        visitor.get("/profile")
        assert visitor.post("/profile", login="ada", name=typed).status_code == 302
        assert f'value="{kept}"' in unescape(visitor.get("/profile").text)

    def test_a_reset_says_whose_it_is(self, live: Live) -> None:
        """Two may bear one name; the name to log in with is beside it."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada", owner=True))
        grace = live.add("grace")
        assert "Grace, user name <code>grace</code>" in visitor.get(f"/setup/staff/administrators/{grace.id}").text

    def test_whoever_is_no_owner_changes_nobody_else(self, live: Live) -> None:
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
        assert len(list(live.users.all())) == 2

    def test_code_confirmed_twice(self, live: Live) -> None:
        """The second form of a set-up that is done does not log out, break anything, or show codes again."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada"))
        visitor.get("/profile/two-factor")
        key = key_in(visitor.post("/profile/two-factor/setup"))
        code = oath_code(key, live.now())
        stale = visitor.token
        assert 'id="codes"' in visitor.post("/profile/two-factor/confirm", code=code).text
        assert visitor.post_without_token("/profile/two-factor/confirm", csrf=stale, code=code).status_code == 400
        answer = visitor.post("/profile/two-factor/confirm", code=code)
        assert answer.status_code == 422
        assert 'id="codes"' not in answer.text

    def test_too_many_codes_end_a_set_up(self, live: Live) -> None:
        """After twenty wrong codes the set-up has ended, the page says so, and the right code comes too late."""
        visitor = live.visitor()
        visitor.log_in(live.add("ada"))
        visitor.get("/profile/two-factor")
        key = key_in(visitor.post("/profile/two-factor/setup"))
        wrong = wrong_code(key, START)
        for _ in range(19):
            answer = visitor.post("/profile/two-factor/confirm", code=wrong)
            assert key in re.sub(r"<[^>]*>|\s", "", answer.text)
        assert "start again" in visitor.post("/profile/two-factor/confirm", code=wrong).text
        assert "start again" in visitor.post("/profile/two-factor/confirm", code=oath_code(key, START)).text

    def test_set_up_is_not_a_way_around_the_old_factor(self, live: Live) -> None:
        """An open session cannot bind a new device without a code."""
        ada = live.add_with_factor("ada")
        visitor = live.visitor()
        visitor.log_in(ada)
        visitor.get("/profile/two-factor")
        answer = visitor.post("/profile/two-factor/setup")
        assert answer.status_code == 302
        assert "type a code under Replace device" in visitor.get("/profile/two-factor").text
        assert not live.factor.status(ada.id).replacing
