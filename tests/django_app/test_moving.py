"""Moving from django-otp, whose devices are made and used by django-otp itself."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import modify_settings, override_settings
from django.test.utils import isolate_apps

from django_app.office import Office
from django_app.visitors import House
from stores.django_project import application, on_sqlite
from totpcore import HOTP, TOTP, InvalidCode, Policy, Refused, Secret, State
from totpcore.django import models
from totpcore.django._moving import _is_other
from totpcore.stores.django import DjangoStore

KEY = "3132333435363738393031323334353637383930"
PLUGINS = ("totp", "hotp", "static", "email")
APPS = ["django_otp", *(f"django_otp.plugins.otp_{name}" for name in PLUGINS)]


class Device(Protocol):
    """A device of django-otp."""

    def verify_token(self, token: str, /) -> bool:
        """Whether it is accepted; it is spent then."""


@contextmanager
def django_otp_installed() -> Iterator[None]:
    """Let the site have django-otp, and leave none of its devices in the admin."""
    registered = dict(admin.site._registry)
    with modify_settings(INSTALLED_APPS={"append": APPS}):
        yield
    admin.site._registry.clear()
    admin.site._registry.update(registered)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the databases of a site that has django-otp."""
    folder = tmp_path_factory.mktemp("with-django-otp")
    with application(tables=False, default=on_sqlite(folder / "db.sqlite3")), django_otp_installed():
        call_command("migrate", verbosity=0)
    return folder


