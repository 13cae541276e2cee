"""Logging in: the password is Django's, at whatever view. What comes after it is the app's."""

import pytest
from django.conf import settings
from django.test import override_settings

from django_app.visitors import House, text
from totpcore import Enforcement, Policy, Rule

HALF_REACHES_NOTHING_OF_THESE = [
    "/admin/",
    "/admin/auth/user/",
    "/admin/password_change/",
    "/admin/nowhere/",
    "/2fa/",
    "/account/password/",
    "/open",
    "/private",
    "/async",
    "/required",
    "/required-async",
    "/required-class",
    "/api",
    "/broken",
    "/nowhere",
    "/2fa/code",  # Django would add the slash
    "/account/login/",
]


def test_the_password_alone_opens_nothing(house: House) -> None:
    """Where there is a second factor, every page leads to the code, and remembers where one was going."""
    alice = house.visitor(phone=True)
    assert alice.gives_password()["Location"] == "/admin/"
    assert alice.get("/admin/auth/user/?q=x")["Location"] == "/2fa/code/?next=%2Fadmin%2Fauth%2Fuser%2F%3Fq%3Dx"


def test_the_right_code_lets_in(house: House) -> None:
    """To the page that was asked for."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    page = alice.get("/2fa/code/?next=/private")
    assert 'autocomplete="one-time-code"' in text(page)
    done = alice.post("/2fa/code/?next=/private", code=alice.code())
    assert (done.status_code, done["Location"]) == (302, "/private")
    assert alice.is_let_in()
    assert alice.get("/admin/").status_code == 200


@pytest.mark.parametrize("path", HALF_REACHES_NOTHING_OF_THESE)
def test_a_half_session_is_confined(house: House, path: str) -> None:
    """Also from what does not exist, what awaits, what belongs to the app, and what anybody else may open."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    assert alice.get(path)["Location"].startswith("/2fa/code/?next=")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "GET", "HEAD"])
def test_no_method_gets_around_it(house: House, method: str) -> None:
    """What is no reading is answered so that a browser reads the code page and sends nothing again."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    answer = alice.browser.generic(method, "/api", b"{}", "application/json")
    assert answer.status_code == (302 if method in {"GET", "HEAD"} else 303)
    assert answer["Location"].startswith("/2fa/code/")
    assert "no-store" in answer["Cache-Control"]


def test_a_program_is_told_and_not_led(house: House) -> None:
    """What wants no page would follow to the code page, and take that for an answer."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    answer = alice.get("/api", accept="application/json")
    assert (answer.status_code, text(answer)) == (403, "A second factor is required.")


def test_a_half_session_shows_nothing_of_the_admin(house: House) -> None:
    """No list of applications, no name, no menu: only its look, and the way out."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    for path in ("/2fa/code/", "/2fa/recovery/", "/2fa/help/"):
        page = text(alice.get(path))
        assert "Django administration" in page
        assert 'action="/2fa/logout/"' in page
        for shown in ("nav-sidebar", "alice", "/admin/auth/", "password_change", "Welcome"):
            assert shown not in page
        assert "theme-toggle" in page  # which the admin shows to the anonymous: no template sees who it is


@pytest.mark.parametrize("path", ["/admin/logout/", "/account/logout/", "/2fa/logout/"])
def test_a_half_session_can_log_out(house: House, path: str) -> None:
    """At each view that does that."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    assert alice.post(path).status_code in {200, 302}
    assert "_auth_user_id" not in alice.browser.session


@pytest.mark.parametrize(("path", "status"), [("/jsi18n/", 200), ("/admin/jsi18n/", 302), ("/exempt", 200)])
def test_what_needs_no_session_is_reached_without_one(house: House, path: str, status: int) -> None:
    """As by a visitor who is not logged in at all."""
    alice = house.visitor(phone=True)
    stranger = alice.on_another_machine()
    alice.gives_password()
    assert alice.get(path).status_code == status
    assert alice.get(path).content == stranger.get(path).content


@pytest.mark.parametrize("place", [4, 5])
def test_a_site_that_requires_a_log_in_everywhere(house: House, place: int) -> None:
    """Django's `LoginRequiredMiddleware` lets a half session, which is nobody to it, to the code page."""
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(place, "django.contrib.auth.middleware.LoginRequiredMiddleware")
    with override_settings(MIDDLEWARE=middleware, LOGIN_URL="login"):
        alice = house.visitor(phone=True)
        alice.gives_password()
        assert alice.get("/2fa/code/").status_code == 200
        assert alice.post("/2fa/code/", code=alice.code()).status_code == 302
        assert text(alice.get("/open")) == "you are alice"


