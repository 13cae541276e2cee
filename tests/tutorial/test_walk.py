"""The tutorial, walked word for word, in an empty folder with the built wheel and a real browser."""

import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from browser.codes import oath_code, wrong_code
from browser.looking import look
from browser.pictures import Pictures
from browser.seeing import scan
from need import need
from tutorial.reader import Reader
from tutorial.reading import state, steps

need("chromium", "oathtool", "bash")


@dataclass
class Person:
    """An administrator with a phone and a sheet of paper."""

    name: str
    password: str
    key: str = ""
    recovery_codes: list[str] = field(default_factory=list)


class Walk:
    """The reader before the browser."""

    def __init__(self, reader: Reader, page: Page, pictures: Pictures) -> None:
        self.reader = reader
        self.page = page
        self._pictures = pictures
        self.steps = {step.heading: step.deeds for step in steps()}

    def follow(self, heading: str, number: int, acts: dict[str, Callable[[], None]]) -> None:
        """Do what a step says; before each picture do what leads to it, and leave nothing out."""
        for name in self.reader.follow(self.steps.pop(heading)):
            acts.pop(name)()
            look(self.page, name)
            self._pictures.take(self.page, name)
        assert not acts, "every picture is on the page"
        assert self.reader.files() == state(number), "the page shows every line of the step"

    def open(self, path: str = "/") -> None:
        """Type an address."""
        self.page.goto(f"{self.reader.url}{path}")

    def press(self, button: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def is_on(self, heading: str) -> None:
        """The page has this heading."""
        expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()

    def says(self, words: str) -> None:
        """There is a message with these words."""
        expect(self.page.get_by_role("alert").filter(has_text=words)).to_be_visible()

    def give_password(self, person: Person) -> None:
        """The first step of the log-in."""
        self.open("/login")
        if self.page.get_by_role("button", name="Log out").count():
            self.press("Log out")
        self.page.get_by_label("User name").fill(person.name)
        self.page.get_by_label("Password").fill(person.password)
        self.press("Log in")

    def give_code(self, code: str, label: str = "Code of your app for Small Panel") -> None:
        """The second step of the log-in."""
        self.page.get_by_label(label).fill(code)
        self.press("Log in")

    def log_in(self, person: Person) -> None:
        """Both steps, with the next code."""
        self.give_password(person)
        self.reader.tick(30)
        self.give_code(oath_code(person.key, self.reader.now))
        self.is_on("Administrators")

    def confirm(self, code: str) -> None:
        """Type a code on the page with the QR code."""
        self.page.get_by_label("Code that the app shows now").fill(code)
        self.press("Turn on")

    def set_up(self, person: Person, button: str = "Set up") -> None:
        """From one's own page to the recovery codes."""
        self.press(button)
        person.key = scan(self.page)
        self.confirm(oath_code(person.key, self.reader.now))
        self.is_on("Your recovery codes")
        person.recovery_codes = self.codes()

    def codes(self) -> list[str]:
        """The recovery codes, once all of them are there."""
        found = self.page.locator("li code")
        expect(found).to_have_count(10)
        return found.all_inner_texts()

    def store(self) -> None:
        """Say that the recovery codes are stored."""
        self.press("Go on")
        self.is_on("Your recovery codes")
        self.page.get_by_label("I have stored them").check()
        self.press("Go on")
        self.is_on("Administrators")


def test_the_tutorial(reader: Reader, new_page: Callable[[], Page], pictures: Pictures) -> None:
    """From an empty folder to a panel that requires a second factor, with sealed records, as the pages say."""
    walk = Walk(reader, new_page(), pictures)
    for _ in reader.follow(walk.steps.pop("An empty folder")):
        raise AssertionError("there is nothing to see yet")
    ada = a_panel_with_a_password(walk)
    a_place_for_second_factors(walk, ada)
    qr_code_and_recovery_codes(walk, ada)
    the_code_after_the_password(walk, ada)
    the_recovery_code(walk, ada)
    grace = requiring_it(walk)
    a_lost_phone(walk, ada)
    sealed_records(walk, ada, grace)
    for name in ("session.key", "totp.keys", "panel.db"):
        assert stat.S_IMODE((reader.folder / name).stat().st_mode) == 0o600, "it is for its owner alone"
    assert not walk.steps, "no step is left out"
    assert "Traceback" not in reader.log()


def a_panel_with_a_password(walk: Walk) -> Person:
    """Step 1: the password opens it, a wrong one does not."""
    ada = Person("ada", "")

    def log_in() -> None:
        ada.password = walk.reader.password()
        walk.give_password(Person("ada", "wrong"))
        walk.says("not right")
        walk.give_password(ada)
        walk.is_on("Administrators")

    walk.follow("1. A panel with a password", 1, {"tutorial-login": walk.open, "tutorial-home": log_in})
    return ada


def a_place_for_second_factors(walk: Walk, ada: Person) -> None:
    """Step 2: the session is over, since it hung on the password alone; the table has a column more."""

    def log_in() -> None:
        walk.open()
        walk.is_on("Log in")
        walk.give_password(ada)
        expect(walk.page.get_by_role("row", name="ada off")).to_be_visible()

    walk.follow("2. A place for second factors", 2, {"tutorial-off": log_in})


def qr_code_and_recovery_codes(walk: Walk, ada: Person) -> None:
    """Step 3: a wrong code leaves the QR code, the right one gives recovery codes; nobody asks at log-in yet."""
    page = walk.page

    def begin() -> None:
        walk.give_password(ada)
        page.get_by_role("link", name="Your second factor").click()
        walk.press("Set up")
        ada.key = scan(page)
        assert ada.key.startswith("otpauth://totp/Small%20Panel:ada?secret=")

    def be_wrong() -> None:
        walk.confirm(wrong_code(ada.key, walk.reader.now))
        walk.says("This code is not right. Tries left: 19.")
        assert scan(page) == ada.key, "it is the same QR code"

    def be_right() -> None:
        walk.confirm(oath_code(ada.key, walk.reader.now))
        walk.is_on("Your recovery codes")
        ada.recovery_codes = walk.codes()

    acts = {"tutorial-setup": begin, "tutorial-setup-wrong": be_wrong, "tutorial-recovery-codes": be_right}
    walk.follow("3. QR code and recovery codes", 3, acts)
    walk.store()
    expect(page.get_by_role("row", name="ada on")).to_be_visible()
    walk.give_password(ada)
    walk.is_on("Administrators")


def the_code_after_the_password(walk: Walk, ada: Person) -> None:
    """Step 4: the session of the password alone is over; each line of the table on the page; a half session ends."""
    page, reader = walk.page, walk.reader

    def be_asked() -> None:
        walk.open()
        walk.is_on("Log in")
        walk.give_password(ada)
        walk.is_on("Your code")

    def repeat() -> None:
        for path in ("/", "/second-factor", "/login"):
            walk.open(path)
            walk.is_on("Your code")
        walk.give_code(wrong_code(ada.key, reader.now))
        walk.says("This code is not right. Tries left: 4.")
        walk.give_code("12")
        walk.says("This is not a whole code.")
        walk.give_code(oath_code(ada.key, reader.now))
        walk.says("This code was used already.")

    def get_in() -> None:
        reader.tick(30)
        walk.give_code(oath_code(ada.key, reader.now))
        walk.says("Wrong codes before this one: 1.")
        walk.is_on("Administrators")

    acts = {"tutorial-code": be_asked, "tutorial-code-used": repeat, "tutorial-wrong-codes": get_in}
    walk.follow("4. The code after the password", 4, acts)
    walk.give_password(ada)
    walk.is_on("Your code")
    reader.tick(301)
    page.reload()
    walk.is_on("Log in")


def the_recovery_code(walk: Walk, ada: Person) -> None:
    """Step 5: a recovery code opens once, in any spelling, and lets another phone be set up without a code."""

    def be_asked() -> None:
        walk.give_password(ada)
        walk.page.get_by_role("link", name="Use a recovery code").click()
        walk.is_on("Recovery code")

    def get_in() -> None:
        walk.give_code(ada.recovery_codes[0].lower().replace("-", " "), "One of your recovery codes")
        walk.says("That recovery code is used up. Left: 9.")

    walk.follow("5. The recovery code", 5, {"tutorial-recovery": be_asked, "tutorial-recovered": get_in})
    be_asked()
    walk.give_code(ada.recovery_codes[0], "One of your recovery codes")
    walk.says("This code was used already.")
    walk.give_code(ada.recovery_codes[1], "One of your recovery codes")
    before, old = ada.key, ada.recovery_codes[2]
    walk.reader.tick(60)
    walk.set_up(ada)
    assert ada.key != before
    walk.store()
    be_asked()
    walk.give_code(old, "One of your recovery codes")
    walk.says("This code is not right.")


def requiring_it(walk: Walk) -> Person:
    """Step 6: who has none reaches nothing but the set-up."""
    grace = Person("grace", "")

    def log_in() -> None:
        grace.password = walk.reader.password()
        walk.give_password(grace)
        walk.open("/")
        walk.is_on("Your second factor")

    walk.follow("6. Requiring it", 6, {"tutorial-required": log_in})
    walk.set_up(grace)
    walk.store()
    return grace


def a_lost_phone(walk: Walk, ada: Person) -> None:
    """Step 7: the old password is gone with the second factor; then another phone by a code of the present one."""

    def look_as_grace() -> None:
        assert "actor='grace'" in walk.reader.errors, "the log says who did it"
        walk.open()
        for row in ("ada off", "grace on"):
            expect(walk.page.get_by_role("row", name=row)).to_be_visible()

    def set_up() -> None:
        walk.give_password(ada)
        walk.says("not right")
        ada.password = walk.reader.password()
        walk.give_password(ada)
        walk.is_on("Your second factor")
        expect(walk.page.get_by_text("Set up your second factor to go on.")).to_be_visible()
        walk.set_up(ada)
        walk.store()
        walk.page.get_by_role("link", name="Your second factor").click()

    acts = {"tutorial-reset": look_as_grace, "tutorial-replace": set_up}
    walk.follow("7. A new phone, a lost phone", 7, acts)
    walk.reader.tick(30)
    walk.page.get_by_label("For another phone").fill(oath_code(ada.key, walk.reader.now))
    walk.set_up(ada, "Set up another phone")
    walk.store()


def sealed_records(walk: Walk, ada: Person, grace: Person) -> None:
    """Step 8: the records that were in clear open as before, and are in clear no more."""

    def log_in() -> None:
        walk.log_in(ada)
        expect(walk.page.get_by_role("row", name="grace on")).to_be_visible()

    walk.follow("8. Sealed records", 8, {"tutorial-sealed": log_in})
    walk.log_in(grace)
    walk.reader.stop()
    (walk.reader.folder / "totp.keys").rename(walk.reader.folder / "elsewhere")
    assert "totp.keys" in walk.reader.trial("flask --app panel run")
    (walk.reader.folder / "elsewhere").rename(walk.reader.folder / "totp.keys")
    (walk.reader.folder / "second-factors.db").rename(walk.reader.folder / "elsewhere.db")
    assert "second-factors.db: no such file" in walk.reader.trial("flask --app panel run")
