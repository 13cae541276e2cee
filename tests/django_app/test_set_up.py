"""One's own second factor: set-up, another device, recovery codes, off; in several tabs, and by people who may not."""

from html.parser import HTMLParser

import pytest
from django.test import override_settings
from django.urls import get_resolver, reverse

from django_app.visitors import House, Visitor, recovery_codes, scanned, text
from totpcore import CompatibilityWarning, Enrolment, Policy
from totpcore.django.models import expectation
from totpcore.django.urls import urlpatterns
from totpcore.testing import Phone

NAMES = [f"totpcore:{pattern.name}" for pattern in urlpatterns]


def test_the_names_of_the_pages() -> None:
    """Those that other code may reverse."""
    wanted = "overview code recovery setup replace confirm recovery-codes disable help logout"
    assert {f"totpcore:{name}" for name in wanted.split()} == set(NAMES)


# ---- what a passer-by can do ----


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT", "DELETE"])
def test_a_passer_by_reaches_nothing_but_the_explanation(house: House, name: str, method: str) -> None:
    """Each page, by each method: to the log-in page, or not allowed."""
    stranger = house.visitor()
    with override_settings(X_FRAME_OPTIONS="SAMEORIGIN", SECURE_REFERRER_POLICY="unsafe-url"):
        answer = stranger.browser.generic(method, reverse(name, urlconf="django_app.urls"))
    if name == "totpcore:help" and method in {"GET", "HEAD"}:
        assert answer.status_code == 200
    elif answer.status_code != 405:
        assert answer["Location"].startswith("/admin/login/")
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "totpcore:logout"])
def test_no_page_shows_a_secret_at_an_address(house: House, name: str) -> None:
    """What is opened by GET shows neither a key nor codes, in the midst of a set-up neither."""
    alice = house.visitor()
    alice.logs_in()
    alice.post("/2fa/setup/")
    answer = alice.browser.get(reverse(name, urlconf="django_app.urls"), follow=True)
    assert answer.status_code == 200
    for shown in ("otpauth", '<svg role="img"', 'id="key"', 'id="codes"'):
        assert shown not in text(answer)


def test_a_form_whose_address_is_opened_leads_back(house: House) -> None:
    """As after a log-in that came in between."""
    alice = house.visitor()
    alice.logs_in()
    for name in ("setup", "confirm", "replace", "recovery-codes", "disable"):
        assert alice.get(f"/2fa/{name}/")["Location"] == "/2fa/"
    assert alice.get("/2fa/code/")["Location"] == "/admin/"
    assert alice.get("/2fa/recovery/?next=/private")["Location"] == "/private"
    assert alice.get("/2fa/logout/").status_code == 405
    assert alice.is_let_in()


def test_the_log_in_page_is_the_sites_own(house: House) -> None:
    """Where the settings name one that is there, or is on another server."""
    with override_settings(LOGIN_URL="https://login.example/"):
        assert house.visitor().get("/2fa/")["Location"] == "https://login.example/?next=/2fa/"
    with override_settings(LOGIN_URL="login"):
        assert house.visitor("bob").get("/2fa/")["Location"] == "/account/login/?next=/2fa/"


# ---- set-up ----


def test_set_up_from_the_first_page_to_the_codes(house: House) -> None:
    """The QR code, the key to type, a code, ten recovery codes; and a flag that a factor is expected from now on."""
    alice = house.visitor()
    alice.logs_in()
    assert "State: <strong>off" in text(alice.get("/2fa/"))
    page = alice.post("/2fa/setup/")
    alice.phone = scanned(page)
    assert alice.phone.uri.account == "alice"
    assert alice.phone.uri.issuer == "ACME"
    assert alice.phone.uri.token.secret.grouped in text(page)
    assert '<svg role="img"' in text(page)
    assert "State: <strong>set-up not finished" in text(alice.get("/2fa/"))
    done = alice.post("/2fa/confirm/", code=alice.code())
    assert len(recovery_codes(done)) == 10
    assert "nav-sidebar" not in text(done)
    row = expectation(alice.user)
    assert row is not None
    assert row.codes_shown
    assert "10 recovery codes left" in text(alice.get("/2fa/"))


