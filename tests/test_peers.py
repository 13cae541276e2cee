"""Every vector of other TOTP and HOTP libraries: met, or listed with its reason.

The vectors are in `vectors/peers.json`, the list is `vectors/differences.json`.
"""

import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

import totpcore
from totpcore.errors import InvalidSecret
from totpcore.keyuri import KeyURI
from totpcore.otp import HOTP, TOTP, hotp, totp
from totpcore.secret import Secret
from vectors import REFUSED, SHORTEST, Answer, Case, answer_of, check, peers, refusal_of

RFC_SECRET = Secret(b"12345678901234567890")

# The constructor warns where apps are known to ignore what a URI says; these cases ask for such URIs on purpose.
pytestmark = pytest.mark.filterwarnings("ignore::totpcore.keyuri.CompatibilityWarning")

KINDS: set[str] = set()


def cases_of(*kinds: str) -> pytest.MarkDecorator:
    """Run a test once for each case of these kinds."""
    KINDS.update(kinds)
    return pytest.mark.parametrize("case", [case for case in peers() if case.kind in kinds], ids=repr)


def key_of(case: Case) -> bytes:
    """The key of a case."""
    return bytes.fromhex(case.input["secret_hex"])


def numbers_of(case: Case, *names: str) -> dict[str, Any]:
    """The parameters that a case gives under totpcore's own names."""
    return {name: case.input[name] for name in names}


def hotp_of(case: Case) -> HOTP:
    """The counter-based token of a case."""
    return HOTP(Secret(key_of(case)), **numbers_of(case, "digits", "algorithm"))


def totp_of(case: Case) -> TOTP:
    """The time-based token of a case."""
    return TOTP(Secret(key_of(case)), **numbers_of(case, "digits", "period", "t0", "algorithm"))


def fields_of(uri: KeyURI) -> Answer:
    """What a URI says, under the names that the vectors use."""
    token = uri.token
    fields: Answer = {
        "issuer": uri.issuer,
        "account": uri.account,
        "secret_base32": token.secret.base32,
        "algorithm": str(token.algorithm),
        "digits": token.digits,
    }
    if isinstance(token, TOTP):
        return fields | {"type": "totp", "period": token.period}
    return fields | {"type": "hotp", "counter": uri.counter}


@pytest.mark.requirement("R4226-5.1-1", "N63B4-3.1.4.1-2")
@cases_of("hotp")
def test_hotp(case: Case) -> None:
    """`hotp` gives the code that other implementations give, for keys of any length and counters beyond 32 bits."""

    def answer() -> Answer:
        return {"code": hotp(key_of(case), case.input["counter"], **numbers_of(case, "digits", "algorithm"))}

    check(case, answer_of(answer))


@pytest.mark.requirement("R6238-4.1-1", "OMFA-12")
@cases_of("totp")
def test_totp(case: Case) -> None:
    """`totp` gives the code that other implementations give, for any start of time and any period it takes."""

    def answer() -> Answer:
        numbers = numbers_of(case, "digits", "period", "t0", "algorithm")
        return {"code": totp(key_of(case), case.input["time"], **numbers)}

    check(case, answer_of(answer))


@pytest.mark.parametrize(
    "case", [case for case in peers() if case.kind in {"hotp", "totp"} and len(key_of(case)) >= SHORTEST], ids=str
)
def test_tokens_agree_with_the_plain_functions(case: Case) -> None:
    """A token's prepared key answers as `hotp` and `totp` do, refusals included."""

    def answer() -> Answer:
        if case.kind == "totp":
            return {"code": totp_of(case).code(case.input["time"])}
        return {
            "code": HOTP(Secret(key_of(case)), **numbers_of(case, "digits", "algorithm")).code(case.input["counter"])
        }

    check(case, answer_of(answer))


@pytest.mark.parametrize("case", [case for case in peers() if "secret_base32_as_written" in case.input], ids=repr)
def test_secrets_as_they_were_written(case: Case) -> None:
    """A secret in the spelling of its source, lower case and leftover bits included, is the key, unless it is short."""
    written = case.input["secret_base32_as_written"]
    if len(key_of(case)) < SHORTEST:
        with pytest.raises(InvalidSecret):
            Secret.from_base32(written)
    else:
        assert Secret.from_base32(written).reveal() == key_of(case)


