"""When the store cannot be relied on, and when a page fails: nobody is let in, and nothing is shown that was typed."""

import logging
import re
import traceback
from collections.abc import Callable

import django
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.utils.log import AdminEmailHandler

from django_app.visitors import House, Visitor, scanned, text
from totpcore import ClockBehind, Event, EventKind, MemoryStore, NotEnrolled, Refused, StoreError, TwoFactor
from totpcore.django.messages import explain
from totpcore.django.models import expectation, forget
from totpcore.django.signals import second_factor_event
from totpcore.stores.django import DjangoStore

AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
# Django 5.2 takes pairs, 6.0 and later addresses.
ADMINISTRATORS = ["ops@example.com"] if django.VERSION >= (6,) else [("Ops", "ops@example.com")]


class Away:
    """A store that is not there."""

    def load(self, user: str, /) -> bytes | None:
        """Fail."""
        raise StoreError("the server is away")

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Fail."""
        raise StoreError("the server is away")


def assert_stopped(visitor: Visitor, path: str, said: str) -> None:
    """The page says so, lets nobody in, and shows nothing of the admin."""
    page = visitor.get(path)
    assert page.status_code == 503
    assert said in text(page)
    assert "no-store" in page["Cache-Control"]
    assert visitor.user.username not in text(page)
    assert "nav-sidebar" not in text(page)
    assert "theme-toggle" in text(page)  # which the admin shows to the anonymous: no template sees who it is


def test_a_lost_store_lets_nobody_in(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong setting, or an emptied file: whoever had a factor is stopped, in every session, and the log says why."""
    alice, bob = house.visitor(phone=True), house.visitor("bob")
    half = alice.on_another_machine()
    alice.logs_in()
    bob.logs_in()
    with override_settings(TOTPCORE_STORE=MemoryStore()):
        half.gives_password()
        for visitor in (half, alice):
            assert_stopped(visitor, "/private", "Call whoever runs this site")
        assert bob.is_let_in()
    assert "RecordMissing: a second factor is expected" in caplog.text
    assert alice.is_let_in()  # the session was not ended by trouble that is over


def test_a_record_that_cannot_be_opened_lets_nobody_in(house: House) -> None:
    """Until somebody resets it."""
    alice = house.visitor(phone=True)
    store = DjangoStore()
    assert store.swap(alice.key, store.load(alice.key), b"nonsense")
    alice.gives_password()
    assert_stopped(alice, "/private", "Call whoever runs this site")
    house.factor.reset(alice.key, actor="bob", reason="unreadable")
    forget(alice.user)
    assert alice.is_let_in()


def test_a_store_that_is_away_lets_nobody_in(house: House) -> None:
    """With other words: it may come back."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    with override_settings(TOTPCORE_STORE=Away()):
        assert_stopped(alice, "/private", "Wait a minute and try again")
        assert_stopped(alice, "/2fa/", "Wait a minute and try again")
        assert_stopped(alice, "/nowhere", "Wait a minute and try again")
        assert alice.post("/2fa/disable/", code=alice.code()).status_code == 503
        half = alice.on_another_machine()
        assert half.gives_password().status_code == 302
        assert_stopped(half, "/2fa/code/", "Wait a minute and try again")
        assert Client().get("/2fa/help/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/admin/login/",
        "/account/password/",
        "/admin/auth/user/add/",
        "/admin/auth/user/reset-second-factor/",
        "/nowhere",
    ],
)
def test_trouble_mails_nothing_that_was_typed(house: House, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log may send each page 503 to the administrators, with the request; the view that hides its form never ran."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    handler = AdminEmailHandler(email_backend="django.core.mail.backends.locmem.EmailBackend")
    monkeypatch.setattr(logging.getLogger("django.request"), "handlers", [handler])
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    fields = {"password": "canary one", "own_password": "canary two", "code": "canary three"}
    with override_settings(TOTPCORE_STORE=Away(), ADMINS=ADMINISTRATORS):
        assert alice.post(path, **fields).status_code == 503
    (sent,) = mail.outbox
    assert path in sent.body
    assert "own_password" in sent.body
    assert "canary" not in sent.body


def test_a_store_that_goes_away_within_a_request(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the view meets it, the same page is shown."""
    alice = house.visitor(phone=True)
    alice.gives_password()

    def fail(_store: object, *_given: object) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(DjangoStore, "swap", fail)
    page = alice.post("/2fa/code/", code=alice.code())
    assert page.status_code == 503
    assert alice.get("/private").status_code == 302
    assert alice.get("/broken").status_code == 302