def test_a_wrong_code_shows_the_same_qr_code_again(house: House) -> None:
    """With the reason, in the same page."""
    alice = house.visitor()
    alice.logs_in()
    alice.phone = scanned(alice.post("/2fa/setup/"))
    page = alice.post("/2fa/confirm/", code=alice.wrong())
    assert page.status_code == 422
    assert "19 more tries" in text(page)
    assert alice.phone.uri.text.partition("secret=")[2][:32] in text(page)
    ahead = alice.post("/2fa/confirm/", code=alice.phone.code(house.clock() + 120))
    assert "120 seconds ahead" in text(ahead)
    behind = alice.post("/2fa/confirm/", code=alice.phone.code(house.clock() - 120))
    assert "120 seconds behind" in text(behind)
    assert alice.post("/2fa/confirm/", code=alice.code()).status_code == 200


def test_set_up_ends(house: House) -> None:
    """After ten minutes, and after twenty wrong codes; the page says so and begins anew."""
    alice = house.visitor()
    alice.logs_in()
    alice.phone = scanned(alice.post("/2fa/setup/"))
    house.clock.tick(600)
    page = alice.post("/2fa/confirm/", code=alice.code())
    assert page.status_code == 422
    assert "This set-up has ended" in text(page)
    alice.phone = scanned(alice.post("/2fa/setup/"))
    for _ in range(20):
        page = alice.post("/2fa/confirm/", code=alice.wrong())
    assert "This set-up has ended" in text(page)
    alice.sets_up()


def test_a_form_that_is_sent_twice(house: House) -> None:
    """The second confirmation turns nothing off and shows nothing; the factor is on."""
    alice = house.visitor()
    alice.logs_in()
    alice.phone = scanned(alice.post("/2fa/setup/"))
    code = alice.code()
    assert alice.post("/2fa/confirm/", code=code).status_code == 200
    again = alice.post("/2fa/confirm/", code=code)
    assert again.status_code == 422
    assert "done already" in text(again)
    assert alice.post("/2fa/setup/")["Location"] == "/2fa/"
    assert "type a code under Replace device" in text(alice.get("/2fa/"))
    assert alice.is_let_in()


def test_two_tabs_of_one_session_show_one_qr_code(house: House) -> None:
    """And either may confirm it."""
    alice = house.visitor()
    alice.logs_in()
    first, second = (scanned(alice.post("/2fa/setup/")) for _ in range(2))
    assert first.uri == second.uri
    alice.phone = first
    assert alice.post("/2fa/confirm/", code=alice.code()).status_code == 200


def test_a_secret_that_somebody_else_has_looked_at_is_not_shown_to_its_owner(house: House) -> None:
    """Who knows the password begins a set-up, and waits for the owner to confirm it: the owner gets another secret."""
    alice = house.visitor()
    thief = alice.on_another_machine()
    thief.logs_in()
    thief.phone = scanned(thief.post("/2fa/setup/"))
    alice.logs_in()
    alice.sets_up()
    assert alice.phone
    assert alice.phone.uri != thief.phone.uri
    assert thief.post("/2fa/confirm/", code=thief.code())["Location"] == "/2fa/code/"  # it is on now
    assert thief.post("/2fa/code/", code=thief.code()).status_code == 422


def test_of_two_sessions_that_set_up_the_later_one_does(house: House) -> None:
    """The codes of the earlier are not counted against the later, and it is told to begin again."""
    alice = house.visitor()
    elsewhere = alice.on_another_machine()
    for visitor in (alice, elsewhere):
        visitor.logs_in()
        visitor.phone = scanned(visitor.post("/2fa/setup/"))
    code = alice.code()
    for _ in range(25):
        assert "begun anew elsewhere" in text(alice.post("/2fa/confirm/", code=code))
    assert elsewhere.post("/2fa/confirm/", code=elsewhere.code()).status_code == 200


# ---- another device ----


