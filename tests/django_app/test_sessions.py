"""Sessions: what they are tied to, and every other way to get one."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.tokens import default_token_generator
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from django_app.visitors import PASSWORD, House, Visitor, text
from totpcore.django import session
from totpcore.django.models import expectation, forget
from totpcore.django.session import TIE

REMOTE = "django.contrib.auth.middleware.RemoteUserMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"


def is_half(visitor: Visitor) -> bool:
    """Whether a browser is sent to the code page."""
    return visitor.get("/private").headers.get("Location", "").startswith("/2fa/code/")


# ---- every other way in ----


def test_the_link_of_a_forgotten_password_is_no_way_around(house: House) -> None:
    """It logs in with the new password, which is a password."""
    alice = house.visitor(phone=True)
    user = urlsafe_base64_encode(force_bytes(alice.user.pk))
    link = alice.get(f"/account/reset/{user}/{default_token_generator.make_token(alice.user)}/")["Location"]
    done = alice.post(link, new_password1="a new long password", new_password2="a new long password")
    assert done["Location"] == "/private"
    assert is_half(alice)


def test_single_sign_on_is_no_way_around(house: House) -> None:
    """Whoever calls `login` has checked a password, or something in its place."""
    alice = house.visitor(phone=True)
    assert text(alice.get("/sso?user=alice")) == "welcome"
    assert is_half(alice)
    house.clock.tick(300)
    assert alice.get("/private")["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("path", ["/private", "/nowhere", "/flat"])
def test_a_user_whom_a_server_names_is_asked_too(house: House, behind: bool, path: str) -> None:
    """`RemoteUserMiddleware` logs in within the request: in front of the middleware, or behind it."""
    alice = house.visitor(phone=True)
    ours = "totpcore.django.middleware.SecondFactorMiddleware"
    two = [ours, REMOTE] if behind else [REMOTE, ours]
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        AUTHENTICATION,
        *two,
        f"{__name__}.flat_pages",
    ]
    backends = ["django.contrib.auth.backends.RemoteUserBackend"]
    with override_settings(MIDDLEWARE=middleware, AUTHENTICATION_BACKENDS=backends):
        browser = Client(REMOTE_USER="alice")
        for _ in range(2):
            assert browser.get(path)["Location"].startswith("/2fa/code/"), alice


def flat_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware that answers what no view does, to somebody who is logged in."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        known = response.status_code == 404 and request.path == "/flat" and request.user.is_authenticated
        return HttpResponse("for members") if known else response

    return answer


def test_a_session_that_somebody_made_by_hand_is_asked(house: House) -> None:
    """As programs do that write `_auth_user_id` themselves."""
    alice = house.visitor(phone=True)
    other = house.visitor("bob", phone=True)
    alice.logs_in()
    held = alice.browser.session
    held["_auth_user_id"], held["_auth_user_hash"] = str(other.user.pk), other.user.get_session_auth_hash()
    held.save()
    # What was accepted for Alice is tied to a generation that Bob's factor has not.
    assert alice.get("/private")["Location"].startswith("/accounts/login/")


# ---- fixation, and second tabs ----


def test_each_step_gets_a_new_session_key_and_csrf_token(house: House) -> None:
    """What somebody knew before is worth nothing after."""
    alice = house.visitor(phone=True)
    alice.get("/admin/login/")
    seen = []
    for step in ("password", "code"):
        alice.gives_password() if step == "password" else alice.post("/2fa/code/", code=alice.code())
        seen.append((alice.browser.cookies["sessionid"].value, alice.browser.cookies["csrftoken"].value))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]
    thief = Visitor(house, alice.user)
    thief.browser.cookies["sessionid"] = seen[0][0]
    assert thief.get("/private")["Location"].startswith("/accounts/login/")
    assert thief.get("/2fa/code/")["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["/admin/login/", "/account/login/"])
def test_a_second_log_in_asks_for_the_code_again(house: House, path: str) -> None:
    """Of the same user in the same browser: the code was for the log-in before."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    assert alice.is_let_in()
    alice.post(path, username="alice", password=PASSWORD)
    assert is_half(alice)


