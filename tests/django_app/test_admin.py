"""The admin of the users: the column, the filter, the field, the reset, and how all that is put in place."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models.signals import ModelSignal, post_save, pre_save
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from django_app.office import Browser, Office
from django_app.visitors import PASSWORD, House
from totpcore import Event, State, StoreError, TwoFactor
from totpcore.django import models
from totpcore.django.admin import SecondFactorUserAdmin, install
from totpcore.django.signals import second_factor_event
from totpcore.stores.django import DjangoStore

LIST = "/admin/auth/user/"
RESET = f"{LIST}reset-second-factor/"
FORM = {"reason": "phone lost, asked in person", "own_password": PASSWORD, "new_password": "on"}


@pytest.fixture
def office(house: House) -> Office:
    """A site without people."""
    return Office(house)


@pytest.fixture
def root(office: Office) -> User:
    """A superuser without a second factor."""
    return office.add("root", superuser=True)


@pytest.fixture
def client(office: Office, root: User) -> Browser:
    """The browser of that superuser."""
    return office.visitor(root)


def text(answer: HttpResponse) -> str:
    """What stands on a page, without its marks."""
    page = answer.content.decode().partition('id="content-start"')[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def rows(answer: HttpResponse) -> dict[str, str]:
    """The column of the list, by user names."""
    page = answer.content.decode()
    names = re.findall(r'field-username"><a [^>]*>([^<]+)<', page)
    return dict(zip(names, map(unescape, re.findall(r'field-second_factor">([^<]*)<', page)), strict=True))


@contextmanager
def events() -> Iterator[list[Event]]:
    """What is told meanwhile."""
    told: list[Event] = []

    def listen(event: Event, **_more: object) -> None:
        told.append(event)

    second_factor_event.connect(listen)
    yield told
    second_factor_event.disconnect(listen)


# ---- the list ----


def test_column_tells_every_state(office: Office, client: Browser) -> None:
    """Off, being set up, on, few recovery codes, locked, and a record that cannot be read, which hides nobody."""
    people = {name: office.add(name) for name in ("ada", "bob", "carol", "dave", "eve", "frank")}
    for name in ("ada", "bob", "carol", "frank"):
        account = office.enrol(people[name])
        if name == "bob":
            for code in account.recovery_codes[:8]:
                office.factor.recover(account.id, code)
        if name == "carol":
            office.lock(account)
    office.factor.enrol(str(people["dave"].pk), account="dave")
    office.spoil(people["frank"])
    assert rows(client.get(LIST)) == {
        "ada": "on",
        "bob": "on, 2 codes left",
        "carol": "locked",
        "dave": "being set up",
        "eve": "off",
        "frank": "unreadable",
        "root": "off",
    }


def test_codes_that_nobody_has_seen_are_none(office: Office, client: Browser) -> None:
    """After a factor was brought along from another system: the list and the form say so."""
    ada, bob = office.add("ada"), office.add("bob")
    accounts = {user.username: office.enrol(user) for user in (ada, bob)}
    for user in (ada, bob):
        models.expect(user, codes_shown=False)
    office.lock(accounts["bob"])
    listed = rows(client.get(LIST))
    assert (listed["ada"], listed["bob"]) == ("on, no codes yet", "locked, no codes yet")
    assert "on since Jan. 15, 2027, 2 a.m., no recovery codes yet" in text(change(client, ada))
    office.factor.reset(str(ada.pk), actor="root", reason="lost")
    assert rows(client.get(LIST))["ada"] == "off"


def test_list_costs_one_load(office: Office, client: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many users stand on the page; and the database is asked as often as without the column."""
    for number in range(30):
        office.add(f"user{number}")
    asked: list[int] = []
    many = DjangoStore.load_many

    def load_many(store: DjangoStore, users: list[str]) -> object:
        asked.append(len(users))
        return many(store, users)

    with CaptureQueriesContext(connection) as with_thirty:
        client.get(LIST)
    User.objects.filter(username__startswith="user1").delete()
    with CaptureQueriesContext(connection) as with_twenty:
        client.get(LIST)
    assert len(with_thirty) == len(with_twenty)
    monkeypatch.setattr(DjangoStore, "load_many", load_many)
    client.get(LIST)
    assert asked == [20]


