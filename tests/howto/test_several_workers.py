"""The commands of docs/how-to/several-workers.md, with real workers: one code opens once among all of them."""

import importlib.util
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from need import miss
from servers import free_port
from servers.postgres import as_url
from totpcore import TOTP, Secret, TwoFactor
from totpcore.sealing import Keyring
from totpcore.stores import from_url

pytest_plugins = ["servers.fixtures"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/several-workers.md"
RACERS = 32


def commands() -> list[str]:
    """The page's shell commands."""
    return re.findall(r"```sh\n(.*?)\n```", PAGE.read_text("utf-8"), re.DOTALL)


def installed(server: str) -> None:
    """Skip, or fail, where a server is not."""
    if importlib.util.find_spec(server) is None:
        miss(f"needs {server}")


@contextmanager
def running(command: str, port: int, environment: dict[str, str]) -> Iterator[None]:
    """Run one of them on a port of 127.0.0.1, once two of its workers answer; end it with all of them."""
    program, *words = shlex.split(command)
    address = ["--bind", f"127.0.0.1:{port}"] if program == "gunicorn" else ["--host", "127.0.0.1", "--port", f"{port}"]
    paths = [str(ROOT / "docs/examples"), str(ROOT / "src"), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    process = subprocess.Popen(
        [sys.executable, "-m", program, *address, *words],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        ends = time.monotonic() + 60
        with ThreadPoolExecutor(8) as threads:
            while len(set(threads.map(lambda _: _worker(port), range(8))) - {None}) < 2:
                if process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError("the server does not answer")
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _ask(port: int, user: str, code: str) -> dict[str, object]:
    form = urllib.parse.urlencode({"user": user, "code": code}).encode()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/code", form, timeout=60) as answer:
            answered: dict[str, object] = json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            answered = json.load(refusal)
    return answered


def _worker(port: int) -> object:
    """Which worker answers, if one does."""
    try:
        return _ask(port, "7", "no code")["worker"]
    except (OSError, ValueError):
        return None


def race(url: str, command: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[object], set[object]]:
    """Send one code by many connections at once, in each of three time steps; return what was said, and by whom."""
    settings = {"TOTPCORE_STORE": url, "TOTPCORE_KEYS": Keyring.generate_key("2026")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    store = from_url(url, create=True)
    service = TwoFactor(store, issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))
    said: Counter[object] = Counter()
    workers: set[object] = set()
    port = free_port()
    tokens = {user: TOTP(Secret.generate()) for user in ("7", "8", "9")}
    for user, token in tokens.items():
        service.adopt(user, token, spent=-1)
    with running(command, port, settings), ThreadPoolExecutor(RACERS) as threads:
        for user, token in tokens.items():
            code = token.code(time.time())
            for answer in threads.map(lambda _, user=user, code=code: _ask(port, user, code), range(RACERS)):
                said[answer["said"]] += 1
                workers.add(answer["worker"])
    getattr(store, "close", lambda: None)()
    return said, workers


def test_gunicorn_with_preload_and_threads_on_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store was opened before the fork; one of 32 gets in, and several workers answered."""
    installed("gunicorn")
    said, workers = race(f"sqlite:///{tmp_path / '2fa.db'}", commands()[0], monkeypatch)
    assert said == {"ok": 3, "replayed": 3 * (RACERS - 1)}
    assert len(workers) > 1


def test_uvicorn_with_workers_on_postgresql(postgres_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, awaited."""
    installed("uvicorn")
    said, workers = race(as_url(postgres_database), commands()[1], monkeypatch)
    assert said == {"ok": 3, "replayed": 3 * (RACERS - 1)}
    assert len(workers) > 1