@pytest.mark.requirement("R4226-5.2-1", "R4226-5.3-1")
@cases_of("hmac")
def test_intermediate_hmac(case: Case) -> None:
    """The HMAC that a library gives for a counter is the one whose truncation is our code of eight digits."""
    mac = bytes.fromhex(case.expect["hmac_hex"])
    assert mac == hmac.digest(key_of(case), case.input["counter"].to_bytes(8, "big"), case.input["algorithm"].lower())
    offset = mac[-1] & 0x0F
    word = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    assert hotp(key_of(case), case.input["counter"], digits=8) == f"{word % 10**8:08d}"


@cases_of("base32_decode")
def test_base32_decode(case: Case) -> None:
    """Base32 of any case, with spaces, padding or leftover bits, is read as its bytes, where these make a `Secret`."""
    check(case, answer_of(lambda: {"hex": Secret.from_base32(case.input["text"]).reveal().hex()}))


@cases_of("base32_encode")
def test_base32_encode(case: Case) -> None:
    """`.base32` is what other libraries write, in their spelling without padding."""

    def answer() -> Answer:
        text = Secret(bytes.fromhex(case.input["hex"])).base32
        return {"text": text + "=" * (-len(text) % 8 if case.input["padding"] else 0)}

    check(case, answer_of(answer))


@cases_of("base32_invalid")
def test_base32_invalid(case: Case) -> None:
    """What is not base32 is refused."""
    check(case, refusal_of(lambda: Secret.from_base32(case.input["text"])))


@cases_of("hotp_verify")
def test_hotp_verify(case: Case) -> None:
    """A code is found at the next counter or in the look-ahead window, and is told by its counter.

    A case that also looks back is asked without that, since `after` says what is spent.
    """

    def answer() -> Answer:
        after, look_ahead = case.input["counter"] - 1, case.input["look_ahead"]
        match = hotp_of(case).match(case.input["code"], after=after, look_ahead=look_ahead)
        return {"accept": match is not None, "counter": match and match.counter}

    check(case, answer_of(answer))


@cases_of("totp_verify")
def test_totp_verify(case: Case) -> None:
    """A code is found in the window of time steps, unless its step is not above the last one that was spent."""

    def answer() -> Answer:
        window = (case.input["steps_back"], case.input["steps_ahead"])
        after = case.input.get("last_step", -1)
        match = totp_of(case).match(case.input["code"], case.input["time"], after=after, window=window)
        return {"accept": match is not None, "step": match and match.counter, "offset": match and match.offset}

    check(case, answer_of(answer))


@cases_of("totp_verify_seconds")
def test_totp_verify_seconds(case: Case) -> None:
    """A leeway in seconds, put as the window of the steps that it reaches at that moment, gives the same answer."""
    token, now, leeway = totp_of(case), case.input["time"], case.input["leeway_seconds"]

    def answer() -> Answer:
        step = token.counter(now)
        window = (step - token.counter(now - leeway), token.counter(now + leeway) - step)
        return {"accept": token.match(case.input["code"], now, after=-1, window=window) is not None}

    check(case, answer_of(answer))


@cases_of("seconds_window")
def test_seconds_window(case: Case) -> None:
    """The window of the steps that a drift in seconds reaches accepts the codes of these steps and of no other."""
    token, now = TOTP(RFC_SECRET, period=case.input["period"]), case.input["time"]

    def answer() -> Answer:
        step = token.counter(now)
        first, last = token.counter(now - case.input["seconds_back"]), token.counter(now + case.input["seconds_ahead"])
        accepted = (
            token.match(token.code(candidate * token.period), now, after=-1, window=(step - first, last - step))
            for candidate in range(first - 3, last + 4)
        )
        return {"steps": [match.counter for match in accepted if match]}

    check(case, answer_of(answer))


@cases_of("remaining")
def test_remaining(case: Case) -> None:
    """`seconds_left` is the time until the code changes: the whole period at its first moment, never zero."""
    token = TOTP(RFC_SECRET, **numbers_of(case, "period", "t0"))
    check(case, {"seconds": token.seconds_left(case.input["time"])})


@cases_of("time_step")
def test_time_step(case: Case) -> None:
    """`counter` is the number of whole periods since the start of time."""
    token = TOTP(RFC_SECRET, **numbers_of(case, "period", "t0"))
    check(case, {"step": token.counter(case.input["time"])})


@cases_of("next_step_time")
def test_next_step_time(case: Case) -> None:
    """The next code begins `seconds_left` from now."""
    now = case.input["time"]
    check(case, {"time": now + TOTP(RFC_SECRET, period=case.input["period"]).seconds_left(now)})


