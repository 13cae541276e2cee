"""django-otp, asked: in a Django of its own, on the database that it is given.

Rules of this file:

1. Its clock stands still: its module asks `time.time`, in whose place is another. Its waits go by Django's clock, which
   is the real one.
2. `django_otp.verify_token` is what its documentation recommends, so that is what is raced. The method of a device
   alone is tried too.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar
from unittest.mock import patch

from totpcore import Policy, hotp

from .djangos import APPS, YEAR, code_now, database, oldest_django, tries, waits
from .facts import (
    KEY,
    NOW,
    RACERS,
    STEP,
    Library,
    fact,
    in_pickle,
    milliseconds,
    needed,
    order,
    race,
    raised,
    typed,
    wrong,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_otp.plugins.otp_totp.models import TOTPDevice


class DjangoOTP(Library):
    """`django_otp` with its plug-ins."""

    name: ClassVar[str] = "django-otp"
    distribution: ClassVar[str] = "django-otp"
    package: ClassVar[str] = "django_otp"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        import django
        from django.conf import settings
        from django.core.management import call_command
        from django.db import connections

        settings.configure(
            DATABASES={"default": database(folder)},
            INSTALLED_APPS=APPS,
            USE_TZ=True,
            OTP_TOTP_ISSUER="A C: E",
            DEFAULT_AUTO_FIELD="django.db.models.AutoField",
            MIGRATION_MODULES={app.rpartition(".")[2]: None for app in APPS},
        )
        django.setup()
        if not connections["default"].introspection.table_names():
            call_command("migrate", run_syncdb=True, verbosity=0)
        patch("django_otp.plugins.otp_totp.models.time", SimpleNamespace(time=lambda: float(NOW))).start()
        self._users = 0

    # ---- what is asked ----

    def _device(self, **fields: object) -> "TOTPDevice":
        """Return a device of a new user."""
        from django.contrib.auth.models import User
        from django_otp.plugins.otp_totp.models import TOTPDevice

        self._users += 1
        user = User.objects.create(username=f"alice {self._users}")
        return TOTPDevice.objects.create(user=user, name="phone", **{"key": KEY.hex(), **fields})

    @staticmethod
    def _verify(device: "TOTPDevice", code: str) -> bool:
        import django_otp

        return django_otp.verify_token(device.user, device.persistent_id, code) is not None

    def attempt(self) -> bool:
        from django_otp.plugins.otp_totp.models import TOTPDevice

        return self._verify(TOTPDevice.objects.filter(name="phone").first() or self._device(), code_now())

    def replay(self) -> str:
        device = self._device()
        return fact("refused", self._verify(device, code_now()), not self._verify(device, code_now()))

    def another_process(self) -> str:
        (self.folder / "other").mkdir()
        apart = type("Apart", (), {"name": self.name, "folder": self.folder / "other"})
        first, second = Library.in_another_process(apart()), Library.in_another_process(apart())
        return fact("refused", first, not second)

    def _race(self) -> tuple[int, list[str]]:
        """Race one code; return how many got in, and the exceptions that the others met."""
        from django.db import connections

        device = self._device()
        code = code_now()

        def attempt() -> bool:
            try:
                return self._verify(device, code)
            finally:
                connections.close_all()

        answers = race(attempt)
        return answers.count(True), [type(answer).__name__ for answer in answers if isinstance(answer, Exception)]

    def race_on_postgresql(self) -> str:
        from django_otp.plugins.otp_totp.models import TOTPDevice

        inside, errors = self._race()
        device = self._device()
        one, other = (TOTPDevice.objects.get(pk=device.pk) for _ in range(2))  # two requests that have both loaded it
        both = one.verify_token(code_now()) and other.verify_token(code_now())
        return fact(
            "one gets in: by its function `verify_token`; two by a device's method", inside == 1, not errors, both
        )

    def race_on_sqlite(self) -> str:
        inside, errors = self._race()
        return fact(
            "one gets in: for others it may be an `OperationalError`",
            inside == 1, len(errors) < RACERS, set(errors) <= {"OperationalError"},
        )  # fmt: skip

    def guessing(self) -> str:
        device = self._device()
        guesses = [self._verify(device, wrong(code_now(), number)) for number in range(100)]
        device.refresh_from_db()
        counted = device.throttling_failure_count
        for _ in range(5):
            device.throttle_increment()  # the wait goes by the real clock: it must not end just now
        right = self._verify(device, code_now())
        return fact(
            "limited: a wait after each, of 1, 2, 4, 8 … seconds without a ceiling",
            not any(guesses), not right, counted < 10, [waits(device, n) for n in (1, 2, 3, 4)] == [1, 2, 4, 8],
            waits(device, 26) > YEAR,
        )  # fmt: skip

    def window(self) -> str:
        accepted = [self._verify(self._device(), code_now(offset)) for offset in (-2, -1, 0, 1, 2)]
        late = self._device()
        self._verify(late, code_now(-1))
        late.refresh_from_db()
        return fact(
            "one step each way: around the drift that it has learned",
            accepted == [False, True, True, True, False], late.drift == -1,
        )  # fmt: skip

    def spaces(self) -> str:
        device = self._device()
        accepted = self._verify(device, f"{code_now()[:3]} {code_now()[3:]}")
        device.refresh_from_db()
        return fact("wrong: and it begins a wait", not accepted, device.throttling_failure_count == 1)

    def comparison(self) -> str:
        from django_otp import oath

        compared = list[object]()

        class Number(int):
            def __eq__(self, other: object) -> bool:
                compared.append(other)
                return int(self) == other

            __hash__ = int.__hash__

        made = oath.hotp
        with patch.object(oath, "hotp", lambda *given, **more: Number(made(*given, **more))):
            hit = self._verify(self._device(), code_now(-1)), len(compared)
            self._verify(self._device(), wrong(code_now()))
        return fact("`==`: of two numbers, until the first hit", hit == (True, 1), len(compared) == 1 + 3)

    def refusal(self) -> str:
        import django_otp

        device = self._device()
        answer = django_otp.verify_token(device.user, device.persistent_id, wrong(code_now()))
        return fact("`None`: or `False`", answer is None, device.verify_token(wrong(code_now(), 1)) is False)

    def at_rest(self) -> str:
        from django.db import connection

        device = self._device()
        with connection.cursor() as cursor:
            cursor.execute("SELECT key FROM otp_totp_totpdevice WHERE id = %s", [device.pk])
            (kept,) = cursor.fetchone()
        return fact("in clear: in hexadecimal", kept == KEY.hex())

    def recovery(self) -> str:
        from django_otp.plugins.otp_static.models import StaticDevice, StaticToken

        device = StaticDevice.objects.create(user=self._device().user, name="paper")
        text = StaticToken.random_token()
        device.token_set.create(token=text)
        return fact(
            "in clear: as many as you make, of 40 bits",
            len(text) * 5 == 40, StaticToken.objects.filter(token=text).exists(), self._verify(device, text),
            not self._verify(device, text),
        )  # fmt: skip

    def shortest(self) -> str:
        device = self._device(key="6b")
        return fact("1 byte", self._verify(device, hotp(b"k", STEP)))

    def zeros(self) -> str:
        return fact("taken", self._verify(self._device(key="00" * 20), hotp(bytes(20), STEP)))

    def base32(self) -> str:
        device = self._device(key="not hexadecimal")
        return fact(
            "takes hexadecimal: what is none is kept, and fails at log-in",
            raised(lambda: device.verify_token("123456")) == "Error", raised(device.full_clean) == "ValidationError",
        )  # fmt: skip

    def shown(self) -> str:
        device = self._device()
        return fact(
            "not in `repr`: a pickle holds it",
            KEY.hex() not in repr(device) + str(device),
            in_pickle(KEY.hex(), device),
        )

    def uri(self) -> str:
        uri = self._device().config_url
        return fact("`%20`; dropped from the issuer", "/A%20C%20E%3Aalice%20" in uri, "issuer=A%20C%20E" in uri)

    def reads_uri(self) -> str:
        from django_otp.plugins.otp_totp.models import TOTPDevice

        return fact("no", not [name for name in dir(TOTPDevice) if "uri" in name or "from_url" in name])

    def counter_based(self) -> str:
        from django_otp.plugins.otp_hotp.models import HOTPDevice

        device = HOTPDevice.objects.create(user=self._device().user, name="token", key=KEY.hex())
        return fact("yes", self._verify(device, hotp(KEY, 0)), not self._verify(device, hotp(KEY, 0)))

    def hashes(self) -> str:
        from django_otp.oath import totp

        names = totp.__code__.co_varnames[: totp.__code__.co_argcount]
        return fact(
            "SHA-1", names == ("key", "step", "t0", "digits", "drift"), "algorithm=SHA1" in self._device().config_url
        )

    def life(self) -> str:
        import django_otp

        device = self._device(confirmed=False)
        return fact(
            "partly: devices are confirmed or not, and Django's admin makes and deletes them",
            not django_otp.user_has_device(device.user), find_spec("django_otp.plugins.otp_totp.admin") is not None,
        )  # fmt: skip

    def devices(self) -> str:
        import django_otp

        user = self._device().user
        self._another(user)
        kinds = {kind.__name__ for kind in django_otp.device_classes()}
        return fact(
            "many: TOTP, HOTP, static, e-mail, and several of them",
            kinds == {"TOTPDevice", "HOTPDevice", "StaticDevice", "EmailDevice"},
            len(list(django_otp.devices_for_user(user))) == 2,
        )  # fmt: skip

    def types(self) -> str:
        return fact("no", not typed("django_otp"))

    def needs(self) -> str:
        return fact("Django: segno, for QR codes", needed("django-otp") == {"django"})

    def import_time(self) -> str:
        settings = f"from django.conf import settings\nimport django\nsettings.configure(INSTALLED_APPS={APPS!r})"
        return order("hundreds", milliseconds(f"{settings}\ndjango.setup()"))

    def better(self) -> Iterator[str]:
        yield fact(
            "Several devices for a user, of many kinds, and more from other packages: a new kind is a model with one "
            "method. totpcore has one authenticator for a user.",
            self.devices().startswith("many"), self._a_new_kind_is_a_model(),
        )  # fmt: skip
        away, daily = tries(self._wait, YEAR), tries(self._wait, 86_400)
        ours = Policy()
        yield fact(
            "Its waits have no ceiling, so whoever guesses gets half as far: 17 tries on a day, against 34 here, and "
            "25 in a year in which the owner stays away, against 100. The same waits keep the owner out for as long.",
            (away, daily) == (25, 17), tries(ours.wait_after, 86_400) == 34, ours.lock_after == 100,
            self._wait(26) > YEAR,
        )  # fmt: skip
        yield fact(
            "It fits more Djangos: 4.2 and later, where totpcore wants 5.2.",
            oldest_django("django-otp") == (4, 2), oldest_django("totpcore") == (5, 2),
        )  # fmt: skip
        yield fact(
            "Forms, a decorator, a middleware and an admin site are part of it.",
            all(find_spec(f"django_otp.{part}") for part in ("forms", "decorators", "middleware", "admin")),
        )  # fmt: skip

    # ---- how ----

    def _wait(self, failures: int) -> float:
        return waits(self._device(), failures)

    @staticmethod
    def _another(user: "User") -> None:
        from django_otp.plugins.otp_totp.models import TOTPDevice

        TOTPDevice.objects.create(user=user, name="tablet")

    @staticmethod
    def _a_new_kind_is_a_model() -> bool:
        from django_otp.models import Device

        class Meta:
            app_label = "django_otp"

        verify = {"verify_token": lambda _self, token: token == "friend"}
        word = type("Word", (Device,), {"Meta": Meta, "__module__": __name__, **verify})
        return word().verify_token("friend") is True