def test_filter_finds_who_has_none(office: Office, client: Browser) -> None:
    """By the site's own flag; an unknown choice filters nothing."""
    office.enrol(office.add("ada"))
    office.add("bob")
    assert set(rows(client.get(LIST, {"second_factor": "yes"}))) == {"ada"}
    assert set(rows(client.get(LIST, {"second_factor": "no"}))) == {"bob", "root"}
    assert set(rows(client.get(LIST, {"second_factor": "x"}))) == {"ada", "bob", "root"}


# ---- one user ----


def change(client: Browser, user: User) -> HttpResponse:
    """The form of a user."""
    answer = client.get(f"{LIST}{user.pk}/change/")
    assert answer.status_code == 200
    return answer


def test_field_tells_of_others_and_leads_to_the_reset(office: Office, client: Browser) -> None:
    """The state, since when, the codes left, and a link to the page that asks first."""
    ada, bob, carol = office.add("ada"), office.add("bob"), office.add("carol")
    office.enrol(ada)
    office.spoil(carol)
    page = change(client, ada)
    assert "on since Jan. 15, 2027, 2 a.m., 10 recovery codes left" in text(page)
    assert f'href="{RESET}?user={ada.pk}"' in page.content.decode()
    assert "Second factor: off" in text(change(client, bob))
    assert "unreadable: log-in is stopped until a reset" in text(change(client, carol))


@override_settings(USE_TZ=False)
def test_field_without_time_zones(office: Office, client: Browser) -> None:
    """A site may go by local time alone."""
    ada = office.add("ada")
    office.enrol(ada)
    assert "on since Jan. 15, 2027" in text(change(client, ada))


def test_field_leads_to_ones_own_pages(office: Office, root: User, client: Browser) -> None:
    """Enable where there is none, manage where there is one; never reset."""
    page = change(client, root).content.decode()
    assert '<a class="button" href="/2fa/">Enable</a>' in page
    assert "reset-second-factor" not in page
    office.enrol(root)
    visitor = House(office.clock)
    assert visitor.factor.status(str(root.pk)).state is State.ON
    model_admin = admin.site.get_model_admin(User)
    assert isinstance(model_admin, SecondFactorUserAdmin)
    request = RequestFactory().get("/")
    request.user = root
    shown = model_admin.get_object(request, str(root.pk))
    assert shown
    assert '<a class="button" href="/2fa/">Manage</a>' in model_admin.second_factor_details(shown)


@override_settings(ROOT_URLCONF="django_app.urls_without_pages")
def test_field_without_our_addresses(office: Office, root: User) -> None:
    """Where the line in urls.py is missing, there is no link and no error."""
    model_admin = admin.site.get_model_admin(User)
    assert isinstance(model_admin, SecondFactorUserAdmin)
    request = RequestFactory().get("/")
    request.user = root
    shown = model_admin.get_object(request, str(root.pk))
    assert shown
    assert "<a" not in model_admin.second_factor_details(shown)


def test_nothing_is_added_to_the_form_of_a_new_user(client: Browser) -> None:
    """There is nothing to tell yet; an unknown user is a page that says so."""
    assert "Two-factor" not in text(client.get(f"{LIST}add/"))
    assert client.get(f"{LIST}999/change/").status_code == 302


def test_field_is_where_somebody_put_it(office: Office, root: User) -> None:
    """It is not there twice."""

    class Placed(SecondFactorUserAdmin, UserAdmin):  # type: ignore[type-arg]  # it is generic in the stubs alone
        fieldsets = ((None, {"fields": ("username", "second_factor_details")}),)

    request = RequestFactory().get("/")
    request.user = root
    assert Placed(User, admin.site).get_fieldsets(request, root) == list(Placed.fieldsets)


# ---- the reset ----