@pytest.mark.parametrize("path", ["/exempt", "/exempt-async"])
def test_an_exempt_view_sees_nobody(house: House, path: str) -> None:
    """Half logged in is not logged in."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    assert text(alice.get(path)) == "you are nobody"
    alice.post("/2fa/code/", code=alice.code())
    assert text(alice.get(path)) == "you are alice"


def test_a_half_session_ends_after_five_minutes(house: House) -> None:
    """Counted from the log-in, whatever was done meanwhile; the right code comes too late, and is not spent."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    house.clock.tick(299)
    assert alice.get("/2fa/code/").status_code == 200
    house.clock.tick(1)
    late = alice.post("/2fa/code/", code=alice.code())
    assert late["Location"] == "/admin/login/?next="
    assert "_auth_user_id" not in alice.browser.session
    assert "took too long" in text(alice.get("/admin/login/"))
    assert alice.logs_in()["Location"] == "/admin/"


def test_the_five_minutes_begin_with_the_log_in(house: House) -> None:
    """A cookie that was stolen on the way is of no use later, though nobody came back with it."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    house.clock.tick(301)
    assert alice.get("/admin/")["Location"].startswith("/admin/login/")


def test_a_clock_that_was_set_back_ends_it_too(house: House) -> None:
    """Otherwise that would lengthen it."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    house.clock.tick(-1)
    assert alice.get("/2fa/code/").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/",
        "https:evil.example",
        "https:///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "http://testserver@evil.example/",
        "ftp://testserver/",
    ],
)
def test_next_leads_to_no_other_site(house: House, target: str) -> None:
    """Neither in the address nor in the form."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    assert "evil.example" not in text(alice.browser.get("/2fa/code/", {"next": target}))
    assert alice.post("/2fa/code/", code=alice.code(), next=target)["Location"] == "/admin/"


def test_without_next_one_lands_where_the_site_says(house: House) -> None:
    """At `LOGIN_REDIRECT_URL`; else staff in the admin, others at their second factor."""
    alice, bob = house.visitor(phone=True), house.visitor("bob", phone=True, staff=False)
    bob.browser.force_login(bob.user)
    with override_settings(LOGIN_REDIRECT_URL=None):
        assert bob.post("/2fa/code/", code=bob.code())["Location"] == "/2fa/"
    alice.gives_password()
    with override_settings(LOGIN_REDIRECT_URL="/open"):
        assert alice.post("/2fa/code/", code=alice.code())["Location"] == "/open"


# ---- what is refused ----


def test_a_wrong_code_is_told_and_counted(house: House) -> None:
    """With what to do next, beside its field, and without what was typed."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    wrong = alice.wrong()
    page = alice.post("/2fa/code/", code=wrong, next="/private")
    assert page.status_code == 422
    assert "4 more tries" in text(page)
    assert 'aria-describedby="code-error code-hint"' in text(page)
    assert 'name="next" value="/private"' in text(page)
    assert wrong not in text(page)
    assert alice.get("/private").status_code == 302


def test_wrong_codes_end_in_a_wait(house: House) -> None:
    """With the seconds in words and in a header; the right code is not looked at meanwhile."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    for _ in range(5):
        alice.post("/2fa/code/", code=alice.wrong())
    page = alice.post("/2fa/code/", code=alice.phone.code(house.clock()) if alice.phone else "")
    assert (page.status_code, page["Retry-After"]) == (429, "30")
    assert "Wait 30 seconds" in text(page)


def test_a_code_opens_once(house: House) -> None:
    """What somebody looked at over a shoulder is spent."""
    alice = house.visitor(phone=True)
    code = alice.code()
    alice.gives_password()
    alice.post("/2fa/code/", code=code)
    thief = alice.on_another_machine()
    thief.gives_password()
    page = thief.post("/2fa/code/", code=code)
    assert page.status_code == 422
    assert "used already" in text(page)


def test_wrong_codes_are_told_after_the_log_in(house: House) -> None:
    """Somebody may know the password."""
    alice = house.visitor(phone=True)
    thief = alice.on_another_machine()
    thief.gives_password()
    for _ in range(2):
        thief.post("/2fa/code/", code=alice.wrong())
    alice.logs_in()
    assert "2 wrong codes since your last log-in" in text(alice.get("/admin/"))


def test_a_recovery_code_opens_once(house: House) -> None:
    """And leads to where another device is set up."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    done = alice.post("/2fa/recovery/", code=alice.codes[0].lower().replace("-", " "))
    assert done["Location"] == "/2fa/"
    overview = text(alice.get("/2fa/"))
    assert "9 are left" in overview
    assert "Set up another device" in overview
    thief = alice.on_another_machine()
    thief.gives_password()
    page = thief.post("/2fa/recovery/", code=alice.codes[0])
    assert page.status_code == 422
    assert "Take the next one" in text(page)


