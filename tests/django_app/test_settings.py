"""The settings: what is made of them, what is wrong with them, and where the middleware stands."""

import builtins
import importlib
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client, override_settings

from django_app import visitors
from django_app.views import LOADED
from django_app.visitors import House
from stores.django_project import application, on_sqlite
from totpcore import Enforcement, MemoryStore, Plaintext, Policy, Rule
from totpcore._guard import LATEST
from totpcore.django import checks, conf
from totpcore.django.apps import MIDDLEWARE
from totpcore.sealing import Keyring
from totpcore.stores.django import DjangoStore

KEY = "2026:" + "A" * 42 + "E"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
MINE = "django_app.views.MyAuthentication"
AWAY = "django_app.views.sends_away"
REMOTE = "django.contrib.auth.middleware.PersistentRemoteUserMiddleware"


def wrong(changed: dict[str, object] | None = None, *, deploy: bool = False, **more: object) -> list[str]:
    """What the checks say, as `id message hint`."""
    with override_settings(**{"ROOT_URLCONF": "django_app.urls", **(changed or {}), **more}):
        found = run_checks(include_deployment_checks=deploy)
    return [f"{one.id} {one.msg} {one.hint}" for one in found if str(one.id).startswith("totpcore")]


def test_a_site_that_is_right_has_nothing_to_tell() -> None:
    """With the three settings, and with a rule that has a deadline."""
    assert wrong(TOTPCORE_KEYS=KEY) == []
    assert wrong(TOTPCORE_ENFORCEMENT=Enforcement(Rule.REQUIRE, deadline=1_900_000_000)) == []
    assert (
        wrong(TOTPCORE_STORE="redis://localhost:1/0", TOTPCORE_POLICY=Policy.strict(), TOTPCORE_CLOCK=time.time) == []
    )
    assert wrong(TOTPCORE_STORE=MemoryStore()) == []
    assert wrong(TOTPCORE_STORE="") == []
    mine = ["django_app.views.sends_away", SESSIONS, MINE]
    assert wrong(MIDDLEWARE=mine) == []


def test_what_stands_between_and_answers_nothing_is_not_told() -> None:
    """Django's own, and django-otp's; what stands in front of the one that says who it is; and what stands behind."""
    messages = "django.contrib.messages.middleware.MessageMiddleware"
    for listed in (
        [SESSIONS, AUTHENTICATION, messages, "django_otp.middleware.OTPMiddleware", MIDDLEWARE, AWAY],
        [SESSIONS, AWAY, AUTHENTICATION, AWAY, REMOTE, MIDDLEWARE],
    ):
        assert wrong(MIDDLEWARE=listed) == []
    assert [told[:13] for told in wrong(MIDDLEWARE=[SESSIONS, AWAY, MIDDLEWARE])] == ["totpcore.W004"]


def test_a_deadline_that_comes_is_right(house: House) -> None:
    """On the last day of the calendars too: the message that names it is shown by the time of every place."""
    alice = house.visitor()
    last = Enforcement(Rule.REQUIRE, deadline=LATEST - 86_400)
    with override_settings(TIME_ZONE="Pacific/Kiritimati", TOTPCORE_ENFORCEMENT=last):
        assert conf.enforcement() == last
        alice.gives_password()
        assert "Dec. 31, 9999" in visitors.text(alice.get("/admin/"))
    late = Enforcement(Rule.REQUIRE, deadline=LATEST - 86_399)
    with override_settings(TOTPCORE_ENFORCEMENT=late), pytest.raises(ImproperlyConfigured, match="after the year 9999"):
        conf.enforcement()


class Sessions:
    """What Django REST framework has for sessions."""


class Mine(Sessions):
    """One's own, which inherits from it."""


