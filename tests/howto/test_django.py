"""docs/how-to/django.md, walked word for word: its commands, its lines, the wheel, an empty folder, a server.

Rule 1. Commands and lines are read out of the page. Three things are put in: the wheel in the place of the package
index, a port, and the answers that a person types.
"""

import base64
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from browser.codes import oath_code, wrong_code
from django_walk.page import Page
from django_walk.site import Site
from django_walk.visitor import Visitor
from need import need
from test_wheel import build

ROOT = Path(__file__).parents[2]
PAGE = Page(ROOT / "docs/how-to/django.md")
APP = ROOT / "docs/examples/howto/payroll"
PASSWORD = "correct horse battery"
KEY = re.compile(r"\b(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}\b")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The five minutes, up to the server."""
    need("bash", "oathtool")
    folder = tmp_path_factory.mktemp("walk")
    site = Site(folder, build(tmp_path_factory.mktemp("wheel")))
    (first,) = PAGE.blocks("The admin in five minutes", "sh")
    site.begin(first)
    (lines,) = PAGE.blocks("The settings", "python")
    with (site.project / "mysite/settings.py").open("a") as settings:
        settings.write(lines)
    (lines,) = PAGE.blocks("The addresses", "python")
    urls = site.project / "mysite/urls.py"
    _, docstring, _ = urls.read_text("utf-8").split('"""')
    urls.write_text(f'"""{docstring}"""\n\n{lines}')
    (second,) = PAGE.blocks("A key, a database, an administrator", "sh")
    key, migrate, superuser, _ = second.splitlines()
    site.run(key)
    site.run(migrate)
    typed = [("Username", "ada"), ("Email", "ada@example.com"), ("Password:", PASSWORD), ("(again)", PASSWORD)]
    site.type_into(superuser, typed)
    return site


def test_nothing_is_wrong_with_the_settings(site: Site) -> None:
    """After these lines the system check has no word to say; what is installed is the wheel."""
    assert "no issues" in site.run("python manage.py check")
    assert str(site.folder) in site.run("python -c 'import totpcore; print(totpcore.__file__)'")


def test_the_key_is_kept(site: Site) -> None:
    """Nobody else may read it, and who runs the page's command once more does not lose it."""
    keys = site.project / "totp.keys"
    before = keys.read_text("utf-8")
    assert keys.stat().st_mode & 0o777 == 0o600
    command, *_ = PAGE.blocks("A key, a database, an administrator", "sh")[0].splitlines()
    assert "totp.keys" in site.run(command, fine=False)
    assert keys.read_text("utf-8") == before


def test_without_the_key_the_check_says_what_to_do(site: Site) -> None:
    """Nothing starts, and the hint is first the key of then, and for a new site the page's own command."""
    told = site.run("mv totp.keys away\npython manage.py check || true\nmv away totp.keys")
    assert "TOTPCORE_KEYS must be a file that is there: where this site has run before, the key of then" in told
    assert "manage.py totpcore key" in told


def set_up(visitor: Visitor) -> str:
    """Go through set-up, as the page says under *What you see*; return the key."""
    visitor.open("/2fa/")
    assert "Get started" in visitor.page
    visitor.open("/2fa/setup/", begin="")
    (key, *_) = KEY.findall(visitor.page)
    assert "<svg" in visitor.page
    assert ">Confirm<" in visitor.page
    visitor.open("/2fa/confirm/", code=oath_code(key.replace(" ", ""), time.time()))
    assert len(re.findall(r"\b(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}\b", visitor.page)) == 10
    return str(key.replace(" ", ""))


def test_the_five_minutes(site: Site) -> None:
    """From the first log-in to the second one, which asks for the code."""
    *_, server = PAGE.blocks("A key, a database, an administrator", "sh")[0].splitlines()
    with site.serving(server) as address:
        ada = Visitor(address)
        assert ada.log_in("ada", PASSWORD) == "/admin/"
        assert "/2fa/" in ada.page
        key = set_up(ada)
        ada.open("/2fa/")
        ada.open("/admin/")
        ada.open("/admin/logout/", leave="")

        assert ada.log_in("ada", PASSWORD).startswith("/2fa/code/")
        assert "Code of your app" in ada.page
        assert ada.open("/admin/").startswith("/2fa/code/")
        ada.open("/2fa/code/", code=wrong_code(key, time.time()))
        assert ada.open("/admin/").startswith("/2fa/code/")
        code = oath_code(key, time.time() + 30)
        assert ada.open("/2fa/code/", code=code) == "/admin/"
        assert "Site administration" in ada.page

        ada.open("/admin/auth/user/")
        assert "2FA" in ada.page
        assert "reset_second_factor" in ada.page

        another = Visitor(address)
        assert another.log_in("ada", PASSWORD).startswith("/2fa/code/")
        another.open("/2fa/code/", code=code)
        assert another.open("/admin/").startswith("/2fa/code/"), "a code opens once"


