"""A TCP proxy between a client and a server, to cut the connection where it hurts and to count round trips.

Rules of this file:

1. Bytes are passed on as they come, in both directions, at once.
2. Inside of `cutting` everything that a client sends still reaches the server; what the server says reaches nobody:
   its first byte ends the connection.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

Address = tuple[str, int] | str


class Proxy:
    """A proxy on a port of 127.0.0.1.

    Example:
        ::

            with Proxy(("127.0.0.1", server.port)) as proxy:
                store = PostgresStore(server.conninfo(port=proxy.port))
                with proxy.cutting():
                    store.swap("7", None, b"value")  # is done, and raises

    Attributes:
        address: Where it listens.
        round_trips: How often a client spoke first or after an answer: what it waited for, over all connections.
    """

    def __init__(self, target_address: Address) -> None:
        """Listen. `target_address` is a host and a port, or the path of a Unix socket."""
        self._target = target_address
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=400)
        self.address: tuple[str, int] = self._listener.getsockname()
        self.round_trips = 0
        self._lock = threading.Lock()
        self._cutting = 0
        self._closed = False
        self._pairs: set[_Pair] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.address[1]

    @contextmanager
    def cutting(self) -> Iterator[None]:
        """Inside, the server's next answer on any connection is the end of that connection."""
        with self._lock:
            self._cutting += 1
        try:
            yield
        finally:
            with self._lock:
                self._cutting -= 1

    def cut(self) -> None:
        """End all connections, now."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.end()

    def close(self) -> None:
        """End all connections, and listen no more."""
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.cut()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = _connect(self._target)
            except OSError:  # the server is down
                client.close()
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(client, server)
            with self._lock:
                self._pairs.add(pair)
                self._threads = [thread for thread in self._threads if thread.is_alive()]
                for work in (self._ask, self._answer):
                    thread = threading.Thread(target=work, args=(pair,), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _ask(self, pair: "_Pair") -> None:
        with suppress(OSError):
            while asked := pair.client.recv(65536):
                with self._lock:
                    self.round_trips += not pair.asking
                    pair.asking = True
                pair.server.sendall(asked)
        self._end(pair)

    def _answer(self, pair: "_Pair") -> None:
        with suppress(OSError):
            while answer := pair.server.recv(65536):
                with self._lock:
                    pair.asking = False
                    if self._cutting:
                        break
                pair.client.sendall(answer)
        self._end(pair)

    def _end(self, pair: "_Pair") -> None:
        """End both sides; the one of the two threads that is here last lets go of the sockets."""
        pair.end()
        with self._lock:
            pair.at_work -= 1
            if pair.at_work == 0:
                self._pairs.discard(pair)
                pair.client.close()
                pair.server.close()


class _Pair:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.asking = False
        self.at_work = 2

    def end(self) -> None:
        for side in (self.client, self.server):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


def _connect(target: Address) -> socket.socket:
    if isinstance(target, str):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(target)
        except OSError:
            server.close()
            raise
        return server
    server = socket.create_connection(target)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return server
