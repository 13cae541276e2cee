"""The panel that the tutorial ends with is safe to copy: what a passer-by, a thief and a mishap can do to it."""

import base64
import contextlib
import importlib.util
import re
import sqlite3
import stat
import sys
import zlib
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from browser.codes import oath_code, wrong_code
from need import need
from totpcore import InvalidCode, TwoFactor
from totpcore.sealing import Keyring
from totpcore.stores import SQLiteStore
from totpcore.testing import HandClock
from tutorial.reading import state

need("oathtool")

LAST = 8
PAGES = ["/", "/second-factor"]
FORMS = ["/setup", "/confirm", "/replace", "/logout"]


class Panel:
    """The panel with Ada in it, who has a password, on a clock that is set by hand."""

    def __init__(self, folder: Path, clock: HandClock, patch: pytest.MonkeyPatch) -> None:
        for name, text in state(LAST).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
        (folder / "session.key").write_text("a key for a test", "utf-8")
        (folder / "totp.keys").touch(mode=0o600)
        (folder / "totp.keys").write_text(Keyring.generate_key("test"), "utf-8")
        SQLiteStore(folder / "second-factors.db", create=True)
        self.folder = folder
        self.clock = clock
        self.module = _load(folder / "panel.py", patch)
        self.app: Flask = self.module.app
        self.factor: TwoFactor = self.module.factor
        self.password = self.command("add", "ada")
        self.key = ""
        self.recovery_codes: list[str] = []

    @property
    def ada(self) -> str:
        """Her user id."""
        return str(self.module.one("SELECT id FROM users")["id"])

    def command(self, *words: str) -> str:
        """Run a command of the panel, and return what it prints."""
        done = self.app.test_cli_runner().invoke(args=list(words))
        assert done.exit_code == 0, done.output
        return done.output.strip()

    def set_up(self) -> None:
        """Give Ada a second factor, through the pages; the code of that is a minute old."""
        visitor = Visitor(self)
        visitor.give_password()
        self.key = _key(visitor.post("/setup").text)
        shown = visitor.post("/confirm", code=self.code()).text
        self.recovery_codes = re.findall(r"<li><code>([\w-]+)</code>", shown)
        self.clock.tick(60)

    def code(self) -> str:
        """What Ada's phone shows."""
        return oath_code(self.key, self.clock())


class Visitor:
    """A browser: it keeps cookies, and sends forms with the token of the last page."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.client = panel.app.test_client()
        self.token = ""

    def get(self, path: str) -> TestResponse:
        """Open a page."""
        return self._look(self.client.get(path))

    def post(self, path: str, **fields: str) -> TestResponse:
        """Send a form."""
        return self._look(self.client.post(path, data={"csrf": self.token, **fields}))

    def give_password(self) -> TestResponse:
        """The first step of the log-in."""
        self.get("/login")
        answer = self.post("/login", login="ada", password=self.panel.password)
        self._look(self.client.get(answer.location, follow_redirects=True))
        return answer

    def log_in(self) -> None:
        """Both steps."""
        self.give_password()
        assert self.post("/code", code=self.panel.code()).location == "/"
        assert self.get("/").status_code == 200

    @property
    def cookie(self) -> str:
        """What the browser keeps."""
        found = self.client.get_cookie("session")
        return found.value if found else ""

    def take(self, cookie: str) -> None:
        """Come with a cookie from somewhere else."""
        self.client.set_cookie("session", cookie)

    def _look(self, answer: TestResponse) -> TestResponse:
        found = re.search(r'name="csrf" value="([^"]+)"', answer.get_data(as_text=True))
        self.token = found[1] if found else self.token
        return answer


def _load(file: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    found = importlib.util.spec_from_file_location("small_panel", file)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    patch.setitem(sys.modules, "small_panel", module)  # where Flask looks for the folder of the templates
    found.loader.exec_module(module)
    return module


def _key(page: str) -> str:
    found = re.search(r"<code>([A-Z2-7 ]+)</code>", page)
    assert found, "the page shows a key"
    return found[1].replace(" ", "")


def _read(cookie: str) -> str:
    """What is in a cookie of Flask's: it is signed, not encrypted."""
    packed = cookie.startswith(".")
    payload = cookie.lstrip(".").partition(".")[0]
    content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    return (zlib.decompress(content) if packed else content).decode()


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Panel:
    """The panel of the last step."""
    clock = HandClock(1_800_000_000)
    monkeypatch.setattr("time.time", clock)
    return Panel(tmp_path, clock, monkeypatch)


