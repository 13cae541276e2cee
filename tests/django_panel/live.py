"""The admin of the example project, running, as the walks see it.

Rules of this file:

1. `Live` runs in this process, on a clock that is moved by hand; its addresses are those of the example project.
2. `Started` is the example project as a person starts it, in a process of its own.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from playwright.sync_api import Locator, Page
from werkzeug.serving import WSGIRequestHandler, make_server

import django_admin
from browser import site
from browser.children import no_longer_than
from browser.site import PASSWORD, Account
from django_app.office import Office
from django_app.visitors import House
from totpcore import Enforcement, InvalidCode, Rule, Status
from totpcore.django import conf
from totpcore.testing import HandClock

WORDS: Final = site.Words(
    user_name="Username",
    welcome="Site administration",
    code="Code of your app",
    save="Confirm",
    after_set_up="Two-factor authentication",
    any_code="Code of your app, or a recovery code",
    disable="Turn off",
    left="{} are left",
    locked="codes of your app are locked",
    required="This site requires a second factor",
)
PLACES: Final = site.Places(
    log_in="/admin/login/",
    home="/admin/",
    second_factor="/2fa/",
    confined="/2fa/",
    people="/admin/auth/user/",
    guarded=(
        "/admin/",
        "/admin/auth/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        "/admin/auth/user/1/change/",
        "/admin/auth/user/reset-second-factor/?user=1",
        "/admin/password_change/",
        "/2fa/",
    ),
    unreached_confined=("/", "/admin/", "/admin/auth/user/", "/admin/auth/group/", "/admin/nowhere/", "/nowhere/../"),
)


_SET_PASSWORD: Final = f"""
from django.contrib.auth.models import User
ada = User.objects.get(username="ada")
ada.set_password({PASSWORD!r})
ada.save()
"""


class Admin(site.Site):
    """The ways through Django's admin."""

    words = WORDS
    places = PLACES
    issuer = "Example Admin"

    def open_people(self, page: Page) -> None:
        """By the link on the start page."""
        page.get_by_role("main").get_by_role("link", name="Users", exact=True).click()

    def open_own_factor(self, page: Page, account: Account) -> None:
        """By one's own form, where the part about the second factor has a link."""
        page.get_by_role("link", name=account.login, exact=True).click()
        part = page.locator("fieldset", has=page.get_by_role("heading", name="Two-factor authentication"))
        part.get_by_role("link", name="Enable").click()

    def reset(self, page: Page, account: Account, *, own_password: str = PASSWORD) -> None:
        """By the form of that user."""
        page.goto(f"{self.url}{self.places.people}")
        page.get_by_role("link", name=account.login, exact=True).click()
        page.get_by_role("link", name="Reset", exact=True).click()
        page.get_by_label("Reason").fill("phone lost, asked in person")
        page.get_by_label("Your own password").fill(own_password)
        page.get_by_role("button", name="Reset the second factor").click()

    def password_after_reset(self, page: Page) -> str:
        """Shown once."""
        return page.locator(".new-password").inner_text()

    def come_in_after_reset(self, page: Page, given: str) -> None:
        """Nothing is left to do: Django has no password that has to be changed."""

    def notice(self, page: Page) -> Locator:
        """Messages, as the admin shows them."""
        return page.locator(".messagelist")


class Live(Admin):
    """The admin in this process."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self._server = make_server(
            "127.0.0.1", 0, StaticFilesHandler(WSGIHandler()), threaded=True, request_handler=_Quiet
        )
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self._rules: list[override_settings] = []
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        for rule in reversed(self._rules):
            rule.disable()

    def now(self) -> float:
        """The time that was set."""
        return self.clock()

    def tick(self, seconds: float) -> None:
        """Set it."""
        self.clock.tick(seconds)

    def add(self, login: str, *, owner: bool = False) -> Account:
        """Staff; an owner is a superuser."""
        name = login.capitalize()
        user = User.objects.create_user(login, password=PASSWORD, first_name=name, is_staff=True, is_superuser=owner)
        return Account(str(user.pk), login)

    def add_with_factor(self, login: str, *, owner: bool = False) -> Account:
        """The same, with a factor."""
        return Office(House(self.clock)).enrol(User.objects.get(pk=self.add(login, owner=owner).id))

    def fail(self, account: Account, times: int) -> None:
        """Wrong codes, an hour apart."""
        for _ in range(times):
            self.tick(3600)
            with suppress(InvalidCode):
                conf.two_factor().verify(account.id, self.wrong_code(account))

    def status(self, account: Account) -> Status:
        """What the service tells."""
        return conf.two_factor().status(account.id)

    def require(self, deadline: float | None = None) -> None:
        """By the setting."""
        self._rule(Enforcement(Rule.REQUIRE, deadline=deadline))

    def encourage(self) -> None:
        """By the setting."""
        self._rule(Enforcement(Rule.ENCOURAGE))

    def _rule(self, rule: Enforcement) -> None:
        setting = override_settings(TOTPCORE_ENFORCEMENT=rule)
        setting.enable()
        self._rules.append(setting)


class Started(Admin):
    """The example project in a process of its own, on the real clock."""

    def __init__(self, folder: Path, *, port: int | None = 0, wait: bool = True) -> None:
        self.folder = folder
        above = Path(django_admin.__file__).parents[1]
        path = os.pathsep.join([str(above), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment: Mapping[str, str] = {**os.environ, "PYTHONPATH": path}
        command = [sys.executable, "-m", "django_admin", "--data", str(folder)]
        command += [] if port is None else ["--port", str(port)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, env=self._environment, stdout=pipe, stderr=pipe, text=True)
        self.printed: list[str] = []
        assert self._process.stdout
        if not wait:
            return
        with no_longer_than(self._process):
            for line in self._process.stdout:
                self.printed.append(line.strip())
                if line.startswith("Ctrl-C"):
                    break
        assert self.printed, self._process.communicate(timeout=60)
        self.url = self.printed[0].removesuffix("/admin/")

    def stop(self, signal_: int = signal.SIGINT) -> tuple[str, str, int]:
        """Interrupt it; what it printed since, and its exit code."""
        self._process.send_signal(signal_)
        printed, errors = self._process.communicate(timeout=60)
        return printed, errors, self._process.returncode

    def now(self) -> float:
        """The time."""
        return time.time()

    def add(self, login: str, *, owner: bool = False) -> Account:
        """The owner whom the first run has made, with a password that the walks know."""
        assert (login, owner) == ("ada", True)
        keys = {"TOTPCORE_KEYS": "totp.keys", "DJANGO_SECRET_KEY": "django.key"}
        environment = {name: (self.folder / file).read_text() for name, file in keys.items()}
        program = [
            sys.executable,
            str(Path(django_admin.__file__).with_name("manage.py")),
            "shell",
            "-c",
            _SET_PASSWORD,
        ]
        subprocess.run(
            program,
            env={**self._environment, **environment, "DJANGO_ADMIN_DATA": str(self.folder)},
            check=True,
            capture_output=True,
        )
        return Account("1", login)

    def tick(self, seconds: float) -> None:
        """Not here: the clock is the real one, and the rest is for walks on a clock that is set by hand."""
        raise NotImplementedError

    add_with_factor = fail = status = require = encourage = tick  # type: ignore[assignment]  # for no walk on this site


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""