@pytest.fixture
def office(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A site with django-otp, which goes by the same clock."""
    with django_otp_installed():
        from django_otp.plugins.otp_totp import models as otp

        monkeypatch.setattr(otp, "time", SimpleNamespace(time=house.clock))
        yield Office(house)


def of_totpcore(*arguments: str) -> list[str]:
    """What a command of totpcore's writes."""
    out = io.StringIO()
    call_command("totpcore", *arguments, stdout=out)
    return out.getvalue().splitlines()


def run(*arguments: str) -> list[str]:
    """What the command writes."""
    return of_totpcore("import-django-otp", *arguments)


def failing(*arguments: str) -> tuple[list[str], str]:
    """What the command writes where something could not be done, and how it ends."""
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("totpcore", "import-django-otp", *arguments, stdout=out)
    return out.getvalue().splitlines(), str(error.value)


def device(user: User, kind: str = "TOTPDevice", **more: object) -> Device:
    """A device of django-otp."""
    from django.apps import apps

    model = apps.get_model("otp_totp" if kind == "TOTPDevice" else "otp_hotp", kind)
    made: Device = model._default_manager.create(
        **{"user": user, "name": "phone", "key": KEY, "confirmed": True, **more}
    )
    return made


def code(office: Office, steps: int = 0) -> str:
    """What a phone with this key shows, some time steps from now."""
    return TOTP(Secret(bytes.fromhex(KEY))).code(office.clock() + 30 * steps)


# ---- what was spent there ----


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_that_was_spent_there_is_refused_here(office: Office, steps: int) -> None:
    """Whatever the drift at which django-otp took it; the next one is accepted."""
    ada = office.add("ada")
    there = device(ada)
    assert there.verify_token(code(office, steps))
    assert not there.verify_token(code(office, steps))
    assert run()[0].startswith("ada: TOTPDevice")
    for spent in range(-1, steps + 1):
        with pytest.raises(Refused):
            office.factor.verify(str(ada.pk), code(office, spent))
    office.clock.tick(60)
    assert office.factor.verify(str(ada.pk), code(office)).user == str(ada.pk)


def test_a_code_from_before_a_device_was_used_is_refused(office: Office) -> None:
    """django-otp has no record of it, and somebody may have seen it."""
    ada = office.add("ada")
    device(ada)
    seen = code(office)
    run()
    with pytest.raises(Refused):
        office.factor.verify(str(ada.pk), seen)
    office.clock.tick(30)
    assert office.factor.verify(str(ada.pk), code(office)).user == str(ada.pk)


def test_a_secret_in_two_devices_was_spent_in_both(office: Office) -> None:
    """The device that is taken may be the one whose own record is the older."""
    ada = office.add("ada")
    step = int(office.clock() // 30)
    device(ada, last_t=step, last_used_at=datetime(2026, 8, 1, tzinfo=UTC))
    device(ada, last_t=step - 5, last_used_at=datetime(2026, 8, 2, tzinfo=UTC))
    assert run()[0] == "ada: TOTPDevice 2, and not TOTPDevice 1"
    with pytest.raises(Refused):
        office.factor.verify(str(ada.pk), code(office))
    office.clock.tick(30)
    assert office.factor.verify(str(ada.pk), code(office)).user == str(ada.pk)


def test_a_counter_that_was_spent_there_is_refused_here(office: Office) -> None:
    """Also those that django-otp passed over."""
    ada, token = office.add("ada"), HOTP(Secret(bytes.fromhex(KEY)))
    there = device(ada, "HOTPDevice")
    assert there.verify_token(token.code(3))
    assert run()[0] == "ada: HOTPDevice 1"
    for spent in range(4):
        with pytest.raises(InvalidCode):
            office.factor.verify(str(ada.pk), token.code(spent))
    assert office.factor.verify(str(ada.pk), token.code(4)).counter == 4


def test_parameters_come_along(office: Office) -> None:
    """Digits, step and origin."""
    ada = office.add("ada")
    there = device(ada, digits=8, step=60, t0=17)
    run()
    office.clock.tick(60)
    now = TOTP(Secret(bytes.fromhex(KEY)), digits=8, period=60, t0=17).code(office.clock())
    assert office.factor.verify(str(ada.pk), now).user == str(ada.pk)
    assert there.verify_token(now), "django-otp would have accepted it as well"


# ---- who is moved ----


def test_whoever_was_moved_is_asked_for_new_recovery_codes(office: Office) -> None:
    """The factor is expected from now on, and nobody has seen its recovery codes."""
    ada = office.add("ada")
    device(ada)
    said = run()
    row = models.expectation(ada)
    assert row is not None
    assert row.codes_shown is False
    assert [line.split()[:3] for line in of_totpcore("users")[1:2]] == [["ada", "on", "0"]], "nobody has seen any"
    assert [line.split()[-1] for line in of_totpcore("status", "ada")[:3]] == ["ada", "on", "0"]
    assert said[1] == "1 moved, 0 already here"
    assert "make new ones" in said[2]
    assert "in clear" in said[3]


def test_a_second_run_moves_nobody_twice(office: Office) -> None:
    """Those who are there are left, with all that happened since."""
    ada = office.add("ada")
    device(ada)
    run()
    generation = office.factor.status(str(ada.pk)).generation
    assert run() == ["0 moved, 1 already here"]
    assert office.factor.status(str(ada.pk)).generation == generation


def test_a_run_that_was_stopped_in_the_midst_is_finished(office: Office) -> None:
    """The flag follows where it is missing; one that is there stays as it is."""
    ada, bob = office.add("ada"), office.add("bob")
    office.enrol(bob)
    device(bob)
    device(ada)
    run()
    models.forget(ada)
    assert run("--dry-run") == ["0 would be moved, 2 already here"]
    assert models.expectation(ada) is None
    run()
    assert [row.codes_shown for row in (models.expectation(ada), models.expectation(bob)) if row] == [False, True]


def test_whoever_is_in_the_midst_of_set_up_is_moved(office: Office) -> None:
    """What is pending has not been confirmed, and ends."""
    ada = office.add("ada")
    device(ada)
    office.factor.enrol(str(ada.pk), account="ada")
    run()
    assert office.factor.status(str(ada.pk)).state is State.ON


def test_an_unconfirmed_device_is_left(office: Office) -> None:
    """Nobody has shown that they can make its codes."""
    ada = office.add("ada")
    device(ada, confirmed=False)
    assert run() == ["0 moved, 0 already here", "1 left that were never confirmed"]
    assert office.factor.status(str(ada.pk)).state is State.OFF


def test_of_several_devices_one_is_taken(office: Office) -> None:
    """The one used last; if that is not known, a time-based one, the newest. It is said which, and which not."""
    ada, bob = office.add("ada"), office.add("bob")
    device(ada, last_used_at=datetime(2026, 8, 1, tzinfo=UTC))
    device(ada)
    device(bob)
    device(bob)
    device(bob, "HOTPDevice")
    assert run()[:2] == [
        "ada: TOTPDevice 1, and not TOTPDevice 2",
        "bob: TOTPDevice 4, and not HOTPDevice 1, TOTPDevice 3",
    ]


def test_a_dry_run_changes_nothing(office: Office) -> None:
    """It tells the same, and leaves no record and no flag."""
    ada = office.add("ada")
    device(ada)
    assert run("--dry-run") == ["ada: TOTPDevice 1", "1 would be moved, 0 already here"]
    assert DjangoStore().load(str(ada.pk)) is None
    assert models.expectation(ada) is None


def test_django_otp_is_needed(house: House) -> None:
    """Where its apps are not there, it is said what to do."""
    with pytest.raises(CommandError, match=r"keep django_otp\.plugins\.otp_totp"):
        run()


# ---- what cannot be moved, or only with a word ----


def other(user: User, label: str, name: str, **more: object) -> None:
    """A device of a kind that cannot come along."""
    from django.apps import apps

    apps.get_model(label, name)._default_manager.create(user=user, name="other", **more)


@pytest.mark.parametrize("rehearsal", [[], ["--dry-run"]])
def test_whoever_has_other_devices_alone_is_named(office: Office, rehearsal: list[str]) -> None:
    """Nothing but the password is asked of them here: the command fails, until they have set up a factor."""
    people = {name: office.add(name) for name in ("ada", "bob", "carol", "dave")}
    for name in ("ada", "bob"):
        other(people[name], "otp_email", "EmailDevice", email="a@example.com")
    other(people["ada"], "otp_static", "StaticDevice")
    other(people["carol"], "otp_email", "EmailDevice", email="a@example.com", confirmed=False)
    device(people["bob"])
    other(people["dave"], "otp_static", "StaticDevice")
    device(people["dave"], key="no key")
    told = "until they set up a factor here, the password alone lets in"
    said, ended = failing(*rehearsal)
    assert [line for line in said if "password" in line] == [
        f"ada: StaticDevice 1, EmailDevice 1 cannot come along: {told}"
    ]
    assert [line for line in said if line.startswith("bob")] == ["bob: TOTPDevice 1"]
    assert not any(line.startswith("carol") for line in said)
    assert ended.startswith("2 could not be moved")
    if not rehearsal:
        office.enrol(people["ada"])
        assert "ada" not in " ".join(failing()[0])


def test_a_child_of_a_kind_is_of_that_kind(office: Office) -> None:
    """As a plugin may have it, or a proxy: such a device is looked at once, where its parent is."""
    from django_otp.plugins.otp_email.models import EmailDevice
    from django_otp.plugins.otp_totp.models import TOTPDevice

    class Meta:
        app_label, proxy = "otp_email", True

    with isolate_apps("django_otp.plugins.otp_email"):
        mail = type("Mail", (EmailDevice,), {"__module__": __name__, "Meta": Meta})
        child = type("Child", (TOTPDevice,), {"__module__": __name__, "Meta": type("Meta", (), {"app_label": "x"})})
    assert [_is_other(model) for model in (EmailDevice, mail, TOTPDevice, child, User)] == [True, *[False] * 4]


@pytest.mark.parametrize("rehearsal", [[], ["--dry-run"]])
def test_bad_rows_are_named_and_good_ones_go_through(office: Office, rehearsal: list[str]) -> None:
    """By number and reason, never by key; the command fails at its end. A rehearsal finds the same."""
    people = [office.add(name) for name in ("ada", "bob", "carol", "dave", "eve")]
    device(people[0], key="no key")
    device(people[1], key="00" * 20)
    device(people[2], last_t=999_999_999)
    device(people[3], key="31" * 10)
    device(people[4], step=5)
    device(people[4])
    said, ended = failing(*rehearsal)
    assert said[:6] == [
        "ada: TOTPDevice 1: key must be hexadecimal, two digits a byte",
        "bob: TOTPDevice 2: a secret must have 10 to 128 bytes, not all of them zero",
        "carol: TOTPDevice 3: spent must be a time step that has been, and this lies in the future",
        "dave: TOTPDevice 4: its secret has fewer than 128 bits: set up anew, or pass --allow-weak",
        "eve: TOTPDevice 5: step must be from 10 to 300",
        "eve: TOTPDevice 6",
    ]
    assert ended.startswith("5 could not be moved")
    assert office.factor.status(str(people[4].pk)).state is (State.OFF if rehearsal else State.ON)


def test_weak_secrets_are_taken_where_that_is_asked_for(office: Office) -> None:
    """The status tells of it."""
    ada = office.add("ada")
    device(ada, key="31" * 10)
    run("--allow-weak")
    assert office.factor.status(str(ada.pk)).weak_secret


def test_a_record_that_cannot_be_read_is_left(office: Office) -> None:
    """It is told what to do; the others go through."""
    ada, bob = office.add("ada"), office.add("bob")
    office.spoil(ada)
    device(ada)
    device(bob)
    said, _ = failing()
    assert said[:2] == ["ada: the record here cannot be read: reset it, and run this again", "bob: TOTPDevice 2"]


@pytest.mark.parametrize(
    ("window", "drift", "told"),
    [
        ((1, 1), 2, "60 s ahead"),
        ((1, 1), -2, "60 s behind"),
        ((1, 1), 1, ""),
        ((2, 0), -2, ""),
        ((2, 0), 1, "30 s ahead"),
    ],
)
def test_drift_beyond_the_window_is_told(office: Office, window: tuple[int, int], drift: int, told: str) -> None:
    """Here nothing learns drift: such a phone is refused until its clock is set."""
    device(office.add("ada"), drift=drift)
    with override_settings(TOTPCORE_POLICY=Policy(window=window)):
        warned = [line for line in run() if "the phone was" in line]
    assert [f"the phone was {told}:" in line for line in warned] == ([True] if told else [])


def test_a_phone_with_drift_works_once_its_clock_is_set(office: Office) -> None:
    """A step that django-otp accepted lies ahead then: its codes are refused until the time has come."""
    ada = office.add("ada")
    there = device(ada, drift=2)
    assert there.verify_token(code(office, 3))
    run()
    office.clock.tick(90)
    with pytest.raises(InvalidCode):
        office.factor.verify(str(ada.pk), code(office))
    office.clock.tick(30)
    assert office.factor.verify(str(ada.pk), code(office)).user == str(ada.pk)
