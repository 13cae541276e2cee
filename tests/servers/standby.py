"""A PostgreSQL standby of a server of the tests."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from servers import free_port
from servers.postgres import PostgresServer


class Standby(PostgresServer):
    """A copy of a running server that follows it, under a name of its own."""

    def __init__(self, primary: PostgresServer, name: str) -> None:
        """Copy the files of the primary, which has to let replication in."""
        self._binaries = primary._binaries
        self.folder = Path(tempfile.mkdtemp(prefix="totpcore-standby-"))
        self.port = free_port()
        self._user = primary._user
        self._process = None
        self._databases = 0
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        given = {"port": str(self.port), "unix_socket_directories": str(self.folder), "primary_slot_name": ""}
        shared = [option for option in primary._options if option.split("=")[0][2:] not in given]
        self._options = [*shared, *(f"--{name}={value}" for name, value in given.items())]
        source = primary.conninfo(application_name=name)
        command = ["pg_basebackup", f"--dbname={source}", f"--pgdata={self._data}", "-R", "--checkpoint=fast"]
        try:
            subprocess.run(
                [self._binaries / command[0], *command[1:]],
                user=self._user, group=self._user, extra_groups=[] if self._user else None, cwd="/",
                check=True, capture_output=True, env={**os.environ, "PGAPPNAME": name},
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def promote(self) -> None:
        """Make it a primary, and return once it is."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")


def let_replication_in(server: PostgresServer) -> None:
    """Allow standbys to connect to a running server."""
    with (server._data / "pg_hba.conf").open("a") as access:
        access.write("host replication all 127.0.0.1/32 trust\n")
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("SELECT pg_reload_conf()")
