"""pass, the Unix password manager, with its extension for one-time codes: shell scripts around gpg and oathtool.

It keeps the URI in a file, which it names after the issuer and the account that it reads in it, and takes the URI
apart again for each code.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clients.homes import environment
from clients.tokens import Shown
from need import miss, need

_KEY: Final = """
%no-protection
Key-Type: eddsa
Key-Curve: ed25519
Subkey-Type: ecdh
Subkey-Curve: cv25519
Name-Real: totpcore
Expire-Date: 0
%commit
"""


class Failed(Exception):
    """What a command said of why it did not work."""


@dataclass(frozen=True)
class Store:
    """The folder of somebody who keeps passwords so."""

    home: Path

    @property
    def _variables(self) -> dict[str, str]:
        return environment(self.home, GNUPGHOME=str(self.home / "gpg"), PASSWORD_STORE_DIR=str(self.home / "store"))

    def run(self, *command: str, given: str | None = None) -> str:
        """What a command prints.

        Raises:
            Failed: If it says that it did not work.
        """
        done = subprocess.run(
            command, input=given, capture_output=True, check=False, text=True, env=self._variables, cwd=self.home
        )
        if done.returncode:
            raise Failed(done.stderr)
        return done.stdout

    def insert(self, uri: str, *path: str) -> None:
        """Keep a URI, under a name of the caller's, or under that which pass finds in it."""
        self.run("pass", "otp", "insert", "--force", *path, given=f"{uri}\n")

    def code(self, path: str) -> Shown:
        """The code that it shows."""
        begun = time.time()
        shown = self.run("pass", "otp", "code", path)
        return Shown(shown.strip(), begun, time.time())

    def entries(self) -> set[str]:
        """The names of all that it keeps."""
        folder = self.home / "store"
        return {str(file.relative_to(folder)).removesuffix(".gpg") for file in folder.rglob("*.gpg")}


@contextmanager
def opened() -> Iterator[Store]:
    """A store with a key without a passphrase. Its folder has a short name, since gpg makes sockets in it.

    They may vanish while the folder is removed.
    """
    need("pass", "gpg", "gpgconf", "oathtool")
    with tempfile.TemporaryDirectory(prefix="pass", ignore_cleanup_errors=True) as folder:
        store = Store(Path(folder))
        (store.home / "gpg").mkdir(mode=0o700)
        store.run("gpg", "--batch", "--quiet", "--generate-key", given=_KEY)
        try:
            store.run("pass", "init", "totpcore")
            try:
                store.run("pass", "otp", "--version")
            except Failed:
                miss("needs the extension of pass for one-time codes (Debian: pass-extension-otp)")
            yield store
        finally:
            store.run("gpgconf", "--kill", "all")


def codes(uris: dict[str, str], home: Path) -> dict[str, Shown]:
    """The first code that it shows of each URI."""
    with opened() as store:
        for name, uri in uris.items():
            store.insert(uri, name)
        return {name: store.code(name) for name in uris}


def names(uris: dict[str, str], home: Path) -> dict[str, tuple[str | None, str | None]]:
    """The folder and the file that it names after issuer and account; neither, where it keeps nothing."""
    found: dict[str, tuple[str | None, str | None]] = {}
    with opened() as store:
        for name, uri in uris.items():
            before = store.entries()
            with suppress(Failed):
                store.insert(uri)
            folder, _, file = "".join(store.entries() - before).partition("/")
            found[name] = (folder or None, file or None)
    return found
