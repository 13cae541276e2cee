"""The matrix of clients and tokens: each shows the code that totpcore makes, or what it is known to show instead."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from clients import keepassxc, numberstation, oathtool, pass_otp, pyotp_reader, ykman
from clients.awkward import AWKWARD
from clients.scanners import by_zbar
from clients.tokens import COUNTER, TOKENS, Shown, as_time_based, codes_of, uri_of, with_sha1
from totpcore import HOTP, TOTP, Match, qr
from totpcore.keyuri import concerns_of

Token = TOTP | HOTP
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "apps.md"

CLIENTS: dict[str, Callable[[dict[str, str], Path], dict[str, Shown]]] = {
    "oathtool": oathtool.codes,
    "pass otp": pass_otp.codes,
    "KeePassXC": keepassxc.codes,
    "Yubico": ykman.codes,
    "numberstation": numberstation.codes,
    "pyotp": pyotp_reader.codes,
}


class Known(NamedTuple):
    """What a client does otherwise: with which tokens, and the codes that it shows of such a token."""

    client: str
    says: str
    of: Callable[[Token], bool]
    codes: Callable[[Token, Shown], set[str]]


def counts(token: Token) -> bool:
    """Whether it is a counter-based token."""
    return isinstance(token, HOTP)


def hashes(token: Token) -> bool:
    """Whether its hash is not SHA1."""
    return token.algorithm != "SHA1"


def of_a_clock(token: Token, shown: Shown) -> set[str]:
    """The codes of the time-based token that has the secret of a counter-based one."""
    assert isinstance(token, HOTP)
    return codes_of(as_time_based(token), shown)


def of_the_next_counter(token: Token, shown: Shown) -> set[str]:
    """The code after the one that it should begin with, by SHA1: the parameter `algorithm` is read of TOTP only."""
    counting = with_sha1(token)
    assert isinstance(counting, HOTP)
    return {counting.code(COUNTER + 1)}


KNOWN = [
    Known("KeePassXC", "does not read the type", counts, of_a_clock),
    Known("pass otp", "counts before it shows", counts, of_the_next_counter),
    Known(
        "numberstation",
        "reads `digest`, not `algorithm`",
        hashes,
        lambda token, shown: codes_of(with_sha1(token), shown),
    ),
]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The URI of each token, read by zbarimg off the PNG that totpcore drew."""
    folder = tmp_path_factory.mktemp("codes")
    for name, token in TOKENS.items():
        (folder / f"{name}.png").write_bytes(qr.png(uri_of(token).text))
    return {name: by_zbar(folder / f"{name}.png") for name in TOKENS}


@pytest.fixture(scope="module")
def shown_by(scanned: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Shown]]:
    """The codes that a client shows. It is asked once, for those of all tokens."""
    return cache(lambda client: CLIENTS[client](scanned, tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("client", CLIENTS)
def test_the_code_of_a_client(client: str, name: str, shown_by: Callable[[str], dict[str, Shown]]) -> None:
    """It is the code of that moment; where the client is known to show another, it is exactly that one."""
    shown = shown_by(client)
    token = TOKENS[name]
    known = [one for one in KNOWN if one.client == client and one.of(token)]
    expected = known[0].codes(token, shown[name]) if known else codes_of(token, shown[name])
    assert shown[name].code in expected


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.client)
def test_a_client_that_shows_wrong_codes_is_warned_of(known: Known, name: str) -> None:
    """Whoever makes such a token is told the name of the client; who makes another, is not."""
    told = any(known.client in concern for concern in concerns_of(TOKENS[name]))
    assert told is known.of(TOKENS[name])


def test_what_pass_does_with_a_counter() -> None:
    """Its first code is one counter ahead, which the look-ahead window accepts. It has no second one.

    With bash 5.2 and later, what it writes back is `&counter=7counter=8`: a `&` in what is put in has got a meaning.
    """
    token = TOKENS["HOTP"]
    assert isinstance(token, HOTP)
    with pass_otp.opened() as store:
        store.insert(uri_of(token).text, "token")
        found = token.match(store.code("token").code, after=COUNTER - 1)
        assert found == Match(counter=COUNTER + 1, offset=1)
        with pytest.raises(pass_otp.Failed, match=r"missing counter.*&counter=7counter=8"):
            store.code("token")


def test_the_command_of_the_manual(scanned: dict[str, str], tmp_path: Path) -> None:
    """`zbarimg -q --raw qr.png | pass otp insert` takes over what is in the picture, letter by letter."""
    (tmp_path / "qr.png").write_bytes(qr.png(scanned["default"]))
    with pass_otp.opened() as store:
        pipe = f"zbarimg -q --raw '{tmp_path}/qr.png' | pass otp insert -f phone"
        store.run("bash", "-o", "pipefail", "-c", pipe)
        assert store.run("pass", "otp", "uri", "phone") == f"{scanned['default']}\n"


def test_the_page_about_apps_has_what_was_tried() -> None:
    """It names each client, how many tokens and names they are tried with, and what the three do that differ."""
    page = PAGE.read_text("utf-8")
    tried = page.partition("## What was tried")[2].partition("## What apps do not follow")[0]
    for client in ("zbarimg", "zxing-cpp", *CLIENTS):
        assert f"| `{client}` |" in tried or f"| {client}" in tried, client
    assert f"with {len(TOKENS)} tokens" in tried
    assert f"with {len(AWKWARD)} names" in tried
    told = tried.partition("| program | does |")[2].partition("These tests")[0]
    assert [row.split("|")[1].strip(" `") for row in told.strip().splitlines()[1:]] == [one.client for one in KNOWN]
