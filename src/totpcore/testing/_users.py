"""User ids that a store may take for one another: by case, normal form, width, spaces, patterns or length."""

from typing import Final

_LONG: Final = tuple(
    alphabet * 255
    for alphabet in (
        "x", "X", "\N{GREEK SMALL LETTER OMEGA}", "\N{CYRILLIC SMALL LETTER A}", "\N{HEBREW LETTER ALEF}",
        "\N{ARABIC LETTER ALEF}", "\N{DEVANAGARI LETTER A}", "\N{THAI CHARACTER KO KAI}", "\N{HANGUL SYLLABLE GA}",
        "\N{HIRAGANA LETTER A}", "\N{CJK UNIFIED IDEOGRAPH-4E00}", "\N{CJK UNIFIED IDEOGRAPH-20000}",
        "\N{MATHEMATICAL DOUBLE-STRUCK CAPITAL X}", "\N{GRINNING FACE}", "\N{COMBINING ACUTE ACCENT}", "\U0010fffd",
    )
)  # fmt: skip

ODD_USERS: Final = (
    "1", " 1", "1 ", "01", "1\u00a0", "a", "A", "\N{FULLWIDTH LATIN SMALL LETTER A}",
    "\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}", "e", "ss", "\N{LATIN SMALL LETTER SHARP S}",
    "i", "\N{LATIN SMALL LETTER DOTLESS I}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "K", "\N{KELVIN SIGN}",
    "%", "_", "*", "?", "[a]", "a%", "a:b", "a/b", "a\\b", "a'b", 'a"b', "'; DROP TABLE totpcore; --", "{a}", "{b}a",
    "${a}", "%s", "$1", "a\tb", "a\nb", "a\r", "\x01", "\x7f", "\ufeff", "\ufffd", "\uffff",
    "\N{HEBREW LETTER ALEF}\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\N{GRINNING FACE}", "NULL", "None",
    *_LONG, *(user[:-1] for user in _LONG), *(user[:-1] + chr(ord(user[-1]) + 1) for user in _LONG), "x" * 254 + "X",
    "x" * 253 + "\N{LATIN SMALL LETTER E WITH ACUTE}", "x" * 253 + "e\N{COMBINING ACUTE ACCENT}",
)  # fmt: skip
