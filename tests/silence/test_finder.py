"""The finder finds: every form that it knows, at every place, and leaky twins of everything that is searched.

A search that finds nothing proves nothing until it was seen to find.
"""

import base64
import io
import logging
import traceback
from collections.abc import Callable
from random import Random

import pytest

from silence.finder import Finder, Leaked, forms_of_bytes, forms_of_text
from silence.surface import deep, reports, surface, taken_apart
from totpcore import Secret, _core

SECRET = bytes([0xF0, 0x9F, 0x00, 0xFF, 0x3E, 0x3F]) + b"a key\n\"'%<&>"
KEY = Random(7).randbytes(20)
CODE, RECOVERY = "755224", "ABCD-EFGH-JKMN-PQRS-TVWX-YZ01"
CANARIES: dict[str, bytes | str] = {"secret": SECRET, "key": KEY, "code": CODE, "recovery code": RECOVERY}
PLANTED = [
    *(("secret", form, written) for form, written in forms_of_bytes(SECRET)),
    *(("key", form, written) for form, written in forms_of_bytes(KEY)),
    *(("code", form, written) for form, written in forms_of_text(CODE)),
    *(("recovery code", form, written) for form, written in forms_of_text(RECOVERY)),
]
NAMES = [f"{canary}, {form}" for canary, form, _ in PLANTED]
each_planted = pytest.mark.parametrize(("canary", "form", "written"), PLANTED, ids=NAMES)


@pytest.fixture
def finder() -> Finder:
    """Knows one of each kind."""
    return Finder(CANARIES)


@each_planted
def test_every_form_is_found_where_it_is_planted(finder: Finder, canary: str, form: str, written: str) -> None:
    """In the midst of other text, at its end, and between many others; and the canary is named."""
    for text in (f"before {written} after", written, f"{'x y ' * 1000}{written}"):
        assert canary in {leak.canary for leak in finder.find(text)}
        assert canary in {leak.canary for leak in finder.find("nothing", text, "nothing")}


@each_planted
def test_almost_a_canary_is_none(finder: Finder, canary: str, form: str, written: str) -> None:
    """A text that lacks the last character of a form is no canary in that form: the whole of it is looked for."""
    cut = written[:-1]
    assert not any(leak.form == form for leak in Finder({canary: CANARIES[canary]}).find(cut))


@pytest.mark.parametrize("before", range(6))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b32encode])
def test_a_secret_inside_of_something_encoded(finder: Finder, encode: Callable[[bytes], bytes], before: int) -> None:
    """Whatever stands before and behind it, the secret is found, in base32 and in both kinds of base64."""
    for canary, raw in (("secret", SECRET), ("key", KEY)):
        assert canary in {leak.canary for leak in finder.find(encode(b"x" * before + raw + b"yz"))}
        assert canary in {leak.canary for leak in finder.find(encode(b"x" * before + raw))}


def test_what_is_harmless_is_not_found(finder: Finder) -> None:
    """Random text of every kind, addresses and digests raise no alarm; the same digits elsewhere do."""
    random = Random(0)
    for _ in range(300):
        raw = random.randbytes(300)
        assert finder.find(raw, raw.hex(), base64.b64encode(raw), base64.b32encode(raw)) == []
    assert finder.find(f"<object at 0x7f{CODE}10>", "ab" * 10 + CODE + "cd" * 10) == []
    assert finder.find(f"0x {CODE}", f"id {CODE}") != []


def test_a_canary_is_too_short_to_be_one() -> None:
    """A form that would be found everywhere is refused."""
    with pytest.raises(ValueError, match="too short"):
        Finder({"nothing": b"\0" * 4})


def test_the_alarm_does_not_leak_itself(finder: Finder) -> None:
    """It says where, what and in which form, and shows none of it."""
    with pytest.raises(Leaked) as found:
        finder.check("the log", SECRET.hex())
    assert str(found.value) == "the log: secret (hex)"
    assert finder.find(str(found.value), repr(found.value.args)) == []


# ---- leaky twins ----


class LeakyRepr:
    """A secret as a careless dataclass would show it."""

    def __init__(self) -> None:
        self.raw = SECRET

    def __repr__(self) -> str:
        return f"LeakyRepr(raw={self.raw!r})"


def leaky_message() -> None:
    """Says what was typed."""
    raise ValueError(f"{CODE} is not the code")


def leaky_argument() -> None:
    """Carries what was typed, and does not say so."""
    raise LookupError("no such code", {"typed": [RECOVERY]})


def leaky_cause() -> None:
    """Stands on an exception that says it."""
    try:
        leaky_message()
    except ValueError as error:
        raise RuntimeError("refused") from error


def leaky_context() -> None:
    """Hides the exception before it, which is still there."""
    try:
        leaky_message()
    except ValueError:
        raise RuntimeError("refused") from None


