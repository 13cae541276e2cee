"""Names with every awkward character: refused with a reason, or what each client reads is what was put in."""

import unicodedata
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from clients import keepassxc, numberstation, pass_otp, pyotp_reader, ykman
from clients.awkward import AWKWARD, REFUSED
from clients.scanners import by_zbar, by_zxing
from clients.tokens import TOKENS, Shown, codes_of, uri_of
from totpcore import CompatibilityWarning, KeyURI, qr
from totpcore.errors import InvalidParameters

TOKEN = TOKENS["default"]


def plain(name: str) -> str:
    """The one spelling of a name."""
    return unicodedata.normalize("NFC", AWKWARD[name])


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For each name a URI that has it as issuer and as account, read by zbarimg off the PNG that totpcore drew."""
    folder = tmp_path_factory.mktemp("names")
    for name, awkward in AWKWARD.items():
        (folder / f"{name}.png").write_bytes(qr.png(uri_of(TOKEN, issuer=awkward, account=awkward).text))
    return {name: by_zbar(folder / f"{name}.png") for name in AWKWARD}


@pytest.mark.parametrize("name", AWKWARD)
def test_two_scanners_read_what_was_put_in(name: str, scanned: dict[str, str], tmp_path: Path) -> None:
    """The URI comes out of the picture letter by letter, and the names out of the URI."""
    uri = uri_of(TOKEN, issuer=AWKWARD[name], account=AWKWARD[name])
    (tmp_path / "qr.png").write_bytes(qr.png(uri.text))
    assert [scanned[name], by_zxing(tmp_path / "qr.png")] == [uri.text, uri.text]
    read = KeyURI.parse(scanned[name])
    assert (read.issuer, read.account) == (plain(name), plain(name))


@pytest.mark.parametrize("which", ["issuer", "account"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, which: str) -> None:
    """The reason names the argument and the rule, and not the name: it may be anybody's."""
    awkward, reason = REFUSED[name]
    with pytest.raises(InvalidParameters, match=f"^{which} must .*{reason}") as refused:
        uri_of(TOKEN, **{which: awkward})
    assert len(awkward) < 2 or awkward not in str(refused.value)


READERS: dict[str, Callable[[dict[str, str], Path], dict[str, tuple[str | None, str | None]]]] = {
    "Yubico": ykman.names,
    "numberstation": numberstation.names,
    "pyotp": pyotp_reader.names,
    "pass otp": pass_otp.names,
}


@pytest.fixture(scope="module")
def read_by(
    scanned: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, tuple[str | None, str | None]]]:
    """The names that a client reads. It is asked once, for all."""
    return cache(lambda client: READERS[client](scanned, tmp_path_factory.mktemp("home")))


# pass keeps each URI in a file, whose path it makes of the names; it has no other idea of them.
GARBLED: dict[tuple[str, str], tuple[str | None, str | None]] = {
    ("pass otp", "slash"): ("unit", "staff/unit/staff"),
    ("pass otp", "angle brackets"): ("<b>&amp;<", "b>/<b>&amp;</b>"),
    ("pass otp", "hyphen first"): (None, None),
    ("pass otp", "nothing but two dots"): (None, None),
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("client", READERS)
def test_the_names_that_a_client_shows(
    client: str, name: str, read_by: Callable[[str], dict[str, tuple[str | None, str | None]]]
) -> None:
    """Exactly what was put in; or, of pass and of a few names, what the table has."""
    assert read_by(client)[name] == GARBLED.get((client, name), (plain(name), plain(name)))


@pytest.mark.parametrize("name", AWKWARD)
def test_who_garbles_a_name_is_named_in_a_warning(name: str) -> None:
    """The developer is told of pass where it is among those that garble the name, and only there."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        KeyURI(TOKEN, issuer=AWKWARD[name], account=AWKWARD[name])
    assert {one.category for one in caught} <= {CompatibilityWarning}
    assert any("pass otp" in str(one.message) for one in caught) is (("pass otp", name) in GARBLED)


KEEPERS: dict[str, Callable[[dict[str, str], Path], dict[str, Shown]]] = {
    "KeePassXC": keepassxc.codes,
    "numberstation": numberstation.codes,
    "Yubico": ykman.codes,
    "pass otp": pass_otp.codes,
}


@pytest.mark.parametrize("client", KEEPERS)
def test_no_name_spoils_the_code(client: str, scanned: dict[str, str], tmp_path: Path) -> None:
    """Whatever stands in the label, the client finds the secret behind it."""
    shown = KEEPERS[client](scanned, tmp_path)
    assert [name for name in AWKWARD if shown[name].code not in codes_of(TOKEN, shown[name])] == []


def test_keepassxc_keeps_the_uri(scanned: dict[str, str], tmp_path: Path) -> None:
    """It reads no label, and gives back what it was given, letter by letter."""
    assert keepassxc.kept(scanned, tmp_path) == scanned
