"""`manage.py totpcore`: what operators do, through `call_command`, and once as a process."""

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

import totpcore
from django_app.office import Office
from django_app.visitors import House
from stores.django_project import application, on_sqlite
from totpcore import InvalidCode, State, StoreError
from totpcore.django import models
from totpcore.django.signals import second_factor_event
from totpcore.sealing import Keyring
from totpcore.stores.django import DjangoStore

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    """What a command writes."""
    out = io.StringIO()
    call_command("totpcore", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def office(house: House) -> Office:
    """A site without people."""
    return Office(house)


# ---- key ----


def test_key_makes_an_entry_for_the_settings() -> None:
    """One line, a new one each time, which a keyring takes; it asks for no database."""
    made = [run("key").strip() for _ in range(2)]
    assert made[0] != made[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOTPCORE_KEYS", ",".join(made))
        assert len(Keyring.from_env().ids) == 2
    assert run("key", "--id", "2026-08").startswith("2026-08:")


def test_key_with_a_wrong_id_is_one_line() -> None:
    """It says what is allowed."""
    with pytest.raises(CommandError, match=r"^key_id must have 1 to 32"):
        run("key", "--id", "a b")


@pytest.mark.parametrize("settings", [{"TOTPCORE_KEYS": ""}, {"TOTPCORE_ENFORCEMENT": "maybe"}, {"TOTPCORE_ISSUER": 7}])
def test_key_needs_no_valid_settings(settings: dict[str, object]) -> None:
    """It is run before there are any."""
    with override_settings(**settings):
        assert ":" in run("key")


# ---- users and status ----


@pytest.fixture
def people(office: Office) -> dict[str, User]:
    """Staff with a factor and without, one who is locked out by a record, a customer, and somebody who left."""
    made = {name: office.add(name) for name in ("ada", "bob", "carol")}
    made |= {"dave": office.add("dave", staff=False), "eve": office.add("eve")}
    for name in ("ada", "carol", "dave"):
        office.enrol(made[name])
    office.spoil(made["carol"])
    made["eve"].is_active = False
    made["eve"].save()
    return made


def test_users_lists_active_staff(people: dict[str, User]) -> None:
    """A line each, what cannot be read too, and the share of those who have a factor."""
    lines = run("users").splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["ada", "on", "10"],
        ["bob", "off", "-"],
        ["carol", "unreadable", "-"],
    ]
    assert lines[-1] == "3 users: 1 off, 1 on, 1 unreadable; 33 % have a second factor"


def test_users_of_everybody(people: dict[str, User]) -> None:
    """Also customers, and those who may not log in."""
    assert [line.split()[0] for line in run("users", "--all").splitlines()[1:6]] == list(people)


def test_users_for_other_programs(people: dict[str, User]) -> None:
    """JSON with totals, and CSV."""
    document = json.loads(run("users", "--json"))
    assert [user["user"] for user in document["users"]] == ["ada", "bob", "carol"]
    assert document["totals"]["states"] == {"off": 1, "on": 1, "unreadable": 1}
    rows = list(csv.DictReader(io.StringIO(run("users", "--csv"))))
    assert [(row["id"], row["state"]) for row in rows] == [
        (str(people[name].pk), state) for name, state in (("ada", "on"), ("bob", "off"), ("carol", "unreadable"))
    ]


def test_users_loads_many_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five hundred at a time, and none by itself."""
    User.objects.bulk_create([User(username=f"u{number}", is_staff=True) for number in range(501)])
    asked: list[int] = []
    many = DjangoStore.load_many

    def load_many(store: DjangoStore, users: list[str]) -> object:
        asked.append(len(users))
        return many(store, users)

    monkeypatch.setattr(DjangoStore, "load_many", load_many)
    monkeypatch.setattr(DjangoStore, "load", lambda *_given: pytest.fail("one was loaded by itself"))
    assert run("users").splitlines()[-1].startswith("501 users")
    assert asked == [500, 1]


def test_status_of_one_user(people: dict[str, User]) -> None:
    """By the user name, or by the primary key; for a person, or as JSON."""
    assert "State:       on" in run("status", "ada").splitlines()
    assert json.loads(run("status", "--pk", str(people["ada"].pk), "--json"))["user"] == "ada"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["nobody\x1b"], r"^There is no user nobody\\x1b. With --pk"), (["--pk", "x"], "^x is no primary key of a user")],
)
def test_a_user_who_is_not_there(office: Office, arguments: list[str], told: str) -> None:
    """It is told in one line, which moves no cursor."""
    with pytest.raises(CommandError, match=told):
        run("status", *arguments)


def test_a_name_may_be_a_number(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a model of users who log in with their number; a word is nobody's name then."""
    ada = office.add("1000")
    office.enrol(ada)
    monkeypatch.setattr(User, "get_username", lambda user: int(user.username))
    assert run("users").splitlines()[1].split()[:3] == ["1000", "on", "10"]
    assert "User:        1000" in run("status", "1000").splitlines()
    assert "changepassword 1000" in run("reset", "--pk", str(ada.pk), "--actor", "a", "--reason", "lost", "--yes")
    monkeypatch.setattr(User, "USERNAME_FIELD", "id")
    with pytest.raises(CommandError, match=r"^There is no user ada"):
        run("status", "ada")


# ---- reset ----


def test_reset_takes_factor_and_flag(people: dict[str, User]) -> None:
    """The event names who did it and why; what is left to do is said."""
    told: list[object] = []

    def listen(event: totpcore.Event, **_more: object) -> None:
        told.append((event.kind, event.user, event.actor, event.reason))

    second_factor_event.connect(listen)
    try:
        said = run("reset", "carol", "--actor", "root", "--reason", "phone lost", "--yes")
    finally:
        second_factor_event.disconnect(listen)
    assert "manage.py changepassword carol" in said
    assert models.expectation(people["carol"]) is None
    assert run("status", "carol").splitlines()[1].split()[-1] == "off"
    assert told == [(totpcore.EventKind.RESET, str(people["carol"].pk), "root", "phone lost")]


@pytest.mark.parametrize("typed", ["", "y", "no", "YES "])
def test_reset_asks(people: dict[str, User], monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    """Anything but yes changes nothing."""
    monkeypatch.setattr("builtins.input", lambda _question: typed)
    with pytest.raises(CommandError, match=r"Nothing was changed"):
        run("reset", "ada", "--actor", "root", "--reason", "phone lost")
    assert models.expectation(people["ada"]) is not None
    monkeypatch.setattr("builtins.input", lambda _question: "yes")
    assert "is removed" in run("reset", "ada", "--actor", "root", "--reason", "phone lost")


def test_reset_where_nobody_can_be_asked(people: dict[str, User], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how it is done without asking."""
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(CommandError, match=r"With --yes"):
        run("reset", "ada", "--actor", "root", "--reason", "phone lost")
    assert models.expectation(people["ada"]) is not None


@pytest.mark.parametrize(
    "arguments", [["reset", "ada", "--actor", "root", "--reason", "phone lost"], ["raise-floor", "ada"]]
)
def test_wrong_settings_are_told_before_anybody_is_asked(
    people: dict[str, User], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """Who has typed yes is not told afterwards that it cannot be done."""
    monkeypatch.setattr("builtins.input", lambda _question: pytest.fail("it asked"))
    with override_settings(TOTPCORE_KEYS=""), pytest.raises(CommandError, match=r"^TOTPCORE_KEYS must be set"):
        run(*arguments)


def test_reset_of_a_record_whose_user_is_gone(office: Office) -> None:
    """By the primary key that it had."""
    store = DjangoStore()
    assert store.swap("77", None, b"left behind")
    assert "The record 77" in run("reset", "--pk", "77", "--actor", "root", "--reason", "gone", "--yes")
    assert store.load("77") is None


def test_reset_with_a_blank_reason_is_one_line(people: dict[str, User]) -> None:
    """The library's own words name the argument."""
    with pytest.raises(CommandError, match=r"^reason must have 1 to 1000 characters$"):
        run("reset", "ada", "--actor", "root", "--reason", "", "--yes")


def test_reset_of_a_name_like_an_option_tells_a_command_that_works(office: Office) -> None:
    """What is to be typed next is taken for a name."""
    office.enrol(office.add("-x"))
    out = io.StringIO()
    call_command("totpcore", "reset", "--actor=root", "--reason=lost", "--yes", "--", "-x", stdout=out)
    assert "manage.py changepassword -- -x" in out.getvalue()


def test_reset_of_nobody_is_told(office: Office) -> None:
    """Where there is neither a user nor a record, nothing is removed, and nothing else is said."""
    with pytest.raises(CommandError, match=r"^There is neither a user 999 nor a record of one\.$"):
        run("reset", "999", "--pk", "--actor=root", "--reason=lost", "--yes")


# ---- create-table ----


class KeepsMigrationsOut:
    """A database router of the usual kind."""

    def allow_migrate(self, db: str, _app: str, **_hints: object) -> bool:
        """One database alone has the site's tables."""
        return db == "default"


def test_table_is_made_where_a_router_keeps_migrations_out(tmp_path: Path) -> None:
    """Then `migrate` makes none there; this command does, once and again, and keeps what is there."""
    databases = {"default": on_sqlite(tmp_path / "site.sqlite3"), "records": on_sqlite(tmp_path / "records.sqlite3")}
    with (
        application(tables=False, **databases),
        override_settings(TOTPCORE_DATABASE="records", DATABASE_ROUTERS=[KeepsMigrationsOut()]),
    ):
        for alias in databases:
            call_command("migrate", database=alias, verbosity=0)
        assert not (tmp_path / "records.totpcore.sqlite3").exists()
        for _ in range(2):
            assert run("create-table").strip() == "The table of the records is there, in the database records."
            assert DjangoStore("records").swap("7", DjangoStore("records").load("7"), b"kept")


def test_table_of_another_store_is_not_made(office: Office) -> None:
    """The database of the site is not where the records are."""
    with override_settings(TOTPCORE_STORE="memory:"), pytest.raises(CommandError, match="TOTPCORE_STORE"):
        run("create-table")


# ---- raise-floor ----


def test_raise_floor_voids_codes_of_those_named(office: Office) -> None:
    """The current code is refused, and there is no recovery code left; others are left alone."""
    ada, bob = office.enrol(office.add("ada")), office.enrol(office.add("bob"))
    assert run("raise-floor", "ada", "--yes").startswith("1 done")
    with pytest.raises(InvalidCode):
        office.factor.verify(ada.id, ada.code(office.clock()))
    assert office.factor.status(ada.id).codes_left == 0
    assert office.factor.verify(bob.id, bob.code(office.clock())).user == bob.id


def test_raise_floor_of_everybody_names_what_it_cannot_do(office: Office) -> None:
    """A record that cannot be read, of a user or of nobody; the others are done, and the command fails."""
    ada, carol = office.enrol(office.add("ada")), office.add("carol")
    office.spoil(carol)
    assert DjangoStore().swap("not a key", None, b"left behind")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^2 could not be done"):
        call_command("totpcore", "raise-floor", "--all", "--yes", stdout=out)
    assert {line.partition(":")[0] for line in out.getvalue().splitlines()} >= {"carol", "not a key", "1 done"}
    assert office.factor.status(ada.id).codes_left == 0


@pytest.mark.parametrize(
    ("whom", "asked"), [(["ada", "bob"], "recovery codes of ada, bob,"), (["--all"], "recovery codes of everybody,")]
)
def test_raise_floor_asks(office: Office, monkeypatch: pytest.MonkeyPatch, whom: list[str], asked: str) -> None:
    """It says what is lost, and of whom; anything but yes changes nothing."""
    ada, _ = office.enrol(office.add("ada")), office.add("bob")
    questions: list[str] = []
    answers = iter(["", "yes"])

    def ask(question: str) -> str:
        questions.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", ask)
    with pytest.raises(CommandError, match=r"^Nothing was changed\.$"):
        run("raise-floor", *whom)
    assert office.factor.status(ada.id).codes_left == 10
    assert " done: " in run("raise-floor", *whom)
    assert office.factor.status(ada.id).codes_left == 0
    assert all(asked in question for question in questions)


@pytest.mark.parametrize("arguments", [[], ["--all", "ada"]])
def test_raise_floor_is_told_of_whom(office: Office, arguments: list[str]) -> None:
    """Neither of nobody, nor of two things at once."""
    with pytest.raises(CommandError, match=r"USER"):
        run("raise-floor", *arguments)


# ---- reseal ----


def test_reseal_seals_with_the_newest_key(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record, with progress; a second start finds nothing to do."""
    old, new = Keyring.generate_key("2025"), Keyring.generate_key("2026")
    ada, bob = office.add("ada"), office.add("bob")
    with override_settings(TOTPCORE_KEYS=old):
        office.enrol(ada)
        office.enrol(bob)
    monkeypatch.setattr("totpcore.django._operating._EVERY", 1)
    with override_settings(TOTPCORE_KEYS=f"{new},{old}"):
        assert run("reseal").splitlines()[:3] == [
            "1 looked at, 1 sealed anew",
            "2 looked at, 2 sealed anew",
            "2 looked at, 2 sealed anew, 0 unreadable",
        ]
        assert "2 looked at, 0 sealed anew, 0 unreadable" in run("reseal")
    with override_settings(TOTPCORE_KEYS=new):
        assert office.factor.status(str(ada.pk)).state is State.ON


def test_reseal_names_what_it_cannot_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are done; the old keys are to be kept."""
    monkeypatch.setattr("totpcore.django._operating._EVERY", 2)
    ada, bob = office.add("ada"), office.add("bob")
    office.enrol(ada)
    office.spoil(bob)
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"^1 could not be opened: keep the old keys"):
        call_command("totpcore", "reseal", stdout=out)
    assert out.getvalue().splitlines()[-1] == "unreadable: bob"


class Plain:
    """A store with the two methods that it has to have."""

    def load(self, user: str, /) -> bytes | None:
        """Nothing is there."""

    def swap(self, user: str, old: bytes | None, new: bytes | None, /) -> bool:
        """Nothing is kept."""
        return False


@pytest.mark.parametrize("arguments", [["reseal"], ["raise-floor", "--all"]])
def test_a_store_that_lists_nobody(office: Office, arguments: list[str]) -> None:
    """Is told of, with what it lacks."""
    with override_settings(TOTPCORE_STORE=Plain()), pytest.raises(CommandError, match=r"by a method users"):
        run(*arguments)


# ---- trouble ----


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TOTPCORE_KEYS": ""}, "TOTPCORE_KEYS must be set: where this site has run before, the key of then"),
        ({"TOTPCORE_KEYS": "x:y"}, "entry 1 of TOTPCORE_KEYS must"),
        ({"TOTPCORE_KEYS": 5}, "TOTPCORE_KEYS must"),
        ({"TOTPCORE_POLICY": 5}, "TOTPCORE_POLICY must"),
        ({"TOTPCORE_CLOCK": 5}, "TOTPCORE_CLOCK must"),
        ({"TOTPCORE_STORE": 5}, "TOTPCORE_STORE must"),
        ({"TOTPCORE_STORE": "mysql://x"}, "TOTPCORE_STORE is not right: url must"),
        ({"TOTPCORE_DATABASE": "nope"}, "TOTPCORE_DATABASE must"),
        ({"TOTPCORE_ISSUER": "a:b"}, "TOTPCORE_ISSUER is not right: issuer must"),
    ],
)
def test_wrong_settings_are_one_line(office: Office, settings: dict[str, object], told: str) -> None:
    """It names the setting, and not what stands there."""
    with override_settings(**settings), pytest.raises(CommandError, match=f"^{told}"):
        run("users")


def test_a_database_without_tables_is_one_line(office: Office) -> None:
    """It says what may be missing."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE auth_user RENAME TO elsewhere")
    with pytest.raises(CommandError, match=r"^The database failed: no such table: auth_user.*migrate"):
        run("users")


def test_trouble_of_the_store_is_one_line(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the words of the store."""
    office.add("ada")

    def fail(*_given: object) -> None:
        raise StoreError("the server is away")

    monkeypatch.setattr(DjangoStore, "load_many", fail)
    with pytest.raises(CommandError, match=r"^the server is away$"):
        run("users")


def test_an_interrupt_is_quiet(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """No traceback; the exit code is the one that shells know."""

    def interrupt(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("totpcore.django.conf.two_factor", interrupt)
    office.add("ada")
    with pytest.raises(SystemExit) as stopped:
        run("users")
    assert stopped.value.code == 130


class Closed(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, _text: str, /) -> int:
        """Fail as a pipe does."""
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_closed_pipe_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left goes nowhere."""
    moved: list[tuple[int, int]] = []
    named = SimpleNamespace(open=lambda *_given: 99, dup2=lambda *given: moved.append(given), devnull="", O_WRONLY=0)
    monkeypatch.setattr("totpcore.django.management.commands.totpcore.os", named)
    monkeypatch.setattr("sys.stdout", Pipe())
    with pytest.raises(SystemExit) as stopped:
        call_command("totpcore", "key", stdout=Closed())
    assert (stopped.value.code, moved) == (1, [(99, 1)])


class Pipe(io.StringIO):
    """A standard output with a number."""

    def fileno(self) -> int:
        """The usual one."""
        return 1


# ---- as a process ----


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The surroundings of the example project, with a folder for its data."""
    path = os.pathsep.join([str(ROOT / "docs" / "examples"), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {"DJANGO_ADMIN_DATA": str(tmp_path), "DJANGO_SECRET_KEY": "of no use", "PYTHONPATH": path}
    return {**os.environ, **ours, "TOTPCORE_KEYS": Keyring.generate_key()}


def manage(environment: dict[str, str], *arguments: str, **more: object) -> "subprocess.Popen[str]":
    """`manage.py` of the example project, running."""
    program = [sys.executable, str(ROOT / "docs" / "examples" / "django_admin" / "manage.py"), *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(program, env=environment, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, text=True)


def test_the_command_of_a_project(environment: dict[str, str]) -> None:
    """A key without valid settings; then the users; an error is one line on standard error, and a code that tells."""
    with manage({**environment, "TOTPCORE_KEYS": ""}, "totpcore", "key") as process:
        printed, errors = process.communicate(timeout=60)
    assert (errors, process.returncode) == ("", 0)
    environment["TOTPCORE_KEYS"] = printed.strip()
    with manage(environment, "migrate", "--verbosity=0") as process:
        assert process.communicate(timeout=60) == ("", "")
    with manage(environment, "totpcore", "users") as process:
        assert process.communicate(timeout=60)[0].splitlines()[-1] == "0 users"
    with manage(environment, "totpcore", "status", "ada") as process:
        printed, errors = process.communicate(timeout=60)
    assert (printed, process.returncode) == ("", 1)
    assert errors.splitlines() == ["CommandError: There is no user ada. With --pk, USER is the primary key."]


def test_a_process_whose_reader_is_gone(environment: dict[str, str]) -> None:
    """Nothing is on standard error."""
    with manage(environment, "totpcore", "key") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == ("", 1)