class Basic:
    """What takes a password with each request."""


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "rest_framework.authentication.BasicAuthentication"),
        ({}, "rest_framework.authentication.BasicAuthentication"),
        ({"PAGE_SIZE": 10}, "rest_framework.authentication.BasicAuthentication"),
        ({"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Mine", Mine]}, ""),
        ({"DEFAULT_AUTHENTICATION_CLASSES": ()}, ""),
        ({"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.Basic", f"{__name__}.Mine"]}, f"{__name__}.Basic"),
        ({"DEFAULT_AUTHENTICATION_CLASSES": (Mine, Basic)}, f"{Basic}"),
        ({"DEFAULT_AUTHENTICATION_CLASSES": ["no.such"]}, "no.such"),
        ({"DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.wrong"]}, f"{__name__}.wrong"),
    ],
)
def test_ways_into_an_api_without_a_session_are_told(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, object] | None, told: str
) -> None:
    """Where Django REST framework is installed, whose own default lets in by a password."""
    module = ModuleType("rest_framework.authentication")
    vars(module)["SessionAuthentication"] = Sessions
    monkeypatch.setitem(sys.modules, "rest_framework", ModuleType("rest_framework"))
    monkeypatch.setitem(sys.modules, "rest_framework.authentication", module)
    assert wrong(REST_FRAMEWORK=given) == [], "it is there, and not among the apps"
    installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda name: name == "rest_framework" or installed(name))
    found = wrong(REST_FRAMEWORK=given)
    assert [one.partition(" They")[0] for one in found] == [
        f"totpcore.W007 Django REST framework lets in by {told}."
    ] * bool(told)


def test_sessions_that_cannot_be_loaded_are_djangos_to_tell() -> None:
    """Whatever it raises."""
    assert wrong(SESSION_ENGINE="django_app.fails") == []
    assert wrong(SESSION_ENGINE="django_app.views") == []


