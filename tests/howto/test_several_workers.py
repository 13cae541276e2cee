"""The commands of docs/how-to/several-workers.md, with real workers: one code opens once among all of them."""

import asyncio
import importlib
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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask

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


# ---- one worker, and what may be sent to it ----

FORMS = {
    b"": 400,
    b"code=123456": 400,
    b"user=&code=123456": 400,
    b"user=%00&code=123456": 400,
    b"user=7": 422,
    b"user=7&code=%ff": 422,
    b"user=7&code=1&code=2": 422,
}
NO_TEXT = (b"user=7&code=\xff\xfe", b"user=\xff&code=123456")  # which Flask takes for a form without fields


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Load an example as a worker does, with a store of its own in which "7" has a second factor."""
    url = f"sqlite:///{tmp_path / '2fa.db'}"
    monkeypatch.setenv("TOTPCORE_STORE", url)
    monkeypatch.setenv("TOTPCORE_KEYS", Keyring.generate_key("2026"))
    service = TwoFactor(from_url(url, create=True), issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS"))
    service.adopt("7", TOKEN, spent=-1)

    def load(name: str) -> ModuleType:
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return load


TOKEN = TOTP(Secret.generate())


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_answers_whatever_is_sent(load: Callable[[str], ModuleType], form: bytes) -> None:
    """A missing field, an empty one, one that no store keeps, none at all: never a 500."""
    app: Flask = load("howto.workers").app
    sent = app.test_client().post("/code", data=form, content_type="application/x-www-form-urlencoded")
    assert sent.status_code == FORMS[form]
    assert sent.is_json


@pytest.mark.parametrize("form", NO_TEXT)
def test_a_form_that_is_no_text_is_refused(load: Callable[[str], ModuleType], form: bytes) -> None:
    """By either."""
    app: Flask = load("howto.workers").app
    sent = app.test_client().post("/code", data=form, content_type="application/x-www-form-urlencoded")
    assert sent.status_code in {400, 422}
    assert pieces(form, 5).to(load("howto.workers_async"))[0] in {400, 422}


class Sent:
    """A request to a worker that awaits, in as many pieces as a server likes, and what it answers."""

    def __init__(self, *messages: dict[str, object]) -> None:
        self._messages = list(messages)
        self.answered: list[dict[str, object]] = []

    async def receive(self) -> dict[str, object]:
        """The next piece; asked for more than there is, it fails."""
        return self._messages.pop(0)

    async def send(self, message: dict[str, object]) -> None:
        """Keep a piece of the answer."""
        self.answered.append(message)

    def to(self, worker: ModuleType) -> tuple[object, object]:
        """Send it; return the status and what was said."""
        asyncio.run(worker.app({"type": "http"}, self.receive, self.send))
        begun, rest = self.answered
        assert isinstance(rest["body"], bytes)
        return begun["status"], json.loads(rest["body"])["said"]


def pieces(body: bytes, size: int) -> Sent:
    """A form in pieces."""
    parts = [body[at : at + size] for at in range(0, max(len(body), 1), size)]
    return Sent(
        *({"type": "http.request", "body": part, "more_body": True} for part in parts), {"type": "http.request"}
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_worker_that_awaits_answers_whatever_is_sent(load: Callable[[str], ModuleType], form: bytes) -> None:
    """The same, in one piece and in pieces of one byte."""
    worker = load("howto.workers_async")
    for size in (1, 1000):
        assert pieces(form, size).to(worker)[0] == FORMS[form]


def test_a_form_is_read_to_its_end(load: Callable[[str], ModuleType]) -> None:
    """A code that comes in the last piece counts; one that never comes whole does not, and nothing is read for ever."""
    worker = load("howto.workers_async")
    code = TOKEN.code(time.time())
    form = f"user=7&code={code}".encode()
    left = Sent({"type": "http.request", "body": form, "more_body": True}, {"type": "http.disconnect"})
    assert left.to(worker) == (400, "no user id")
    endless = pieces(b"user=7&code=" + b"1" * worker.LONGEST + b"1" * 1_000_000, 1000)
    assert endless.to(worker) == (400, "no user id")
    assert pieces(form, 5).to(worker) == (200, "ok")
    assert pieces(form, 5).to(worker) == (422, "replayed")
