"""A PostgreSQL server of its own, started from the machine's binaries.

Rules of this file:

1. `fsync` is on, as in production: a test that kills the server means something.
2. Anybody may connect without a password, but for the role `with_password`, which a test may make.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from . import free_port

PATIENCE = 60.0  # seconds: a machine that runs everything side by side may be slow
_ACCESS = """\
host all with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
"""


def binaries() -> Path | None:
    """Return the folder of `initdb` and `postgres`, the newest there is; `None` without."""
    found = shutil.which("initdb")
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *([Path(found).resolve().parent] if found else [])]
    folders = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return max(folders, key=lambda folder: folder.parent.name.zfill(4), default=None)


class PostgresServer:
    """A server on a port of 127.0.0.1, and on a Unix socket in its folder.

    Example:
        ::

            with PostgresServer() as server:
                conninfo = server.create_database()
                server.restart()

    Attributes:
        folder: Its files, and the Unix socket: `conninfo(host=str(server.folder))`.
        port: The TCP port.
    """

    def __init__(self, **settings: str) -> None:
        """Make the files of a server. `settings` are added to its configuration."""
        found = binaries()
        if found is None:
            raise FileNotFoundError("no PostgreSQL binaries: apt-get install postgresql")
        self._binaries = found
        self.folder = Path(tempfile.mkdtemp(prefix="totpcore-postgres-"))
        self.port = free_port()
        self._user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to be root
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        given = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "400",
            "dynamic_shared_memory_type": "mmap",  # in the folder, so that nothing stays in /dev/shm
            **settings,
        }
        self._options = [f"--{name}={value}" for name, value in given.items()]
        try:
            make = ["initdb", "--encoding=UTF8", "--locale=C", "--username=postgres", "--auth=trust", "--no-sync"]
            subprocess.run(
                [self._binaries / make[0], *make[1:], self._data],
                user=self._user, group=self._user, extra_groups=[] if self._user else None, cwd="/",
                check=True, capture_output=True,
            )  # fmt: skip
            (self._data / "pg_hba.conf").write_text(_ACCESS)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        """Return the URL of the database `postgres`."""
        return as_url(self.conninfo())

    def conninfo(self, **more: str | int) -> str:
        """Return how to connect, by default as the superuser to the database `postgres`."""
        given = {"host": "127.0.0.1", "port": self.port, "user": "postgres", "dbname": "postgres", **more}
        return make_conninfo("", **given)

    def create_database(self, *, encoding: str = "UTF8") -> str:
        """Make an empty database, and return how to connect to it."""
        self._databases += 1
        name = f"test_{self._databases}"
        make = SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {}").format(Identifier(name), encoding)
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(make)
        return self.conninfo(dbname=name)

    def drop_database(self, conninfo: str) -> None:
        """Remove a database that `create_database` made, and whoever is still connected to it."""
        drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(str(conninfo_to_dict(conninfo)["dbname"])))
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(drop)

    def start(self) -> None:
        """Start, and return once it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *self._options],
                user=self._user, group=self._user, extra_groups=[] if self._user else None, cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + PATIENCE
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self.folder / 'log').read_text('utf-8', 'replace')}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Let it finish what it does for nobody any more: connections are ended, and it writes everything down."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown"
            self._process.wait(PATIENCE)
            self._process = None

    def kill(self) -> None:
        """SIGKILL the postmaster and every process of it, as a loss of power would."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGSTOP)  # so that it starts no other
        family = _children_of(self._process.pid)
        for pid in (self._process.pid, *family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(PATIENCE)
        self._process = None
        while any(_parent_of(pid) is not None for pid in family):
            time.sleep(0.001)
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # its number may be another process's by now

    def restart(self) -> None:
        """Kill it, start it again, and return once it answers."""
        self.kill()
        self.start()

    def close(self) -> None:
        """Stop, and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        """Whether the postmaster says in its lock file that it takes connections."""
        try:
            lines = (self._data / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"


def as_url(conninfo: str) -> str:
    """Return the same as a URL."""
    parts = conninfo_to_dict(conninfo)
    return f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def _children_of(parent: int) -> list[int]:
    numbers = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [number for number in numbers if _parent_of(number) == parent]


def _parent_of(pid: int) -> int | None:
    """Return whose child a process is; `None` where it has ended."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(parent)