@pytest.fixture
def visitor(panel: Panel) -> Visitor:
    """Somebody who has given nothing yet, and opened the log-in page."""
    visitor = Visitor(panel)
    visitor.get("/login")
    return visitor


def test_a_passer_by_reaches_the_log_in_alone(panel: Panel, visitor: Visitor) -> None:
    """Whatever address is typed, and whatever form is sent."""
    rules = [rule for rule in panel.app.url_map.iter_rules() if rule.endpoint not in {"static", "login"}]
    assert {rule.rule for rule in rules} == {*PAGES, *FORMS, "/code", "/recovery"}
    for rule in rules:
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = visitor.get(rule.rule) if method == "GET" else visitor.post(rule.rule)
            assert answer.location == "/login", (method, rule.rule)


def test_a_password_alone_opens_the_set_up_and_nothing_else(panel: Panel, visitor: Visitor) -> None:
    """The rule requires a second factor: without one, every page leads to the set-up."""
    visitor.give_password()
    assert visitor.get("/").location == "/second-factor"
    assert visitor.post("/replace", code="000000").location == "/second-factor"
    panel.set_up()
    assert visitor.get("/second-factor").location == "/login", "sessions from before are over"


def test_a_half_session_reaches_the_code_alone_and_ends(panel: Panel, visitor: Visitor) -> None:
    """After the password there is the code, the recovery code and log-out, for five minutes."""
    panel.set_up()
    visitor.give_password()
    for path in PAGES:
        assert visitor.get(path).location == "/code"
    for path in ("/setup", "/confirm", "/replace"):
        assert visitor.post(path).location == "/code"
    assert panel.factor.status(panel.ada).state == "on"
    panel.clock.tick(299)
    assert visitor.get("/code").status_code == 200
    panel.clock.tick(1)
    assert visitor.get("/code").location == "/login"
    assert visitor.post("/code", code=panel.code()).location == "/login"


@pytest.mark.parametrize("token", ["", "not this one", "é"])
@pytest.mark.parametrize("path", [*FORMS, "/login", "/code", "/recovery"])
def test_a_form_of_another_site_changes_nothing(panel: Panel, path: str, token: str) -> None:
    """Without the token of this very session, nothing is looked at."""
    panel.set_up()
    visitor = Visitor(panel)
    visitor.log_in()
    before = panel.factor.status(panel.ada)
    panel.clock.tick(30)
    visitor.token = token
    assert visitor.post(path, code=panel.code()).status_code == 400
    assert visitor.get("/").status_code == 200
    assert panel.factor.status(panel.ada) == before


def test_nothing_secret_has_an_address(panel: Panel, visitor: Visitor) -> None:
    """QR code, key and recovery codes are in the answer to a POST alone, and never in the cookie."""
    for path in FORMS:
        assert visitor.get(path).status_code == 405
    visitor.give_password()
    key = _key(visitor.post("/setup").text)
    grouped = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
    for path in PAGES:
        page = visitor.get(path).text
        assert grouped not in page
        assert "<svg" not in page
    assert key not in _read(visitor.cookie)
    shown = visitor.post("/confirm", code=oath_code(key, panel.clock()))
    codes = re.findall(r"<li><code>([\w-]+)</code>", shown.text)
    assert len(codes) == 10
    assert not any(code in _read(visitor.cookie) for code in codes)
    assert visitor.post("/confirm", code=oath_code(key, panel.clock())).location == "/second-factor", "shown once"