def test_another_device_takes_a_code(house: House) -> None:
    """The old one works until the new one is confirmed, and not a moment longer."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    old = alice.phone
    refused = alice.post("/2fa/replace/", code=alice.wrong())
    assert refused.status_code == 422
    assert 'aria-describedby="replace-error' in text(refused)
    new = scanned(alice.post("/2fa/replace/", code=alice.code()))
    assert "The set-up of another device is under way" in text(alice.get("/2fa/"))
    elsewhere = alice.on_another_machine()
    elsewhere.logs_in()
    assert elsewhere.is_let_in()
    assert "Go on with set-up" not in text(elsewhere.get("/2fa/"))
    assert elsewhere.post("/2fa/setup/")["Location"] == "/2fa/"  # it is not theirs to look at
    assert scanned(alice.post("/2fa/setup/")).uri == new.uri
    alice.phone = new
    codes = recovery_codes(alice.post("/2fa/confirm/", code=alice.code()))
    assert set(codes).isdisjoint(alice.codes)
    thief = alice.on_another_machine()
    thief.phone = old
    assert thief.logs_in().status_code == 422


def test_only_the_session_that_recovered_sets_up_without_a_code(house: House) -> None:
    """One that somebody left open, or took over, does not, though the record allows it for ten minutes."""
    alice = house.visitor(phone=True)
    elsewhere = alice.on_another_machine()
    elsewhere.logs_in()
    alice.gives_password()
    alice.post("/2fa/recovery/", code=alice.codes[0])
    assert "Set up another device" not in text(elsewhere.get("/2fa/"))
    assert elsewhere.post("/2fa/setup/")["Location"] == "/2fa/"
    alice.sets_up()
    assert alice.is_let_in()
    assert not elsewhere.is_let_in()


def test_it_does_so_for_ten_minutes(house: House) -> None:
    """And then takes a code, like any other."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    alice.post("/2fa/recovery/", code=alice.codes[0])
    house.clock.tick(600)
    assert "Set up another device" not in text(alice.get("/2fa/"))
    assert alice.post("/2fa/setup/")["Location"] == "/2fa/"
    elsewhere = alice.on_another_machine()
    elsewhere.gives_password()
    elsewhere.post("/2fa/recovery/", code=alice.codes[1])
    assert alice.post("/2fa/setup/")["Location"] == "/2fa/"  # that was not for this session
    assert alice.post("/2fa/replace/", code=alice.codes[2]).status_code == 200


# ---- recovery codes, and off ----


def test_new_recovery_codes_end_the_old_ones(house: House) -> None:
    """And take a code."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    assert alice.post("/2fa/recovery-codes/", code="").status_code == 422
    codes = recovery_codes(alice.post("/2fa/recovery-codes/", code=alice.code()))
    assert len(codes) == 10
    assert set(codes).isdisjoint(alice.codes)
    alice.post("/2fa/logout/")
    alice.gives_password()
    assert alice.post("/2fa/recovery/", code=alice.codes[0]).status_code == 422
    assert alice.post("/2fa/recovery/", code=codes[0]).status_code == 302


def test_turning_it_off_takes_a_code(house: House) -> None:
    """An open session alone does not."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    for code in ("", alice.wrong(), alice.phone.code(house.clock()) if alice.phone else ""):
        page = alice.post("/2fa/disable/", code=code)
        assert page.status_code == 422
        assert "Error:" in text(page)
    assert house.factor.status(alice.key).code_required
    assert alice.post("/2fa/disable/", code=alice.codes[0]).status_code == 302
    assert not house.factor.status(alice.key).code_required


def test_codes_that_nobody_has_seen_are_told(house: House) -> None:
    """After a factor was brought along from another system, whose codes went nowhere."""
    alice = house.visitor(phone=True)
    row = expectation(alice.user)
    assert row is not None
    row.codes_shown = False
    row.save()
    alice.logs_in()
    page = text(alice.get("/2fa/"))
    assert page.count("You have no recovery codes yet") == 2
    assert "10 recovery codes left" not in page
    alice.post("/2fa/recovery-codes/", code=alice.code())
    assert "You have no recovery codes yet" not in text(alice.get("/2fa/"))


# ---- how the pages are made ----