def test_another_exception_is_not_taken_for_trouble_with_the_store(house: House) -> None:
    """It is the page 500, as ever."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    assert alice.get("/broken").status_code == 500


# ---- what was typed ----


def shows(written: str, code: str) -> bool:
    """Whether a code stands there by itself: by chance its digits are in an id, an address, a colour too."""
    plain = re.sub(r"\\[nrt]|=3D|%[0-9A-F]{2}", " ", written)  # escapes of `repr`, of mail, of a form
    return re.search(rf"(?<![0-9a-z#])(?<!\d\.){code}(?![0-9a-z]|\.\d)", plain) is not None


SHOWN = (
    "123456", "code=123456&next=", "code=3D123456", "code%3D123456", r"b'\r\n\r\n123456\r\n'", "&#x27;123456&#x27;",
    "It is 123456.", "code_123456",
)  # fmt: skip
NOT_SHOWN = ("0x7f123456", "1123456", "<176.123456.789@host>", "0.123456", "123456.5", "#123456", "12345")


@pytest.mark.parametrize(("written", "shown"), [*((one, True) for one in SHOWN), *((one, False) for one in NOT_SHOWN)])
def test_a_code_is_found_however_it_is_written(written: str, *, shown: bool) -> None:
    """And where its digits are part of something else, which chance brings about, it is not."""
    assert shows(written, "123456") is shown


def test_no_error_page_shows_what_was_typed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the page for developers nor the mail, with `DEBUG` or without; nor any variable of a frame."""
    alice = house.visitor(phone=True)
    handler = AdminEmailHandler(include_html=True, email_backend="django.core.mail.backends.locmem.EmailBackend")
    monkeypatch.setattr(logging.getLogger("django.request"), "handlers", [handler])
    monkeypatch.setattr(mail, "outbox", [], raising=False)

    def break_down(*_given: object, **_named: object) -> None:
        local = alice.key + " canary"
        raise RuntimeError(len(local))

    codes = []
    for debug in (True, False):
        alice.gives_password()
        codes.append(alice.code())
        with monkeypatch.context() as broken, override_settings(DEBUG=debug, ADMINS=ADMINISTRATORS):
            broken.setattr("totpcore.django.session.mark_verified", break_down)
            page = alice.post("/2fa/code/", code=codes[-1])
        assert page.status_code == 500
        assert ("RuntimeError" in text(page)) is debug
        assert not shows(text(page), codes[-1])
        assert f"{alice.key} canary" not in text(page)
    assert len(mail.outbox) == 2
    for message in mail.outbox:
        whole = message.message().as_string()
        assert "RuntimeError" in whole
        assert not [code for code in codes if shows(whole, code)]


class Raises:
    """A middleware behind the app's, which fails before a view is asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> None:
        """Fail, where a form is sent."""
        if request.method == "POST" and "fail" in request.GET:
            raise RuntimeError


@pytest.mark.parametrize("path", ["/2fa/code/?fail", "/admin/auth/user/reset-second-factor/?user=1&fail"])
@pytest.mark.parametrize("debug", [True, False])
def test_an_error_on_the_way_to_the_view_does_not_show_it(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str, debug: bool
) -> None:
    """Neither a code nor the own password of whoever resets somebody."""
    handler = AdminEmailHandler(include_html=True, email_backend="django.core.mail.backends.locmem.EmailBackend")
    monkeypatch.setattr(logging.getLogger("django.request"), "handlers", [handler])
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    listed = [*settings.MIDDLEWARE, f"{__name__}.Raises"]
    with override_settings(DEBUG=debug, ADMINS=ADMINISTRATORS, MIDDLEWARE=listed):
        alice = house.visitor(phone="code" in path)
        alice.gives_password()
        page = alice.post(path, code="canary one", own_password="canary two")
    assert page.status_code == 500
    assert "canary" not in text(page)
    (sent,) = mail.outbox
    assert "RuntimeError" in sent.message().as_string()
    assert "canary" not in sent.message().as_string()


def test_an_error_before_the_view_does_not_show_it_either(house: House) -> None:
    """As of a database that is away when the session is looked at."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    code = alice.code()
    with override_settings(DEBUG=True, TOTPCORE_ISSUER=""):
        page = alice.post("/2fa/code/", code=code)
    assert page.status_code == 500
    assert "TOTPCORE_ISSUER must be set" in text(page)
    assert not shows(text(page), code)