def test_reset_takes_factor_password_and_flag(office: Office, root: User, client: Browser) -> None:
    """The page shows the new password once; history and audit log tell who did it and why, and no password."""
    ada = office.add("ada")
    office.enrol(ada)
    with events() as told:
        answer = client.post(f"{RESET}?user={ada.pk}", FORM)
    assert answer.status_code == 200
    (password,) = shown_passwords(answer.content.decode())
    ada.refresh_from_db()
    assert ada.check_password(password)
    assert not ada.check_password(PASSWORD)
    assert office.factor.status(str(ada.pk)).state is State.OFF
    assert models.expectation(ada) is None
    assert [(event.kind.value, event.user, event.actor, event.reason) for event in told] == [
        ("reset", str(ada.pk), "root", FORM["reason"])
    ]
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.get_change_message()) == (
        root, str(ada.pk), f"Second factor and password reset: {FORM['reason']}",
    )  # fmt: skip
    assert "no-store" in answer["Cache-Control"]


def test_reset_asks_first(office: Office, client: Browser) -> None:
    """It says what happens, names who it is about, and offers a new password."""
    ada = office.add("ada")
    office.enrol(ada)
    page = client.get(f"{RESET}?user={ada.pk}")
    assert "For a lost device without recovery codes" in text(page)
    assert re.search(r'<input type="checkbox" name="new_password"[^>]* checked', page.content.decode())
    assert '<input type="password" name="own_password" autocomplete="current-password"' in page.content.decode()
    assert office.factor.status(str(ada.pk)).state is State.ON


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"own_password": "a guess"}, "That is not your own password. Nothing was changed."),
        ({"own_password": ""}, "This field is required."),
        ({"own_password": f"{PASSWORD} "}, "That is not your own password."),
        ({"reason": " "}, "This field is required."),
        ({"reason": "x" * 1001}, "at most 1000 characters"),
    ],
)
def test_reset_is_refused(office: Office, client: Browser, changed: dict[str, str], told: str) -> None:
    """Without one's own password, or without a reason that can be kept."""
    ada = office.add("ada")
    office.enrol(ada)
    page = client.post(f"{RESET}?user={ada.pk}", {**FORM, **changed})
    assert told in text(page)
    assert PASSWORD not in page.content.decode()
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert office.factor.status(str(ada.pk)).state is State.ON


def test_reset_by_somebody_without_a_password_is_told(office: Office, root: User) -> None:
    """Who logs in by a single sign-on has none to type: the page says so, and changes nothing."""
    ada = office.add("ada")
    office.enrol(ada)
    root.set_unusable_password()
    root.save()
    page = office.visitor(root).post(f"{RESET}?user={ada.pk}", FORM)
    assert "You have no password here." in text(page)
    assert office.factor.status(str(ada.pk)).state is State.ON


def test_reset_leaves_a_password_alone(office: Office, client: Browser) -> None:
    """Where it was unticked, or there is none to log in with."""
    ada, bob = office.add("ada"), office.add("bob")
    bob.set_unusable_password()
    bob.save()
    office.enrol(ada)
    client.post(f"{RESET}?user={ada.pk}", {"reason": "lost", "own_password": PASSWORD})
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)
    assert office.factor.status(str(ada.pk)).state is State.OFF
    assert LogEntry.objects.get().get_change_message() == "Second factor reset: lost"
    assert "bob not changed" in text(client.post(f"{RESET}?user={bob.pk}", FORM))
    bob.refresh_from_db()
    assert not bob.has_usable_password()


def test_reset_of_what_cannot_be_read(office: Office, client: Browser) -> None:
    """It is the way out of a record that stops the log-in."""
    ada = office.add("ada")
    models.expect(ada, codes_shown=True)
    office.spoil(ada)
    assert client.post(f"{RESET}?user={ada.pk}", FORM).status_code == 200
    assert office.factor.status(str(ada.pk)).state is State.OFF
    assert models.expectation(ada) is None