class Inline(HTMLParser):
    """Collects what a strict Content Security Policy would not run, and fields without a label."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.labelled: set[str | None] = set()
        self.fields: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one element."""
        given = dict(attrs)
        self.found += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        if tag == "label" and "for" in given:
            self.labelled.add(given["for"])
        if tag == "input" and given.get("type") == "text":
            self.fields.append(given.get("id"))


@pytest.mark.parametrize("admin", [True, False])
def test_pages_need_no_inline_script_or_style(house: House, admin: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the admin's look and without; and every field has a label."""
    if not admin:
        monkeypatch.setattr("totpcore.django._pages.apps.is_installed", lambda name: "messages" in name)
    alice = house.visitor(staff=False)
    alice.browser.force_login(alice.user)
    pages = [alice.get("/2fa/"), alice.post("/2fa/setup/")]
    alice.phone = scanned(pages[1])
    pages += [alice.post("/2fa/confirm/", code="1"), alice.post("/2fa/confirm/", code=alice.code()), alice.get("/2fa/")]
    alice.browser.force_login(alice.user)
    pages += [alice.get("/2fa/code/"), alice.get("/2fa/recovery/"), alice.get("/2fa/help/")]
    for page in pages:
        seen = Inline()
        seen.feed(text(page))
        assert seen.found == []
        assert set(seen.fields) <= seen.labelled
        assert ("admin/css" in text(page)) is admin
        assert "totpcore/second_factor.css" in text(page)


def test_without_segno_the_key_to_type_is_there(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is not."""

    def missing(_enrolment: Enrolment) -> str:
        raise ImportError

    monkeypatch.setattr(Enrolment, "qr_svg", missing)
    alice = house.visitor()
    alice.logs_in()
    page = alice.post("/2fa/setup/")
    assert '<svg role="img"' not in text(page)
    assert scanned(page).uri.token.secret.grouped in text(page)


def test_a_site_without_the_admins_addresses_has_the_plain_look(house: House) -> None:
    """It is installed, and nowhere to be reached."""
    with override_settings(ROOT_URLCONF="django_app.plain_urls", LOGIN_URL="nowhere"):
        alice = house.visitor()
        assert alice.get("/2fa/").status_code == 403  # there is no log-in page to send anybody to
        alice.browser.force_login(alice.user)
        assert "totpcore/plain.css" in text(alice.get("/2fa/"))


def test_phones_show_a_name_that_they_can(house: House) -> None:
    """A log-in name with a colon, or too long a one, is no reason to refuse set-up."""
    for name, shown in (("corp:alice", "corp alice"), ("é" * 120, None)):
        visitor = house.visitor(name)
        visitor.browser.force_login(visitor.user)
        phone: Phone = scanned(visitor.post("/2fa/setup/"))
        assert phone.uri.account == (shown or str(visitor.user.pk))


def test_every_page_is_reachable() -> None:
    """Each pattern of the app leads to the view of its name."""
    resolver = get_resolver("django_app.urls")
    assert all(resolver.resolve(reverse(name, urlconf="django_app.urls")).view_name == name for name in NAMES)


def test_pages_go_by_the_policy(house: House) -> None:
    """How often a code changes is what the policy says, and nothing says how long a set-up may take."""
    with override_settings(TOTPCORE_POLICY=Policy(period=60, pending_seconds=3600)):
        alice = house.visitor()
        alice.gives_password()
        assert "a new code every 60 seconds" in text(alice.get("/2fa/"))
        assert "changes every 60 seconds" in text(alice.get("/2fa/help/"))
    with override_settings(TOTPCORE_POLICY=Policy(period=60)):
        with pytest.warns(CompatibilityWarning, match="30 seconds"):
            bob = house.visitor("bob", phone=True)
        house.clock.tick(60)
        bob.gives_password()
        assert "A new code appears every 60 seconds." in text(bob.get("/2fa/code/"))
        code = bob.code()
        assert bob.post("/2fa/code/", code=code).status_code == 302
        again = Visitor(house, bob.user)
        again.gives_password()
        assert "Wait up to 60 seconds" in text(again.post("/2fa/code/", code=code))