def test_views_tests_and_receivers_of_an_app(site: Site) -> None:
    """What the page shows is put where it says; its tests pass by its command, and so do those it leaves out."""
    (start,) = PAGE.blocks("Views outside of the admin", "sh")
    site.run(start)
    for name, lines in _shown_files().items():
        assert f"`payroll/{name}.py`" in PAGE.text
        (site.project / "payroll" / f"{name}.py").write_text(lines)
    settings, addresses = PAGE.blocks("Views outside of the admin", "python")
    urls = site.project / "mysite/urls.py"
    before = urls.read_text("utf-8")
    with _more_settings(site, settings):
        urls.write_text(before + addresses)
        try:
            (command,) = PAGE.blocks("Testing", "sh")
            assert re.search(r"Ran 4 tests.*\n\nOK", site.run(command))
            shutil.copy(APP / "tests.py", site.project / "payroll")
            assert re.search(r"Ran 8 tests.*\n\nOK", site.run(command))
        finally:
            urls.write_text(before)


def _shown_files() -> dict[str, str]:
    """The files of the app in the order of the page, each as far as it is shown."""
    begin, end = "# page: begin\n", "# page: end\n"
    include = r"\{literalinclude\} \.\./examples/howto/payroll/(\w+)\.py\n:language: python\n(.*?)```"
    shown = {}
    for name, options in re.findall(include, PAGE.text, re.DOTALL):
        assert options == f':start-after: "{begin.strip()}"\n:end-before: "{end.strip()}"\n'
        shown[name] = (APP / f"{name}.py").read_text("utf-8").split(begin)[1].split(end)[0]
        assert "noqa" not in shown[name]
    return shown


def test_nothing_in_the_page_is_left_out() -> None:
    """Each block of it is under a heading that a test here reads, and each included file is one of the app's."""
    text = PAGE.text
    found = {
        heading: len(PAGE.blocks(heading, "sh")) + len(PAGE.blocks(heading, "python")) for heading in PAGE.headings()
    }
    assert {heading: count for heading, count in found.items() if count} == {
        "The admin in five minutes": 1,
        "The settings": 1,
        "The addresses": 1,
        "A key, a database, an administrator": 1,
        "Require it": 1,
        "Views outside of the admin": 3,
        "Several workers, `ATOMIC_REQUESTS`, where the records are": 1,
        "Testing": 1,
        "For operators": 2,
        "Moving from django-otp": 1,
    }
    assert len(re.findall(r"^ *```\w", text, re.MULTILINE)) == sum(found.values())
    shown = list(_shown_files())
    assert shown == ["views", "urls", "receivers", "apps", "tests"]
    assert text.count("{literalinclude}") == len(shown)


def test_the_table_of_views_is_what_the_app_does() -> None:
    """Its columns and rows are those that the tests of the app try."""
    rows = re.findall(r"^\| (`\w+`|no decorator) \|", PAGE.section("Views outside of the admin"), re.MULTILINE)
    assert rows == ["no decorator", "`login_required`", "`second_factor_required`", "`second_factor_exempt`"]


PEOPLE = """
import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class People(BaseUserManager):
    pass


class Person(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    USERNAME_FIELD = "email"
    objects = People()
"""
PEOPLE_TESTS = """
from django.test import TestCase

from people.models import Person
from totpcore import Gate
from totpcore.django.conf import account_of, enforcement_for, key_of, two_factor
from totpcore.django.testing import pass_second_factor


class PersonTest(TestCase):
    databases = {"default", "totpcore.default"}

    def test_a_life(self):
        person = Person.objects.create(email="ada@example.com")
        key = key_of(person)
        assert (key, account_of(person)) == (str(person.pk), "ada@example.com")
        assert two_factor().gate(key, enforcement_for(person)) is Gate.ALLOW
        pass_second_factor(self.client, person)
        assert self.client.get("/2fa/").status_code == 200
        assert two_factor().gate(key, enforcement_for(person)) is Gate.CHALLENGE
        with self.captureOnCommitCallbacks(execute=True):
            person.delete()
        assert two_factor().status(key).state == "off"
"""


def test_a_custom_user_model(site: Site) -> None:
    """A UUID as primary key, an address to log in with, no `is_staff`: as the page says of such a model."""
    site.run("cd ..\ndjango-admin startproject theirs\nmkdir theirs/people\ntouch theirs/people/__init__.py")
    project = site.folder / "theirs"
    for name, text in (("models.py", PEOPLE), ("tests.py", PEOPLE_TESTS)):
        (project / "people" / name).write_text(text)
    (lines,) = PAGE.blocks("The settings", "python")
    shutil.copy(site.project / "totp.keys", project)
    settings = project / "theirs/settings.py"
    theirs = 'INSTALLED_APPS.remove("django.contrib.admin")\nINSTALLED_APPS += ["people"]\n'
    settings.write_text(f'{settings.read_text("utf-8")}\n{lines}{theirs}AUTH_USER_MODEL = "people.Person"\n')
    urls = 'from django.urls import include, path\nurlpatterns = [path("2fa/", include("totpcore.django.urls"))]\n'
    (project / "theirs/urls.py").write_text(urls)
    said = site.run("cd ../theirs\npython manage.py makemigrations people\npython manage.py test")
    assert re.search(r"Ran 1 test.*\n\nOK", said)