def test_each_step_up_has_a_session_of_its_own(panel: Panel, visitor: Visitor) -> None:
    """A cookie from before the password, or from before the code, is worth what it was: nothing."""
    panel.set_up()
    planted = visitor.cookie
    visitor.give_password()
    half = visitor.cookie
    assert visitor.post("/code", code=panel.code()).location == "/"
    full = visitor.cookie
    thief = Visitor(panel)
    for old in (planted, half):
        thief.take(old)
        assert thief.get("/code").location == "/login"
    visitor.get("/")
    visitor.post("/logout")
    thief.take(full)
    assert thief.get("/").location == "/login", "log-out ends the session, not only the cookie"


def test_a_cookie_cannot_be_made_up(panel: Panel, visitor: Visitor) -> None:
    """Who knows an id of a session, from a backup of the file, still lacks the signature."""
    panel.set_up()
    visitor.log_in()
    payload, _, signature = visitor.cookie.partition(".")
    thief = Visitor(panel)
    thief.take(f"{payload}.{signature[:-4]}AAAA")
    assert thief.get("/").location == "/login"


def test_a_code_opens_once_and_guesses_are_few(panel: Panel, visitor: Visitor) -> None:
    """A spent code is refused in another browser; five wrong ones begin a wait, which a right code does not end."""
    panel.set_up()
    visitor.log_in()
    thief = Visitor(panel)
    thief.give_password()
    thief.post("/code", code=panel.code())
    assert "used already" in thief.get("/code").text
    panel.clock.tick(30)
    for _ in range(5):
        thief.post("/code", code=wrong_code(panel.key, panel.clock()))
    assert "Tries left: 0" in thief.get("/code").text
    thief.post("/code", code=panel.code())
    assert "Wait 30 seconds" in thief.get("/code").text
    assert thief.get("/").location == "/code"


def test_a_recovery_code_ends_all_other_sessions(panel: Panel, visitor: Visitor) -> None:
    """Since set-up takes no code for a while: a session that is open elsewhere must not get there."""
    panel.set_up()
    visitor.log_in()
    other = Visitor(panel)
    other.give_password()
    assert other.post("/recovery", code=panel.recovery_codes[0]).location == "/second-factor"
    assert "Left: 9" in other.get("/second-factor").text
    assert visitor.post("/setup").location == "/login"
    assert "<svg" in other.post("/setup").text


def test_after_a_lock_a_recovery_code_leads_to_the_set_up_alone(panel: Panel, visitor: Visitor) -> None:
    """Whoever comes in while codes are locked has to set up anew."""
    panel.set_up()
    for _ in range(100):
        panel.clock.tick(3600)
        with contextlib.suppress(InvalidCode):
            panel.factor.verify(panel.ada, wrong_code(panel.key, panel.clock()))
    assert panel.factor.status(panel.ada).state == "locked"
    visitor.give_password()
    visitor.post("/recovery", code=panel.recovery_codes[0])
    assert visitor.get("/").location == "/second-factor"
    visitor.get("/second-factor")
    key = _key(visitor.post("/setup").text)
    assert "Your recovery codes" in visitor.post("/confirm", code=oath_code(key, panel.clock())).text
    assert visitor.get("/").status_code == 200


def test_set_up_does_not_show_a_confirmed_secret(panel: Panel, visitor: Visitor) -> None:
    """Who sits down at an open session cannot read the secret off, nor make a new one without a code."""
    panel.set_up()
    visitor.log_in()
    assert visitor.post("/setup").location == "/second-factor"
    assert "on already" in visitor.get("/second-factor").text
    visitor.post("/replace", code=wrong_code(panel.key, panel.clock()))
    assert "not right" in visitor.get("/second-factor").text
    panel.clock.tick(30)
    assert _key(visitor.post("/replace", code=panel.code()).text) != panel.key