def leaky_attribute() -> None:
    """Keeps it in an attribute."""
    error = RuntimeError("refused")
    error.typed = CODE  # type: ignore[attr-defined]  # as a careless exception does
    raise error


def leaky_note() -> None:
    """Adds it as a note."""
    error = RuntimeError("refused")
    error.add_note(f"typed: {CODE}")
    raise error


def leaky_group() -> None:
    """One of several."""
    raise ExceptionGroup("several", [ValueError("one"), ValueError(f"another: {CODE}")])


@pytest.mark.parametrize("leaky", [
    leaky_message, leaky_argument, leaky_cause, leaky_context, leaky_attribute, leaky_note, leaky_group,
], ids=lambda leaky: leaky.__name__)  # fmt: skip
def test_a_leaky_exception_is_caught(finder: Finder, leaky: Callable[[], None]) -> None:
    """Wherever an exception carries it: in its text, arguments, attributes, notes, causes, contexts and groups."""
    try:
        leaky()
    except Exception as error:  # noqa: BLE001  # each is of another kind
        with pytest.raises(Leaked):
            finder.check("twin", *surface(error))
    else:
        pytest.fail("did not raise")


@pytest.mark.parametrize("look", [surface, reports, deep])
def test_a_bare_local_in_a_frame_of_ours_is_caught(finder: Finder, look: Callable[[BaseException], list[str]]) -> None:
    """A copy of an entry point that forgets to cover what was typed."""
    source = "def verify(user, code):\n    raise ValueError('no such user')\n"
    space: dict[str, Callable[[str, str], None]] = {}
    exec(compile(source, _core.__file__, "exec"), space)
    try:
        space["verify"]("7", CODE)
    except ValueError as error:
        with pytest.raises(Leaked):
            finder.check("twin", *look(error))


def test_what_only_a_deep_look_finds() -> None:
    """A local that hides itself from `repr` and is a container shows nothing by its `repr`, and all to a serializer."""

    class Shy(tuple[str, ...]):
        __slots__ = ()

        def __repr__(self) -> str:
            return "<hidden>"

    finder = Finder(CANARIES)
    assert finder.find(Shy([CODE]).__repr__()) == []
    assert finder.find(*taken_apart({"codes": [Shy([RECOVERY])]}, 5)) != []


def test_a_leaky_repr_is_caught(finder: Finder) -> None:
    """By its `repr`, in a container, in a format."""
    for text in (repr(LeakyRepr()), str([LeakyRepr()]), f"{LeakyRepr()!a}", f"{LeakyRepr()}"):
        with pytest.raises(Leaked, match="twin: secret"):
            finder.check("twin", text)


def test_a_logger_that_logs_the_code_is_caught(finder: Finder) -> None:
    """In the message, in the arguments, in an extra, in a traceback."""
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("leaky twin")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        logger.warning("wrong code %s for %s", CODE, "7")
        with pytest.raises(Leaked):
            finder.check("twin", stream.getvalue())
        stream.truncate(0)
        try:
            leaky_message()
        except ValueError:
            logger.exception("refused")
        with pytest.raises(Leaked):
            finder.check("twin", stream.getvalue())
    finally:
        logger.removeHandler(handler)


@pytest.mark.parametrize("html", [
    f'<input type="hidden" name="key" value="{Secret(KEY).base32}">',
    f'<input name="code" value="{CODE}" autocomplete="off">',
    f"<!-- otpauth://totp/A:b?secret={Secret(KEY).base32}&issuer=A -->",
    f"<script>const key = '{KEY.hex()}'</script>",
    f'<img src="data:image/png;base64,{base64.b64encode(b"ab" + KEY + b"c").decode()}">',
    "".join(f"&#{ord(character)};" for character in RECOVERY),
    f"<p>{Secret(KEY).grouped}</p>",
], ids=["hidden field", "echo", "comment", "script", "picture", "entities", "by hand"])  # fmt: skip
def test_a_page_with_the_secret_in_it_is_caught(finder: Finder, html: str) -> None:
    """In a hidden field, an echoed value, a comment, a script, a picture, as entities, or in groups."""
    with pytest.raises(Leaked):
        finder.check("twin", f"<html><body>{html}</body></html>")


def test_frames_that_are_not_ours_do_not_count(finder: Finder) -> None:
    """What the caller's own frames hold is the caller's."""

    def caller() -> None:
        code = CODE
        raise RuntimeError(len(code))

    with pytest.raises(RuntimeError) as found:
        caller()
    assert finder.find(*surface(found.value), *reports(found.value), *deep(found.value)) == []
    shown = "".join(traceback.TracebackException.from_exception(found.value, capture_locals=True).format())
    assert finder.find(shown) != []
