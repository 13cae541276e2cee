"""Real servers for the tests, the soak and the benchmarks: on loopback, in a folder of their own, gone afterwards.

Rules of this package:

1. A server object has `start`, `stop`, `kill` (SIGKILL of all of it), `restart` (kill, start, wait until it answers),
   and is a context manager that leaves no process and no file behind.
2. Its address stays the same as long as the object lives, so that what connects again finds it.
3. Where root runs it, the server runs as another user if it wants to.
"""

import random
import socket
import time
from collections.abc import Callable


def free_port(*, also: int = 0) -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on; with `also`, neither on the one that is so much higher.

    It lies below those that the kernel gives to clients: while a server is down, no connection may take its port. Nor
    is it given to anybody else, in whatever process, as long as this one lives: it may listen late, and be restarted.
    """
    while True:
        port = random.randrange(15_000, 22_000)
        if _is_free(port) and _is_free(port + also) and _is_claimed(port):
            return port


def until(met: Callable[[], bool]) -> None:
    """Return once it is true."""
    deadline = time.monotonic() + 60
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.01)


def _is_claimed(port: int) -> bool:
    """Whether it is ours from now on: the kernel lets go of this name when the process ends."""
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0totpcore-port-{port}")
        except OSError:
            return False
        claim.detach()
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that has ended does not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
