"""The panel that the tutorial ends with is safe to copy: what a passer-by, a thief and a mishap can do to it."""

import contextlib
import re
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from werkzeug.security import check_password_hash

from browser.codes import oath_code, wrong_code
from need import need
from totpcore import InvalidCode, TwoFactor
from totpcore.testing import HandClock
from tutorial.small_panel import Panel, Visitor, in_cookie, key_on

need("oathtool")

PAGES = ["/", "/second-factor"]
FORMS = ["/setup", "/confirm", "/replace", "/logout"]


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
    key = key_on(visitor.post("/setup").text)
    grouped = " ".join(key[at : at + 4] for at in range(0, len(key), 4))
    for path in PAGES:
        page = visitor.get(path).text
        assert grouped not in page
        assert "<svg" not in page
    assert key not in in_cookie(visitor.cookie)
    shown = visitor.post("/confirm", code=oath_code(key, panel.clock()))
    codes = re.findall(r"<li><code>([\w-]+)</code>", shown.text)
    assert len(codes) == 10
    assert not any(code in in_cookie(visitor.cookie) for code in codes)
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
    key = key_on(visitor.post("/setup").text)
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
    assert key_on(visitor.post("/replace", code=panel.code()).text) != panel.key


def test_a_set_up_is_shown_to_the_session_that_began_it_alone(panel: Panel, visitor: Visitor) -> None:
    """Who knows the password as well, and begins a set-up beside Ada's, shares no secret with her."""
    thief = Visitor(panel)
    for somebody in (thief, visitor):
        somebody.give_password()
    theirs = key_on(thief.post("/setup").text)
    hers = key_on(visitor.post("/setup").text)
    assert hers != theirs, "what the thief has begun is not gone on with"
    panel.clock.tick(1)
    theirs = key_on(thief.post("/setup").text)
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


def test_a_reset_goes_password_factor_flag(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    """At no moment does the old password open an account whose second factor is gone."""
    panel.set_up()
    seen: list[tuple[bool, bool]] = []
    reset = TwoFactor.reset

    def look() -> None:
        row = panel.module.one("SELECT * FROM users")
        seen.append((check_password_hash(row["password"], panel.password), bool(row["two_factor"])))

    def watched(factor: TwoFactor, user: str, *, actor: str, reason: str) -> None:
        look()
        reset(factor, user, actor=actor, reason=reason)
        look()

    monkeypatch.setattr(TwoFactor, "reset", watched)
    panel.command("reset", "ada", "--actor", "grace", "--reason", "phone lost")
    look()
    assert seen == [(False, True), (False, True), (False, False)]


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