def test_no_page_repeats_what_was_typed(house: House) -> None:
    """A code is not kept in its field, whatever was typed."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    for path in ("/2fa/code/", "/2fa/recovery/"):
        page = alice.post(path, code='canary"><script>')
        assert page.status_code == 422
        assert "canary" not in text(page)


def test_a_traceback_with_locals_shows_no_code(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As other error reporters print it: in the frames of the app is neither what was typed nor what was made."""
    alice = house.visitor(phone=True)
    alice.browser = Client()
    alice.gives_password()
    code = alice.code()

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError

    for name, path in (("mark_verified", "/2fa/code/"), ("of", "/2fa/code/")):
        with monkeypatch.context() as broken:
            broken.setattr(f"totpcore.django.session.{name}", fail)
            with pytest.raises(RuntimeError) as trouble:
                alice.post(path, code=code)
        for frame, _ in traceback.walk_tb(trouble.value.__traceback__):
            if "totpcore/django" in frame.f_code.co_filename:
                assert not shows(repr(frame.f_locals), code)


# ---- transactions ----


def test_a_wrong_code_is_counted_in_a_request_that_is_rolled_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under `ATOMIC_REQUESTS`: what fails afterwards gives no guess back."""
    alice = house.visitor(phone=True)
    alice.gives_password()

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError

    assert connection.settings_dict["ATOMIC_REQUESTS"]
    for _ in range(5):
        with monkeypatch.context() as broken:
            broken.setattr("totpcore.django.views.again", fail)
            assert alice.post("/2fa/code/", code=alice.wrong()).status_code == 500
    assert alice.phone
    assert alice.post("/2fa/code/", code=alice.phone.code(house.clock())).status_code == 429


def test_pages_are_no_transactions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What totpcore stored and the flag that follows it stay, though the page that shows the codes fails."""
    alice = house.visitor()
    alice.logs_in()
    alice.phone = scanned(alice.post("/2fa/setup/"))
    monkeypatch.setattr("totpcore.django._own._codes_page", lambda *_given: 1 / 0)
    assert alice.post("/2fa/confirm/", code=alice.code()).status_code == 500
    assert expectation(alice.user) is not None
    assert house.factor.status(alice.key).code_required


@pytest.mark.parametrize(("way", "told"), [("code", True), ("recovery", False)])
def test_recovery_codes_that_nobody_saw_are_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, way: str, told: bool
) -> None:
    """Where set-up stopped before the flag was written, its answer was lost. Who types one of them has seen them."""
    alice = house.visitor(phone=True)
    forget(alice.user)
    alice.gives_password()
    alice.post(f"/2fa/{way}/", code=alice.code() if way == "code" else alice.codes[0])
    row = expectation(alice.user)
    assert row is not None
    assert row.codes_shown is not told
    page = text(alice.get("/2fa/"))
    assert ("You have no recovery codes yet" in page) is told
    assert ('<a href="/2fa/">Make new recovery codes</a>' in page) is told


@pytest.mark.parametrize("call", [1, 2])
def test_recovery_codes_whose_page_was_lost_are_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """Where the store goes away after set-up, or after new codes were made, and before the page that shows them."""
    alice = house.visitor()
    alice.logs_in()
    alice.phone = scanned(alice.post("/2fa/setup/"))
    if call == 2:
        alice.post("/2fa/confirm/", code=alice.code())
    path = "/2fa/confirm/" if call == 1 else "/2fa/recovery-codes/"

    def fail(*_given: object, **_named: object) -> None:
        raise StoreError("the server is away")

    code = alice.code()
    with monkeypatch.context() as lost:
        lost.setattr("totpcore.django._own._codes_page", fail)
        assert alice.post(path, code=code).status_code == 503
    row = expectation(alice.user)
    assert row is not None
    assert not row.codes_shown
    alice.gives_password()
    alice.post("/2fa/code/", code=alice.code())
    assert "You have no recovery codes yet" in text(alice.get("/2fa/"))


