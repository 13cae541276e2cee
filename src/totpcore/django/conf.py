"""The settings, and the one `TwoFactor` that is made of them.

Rules of this file:

1. Three settings have to be there; the others have defaults. What is missing or wrong names the setting and what
   belongs there, and never shows what stands there: it may be a key.
2. The service is made when it is first asked for, and anew after a setting has changed, as in tests.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from .. import audit
from .._guard import LATEST, Hidden, has_methods
from ..answers import State
from ..errors import InvalidParameters, RecordUnreadable
from ..events import Event
from ..keyuri import checked_issuer, checked_name
from ..policy import Enforcement, Policy, Rule
from ..ports import Sealer, Store
from ..sealing import Keyring
from ..service import TwoFactor
from ..stores import from_url
from ..stores._urls import kind_of
from ..stores.django import DjangoStore
from ._people import name_of, pk_of
from .signals import second_factor_event

_WHICH_KEY: Final = (
    "where this site has run before, the key of then, as a new one cannot read its records; "
    "for a new site, one that `manage.py totpcore key` makes"
)

_LATEST_DEADLINE: Final = LATEST - 86_400  # still in the year 9999 by any site's time zone: calendars go no further

_making: Final = threading.Lock()
_made: Final[list[TwoFactor]] = []


def two_factor() -> TwoFactor:
    """Return the service that the settings describe.

    Example:
        In a view of one's own::

            from totpcore.django.conf import key_of, two_factor

            status = two_factor().status(key_of(request.user))

    Raises:
        ImproperlyConfigured: If a setting is missing, or is not what it should be.
        ImportError: If the library that keys or a store need is not installed.
        StoreError: If a server that `TOTPCORE_STORE` names does not answer.
    """
    with _making:
        if not _made:
            _made.append(
                TwoFactor(store(), issuer=issuer(), sealer=sealer(), policy=policy(), clock=clock(), audit=_tell)
            )
        return _made[0]


def forget_service(*, setting: str, **_more: object) -> None:
    """After a setting has changed, let the service be made anew."""
    if setting.startswith("TOTPCORE_") or setting == "DATABASES":
        with _making:
            _made.clear()


def issuer() -> str:
    """Return the name of the application, as authenticator apps show it."""
    name = _needed("TOTPCORE_ISSUER", "the name of the site, as authenticator apps show it")
    with _named("TOTPCORE_ISSUER"):
        return checked_issuer(name)


def sealer() -> Sealer:
    """Return what encrypts the records: a `Keyring` of the keys in `TOTPCORE_KEYS`, or the sealer that stands there.

    Raises:
        ImproperlyConfigured: If the setting is missing or names a file that cannot be read, or if what stands there,
            or in the file, is no key.
    """
    given: Hidden[object] = Hidden(getattr(settings, "TOTPCORE_KEYS", ""))
    if isinstance(given.value, Path):
        return _keys_in(given.value)
    if not isinstance(given.value, str):
        with _named("TOTPCORE_KEYS"):
            has_methods("TOTPCORE_KEYS", given.value, "seal", "open")
        return given.value  # type: ignore[return-value]  # it has the methods; mypy does not know
    text = Hidden(_needed("TOTPCORE_KEYS", _WHICH_KEY))
    with _named("TOTPCORE_KEYS"):
        return Keyring.from_text(text.value, name="TOTPCORE_KEYS")


def database() -> str:
    """Return the alias of the database that holds the records."""
    alias: object = getattr(settings, "TOTPCORE_DATABASE", DEFAULT_DB_ALIAS)
    if not isinstance(alias, str) or alias not in connections.settings:
        raise ImproperlyConfigured("TOTPCORE_DATABASE must be a name of DATABASES")
    return alias


def store() -> Store:
    """Return where the records are."""
    given = where()
    if given.value is None:
        return DjangoStore(database())
    with _named("TOTPCORE_STORE"):
        return from_url(given.value) if isinstance(given.value, str) else given.value


def where() -> Hidden[str | Store | None]:
    """Return a URL, a store, or nothing where the records are in the database of the site. No server is asked."""
    given: Hidden[str | Store | None] = Hidden(getattr(settings, "TOTPCORE_STORE", None))
    if given.value is None or given.value == "":
        return Hidden(None)
    with _named("TOTPCORE_STORE"):
        if isinstance(given.value, str):
            url = Hidden(str(given.value))  # it may be a text that is marked as safe
            kind_of(url)
            return Hidden(url.value)
        has_methods("TOTPCORE_STORE", given.value, "load", "swap")
    return given


def policy() -> Policy:
    """Return the numbers."""
    given: object = getattr(settings, "TOTPCORE_POLICY", None) or Policy()
    if not isinstance(given, Policy):
        raise ImproperlyConfigured("TOTPCORE_POLICY must be a totpcore.Policy")
    return given


def clock() -> Callable[[], float]:
    """Return what tells the Unix seconds."""
    given: Callable[[], float] | None = getattr(settings, "TOTPCORE_CLOCK", None)
    if given is not None and not callable(given):
        raise ImproperlyConfigured("TOTPCORE_CLOCK must be callable")
    return time.time if given is None else given


def now() -> float:
    """Return the Unix seconds of the clock that the service goes by."""
    return clock()()


def enforcement() -> Enforcement:
    """Return the rule for staff.

    Raises:
        ImproperlyConfigured: If the setting is missing or neither one of the three words nor an `Enforcement`, or has a
            deadline that never comes.
    """
    given: object = getattr(settings, "TOTPCORE_ENFORCEMENT", None)
    if isinstance(given, Enforcement):
        if given.deadline is not None and given.deadline > _LATEST_DEADLINE:
            raise ImproperlyConfigured(
                "TOTPCORE_ENFORCEMENT has a deadline after the year 9999: it must be in seconds, not in milliseconds"
            )
        return given
    rule = next((rule for rule in Rule if rule == given), None)
    if rule is None:
        raise ImproperlyConfigured(
            "TOTPCORE_ENFORCEMENT must be 'off', 'encourage' or 'require', or a totpcore.Enforcement"
        )
    return Enforcement(rule)


def enforcement_for(user: AbstractBaseUser) -> Enforcement:
    """Return the rule for a user: that of the settings for staff; everybody else may choose.

    Raises:
        ImproperlyConfigured: If the setting is wrong.
    """
    return enforcement() if getattr(user, "is_staff", False) else Enforcement(Rule.OFF)


def key_of(user: AbstractBaseUser) -> str:
    """Return the id by which totpcore knows a user: the primary key, as text.

    Raises:
        ImproperlyConfigured: If it is no user of `AUTH_USER_MODEL`.
    """
    return str(pk_of(user))


def has_record(key: str) -> bool:
    """Whether something is kept of a user's second factor, be it unreadable."""
    try:
        return two_factor().status(key).state is not State.OFF
    except RecordUnreadable:
        return True