def test_few_recovery_codes_are_told(house: House) -> None:
    """When it is time to make new ones."""
    alice = house.visitor(phone=True)
    for code in alice.codes[:7]:
        alice.gives_password()
        alice.post("/2fa/recovery/", code=code)
        alice.post("/2fa/logout/")
        house.clock.tick(60)
    alice.gives_password()
    alice.post("/2fa/recovery/", code=alice.codes[7])
    assert "time to make new recovery codes" in text(alice.get("/2fa/"))


def test_no_recovery_codes_are_told_with_a_way_to_new_ones(house: House) -> None:
    """After the last one is used up, and after each log-in from then on."""
    alice = house.visitor(phone=True)
    told = "You have no recovery codes left"
    for code in alice.codes[:-1]:
        alice.gives_password()
        alice.post("/2fa/recovery/", code=code)
    assert told not in text(alice.get("/2fa/"))
    alice.gives_password()
    alice.post("/2fa/recovery/", code=alice.codes[-1])
    page = text(alice.get("/2fa/"))
    assert told in page
    assert "It is time to make new recovery codes" not in page
    house.clock.tick(60)
    alice.logs_in()
    page = text(alice.get("/admin/"))
    assert told in page
    assert '<a href="/2fa/">Make new recovery codes</a>' in page


def test_a_locked_factor_asks_for_a_recovery_code(house: House) -> None:
    """And confines whoever came in by one to setting up anew; no code is asked for that."""
    with override_settings(TOTPCORE_POLICY=Policy(lock_after=10)):
        alice = house.visitor(phone=True)
        alice.gives_password()
        while alice.post("/2fa/code/", code=alice.wrong()).status_code != 422 or not _is_locked(house, alice.key):
            house.clock.tick(200)
            alice.gives_password()
        assert "locked" in text(alice.get("/2fa/code/"))
        assert alice.post("/2fa/code/", code=alice.code()).status_code == 422
        alice.gives_password()
        assert alice.post("/2fa/recovery/", code=alice.codes[0])["Location"] == "/2fa/"
        for path in ("/admin/", "/private", "/2fa/recovery-codes/", "/2fa/disable/", "/required"):
            assert alice.get(path)["Location"] == "/2fa/"
        assert "Set up your device anew" in text(alice.get("/2fa/"))
        alice.sets_up()
        assert alice.is_let_in()


def _is_locked(house: House, key: str) -> bool:
    return house.factor.status(key).state.value == "locked"


# ---- the rule for staff ----


def test_whoever_must_have_a_factor_is_confined_to_setting_it_up(house: House) -> None:
    """To that, the explanation, the password and log-out; once it is set up everything opens."""
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        alice = house.visitor()
        alice.gives_password()
        for path in ("/admin/", "/private", "/nowhere", "/open", "/2fa/code/", "/2fa/disable/", "/account/login/"):
            assert alice.get(path)["Location"] == "/2fa/"
        for path in ("/2fa/help/", "/admin/password_change/", "/account/password/"):
            assert alice.get(path).status_code == 200
        assert alice.post("/api")["Location"] == "/2fa/"
        assert text(alice.get("/exempt")) == "you are nobody"
        assert "requires a second factor" in text(alice.get("/2fa/"))
        assert "nav-sidebar" not in text(alice.get("/2fa/"))
        alice.sets_up()
        assert alice.is_let_in()


def test_others_than_staff_may_choose(house: House) -> None:
    """The rule is for those who may reach the admin."""
    with override_settings(TOTPCORE_ENFORCEMENT="require"):
        bob = house.visitor("bob", staff=False)
        bob.browser.force_login(bob.user)
        assert bob.is_let_in()


def test_the_nudge_comes_once_after_each_log_in(house: House) -> None:
    """With the day and the hour from which on a factor is required, and the way to it."""
    rule = Enforcement(Rule.REQUIRE, deadline=house.clock() + 86_400)
    with override_settings(TOTPCORE_ENFORCEMENT=rule, TIME_ZONE="UTC"):
        alice = house.visitor()
        alice.logs_in()
        page = text(alice.get("/admin/"))
        assert 'from Jan. 16, 2027, 8 a.m. on it is required. <a href="/2fa/">' in page
        assert "protect your account" not in text(alice.get("/admin/"))
        alice.post("/admin/logout/")
        alice.logs_in()
        assert "protect your account" in text(alice.get("/admin/"))
        house.clock.tick(86_400)
        assert alice.get("/admin/")["Location"] == "/2fa/"


def test_the_nudge_has_no_day_where_it_is_only_encouraged(house: House) -> None:
    """There is none."""
    with override_settings(TOTPCORE_ENFORCEMENT="encourage"):
        alice = house.visitor()
        alice.logs_in()
        assert "protect your account with a second factor. <a" in text(alice.get("/admin/"))
        assert alice.is_let_in()