def test_a_project_without_pages_has_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of workers alone, which has no addresses and no middleware."""
    none = SimpleNamespace(MIDDLEWARE=[AUTHENTICATION, AWAY, MIDDLEWARE], SESSION_ENGINE="", TEMPLATES=[])
    for module in ("checks", "_standing"):
        monkeypatch.setattr(f"totpcore.django.{module}.settings", none)
    pages = {"totpcore.E010", "totpcore.E012", "totpcore.W004", "totpcore.W008"}
    assert [one.id for one in checks.check() if str(one.id) in pages] == []


def test_a_middleware_that_cannot_be_loaded_is_djangos_to_tell() -> None:
    """Whatever it raises, the check goes on to what it can see."""
    assert wrong(MIDDLEWARE=["no.such", SESSIONS, AUTHENTICATION]) == []
    listed = ["django_app.fails.Middleware", SESSIONS, AUTHENTICATION, MIDDLEWARE]
    with override_settings(MIDDLEWARE=listed, ROOT_URLCONF="django_app.urls"):
        assert checks.check() == []


def test_no_module_is_loaded_early_where_djangos_own_is_listed() -> None:
    """The apps that come later are not ready yet."""
    LOADED.clear()
    with override_settings(MIDDLEWARE=[SESSIONS, AUTHENTICATION, "django_app.fails.Middleware"]):
        assert settings.MIDDLEWARE[2] == MIDDLEWARE
    assert not LOADED
    with override_settings(MIDDLEWARE=[SESSIONS, "django_app.fails.Middleware"]):
        assert settings.MIDDLEWARE[2] == MIDDLEWARE
    assert LOADED


@pytest.mark.parametrize(
    ("number", "hint", "changed"),
    [
        ("E001", 'TOTPCORE_ISSUER = "Example"', {"TOTPCORE_ISSUER": ""}),
        ("E001", 'TOTPCORE_ISSUER = "Example"', {"TOTPCORE_ISSUER": None}),
        ("E001", "without a colon", {"TOTPCORE_ISSUER": "canary: admin"}),
        ("E002", "manage.py totpcore key", {"TOTPCORE_KEYS": ""}),
        ("E002", "manage.py totpcore key", {"TOTPCORE_KEYS": "canary"}),
        ("E002", "manage.py totpcore key", {"TOTPCORE_KEYS": f"{KEY},canary"}),
        ("E002", "manage.py totpcore key", {"TOTPCORE_KEYS": b"canary"}),
        ("E003", 'TOTPCORE_ENFORCEMENT = "encourage"', {"TOTPCORE_ENFORCEMENT": "canary"}),
        ("E003", 'TOTPCORE_ENFORCEMENT = "encourage"', {"TOTPCORE_ENFORCEMENT": None}),
        ("E003", "milliseconds", {"TOTPCORE_ENFORCEMENT": Enforcement(Rule.REQUIRE, deadline=1_900_000_000_000)}),
        ("E004", "Leave TOTPCORE_DATABASE out", {"TOTPCORE_DATABASE": "canary"}),
        ("E004", "Leave TOTPCORE_DATABASE out", {"TOTPCORE_DATABASE": ["canary"]}),
        ("E005", "redis://host", {"TOTPCORE_STORE": "mysql://u:canary@host/db"}),
        ("E005", "redis://host", {"TOTPCORE_STORE": object()}),
        ("E006", "totpcore.Policy", {"TOTPCORE_POLICY": "canary"}),
        ("E007", "Leave TOTPCORE_CLOCK out", {"TOTPCORE_CLOCK": 1_800_000_000}),
        ("E009", f"Move it behind {SESSIONS}", {"MIDDLEWARE": [MIDDLEWARE, SESSIONS]}),
        ("E009", f"Move it behind {REMOTE}", {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, MIDDLEWARE, REMOTE]}),
        ("E009", f"Move it behind {MINE}", {"MIDDLEWARE": [SESSIONS, MIDDLEWARE, MINE]}),
        ("W004", "SessionMiddleware", {"MIDDLEWARE": [AUTHENTICATION, MIDDLEWARE]}),
        ("W004", "AuthenticationMiddleware", {"MIDDLEWARE": [SESSIONS, MIDDLEWARE]}),
        ("E010", 'path("2fa/", include("totpcore.django.urls"))', {"ROOT_URLCONF": "stores.django_project.urls"}),
        ("E012", '"APP_DIRS": True', {"TEMPLATES": []}),
        ("W002", "backends.db", {"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}),
        ("W002", "backends.db", {"SESSION_ENGINE": "django_app.cookie_sessions"}),
        ("W008", f"Move {MIDDLEWARE} in front", {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, AWAY, MIDDLEWARE]}),
        ("W008", f"Move {MIDDLEWARE} in front", {"MIDDLEWARE": [SESSIONS, MINE, "no.such", MIDDLEWARE]}),
    ],
)
def test_each_wrong_setting_is_told_with_what_to_write(number: str, hint: str, changed: dict[str, object]) -> None:
    """By one message that names it, and shows nothing of what stands there."""
    (told,) = wrong(changed)
    assert told.startswith(f"totpcore.{number} ")
    assert hint in told
    assert next(iter(changed)) in told or number in {"E009", "E010", "E012", "W002", "W004"}
    assert "canary" not in told


def test_keys_are_read_out_of_a_file(tmp_path: Path) -> None:
    """As a keyring reads them: newest first, one on a line."""
    path = tmp_path / "totp.keys"
    path.touch(mode=0o600)
    path.write_text(f"# newest first\n{KEY}\n{Keyring.generate_key('2025')}\n")
    assert wrong(TOTPCORE_KEYS=path) == []
    with override_settings(TOTPCORE_KEYS=path):
        found = conf.sealer()
    assert isinstance(found, Keyring)
    assert found.ids == ("2026", "2025")


def test_a_file_of_keys_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """One that is not there, that is none, that others may read, or that holds something else, which is not shown."""
    path = tmp_path / "totp.keys"
    (told,) = wrong(TOTPCORE_KEYS=path)
    assert told.startswith("totpcore.E002 TOTPCORE_KEYS must be a file that is there: where this site has run before")
    (told,) = wrong(TOTPCORE_KEYS=tmp_path)
    assert told.startswith("totpcore.E002 TOTPCORE_KEYS must be a file that can be read: Is a directory")
    path.write_text("canary")
    path.chmod(0o644)
    (told,) = wrong(TOTPCORE_KEYS=path)
    assert "chmod 600" in told
    path.chmod(0o600)
    for text in ("canary", ""):
        path.write_text(text)
        (told,) = wrong(TOTPCORE_KEYS=path)
        assert told.startswith("totpcore.E002 TOTPCORE_KEYS is not right: ")
        assert "canary" not in told


def test_plaintext_is_told_before_a_site_goes_online() -> None:
    """By `check --deploy`, and by that alone."""
    assert [told[:13] for told in wrong(deploy=True, TOTPCORE_KEYS=Plaintext())] == ["totpcore.W003"]
    assert wrong(TOTPCORE_KEYS=Plaintext()) == []
    assert wrong(deploy=True, TOTPCORE_KEYS=KEY) == []


@pytest.mark.parametrize(
    ("number", "changed"),
    [
        ("W005", {"TOTPCORE_STORE": "memory:"}),
        ("W005", {"TOTPCORE_STORE": MemoryStore()}),
        ("W006", {"TOTPCORE_CLOCK": time.time}),
    ],
)
def test_what_is_for_tests_is_told_before_a_site_goes_online(number: str, changed: dict[str, object]) -> None:
    """By `check --deploy`, and by that alone."""
    (told,) = wrong(changed, deploy=True, TOTPCORE_KEYS=KEY)
    assert told.startswith(f"totpcore.{number} {next(iter(changed))} is ")
    assert wrong(changed) == []


@pytest.mark.parametrize(("library", "number"), [("segno", "W001"), ("cryptography", "E011")])
def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, library: str, number: str) -> None:
    """With what to install."""
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == library else find(name))
    (told,) = wrong(TOTPCORE_KEYS=KEY)
    assert told.startswith(f"totpcore.{number} {library} is not installed")
    assert 'pip install "totpcore[django]"' in told


def test_where_the_middleware_is_missing_the_site_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody took it out after the site had started."""
    monkeypatch.setattr(settings, "MIDDLEWARE", [SESSIONS, AUTHENTICATION])
    (told,) = wrong()
    assert told.startswith("totpcore.E008")
    assert f"right behind {AUTHENTICATION}" in told