def test_a_set_up_is_shown_to_the_session_that_began_it_alone(panel: Panel, visitor: Visitor) -> None:
    """Who knows the password as well, and begins a set-up beside Ada's, shares no secret with her."""
    thief = Visitor(panel)
    for somebody in (thief, visitor):
        somebody.give_password()
    theirs = _key(thief.post("/setup").text)
    hers = _key(visitor.post("/setup").text)
    assert hers != theirs, "what the thief has begun is not gone on with"
    panel.clock.tick(1)
    theirs = _key(thief.post("/setup").text)
    answer = visitor.post("/confirm", code=oath_code(hers, panel.clock()))
    assert theirs not in re.sub(r"\s", "", answer.text)
    assert answer.status_code == 302
    assert "This set-up has ended" in visitor.get("/second-factor").text


def test_a_reset_takes_the_password_and_the_sessions_with_it(panel: Panel, visitor: Visitor) -> None:
    """It is by the command line alone, with a name and a reason; whoever has phone and password is out."""
    panel.set_up()
    visitor.log_in()
    half = Visitor(panel)
    half.give_password()
    old = panel.password
    panel.password = panel.command("reset", "ada", "--actor", "grace", "--reason", "phone lost")
    assert panel.password != old
    assert visitor.get("/").location == "/login"
    assert half.get("/code").location == "/login"
    assert Visitor(panel).give_password().location == "/"
    panel.password = old
    assert Visitor(panel).give_password().location == "/login"
    unknown = panel.app.test_cli_runner().invoke(args=["reset", "nobody", "--actor", "a", "--reason", "b"])
    assert unknown.exit_code == 2


def test_a_new_password_ends_sessions_without_a_second_factor_too(panel: Panel, visitor: Visitor) -> None:
    """A session hangs on the password as well."""
    visitor.give_password()
    assert visitor.get("/second-factor").status_code == 200
    panel.command("reset", "ada", "--actor", "grace", "--reason", "password known to others")
    assert visitor.get("/second-factor").location == "/login"


def test_a_lost_store_lets_nobody_in(panel: Panel, visitor: Visitor) -> None:
    """The panel's own flag says that there should be a second factor; an empty store is trouble, no permission."""
    panel.set_up()
    with closing(sqlite3.connect(panel.folder / "second-factors.db", isolation_level=None)) as db:
        db.execute("DELETE FROM totpcore")
    answer = visitor.post("/login", login="ada", password=panel.password)
    assert answer.status_code == 503
    assert "nobody is let in" in answer.text
    assert visitor.get("/").location == "/login"


def test_a_record_that_does_not_open_lets_nobody_in(panel: Panel, visitor: Visitor) -> None:
    """A spoilt record stops a session that is open as well."""
    panel.set_up()
    visitor.log_in()
    with closing(sqlite3.connect(panel.folder / "second-factors.db", isolation_level=None)) as db:
        db.execute("UPDATE totpcore SET value = x'00ff'")
    assert visitor.get("/").status_code == 503
    assert Visitor(panel).client.get("/login").status_code == 200


def test_an_unknown_name_and_a_wrong_password_read_alike(panel: Panel, visitor: Visitor) -> None:
    """What is said does not tell whether there is such a user."""
    said = []
    for name in ("ada", "nobody"):
        assert visitor.post("/login", login=name, password="wrong").location == "/login"
        said.append(re.sub(r'value="[^"]*"', "", visitor.get("/login").text))
    assert said[0] == said[1]
    assert "not right" in said[0]


def test_cookies_and_headers(panel: Panel, visitor: Visitor) -> None:
    """No script reads the cookie, no other site sends it with a form, no cache keeps a page, nobody frames it."""
    answer = visitor.get("/login")
    visitor.post("/login", login="ada", password=panel.password)
    cookie = visitor.client.get_cookie("session")
    assert cookie
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_files_are_for_their_owner_alone(panel: Panel) -> None:
    """Hashes, sessions and records are readable by nobody else."""
    for name in ("panel.db", "second-factors.db"):
        assert stat.S_IMODE((panel.folder / name).stat().st_mode) == 0o600