@pytest.mark.parametrize("path", ["/2fa/code/", "/2fa/confirm/"])
def test_a_reset_at_the_same_moment_leaves_no_flag(house: House, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """A flag without a factor would stop every log-in until another reset."""
    alice = house.visitor(phone=path == "/2fa/code/")
    alice.gives_password()
    if not alice.phone:
        alice.phone = scanned(alice.post("/2fa/setup/"))
    call = TwoFactor.verify if path == "/2fa/code/" else TwoFactor.confirm

    def and_reset(factor: TwoFactor, user: str, code: str) -> object:
        done = call(factor, user, code)
        factor.reset(user, actor="root", reason="lost")
        forget(alice.user)
        return done

    with monkeypatch.context() as raced:
        raced.setattr(TwoFactor, call.__name__, and_reset)
        alice.post(path, code=alice.code())
    assert expectation(alice.user) is None
    alice.phone = None
    alice.logs_in()
    assert alice.is_let_in()


@pytest.mark.parametrize("path", ["/2fa/logout/", "/admin/logout/", "/account/logout/"])
def test_trouble_keeps_nobody_in(house: House, path: str) -> None:
    """Who cannot go on can log out, by the page's own button too, and reaches what is public."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    with override_settings(TOTPCORE_STORE=Away()):
        assert 'action="/2fa/logout/"' in text(alice.get("/open"))
        assert alice.post(path).status_code in {200, 302}
        assert text(alice.get("/open")) == "you are nobody"
        assert alice.get("/private").status_code == 302
    assert not alice.is_let_in(), "the session has ended"


# ---- users who go ----


def test_a_user_who_was_deleted_leaves_no_record(house: House) -> None:
    """The next one may get the same primary key. The deletion leaves an event."""
    told: list[Event] = []

    def listen(*, event: Event, **_more: object) -> None:
        told.append(event)

    second_factor_event.connect(listen)
    alice, bob = house.visitor(phone=True), house.visitor("bob")
    key = alice.key
    with transaction.atomic():
        alice.user.delete()
        bob.user.delete()
        assert DjangoStore().load(key) is not None  # it may still be rolled back
    assert DjangoStore().load(key) is None
    resets = [event for event in told if event.kind is EventKind.RESET]
    assert [(event.user, event.actor, event.reason) for event in resets] == [
        (key, "totpcore.django", "user was deleted")
    ]


def test_a_deletion_that_is_rolled_back_leaves_the_record(house: House) -> None:
    """And its user a factor."""
    alice = house.visitor(phone=True)
    with transaction.atomic():
        User.objects.all().delete()
        transaction.set_rollback(True)
    assert house.factor.status(alice.key).code_required


def test_a_record_that_cannot_be_opened_goes_too(house: House) -> None:
    """Whatever is in it."""
    alice = house.visitor(phone=True)
    key, store = alice.key, DjangoStore()
    assert store.swap(key, store.load(key), b"nonsense")
    alice.user.delete()
    assert store.load(key) is None


def test_trouble_with_the_store_undoes_no_deletion(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It is in the log."""
    alice = house.visitor(phone=True)
    with override_settings(TOTPCORE_STORE=Away()):
        alice.user.delete()
    assert not User.objects.exists()
    assert "the server is away" in caplog.text


# ---- events ----


def test_events_go_to_the_log_and_to_those_who_listen(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Who listens and fails changes no answer; no event holds a code."""
    told: list[Event] = []

    def listen(*, event: Event, **_more: object) -> None:
        told.append(event)
        raise RuntimeError("a broken receiver")

    second_factor_event.connect(listen)
    alice = house.visitor(phone=True)
    with caplog.at_level(logging.INFO, "totpcore"):
        alice.logs_in()
    assert alice.is_let_in()
    assert told[-1].kind is EventKind.VERIFY
    assert f"kind=<EventKind.VERIFY: 'verify'> user='{alice.key}'" in caplog.text
    assert alice.phone
    assert not shows(caplog.text, alice.phone.code(house.clock()))


def test_a_middleware_that_stands_wrong_says_so(house: House) -> None:
    """In front of what it needs it could decide nothing."""
    ours = "totpcore.django.middleware.SecondFactorMiddleware"
    for middleware in ([ours], ["django.contrib.sessions.middleware.SessionMiddleware", ours, AUTHENTICATION]):
        with override_settings(MIDDLEWARE=middleware), pytest.raises(ImproperlyConfigured, match="must stand behind"):
            Client().get("/open")


def test_refusals_have_a_message_each(house: House) -> None:
    """Also those that a visitor meets only where something else has gone wrong."""
    assert "clock of this server" in explain(ClockBehind())
    assert "not on for this account" in explain(NotEnrolled())
    assert "not on for this account" in explain(Refused())
