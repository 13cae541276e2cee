"""Redis or Valkey servers of one's own: alone, a cluster of three nodes, a primary with a replica.

Rules of this file:

1. What a swap changed is on the disk before it is answered, unless `config` says otherwise. `kill` keeps what is on
   the disk; `stop` leaves nothing behind.
2. It speaks to the servers by itself: these modules are for programs too that have no client installed.
"""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import need

from . import free_port

HOST: Final = "127.0.0.1"
_PROGRAMS: Final = ("redis-server", "valkey-server")
_WAIT: Final = 60  # seconds: for a busy machine
_SLOTS: Final = 16384
_DEFAULTS: Final = {
    "bind": HOST,
    "save": '""',
    "appendonly": "yes",
    "appendfsync": "always",
    "repl-diskless-sync-delay": "0",
    "repl-ping-replica-period": "1",
}


class Refusal(Exception):
    """The server answered with an error."""


class RedisServer:
    """One server.

    Attributes:
        port: Where it listens; always the same.
    """

    def __init__(self, *, replica_of: "RedisServer | None" = None, config: Mapping[str, str] | None = None) -> None:
        self.port = free_port(also=10_000)  # nodes of a cluster need that too
        self._config = {**_DEFAULTS, **(config or {})}
        if replica_of is not None:
            self._config["replicaof"] = f"{HOST} {replica_of.port}"
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    def start(self) -> None:
        """Start it where it does not run, and return once it answers."""
        if self._process is None or self._process.poll() is not None:
            self._launch()
        _wait_until(self._answers, "the server does not answer", self._failure)

    def kill(self) -> None:
        """Kill it at once; what is on the disk stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, and remove everything."""
        self.kill()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def restart(self) -> None:
        """Kill it, start it, and return once it answers."""
        self.kill()
        self.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Inside it the server takes what is sent, and does not answer."""
        if self._process is None:
            raise RuntimeError("the server is not started")
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def flush(self) -> None:
        """Remove all records."""
        self.ask("FLUSHALL")

    def ask(self, *words: str | int) -> str:
        """Return what the server answers: a line or a text. No word may have a space in it.

        Raises:
            Refusal: If it answers with an error.
        """
        with socket.create_connection(self.address, timeout=_WAIT) as connection, connection.makefile("rb") as answer:
            connection.sendall(" ".join(map(str, words)).encode() + b"\r\n")
            line = answer.readline().decode().rstrip("\r\n")
            if line.startswith("-"):
                raise Refusal(line[1:])
            return answer.read(int(line[1:])).decode() if line.startswith("$") else line[1:]

    def facts(self, *words: str) -> dict[str, str]:
        """Return the lines `name:value` of an answer."""
        return dict(line.split(":", 1) for line in self.ask(*words).splitlines() if ":" in line)

    def _launch(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="totpcore-redis-"))
        settings = self._config | {"port": str(self.port), "dir": str(self._folder), "logfile": "log"}
        (self._folder / "conf").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._process = subprocess.Popen(
            [program(), str(self._folder / "conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _answers(self) -> bool:
        try:
            return self.ask("PING") == "PONG"
        except Refusal as refusal:  # LOADING; a server with a password answers
            return str(refusal).startswith("NOAUTH")

    def _failure(self) -> str | None:
        if self._process is None or self._process.poll() is None or self._folder is None:
            return None
        log = self._folder / "log"
        return "the server ended: " + (log.read_text()[-2000:] if log.exists() else "without a log")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Several:
    """Servers that are started and ended together."""

    nodes: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def start(self) -> None:
        """Start all, and return once they work together."""
        for node in self.nodes:
            node.start()
        self.wait()

    def wait(self) -> None:
        """Return once they work together."""
        raise NotImplementedError

    def kill(self) -> None:
        """Kill all at once; what is on their disks stays."""
        for node in self.nodes:
            node.kill()

    def stop(self) -> None:
        """End all, and remove everything."""
        for node in self.nodes:
            node.stop()

    def restart(self) -> None:
        """Kill all, start them, and return once they work together."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class RedisPair(_Several):
    """A primary with one replica.

    Attributes:
        primary: The one to write to; `url` is its.
        replica: The other.
    """

    def __init__(self, *, config: Mapping[str, str] | None = None) -> None:
        self.primary = RedisServer(config=config)
        self.replica = RedisServer(replica_of=self.primary, config=config)
        self.nodes = (self.primary, self.replica)

    def wait(self) -> None:
        """Return once the replica has acknowledged all that the primary has."""
        _wait_until(self._follows, "the replica does not follow")

    def flush(self) -> None:
        """Remove all records."""
        self.primary.flush()

    def _follows(self) -> bool:
        facts = self.primary.facts("INFO", "replication")
        return f"state=online,offset={facts['master_repl_offset']}," in facts.get("slave0", "")


class RedisCluster(_Several):
    """Three nodes, each with a third of the slots, and no replicas."""

    def __init__(self, *, config: Mapping[str, str] | None = None) -> None:
        self.nodes = tuple(
            RedisServer(config={"cluster-enabled": "yes", "cluster-node-timeout": "2000", **(config or {})})
            for _ in range(3)
        )
        self._formed = False

    def start(self) -> None:
        """Start all, and return once every node finds the cluster whole."""
        for node in self.nodes:
            node.start()
        if not self._formed:
            self._form()
        self.wait()

    def stop(self) -> None:
        """End all, and remove everything."""
        super().stop()
        self._formed = False

    def wait(self) -> None:
        """Return once every node finds the cluster whole."""
        _wait_until(lambda: all(map(self._finds_it_whole, self.nodes)), "the cluster is not whole")

    def flush(self) -> None:
        """Remove all records."""
        for node in self.nodes:
            node.flush()

    def _form(self) -> None:
        first, count = self.nodes[0], len(self.nodes)
        for number, node in enumerate(self.nodes):
            low, high = number * _SLOTS // count, (number + 1) * _SLOTS // count - 1
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", low, high)
            node.ask("CLUSTER", "MEET", HOST, first.port)
        self._formed = True

    def _finds_it_whole(self, node: RedisServer) -> bool:
        facts = node.facts("CLUSTER", "INFO")
        return facts["cluster_state"] == "ok" and facts["cluster_known_nodes"] == str(len(self.nodes))


def installed() -> str | None:
    """Return the path of the server, where one is installed."""
    return next(filter(None, map(shutil.which, _PROGRAMS)), None)


def program() -> str:
    """Return the path of the server. Where none is installed, what called is skipped, or fails."""
    return installed() or need.miss(f"needs {' or '.join(_PROGRAMS)}")


def _wait_until(met: Callable[[], bool], otherwise: str, failure: Callable[[], str | None] = lambda: None) -> None:
    deadline = time.monotonic() + _WAIT
    while True:
        with suppress(OSError):
            if met():
                return
        if (failed := failure()) is not None:
            raise RuntimeError(failed)
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.02)