def test_what_operators_type(site: Site) -> None:
    """Each command as it stands there; those that change something for somebody ask, and are told yes."""
    made = "from django.contrib.auth.models import User; User.objects.create_user('grace', is_staff=True)"
    site.run(f'python manage.py shell -c "{made}"')
    look, change = PAGE.blocks("For operators", "sh")
    commands = re.sub(r"\bada\b", "grace", look + change).splitlines()
    asked = [command for command in commands if "Nobody is there to ask" in site.run(command, fine=False)]
    assert asked == commands[2:4]
    users, status, reset, floor, reseal = [site.run(command, answers="yes\n") for command in commands]
    assert "grace" in users
    assert "off" in status
    assert "changepassword grace" in reset
    assert "done" in floor
    assert "sealed anew" in reseal


def test_a_required_second_factor_confines(site: Site) -> None:
    """With the page's lines: before the day a nudge; after it set-up and nothing else."""
    (lines,) = PAGE.blocks("Require it", "python")
    assert "15 January 2027, 08:00 UTC" in lines
    assert time.gmtime(1_800_000_000)[:5] == (2027, 1, 15, 8, 0)
    site.run("python manage.py shell -c \"from django.contrib.auth.models import User; "
             f"User.objects.create_superuser('linus', password='{PASSWORD}')\"")  # fmt: skip
    for deadline, led_to in ((4_000_000_000, "/admin/"), (1, "/2fa/")):
        more = _more_settings(site, lines.replace("1_800_000_000", str(deadline)))
        with more, site.serving("python manage.py runserver", "--noreload") as address:
            visitor = Visitor(address)
            visitor.log_in("linus", PASSWORD)
            assert visitor.open("/admin/") == led_to


def test_several_workers(site: Site) -> None:
    """By the page's command: set up on whichever answers, and asked by all of them."""
    need("gunicorn")
    (block,) = PAGE.blocks("Several workers, `ATOMIC_REQUESTS`, where the records are", "sh")
    install, command = block.splitlines()
    assert install == "pip install gunicorn"  # which the tests have
    site.run("python manage.py shell -c \"from django.contrib.auth.models import User; "
             f"User.objects.create_superuser('alan', password='{PASSWORD}')\"")  # fmt: skip
    with site.serving(command.strip().replace("gunicorn", f"python {shutil.which('gunicorn')}")) as address:
        visitor = Visitor(address)
        visitor.log_in("alan", PASSWORD)
        set_up(visitor)
        for _ in range(8):
            assert Visitor(address).log_in("alan", PASSWORD).startswith("/2fa/code/")


def test_devices_of_django_otp_move(site: Site) -> None:
    """By the page's two commands; the first changes nothing, and afterwards the same phone logs in."""
    need("oathtool")
    device = (
        "from django.contrib.auth.models import User; from django_otp.plugins.otp_totp.models import TOTPDevice; "
        f"user = User.objects.create_superuser('margaret', password='{PASSWORD}'); "
        "print('KEY', TOTPDevice.objects.create(user=user, name='phone', confirmed=True).key)"
    )
    rehearse, move = PAGE.blocks("Moving from django-otp", "sh")[0].splitlines()
    with _more_settings(site, 'INSTALLED_APPS += ["django_otp", "django_otp.plugins.otp_totp"]\n'):
        site.run("python manage.py migrate")
        (key,) = re.findall(r"KEY (\w+)", site.run(f'python manage.py shell -c "{device}"'))
        assert "1 would be moved" in site.run(rehearse)
        assert "off" in site.run("python manage.py totpcore status margaret")
        assert "1 moved" in site.run(move)
    with site.serving("python manage.py runserver", "--noreload") as address:
        visitor = Visitor(address)
        assert visitor.log_in("margaret", PASSWORD).startswith("/2fa/code/")
        visitor.open("/2fa/code/", code=_of_hexadecimal(key))
        assert visitor.open("/admin/") == "/admin/"
        visitor.open("/2fa/")
        assert "You have no recovery codes yet" in visitor.page


def _of_hexadecimal(key: str) -> str:
    return oath_code(base64.b32encode(bytes.fromhex(key)).decode(), time.time() + 30)


@contextmanager
def _more_settings(site: Site, lines: str) -> Iterator[None]:
    """Inside, the project has these settings too."""
    settings = site.project / "mysite/settings.py"
    before = settings.read_text("utf-8")
    settings.write_text(f"{before}\n{lines}")
    try:
        yield
    finally:
        settings.write_text(before)