# ---- the middleware puts itself in its place ----


@pytest.mark.parametrize(
    ("listed", "then"),
    [
        ([SESSIONS, AUTHENTICATION, "x"], [SESSIONS, AUTHENTICATION, MIDDLEWARE, "x"]),
        ([SESSIONS, AUTHENTICATION, "x", REMOTE, "y"], [SESSIONS, AUTHENTICATION, "x", REMOTE, MIDDLEWARE, "y"]),
        ([SESSIONS, "my.Authentication", "x"], [SESSIONS, "my.Authentication", "x", MIDDLEWARE]),
        ((SESSIONS, AUTHENTICATION), [SESSIONS, AUTHENTICATION, MIDDLEWARE]),
        ([SESSIONS, MINE, "x"], [SESSIONS, MINE, MIDDLEWARE, "x"]),
        ([SESSIONS, "django_app.views.sends_away", "x"], [SESSIONS, "django_app.views.sends_away", "x", MIDDLEWARE]),
        ([SESSIONS, "django_app.fails.Middleware"], [SESSIONS, "django_app.fails.Middleware", MIDDLEWARE]),
        ([MIDDLEWARE, SESSIONS], [MIDDLEWARE, SESSIONS]),
    ],
)
def test_where_the_middleware_goes(listed: list[str], then: list[str]) -> None:
    """Behind what says who a request is from; where it is listed it stays."""
    before = list(settings.MIDDLEWARE)
    assert before.count(MIDDLEWARE) == 1
    with override_settings(MIDDLEWARE=listed):
        there = list(settings.MIDDLEWARE)
    assert there == then
    assert list(settings.MIDDLEWARE) == before


def test_a_test_that_overrides_the_middleware_is_confined_too(house: House) -> None:
    """As every other site."""
    alice = house.visitor(phone=True)
    with override_settings(MIDDLEWARE=[SESSIONS, AUTHENTICATION]):
        alice.browser = Client()
        alice.browser.force_login(alice.user)
        assert alice.get("/private")["Location"].startswith("/2fa/code/")


@pytest.mark.parametrize("installed", [True, False])
def test_the_admin_is_left_out_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch, installed: bool) -> None:
    """The app starts without it, and twice is as once."""
    done: list[str] = []
    monkeypatch.setattr("totpcore.django.admin.install", lambda: done.append("installed"))
    monkeypatch.setattr(apps, "is_installed", lambda _name: installed)
    before = list(settings.MIDDLEWARE)
    apps.get_app_config("totpcore_django").ready()
    assert done == ["installed"] * installed
    assert list(settings.MIDDLEWARE) == before


# ---- what is made of the settings ----


def test_the_service_is_made_once(house: House) -> None:
    """And anew after a setting has changed."""
    first = conf.two_factor()
    assert conf.two_factor() is first
    with override_settings(LANGUAGE_CODE="de"):
        assert conf.two_factor() is first
    with override_settings(TOTPCORE_ISSUER="Another"):
        assert conf.two_factor() is not first
        assert "Another" in conf.two_factor().enrol("7", account="alice").uri


