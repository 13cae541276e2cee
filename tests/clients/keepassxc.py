"""KeePassXC by its command line: a database is made of an XML with the URIs, and opened once to ask for all codes."""

import base64
import re
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path

from clients.homes import environment
from clients.tokens import Shown
from need import need


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The code that it shows for each URI."""
    titles = {f"entry{number}": name for number, name in enumerate(uris)}
    begun = time.time()
    answers = _answers(home, uris, [f"show --totp {title}" for title in titles])
    ended = time.time()
    return {name: Shown(answer, begun, ended) for name, answer in zip(uris, answers, strict=True)}


def kept(uris: dict[str, str], home: Path) -> dict[str, str]:
    """The URIs as it keeps them."""
    answers = _answers(home, uris, [f"show --attributes otp entry{number}" for number in range(len(uris))])
    return dict(zip(uris, answers, strict=True))


def _answers(home: Path, uris: dict[str, str], questions: list[str]) -> list[str]:
    """What a database of these URIs answers to each command."""
    need("keepassxc-cli")
    source, database, key = home / "keys.xml", home / "keys.kdbx", home / "keys.key"
    source.write_bytes(_xml(list(uris.values())))
    _run(home, "import", "--set-key-file", str(key), "--decryption-time", "100", str(source), str(database))
    opened = ["open", "--no-password", "--key-file", str(key), str(database)]
    said = _run(home, *opened, given="".join(f"{question}\n" for question in [*questions, "quit"]))
    # Its prompt and what is typed stand before each answer.
    return [answer.strip() for answer in re.split(r"^\S+> \w.*$", said, flags=re.MULTILINE)[1:-1]]


def _run(home: Path, *command: str, given: str = "") -> str:
    variables = environment(home, QT_QPA_PLATFORM="offscreen", XDG_RUNTIME_DIR=str(home))
    done = subprocess.run(
        ["keepassxc-cli", *command], input=given, capture_output=True, check=False, text=True, env=variables
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _xml(uris: list[str]) -> bytes:
    """The plain format of KeePass 2, with one entry for each."""
    root = ET.Element("KeePassFile")
    group = ET.SubElement(ET.SubElement(root, "Root"), "Group")
    ET.SubElement(group, "UUID").text = _uuid(0)
    ET.SubElement(group, "Name").text = "Root"
    for number, uri in enumerate(uris):
        entry = ET.SubElement(group, "Entry")
        ET.SubElement(entry, "UUID").text = _uuid(number + 1)
        for key, value in (("Title", f"entry{number}"), ("otp", uri)):
            field = ET.SubElement(entry, "String")
            ET.SubElement(field, "Key").text = key
            ET.SubElement(field, "Value").text = value
    return ET.tostring(root)


def _uuid(number: int) -> str:
    return base64.b64encode(number.to_bytes(16, "big")).decode()