def test_a_log_in_as_another_user_asks_for_their_code(house: House) -> None:
    """In a second tab: the code of the one opens nothing for the other."""
    alice, bob = house.visitor(phone=True), house.visitor("bob", phone=True)
    alice.logs_in()
    bob.browser = alice.browser
    bob.gives_password()
    assert is_half(bob)
    assert alice.post("/2fa/code/", code=alice.code()).status_code == 422
    assert bob.post("/2fa/code/", code=bob.code()).status_code == 302
    assert bob.is_let_in()


def test_the_five_minutes_of_another_user_begin_with_their_log_in(house: House) -> None:
    """Django gives them a session without a key yet."""
    alice, bob = house.visitor(phone=True), house.visitor("bob", phone=True)
    alice.logs_in()
    bob.browser = alice.browser
    bob.gives_password()
    house.clock.tick(300)
    assert bob.get("/private")["Location"].startswith("/accounts/login/")


def test_somebody_else_can_log_in_over_a_half_session(house: House) -> None:
    """From a form that was open in another tab: that form is not swallowed, and its user is who is asked."""
    alice, bob = house.visitor(phone=True), house.visitor("bob")
    alice.gives_password()
    bob.browser = alice.browser
    assert bob.gives_password("/private")["Location"] == "/private"
    assert bob.is_let_in()


