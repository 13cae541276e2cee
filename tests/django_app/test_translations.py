"""What visitors read in other languages: each marked string is in the catalogue, and what ships is in step with it."""

import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import override_settings
from django.utils import translation

import totpcore.django
from django_app.visitors import House, text
from need import need

APP = Path(totpcore.django.__file__).parent
CATALOGUE = APP / "locale" / "de" / "LC_MESSAGES" / "django"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]")


def entries(po: Path) -> dict[str, list[str]]:
    """The messages of a catalogue that has each string on a line, and their translations."""
    found: dict[str, list[str]] = {}
    for block in po.read_text("utf-8").split("\n\n")[1:]:
        strings = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) "(.*)"$', block, re.MULTILINE)
        assert strings, block
        found[strings[0][1]] = [string for name, string in strings if name.startswith("msgstr")]
    return found


def shipped() -> gettext.GNUTranslations:
    """What Django reads."""
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def compiled(translations: gettext.GNUTranslations) -> dict[object, str]:
    """Everything in it."""
    catalogue: dict[object, str] = vars(translations)["_catalog"]
    return catalogue


def test_every_marked_string_is_in_the_catalogue(tmp_path: Path) -> None:
    """`makemessages` finds the strings that stand there, no more and no fewer."""
    need("xgettext", "msguniq", "msgmerge", "msgattrib")
    copy = tmp_path / "django"
    shutil.copytree(APP, copy, ignore=shutil.ignore_patterns("__pycache__", "locale"))
    (copy / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale=de", "--no-location", "--no-wrap"]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    marked = entries(copy / "locale" / "de" / "LC_MESSAGES" / "django.po")
    assert len(marked) > 100
    assert marked.keys() == entries(CATALOGUE.with_suffix(".po")).keys()


def test_every_string_is_translated() -> None:
    """None is empty or doubtful, and each has the placeholders of what it translates."""
    po = CATALOGUE.with_suffix(".po")
    assert "fuzzy" not in po.read_text("utf-8")
    assert "#~" not in po.read_text("utf-8")
    for message, translations in entries(po).items():
        assert all(translations), message
        for translated in translations:
            assert sorted(PLACEHOLDER.findall(translated)) == sorted(PLACEHOLDER.findall(message)), message


def test_what_ships_is_compiled_from_the_catalogue(tmp_path: Path) -> None:
    """Whoever changed the one has compiled the other."""
    need("msgfmt")
    subprocess.run(["msgfmt", "-o", tmp_path / "django.mo", CATALOGUE.with_suffix(".po")], check=True)
    with (tmp_path / "django.mo").open("rb") as file:
        assert compiled(gettext.GNUTranslations(file)) == compiled(shipped())


def test_what_ships_has_every_string() -> None:
    """Also where there is no gettext to compile it with."""
    messages = {key[0] if isinstance(key, tuple) else key for key in compiled(shipped())} - {""}
    assert messages == {message.replace('\\"', '"') for message in entries(CATALOGUE.with_suffix(".po"))}


@override_settings(LANGUAGE_CODE="de")
def test_pages_speak_german(house: House) -> None:
    """At the door, in the admin, and in what a refusal says; a number is counted."""
    alice = house.visitor(phone=True)
    alice.gives_password()
    page = text(alice.get("/2fa/code/"))
    assert 'lang="de"' in page
    assert "Code Ihrer App" in page
    assert "Noch 4 Versuche." in text(alice.post("/2fa/code/", code=alice.wrong()))
    alice.post("/2fa/code/", code=alice.code())
    assert "hat einen zweiten Faktor" in text(alice.get("/admin/auth/user/"))


@pytest.mark.parametrize(
    ("left", "said"), [(1, "noch 1 Wiederherstellungscode"), (2, "noch 2 Wiederherstellungscodes")]
)
def test_numbers_are_counted(left: int, said: str) -> None:
    """One and many."""
    with translation.override("de"):
        counted = translation.ngettext("%(count)d recovery code left", "%(count)d recovery codes left", left)
        assert counted % {"count": left} == said
