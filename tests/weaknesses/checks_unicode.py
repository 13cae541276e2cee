"""V32 and V33: characters beyond ASCII.

Rules of this file:

1. Every character that looks like a digit to the running Python is tried; of other texts, a seeded sample.
2. A code that is malformed costs no try: so says the contract, where the published advice would charge it.
3. A gate over the text of the package takes `lib.sources`, so that its twin is the same text with one line more.
"""

import ast
import hmac
import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import chain
from random import Random

from totpcore._guard import Hidden
from totpcore._record import Active, Record
from totpcore._spending import spend_code
from totpcore._states import Moment
from weaknesses.frame import NOW, Library, User, calls_in, holds, outcome, weakness
from weaknesses.twins import KEY, Spent, adopted, every_door, failures, stored, verifies_by, with_line

# ---- V32: digits of other scripts ----


def reads_other_scripts() -> Library:
    """What was typed is normalized, so that full-width digits work."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        return spend_code(record, active, moment, Hidden(unicodedata.normalize("NFKC", typed.value)))

    return verifies_by(spend)


def like_digits() -> Iterator[str]:
    """Every character beyond ASCII that has a value, or that is made a digit by normalizing or by `int`."""
    for point in chain(range(128, 0xD800), range(0xE000, 0x110000)):
        character = chr(point)
        if character.isnumeric() or (not character.isalpha() and unicodedata.normalize("NFKC", character).isdigit()):
            yield character


@weakness("V32", twin=reads_other_scripts)
def only_ascii_digits_are_digits(lib: Library) -> None:
    """A code in which one digit is any other character with a value, full-width, superscript, Arabic, is no code.

    There is no opt-in map for input methods: their users switch to ASCII, as they do for a password.
    """
    user = adopted(lib)
    code, before, places = user.code(), stored(user), 0
    token = lib.totp_token(lib.secret(KEY))
    for character in like_digits():
        value = int(unicodedata.numeric(character, -1)) % 10
        place = code.find(str(value))
        if place < 0:
            place = value % 6
        text = code[:place] + character + code[place + 1 :]
        places += 1
        holds(token.match(text, NOW, after=-1) is None, "no other script's digit matches")
        holds(user.verify(text) == "malformed", "nor does it open")
    holds(places > 1500, "all of them are tried")
    for zero in (0xFF10, 0x0660, 0x06F0, 0x0966, 0x1D7CE, 0x1D7EC):
        text = "".join(chr(zero + int(digit)) for digit in code)
        holds(user.verify(text) == "malformed", "nor does a whole code in another script")
    holds(stored(user) == before and user.verify(code) == "ok", "nothing was spent, and the code itself opens")


def asks_isdigit() -> Library:
    """A test that takes the digits of every script."""
    return with_line("otp.py", "def is_code(text): return len(text) == 6 and text.isdigit()")


@weakness("V32", twin=asks_isdigit)
def no_test_takes_the_digits_of_every_script(lib: Library) -> None:
    r"""No module calls `isdigit` or its kind, normalizes by compatibility, or has a pattern with `\d` or `$`."""
    for module, source in lib.sources.items():
        for call in calls_in(source):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            holds(name not in {"isdigit", "isdecimal", "isnumeric", "isalnum"}, f"{module} asks no such question")
            words = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            holds(name != "normalize" or words[:1] == ["NFC"], f"{module} normalizes nothing into digits")
            pattern = name in {"compile", "fullmatch", "match", "search", "sub", "findall", "split"} and words
            holds(not pattern or not re.search(r"\\d|\$$", words[0]), f"{module} has no pattern that takes too much")


# ---- V33: text beyond ASCII becomes an error ----


def compares_texts() -> Library:
    """The comparison in constant time is given text, and it takes none beyond ASCII."""

    def spend(record: Record, active: Active, moment: Moment, typed: Hidden[str]) -> Spent:
        hmac.compare_digest(typed.value, active.token.code(int(moment.now)))
        return spend_code(record, active, moment, typed)

    return verifies_by(spend)


@weakness("V33", twin=compares_texts)
def any_text_is_an_ordinary_refusal(lib: Library) -> None:
    """Whatever text is typed, lone surrogates and NULs among it, each door says `malformed`, and raises nothing else.

    It costs no try: the contract charges codes, and this is none. The fuzzers of `tests/fuzzing` go further.
    """
    source = Random(33)
    ranges = ((32, 127), (0, 32), (127, 0x250), (0x600, 0x700), (0xD800, 0xE000), (0xFF00, 0xFF60), (0x1F300, 0x1F600))
    texts = [
        "".join(chr(source.randrange(*source.choice(ranges))) for _ in range(source.choice((1, 5, 6, 24, 70)))) + "\x7f"
        for _ in range(150)
    ]
    texts += [
        "\ud800" * 6,
        "12345\udfff",
        "\udc80",
        "\N{LATIN SMALL LETTER E WITH ACUTE}" * 6,
        "\0" * 24,
        "\ufeff123456",
    ]
    user = adopted(lib)
    before = stored(user)
    doors = every_door(user)
    del doors["confirm"]
    for text in texts:
        for name, door in doors.items():
            holds(outcome(partial(door, text)) == "malformed", f"{name} refuses it as no code")
    setting_up = User(lib).enrol()
    for text in texts:
        said = outcome(partial(setting_up.service.confirm, "alice", text))
        holds(said == "malformed", "confirm refuses it as no code")
    holds(failures(user) == failures(user, "recovery_tally") == 0, "and it costs no try")
    holds(stored(user) == before and user.verify(user.code()) == "ok", "nothing is lost by it")