def test_what_was_reset_stays_so_if_the_page_fails(
    office: Office, client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ATOMIC_REQUESTS an error would bring the old password back, and not the old factor."""
    ada = office.add("ada")
    office.enrol(ada)

    def fail(**_given: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("totpcore.django._resetting.Reset", fail)
    with pytest.raises(TypeError):
        client.post(f"{RESET}?user={ada.pk}", FORM)
    ada.refresh_from_db()
    assert not ada.check_password(PASSWORD)
    assert office.factor.status(str(ada.pk)).state is State.OFF
    assert models.expectation(ada) is None


def test_a_history_that_cannot_be_written_hides_nothing(
    office: Office, client: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The password is shown, and the factor is reset; the log tells what is missing."""
    ada = office.add("ada")
    office.enrol(ada)

    def fail(*_given: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(SecondFactorUserAdmin, "log_change", fail)
    page = client.post(f"{RESET}?user={ada.pk}", FORM).content.decode()
    assert "<h1>The second factor is reset</h1>" in page
    ada.refresh_from_db()
    assert ada.check_password(shown_passwords(page)[0])
    assert f"the history of {ada.pk} lacks a reset: RuntimeError at {__file__}:" in caplog.text
    assert "canary" not in caplog.text


def shown_passwords(page: str) -> list[str]:
    """The new passwords on the page after a reset."""
    return re.findall(r'<code class="new-password" translate="no">([\w-]{16})</code>', page)


@pytest.mark.parametrize("signal", [pre_save, post_save])
def test_trouble_with_one_password_hides_no_other(
    office: Office, client: Browser, signal: ModelSignal, caplog: pytest.LogCaptureFixture
) -> None:
    """As where another app refuses to save a user, who keeps password and factor; the others are done."""
    people = [office.add(name) for name in ("ada", "bob", "carol")]
    for user in people:
        office.enrol(user)

    def refuse(instance: User, **_more: object) -> None:
        if instance.username == "bob":
            raise ValueError("canary")

    signal.connect(refuse, sender=User)
    try:
        page = client.post(f"{RESET}?{'&'.join(f'user={user.pk}' for user in people)}", FORM).content.decode()
    finally:
        signal.disconnect(refuse, sender=User)
    assert re.findall(r"<td>((?:not )?reset)</td>", page) == ["reset", "not reset", "reset"]
    passwords = shown_passwords(page)
    assert len(passwords) == 2
    for user, password in zip(people, [passwords[0], PASSWORD, passwords[1]], strict=True):
        user.refresh_from_db()
        assert user.check_password(password), user
    states = [office.factor.status(str(user.pk)).state for user in people]
    assert states == [State.OFF, State.ON, State.OFF]
    assert not LogEntry.objects.filter(object_id=str(people[1].pk)).exists()
    assert f"second factor of {people[1].pk} is not reset: ValueError at {__file__}:" in caplog.text
    assert "canary" not in caplog.text


def test_a_password_that_is_hashed_anew_ends_no_session(office: Office, root: User) -> None:
    """Django does that where its settings have changed, when the own password is typed for the reset."""
    ada = office.add("ada")
    office.enrol(ada)
    hashers = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", "django.contrib.auth.hashers.MD5PasswordHasher"]
    client = office.visitor(root)
    with override_settings(PASSWORD_HASHERS=hashers):
        assert client.post(f"{RESET}?user={ada.pk}", FORM).status_code == 200
    root.refresh_from_db()
    assert root.password.startswith("pbkdf2")
    assert client.get(LIST).status_code == 200


def test_a_name_may_be_a_number(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a model of users who log in with their number: it is shown as it is, without a separator."""
    boss, ada = office.add("1000", superuser=True), office.add("2000")
    office.enrol(ada)
    visitor = office.visitor(boss)
    monkeypatch.setattr(User, "get_username", lambda user: int(user.username))
    monkeypatch.setattr(User, "__str__", lambda user: user.username)
    with override_settings(USE_THOUSAND_SEPARATOR=True), events() as told:
        assert "<li>2000</li>" in visitor.get(f"{RESET}?user={ada.pk}").content.decode()
        assert '<th scope="row">2000</th>' in visitor.post(f"{RESET}?user={ada.pk}", FORM).content.decode()
        assert act(visitor, [boss])["Location"] == LIST
    assert [event.actor for event in told] == ["1000"]
    assert '"1000": Your own second factor you change yourself, with a code.' in text(visitor.get(LIST))


@pytest.mark.parametrize("new_password", [True, False])
def test_trouble_with_one_of_many_hides_nothing(
    office: Office, client: Browser, monkeypatch: pytest.MonkeyPatch, new_password: bool
) -> None:
    """Each new password is shown; whose factor was not reset is told, in the history too; the others are done."""
    people = [office.add(name) for name in ("ada", "bob", "carol")]
    bob = people[1]
    for user in people:
        office.enrol(user)
    reset = TwoFactor.reset

    def fails_for_bob(factor: TwoFactor, user: str, *, actor: str, reason: str) -> None:
        if user == str(bob.pk):
            raise StoreError("the server is away")
        reset(factor, user, actor=actor, reason=reason)

    monkeypatch.setattr(TwoFactor, "reset", fails_for_bob)
    form = {name: value for name, value in FORM.items() if new_password or name != "new_password"}
    query = "&".join(f"user={user.pk}" for user in people)
    page = client.post(f"{RESET}?{query}", form).content.decode()
    assert "<h1>Not every second factor is reset</h1>" in page
    passwords = shown_passwords(page)
    assert len(passwords) == 3 * new_password
    assert re.findall(r"<td>((?:not )?reset)</td>", page) == ["reset", "not reset", "reset"]
    for user, password in zip(people, passwords, strict=False):
        user.refresh_from_db()
        assert user.check_password(password)
    states = [office.factor.status(str(user.pk)).state for user in people]
    assert states == [State.OFF, State.ON, State.OFF]
    assert [models.expectation(user) is None for user in people] == [True, False, True]
    told = [entry.get_change_message() for entry in LogEntry.objects.filter(object_id=str(bob.pk))]
    assert told == ["Password reset, second factor not: phone lost, asked in person"] * new_password


@pytest.fixture
def clerk(office: Office) -> User:
    """Staff who may change users, and is no superuser."""
    clerk = office.add("clerk")
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["change_user", "view_user"]))
    return clerk


def test_who_may_reset_whom(office: Office, root: User, clerk: User) -> None:
    """Nobody themselves; only a superuser a superuser; nobody who may only look; and no visitor."""
    ada, viewer = office.add("ada"), office.add("viewer")
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    for actor, user, status in (
        (clerk, ada, 200),
        (clerk, clerk, 403),
        (clerk, root, 403),
        (root, clerk, 200),
        (root, root, 403),
        (viewer, ada, 403),
        (office.add("customer", staff=False), ada, 302),
    ):
        visitor = office.visitor(actor)
        assert visitor.get(f"{RESET}?user={user.pk}").status_code == status, (actor, user)
        assert visitor.post(f"{RESET}?user={user.pk}", {**FORM, "reason": ""}).status_code == status, (actor, user)
        if status != 302:
            shown = f"?user={user.pk}" in change(visitor, user).content.decode()
            assert shown == (status == 200), "the link is there for whoever may follow it"


@pytest.mark.parametrize("query", ["", "?user=999", "?user=x", "?user=1&user=999", "?user=1&user=1"])
def test_reset_of_nobody_is_not_found(client: Browser, query: str) -> None:
    """Of a user who is not there, or twice of one."""
    assert client.get(RESET + query).status_code == 404


def test_action_leads_to_the_page(office: Office, client: Browser) -> None:
    """For all that were selected."""
    people = [office.add(name) for name in ("ada", "bob")]
    answer = act(client, people)
    assert answer["Location"] == f"{RESET}?user={people[0].pk}&user={people[1].pk}"
    done = client.post(answer["Location"], FORM).content.decode()
    assert len(re.findall('class="new-password"', done)) == 2
    assert LogEntry.objects.count() == 2


def test_action_says_who_cannot_be_reset(office: Office, root: User, client: Browser) -> None:
    """Oneself; the others go on."""
    ada = office.add("ada")
    assert act(client, [root, ada])["Location"] == f"{RESET}?user={ada.pk}"
    assert act(client, [root])["Location"] == LIST
    assert '"root": Your own second factor you change yourself, with a code.' in text(client.get(LIST))


def test_action_is_for_whoever_may_change_users(office: Office, root: User, clerk: User) -> None:
    """A clerk is told that a superuser is a superuser's; who may only look has no such action."""
    visitor = office.visitor(clerk)
    assert act(visitor, [root])["Location"] == LIST
    assert '"root": Only a superuser can reset a superuser.' in text(visitor.get(LIST))
    viewer = office.add("viewer")
    viewer.user_permissions.add(Permission.objects.get(codename="view_user"))
    assert "reset_second_factor" not in office.visitor(viewer).get(LIST).content.decode()


def test_action_is_for_so_many_at_once(office: Office, client: Browser) -> None:
    """Each of them is a password to hand over."""
    people = [office.add(f"user{number}") for number in range(51)]
    assert act(client, people)["Location"] == LIST
    assert "at most 50 at once" in text(client.get(LIST))
    query = [f"user={user.pk}" for user in people]
    assert client.get(f"{RESET}?{'&'.join(query)}").status_code == 404
    assert client.get(f"{RESET}?{'&'.join(query[:50])}").status_code == 200


def act(client: Browser, users: list[User]) -> HttpResponse:
    """Choose the action for some users."""
    chosen = {"action": "reset_second_factor", "index": "0", "_selected_action": [user.pk for user in users]}
    answer = client.post(LIST, chosen)
    assert answer.status_code == 302
    return answer


def test_a_user_whom_the_admin_may_not_change(office: Office, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a `ModelAdmin` of one's own says no to this one user, so do the page, the action and the link."""
    ada = office.add("ada")
    allowed = SecondFactorUserAdmin.has_change_permission
    monkeypatch.setattr(
        SecondFactorUserAdmin,
        "has_change_permission",
        lambda self, request, obj=None: obj is None and allowed(self, request, obj),
    )
    visitor = office.visitor(root)
    assert visitor.get(f"{RESET}?user={ada.pk}").status_code == 403
    assert act(visitor, [ada])["Location"] == LIST
    assert "You have no permission to reset this user." in text(visitor.get(LIST))


def test_a_model_admin_may_say_who_resets(office: Office, root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one permission, which is that to change a user unless it says otherwise: for action, page and link."""
    ada = office.add("ada")
    visitor = office.visitor(root)
    assert 'value="reset_second_factor"' in visitor.get(LIST).content.decode()
    asked: list[User | None] = []

    def refuses(_admin: object, _request: object, obj: User | None = None) -> bool:
        asked.append(obj)
        return False

    monkeypatch.setattr(SecondFactorUserAdmin, "has_reset_second_factor_permission", refuses)
    assert 'value="reset_second_factor"' not in visitor.get(LIST).content.decode()
    assert set(asked) == {None}
    assert visitor.get(f"{RESET}?user={ada.pk}").status_code == 403
    assert visitor.post(f"{RESET}?user={ada.pk}", FORM).status_code == 403
    assert "reset-second-factor" not in change(visitor, ada).content.decode()
    monkeypatch.setattr(
        SecondFactorUserAdmin, "has_reset_second_factor_permission", lambda _self, _request, obj=None: obj != ada
    )
    assert act(visitor, [ada])["Location"] == LIST
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


# ---- in place by itself ----


def test_a_model_admin_of_ones_own_keeps_what_it_says(office: Office, root: User) -> None:
    """Columns, filters, fields and actions are added to, in a site of one's own as well."""

    class Mine(UserAdmin):  # type: ignore[type-arg]  # it is generic in the stubs alone
        list_display = ("email",)
        list_filter = ()
        fieldsets = ((None, {"fields": ("username",)}),)
        readonly_fields = ("last_login",)
        actions = ("delete_selected",)

    class Both(SecondFactorUserAdmin, Mine):
        pass

    request = RequestFactory().get("/")
    request.user = root
    both = Both(User, admin.AdminSite("other"))
    assert both.get_list_display(request) == ["email", "second_factor"]
    assert len(both.get_list_filter(request)) == 1
    assert both.get_fieldsets(request, root)[0] == (None, {"fields": ("username",)})
    assert both.get_readonly_fields(request, root) == ["last_login", "second_factor_details"]
    assert both.get_readonly_fields(request) == ["last_login"]
    assert list(both.actions) == ["delete_selected", "reset_second_factor"]
    assert "reset_second_factor" not in Mine.actions


def test_an_admin_without_actions_stays_so(office: Office, root: User) -> None:
    """`None` says that there are none; one that lists ours has it once."""

    class Without(SecondFactorUserAdmin, UserAdmin):  # type: ignore[type-arg]  # it is generic in the stubs alone
        actions = None

    class Listed(SecondFactorUserAdmin, UserAdmin):  # type: ignore[type-arg]  # it is generic in the stubs alone
        actions = ("reset_second_factor",)

    assert Without(User, admin.site).actions is None
    assert list(Listed(User, admin.site).actions) == ["reset_second_factor"]


def test_install_is_done_once() -> None:
    """Apps that are loaded anew, as in tests, put nothing over it."""
    before = admin.site.get_urls
    install()
    assert admin.site.get_urls is before


def test_install_on_a_site_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand; where the users are not registered, nothing is done, and neither is it without the admin."""
    site = admin.AdminSite("mine")
    install(site)
    assert site.urls[2] == "mine"
    assert not site.is_registered(User)
    site.register(User, UserAdmin)
    assert site.urls[0]
    assert isinstance(site.get_model_admin(User), SecondFactorUserAdmin)
    monkeypatch.setattr("totpcore.django.admin.apps.is_installed", lambda _name: False)
    other = admin.AdminSite("other")
    install(other)
    assert "get_urls" not in vars(other)


PROJECT = """
import django
from django.conf import settings
from django.urls import path
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=INSTALLED, ROOT_URLCONF="__main__", SECRET_KEY="of no use", STATIC_URL="static/",
    TOTPCORE_ISSUER="ACME", TOTPCORE_KEYS="", TOTPCORE_ENFORCEMENT="off",
)
django.setup()
from django.contrib import admin
from django.contrib.auth import get_user_model
BEFORE
urlpatterns = [path("admin/", admin.site.urls)]
admin.site.urls
User = get_user_model()
found = admin.site.get_model_admin(User) if admin.site.is_registered(User) else None
print([kind.__name__ for kind in type(found).__mro__ if kind.__name__ != "ShowsSecondFactor"][:3])
"""
REST = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
ADMIN, OURS = "django.contrib.admin", "totpcore.django"


BY_HAND = """
from totpcore.django.admin import SecondFactorUserAdmin
class Mine(SecondFactorUserAdmin): pass
admin.site.unregister(get_user_model())
admin.site.register(get_user_model(), Mine)
"""


def project(installed: list[str], before: str = "") -> str:
    """What a project finds registered for its users."""
    program = PROJECT.replace("INSTALLED,", f"{installed},", 1).replace("BEFORE", before)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("installed", "before", "found"),
    [
        ([ADMIN, *REST, OURS], "", "['UserAdmin', 'SecondFactorUserAdmin', 'UserAdmin']"),
        ([OURS, ADMIN, *REST], "", "['UserAdmin', 'SecondFactorUserAdmin', 'UserAdmin']"),
        ([*REST, OURS, ADMIN], "", "['UserAdmin', 'SecondFactorUserAdmin', 'UserAdmin']"),
        # one that finds no admin.py by itself, and a ModelAdmin that is registered by hand, late
        (
            ["django.contrib.admin.apps.SimpleAdminConfig", *REST, OURS],
            "class Late(admin.ModelAdmin): pass\nadmin.site.register(get_user_model(), Late)",
            "['Late', 'SecondFactorUserAdmin', 'Late']",
        ),
        ([ADMIN, *REST, OURS], BY_HAND, "['Mine', 'SecondFactorUserAdmin', 'ModelAdmin']"),
        ([ADMIN, *REST, OURS], "admin.site.unregister(get_user_model())", "['NoneType', 'object']"),
        (["django.contrib.admin.apps.SimpleAdminConfig", *REST, OURS], "", "['NoneType', 'object']"),
    ],
    ids=["first", "before", "after", "late", "by hand", "unregistered", "no discovery"],
)
def test_it_is_put_in_place_wherever_the_app_stands(installed: list[str], before: str, found: str) -> None:
    """On the registered admin of the users, once; what is not there is left alone."""
    assert project(installed, before) == found


def test_without_the_admin_nothing_is_done() -> None:
    """A site without it can use the rest."""
    program = PROJECT.partition("from django.contrib import admin")[0].replace("INSTALLED,", f"{[*REST, OURS]},", 1)
    asked = "import sys; print('django.contrib.admin.models' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program + asked], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