def test_where_the_records_are(house: House) -> None:
    """In the database of the site, or where the settings say."""
    assert isinstance(conf.store(), DjangoStore)
    with override_settings(TOTPCORE_STORE="memory:"):
        assert isinstance(conf.store(), MemoryStore)
    store = MemoryStore()
    with override_settings(TOTPCORE_STORE=store):
        assert conf.store() is store
    with override_settings(TOTPCORE_STORE=""):
        assert isinstance(conf.store(), DjangoStore)
    with override_settings(TOTPCORE_DATABASE="elsewhere"), pytest.raises(ImproperlyConfigured, match="DATABASES"):
        conf.store()


def test_the_url_of_the_store_is_on_no_page(house: House) -> None:
    """It may hold a password, and Django's own page about an error shows settings with DEBUG."""
    url = "sqlite:///canary.db"
    alice = house.visitor()
    with override_settings(TOTPCORE_STORE=url, DEBUG=True):
        page = alice.get("/broken").content.decode()
        assert str(settings.TOTPCORE_STORE) == url
    assert "TOTPCORE_STORE" in page
    assert "canary" not in page
    with override_settings(TOTPCORE_STORE="memory:"):
        assert "memory" not in repr(settings.TOTPCORE_STORE)
        assert isinstance(conf.store(), MemoryStore), "it is a URL all the same"
    assert getattr(settings, "TOTPCORE_STORE", None) is None


def test_the_keys_seal(house: House) -> None:
    """As a text, newest first; or as a sealer of one's own."""
    with override_settings(TOTPCORE_KEYS=KEY):
        sealer = conf.sealer()
        assert isinstance(sealer, Keyring)
        assert repr(sealer) == "<Keyring: 2026>"
    with override_settings(TOTPCORE_KEYS=Keyring({"a": bytes(range(32))})):
        assert repr(conf.sealer()) == "<Keyring: a>"


@pytest.mark.parametrize("name", ["TOTPCORE_ISSUER", "TOTPCORE_KEYS", "TOTPCORE_ENFORCEMENT"])
def test_without_a_setting_nobody_is_let_in(house: House, name: str) -> None:
    """The page is an error, and the error names the setting."""
    alice = house.visitor(phone=True)
    alice.logs_in()
    alice.browser.raise_request_exception = True
    alice.browser.force_login(alice.user)
    with override_settings(**{name: None}), pytest.raises((ImproperlyConfigured, TypeError), match=name):
        alice.get("/private")


def test_the_clock_is_the_machines_where_none_is_set(house: House) -> None:
    """In Unix seconds."""
    with override_settings(TOTPCORE_CLOCK=None):
        before = time.time()
        assert before <= conf.now() <= time.time()


def test_migrate_makes_the_table_where_the_records_belong(tmp_path: Path) -> None:
    """In the database of the settings, and in no other."""
    files = {name: tmp_path / f"{name}.totpcore.sqlite3" for name in ("site", "factors")}
    databases = {"default": on_sqlite(tmp_path / "site.sqlite3"), "factors": on_sqlite(tmp_path / "factors.sqlite3")}
    with application(tables=False, **databases), override_settings(TOTPCORE_DATABASE="factors"):
        call_command("migrate", verbosity=0)
        assert not any(file.exists() for file in files.values())
        call_command("migrate", verbosity=0, database="factors")
        assert DjangoStore("factors").load("7") is None
    assert [name for name, file in files.items() if file.exists()] == ["factors"]


def test_the_migration_is_complete() -> None:
    """The models are what it makes."""
    call_command("makemigrations", "totpcore_django", check=True, dry_run=True, verbosity=0)


# ---- without Django ----


def test_without_django_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Django is not installed, the package says what to install."""
    import_module = builtins.__import__

    def without_django(name: str, *given: Any, **named: Any) -> object:
        if name.partition(".")[0] == "django":
            raise ImportError(name)
        return import_module(name, *given, **named)

    monkeypatch.delitem(sys.modules, "totpcore.django")
    monkeypatch.setattr(builtins, "__import__", without_django)
    with pytest.raises(ImportError, match=r"totpcore\[django\]"):
        importlib.import_module("totpcore.django")


def test_totpcore_does_not_load_it() -> None:
    """Nothing of the package rests on Django."""
    code = "import sys, totpcore, totpcore.stores, totpcore.sealing; print('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout == "False\n"