def account_of(user: AbstractBaseUser) -> str:
    """Return the name that an authenticator app shows for a user: the log-in name, else the primary key."""
    try:
        return checked_name("account", name_of(user).replace(":", " "))
    except InvalidParameters:
        return key_of(user)


def _keys_in(path: Path) -> Keyring:
    try:
        with _named("TOTPCORE_KEYS"):
            return Keyring.from_file(path)
    except FileNotFoundError:
        raise ImproperlyConfigured(f"TOTPCORE_KEYS must be a file that is there: {_WHICH_KEY}") from None
    except OSError as error:
        raise ImproperlyConfigured(f"TOTPCORE_KEYS must be a file that can be read: {error.strerror}") from None


@contextmanager
def _named(setting: str) -> Iterator[None]:
    """Name the setting in what is said of its value."""
    try:
        yield
    except (InvalidParameters, TypeError) as wrong:
        text = str(wrong)
        raise ImproperlyConfigured(text if setting in text else f"{setting} is not right: {text}") from None


def _needed(name: str, what: str) -> str:
    value: object = getattr(settings, name, None)
    if not isinstance(value, str) or not value.strip():
        raise ImproperlyConfigured(f"{name} must be set: {what}")
    return value


def _tell(event: Event) -> None:
    audit.log_event(event)
    second_factor_event.send_robust(sender=Event, event=event)