@cases_of("replay_sequence")
def test_replay_sequence(case: Case) -> None:
    """A caller that keeps the last counter tells a wrong code from a spent one, and accepts each code once."""

    def answer() -> Answer:
        token, spent, results = totp_of(case), -1, []
        for step in case.input["steps"]:
            now, window = step.get("time", case.input.get("time")), (step["window"], step["window"])
            match = token.match(step["code"], now, after=spent, window=window)
            if match:
                spent = match.counter
                results.append("ok")
            else:
                known = token.match(step["code"], now, after=-1, window=window)
                results.append("replayed" if known else "invalid")
        return {"results": results}

    check(case, answer_of(answer))


def named(account: str, issuer: str) -> KeyURI:
    """A URI with these names."""
    return KeyURI(TOTP(RFC_SECRET), account=account, issuer=issuer)


PARAMETERS: dict[str, Callable[[Any], object]] = {
    "digits": lambda value: TOTP(RFC_SECRET, digits=value),
    "algorithm": lambda value: TOTP(RFC_SECRET, algorithm=value),
    "counter": lambda value: HOTP(RFC_SECRET).code(value),
    "secret": Secret.from_base32,
    "secret_base32": Secret.from_base32,
    "issuer": lambda value: named("alice", value),
    "account": lambda value: named(value, "ACME"),
}


@cases_of("params_invalid")
def test_params_invalid(case: Case) -> None:
    """A number, key or name out of range is refused where it is set, before any code is made."""
    given = case.input
    if given["what"] == "uri_build":
        check(case, refusal_of(lambda: named(given["account"], given["issuer"])))
    else:
        check(case, refusal_of(lambda: PARAMETERS[given["what"]](given["value"])))


@cases_of("uri_parse")
def test_uri_parse(case: Case) -> None:
    """A URI that another library writes is read as that library reads it."""
    check(case, answer_of(lambda: fields_of(KeyURI.parse(case.input["uri"]))))


@cases_of("uri_invalid")
def test_uri_invalid(case: Case) -> None:
    """A URI that other libraries refuse is refused."""
    check(case, refusal_of(lambda: KeyURI.parse(case.input["uri"])))


@cases_of("uri_issuer_mismatch")
def test_uri_issuer_mismatch(case: Case) -> None:
    """Where prefix and parameter disagree the parameter wins, and `issuer_mismatch` tells the other."""
    uri = KeyURI.parse(case.input["uri"])
    assert {"issuer": uri.issuer, "account": uri.account} == case.expect["tolerant"]
    prefix = unquote(urlsplit(case.input["uri"]).path.lstrip("/")).partition(":")[0]
    assert uri.issuer_mismatch == prefix != uri.issuer


@cases_of("uri_build")
def test_uri_build(case: Case) -> None:
    """A URI of ours says the same as the other library's, to our parser and to the standard library's.

    Parameters that have their default may be left out, and their order is free. Where the other library leaves the
    issuer out of the label ours has it in both places, which says the same.
    """
    given, theirs = case.input, case.expect["equivalent_uri"]

    def answer() -> Answer:
        secret = Secret.from_base32(given["secret_base32"])
        numbers = {name: given[name] for name in ("digits", "period", "algorithm") if name in given}
        token = TOTP(secret, **numbers) if given["type"] == "totp" else HOTP(secret, **numbers)
        ours = KeyURI(token, account=given["account"], issuer=given.get("issuer"), counter=given.get("counter", 0)).text
        assert fields_of(KeyURI.parse(ours)) == fields_of(KeyURI.parse(theirs))
        assert split(ours)[1] == split(theirs)[1]
        if given.get("issuer_in_label", True):
            assert split(ours)[0] == split(theirs)[0]
        return case.expect

    check(case, answer_of(answer))


def split(uri: str) -> tuple[tuple[str, str, str], dict[str, str]]:
    """A URI as the standard library reads it: scheme, type and raw label; parameters, defaults filled in."""
    parts = urlsplit(uri)
    query = dict(parse_qsl(parts.query, strict_parsing=True))
    defaults = {"algorithm": "SHA1", "digits": "6"} | ({"period": "30"} if parts.netloc == "totp" else {})
    return (parts.scheme, parts.netloc, parts.path), defaults | query


@cases_of("pskc_parse")
def test_pskc_parse(case: Case) -> None:
    """No name of the public face promises to read PSKC files, which these cases are about."""
    assert not any("pskc" in name.lower() for name in dir(totpcore))
    check(case, REFUSED)


def test_every_kind_is_run() -> None:
    """No kind of vector is left out."""
    assert {case.kind for case in peers()} == KINDS