def test_forms_without_their_token_are_refused(house: House) -> None:
    """Another site cannot send them, in a half session or a full one."""
    alice = house.visitor(phone=True)
    alice.browser.handler.enforce_csrf_checks = True
    alice.browser.force_login(alice.user)
    for path in ("/2fa/code/", "/2fa/recovery/", "/2fa/logout/"):
        assert alice.post(path, code=alice.code()).status_code == 403
    page = alice.get("/2fa/code/")
    token = text(page).partition('csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert alice.post("/2fa/code/", code=alice.code(), csrfmiddlewaretoken=token).status_code == 302
    for path in ("setup", "confirm", "replace", "recovery-codes", "disable", "logout"):
        assert alice.post(f"/2fa/{path}/", code=alice.code()).status_code == 403
        assert alice.post(f"/2fa/{path}/", code=alice.code(), csrfmiddlewaretoken=token).status_code == 403  # rotated
    assert alice.is_let_in()


def test_they_are_refused_without_djangos_middleware_too(house: House) -> None:
    """The pages check for themselves."""
    alice = house.visitor(phone=True)
    alice.browser.force_login(alice.user)
    alice.browser.handler.enforce_csrf_checks = True
    with override_settings(MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", AUTHENTICATION]):
        assert alice.post("/2fa/code/", code=alice.code()).status_code == 403


# ---- what a session is tied to ----


def test_a_session_from_before_meets_the_challenge(house: House) -> None:
    """Once the factor was turned on in another one. Its five minutes begin then."""
    alice = house.visitor()
    elsewhere = alice.on_another_machine()
    for visitor in (alice, elsewhere):
        visitor.logs_in()
        assert visitor.is_let_in()
    house.clock.tick(3600)
    alice.sets_up()
    assert alice.is_let_in()
    assert is_half(elsewhere)
    assert elsewhere.post("/2fa/code/", code=alice.code()).status_code == 302


def test_another_device_ends_the_other_sessions(house: House) -> None:
    """Those in which a code of the one before was accepted; this one goes on under a new key."""
    alice = house.visitor(phone=True)
    elsewhere = alice.on_another_machine()
    alice.logs_in()
    elsewhere.logs_in()
    before = alice.browser.cookies["sessionid"].value
    alice.post("/2fa/replace/", code=alice.code())
    assert elsewhere.is_let_in()  # nothing has changed yet
    alice.sets_up()
    assert alice.is_let_in()
    assert alice.browser.cookies["sessionid"].value != before
    assert elsewhere.get("/private")["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in elsewhere.browser.session


def test_turning_it_off_ends_the_other_sessions(house: House) -> None:
    """And this one goes on."""
    alice = house.visitor(phone=True)
    elsewhere = alice.on_another_machine()
    alice.logs_in()
    elsewhere.logs_in()
    assert alice.post("/2fa/disable/", code=alice.code())["Location"] == "/2fa/"
    assert "Your password alone" in text(alice.get("/2fa/"))
    assert alice.is_let_in()
    assert not elsewhere.is_let_in()
    assert expectation(alice.user) is None


def test_a_reset_ends_every_session(house: House) -> None:
    """By another administrator; also one that is half open: it began under the old factor, and leads nowhere."""
    alice = house.visitor(phone=True)
    half = alice.on_another_machine()
    alice.logs_in()
    half.gives_password()
    assert is_half(half)
    house.factor.reset(alice.key, actor="bob", reason="the phone is lost")
    forget(alice.user)
    assert not alice.is_let_in()
    assert not half.is_let_in()
    assert "_auth_user_id" not in half.browser.session
    alice.phone = None
    half.gives_password()
    assert half.is_let_in()


def test_a_session_ends_where_it_was_copied(house: House) -> None:
    """The half session that was stolen does not come up with the one that its owner opened from it."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    thief = Visitor(house, alice.user)
    thief.browser.cookies["sessionid"] = alice.browser.cookies["sessionid"].value
    assert is_half(thief)
    alice.post("/2fa/code/", code=alice.code())
    assert alice.is_let_in()
    assert thief.get("/private")["Location"].startswith("/accounts/login/")


def test_a_new_password_leaves_the_code_given(house: House) -> None:
    """Django ends the other sessions, and goes on with this one."""
    alice = house.visitor(phone=True)
    elsewhere = alice.on_another_machine()
    alice.logs_in()
    elsewhere.logs_in()
    new = "quite another password"
    alice.post("/account/password/", old_password=PASSWORD, new_password1=new, new_password2=new)
    assert alice.is_let_in()
    assert not elsewhere.is_let_in()


def test_a_session_holds_nothing_secret(house: House) -> None:
    """Neither secret nor code: of a set-up that is under way a mark that is no use without `SECRET_KEY`."""
    alice = house.visitor()
    alice.logs_in()
    alice.sets_up()
    alice.post("/2fa/replace/", code=alice.code())
    held = str(dict(alice.browser.session.items()))
    assert alice.phone
    assert alice.phone.uri.token.secret.base32 not in held
    assert set(alice.browser.session.keys()) <= {
        "_auth_user_id", "_auth_user_backend", "_auth_user_hash", session.TIE, session.SETUP,
    }  # fmt: skip
    new = alice.post("/2fa/setup/")
    assert text(new).partition("secret=")[2][:16] not in held


def test_the_flag_is_mended(house: House) -> None:
    """Where the machine had stopped between the factor and the flag: the next log-in sets it."""
    alice = house.visitor(phone=True)
    forget(alice.user)
    alice.logs_in()
    assert str(expectation(alice.user)) == alice.key


def test_a_log_in_without_a_request_is_no_error(house: House) -> None:
    """As some programs tell of one; it leaves the sessions alone."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    for request in (None, HttpRequest()):
        answers = user_logged_in.send_robust(User, request=request, user=alice.user)
        assert [answer for _, answer in answers if answer is not None] == []
    assert TIE in alice.browser.session


def test_a_visitor_without_a_session_is_not_looked_at(house: House) -> None:
    """Their pages may be cached for all, and cost no query."""
    with CaptureQueriesContext(connection) as queries:
        page = Client().get("/jsi18n/")
    assert "Cookie" not in page.headers.get("Vary", "")
    assert not [query for query in queries if "session" in query["sql"]]
