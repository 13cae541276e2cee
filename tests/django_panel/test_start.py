"""`python -m django_admin`, as a person runs it."""

import re
import signal
import socket
import stat
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from django_panel.live import Started


def test_it_prints_what_one_needs_and_no_more(tmp_path: Path) -> None:
    """Address, user name and password, a line each; they work; no request is logged; an interrupt ends it quietly."""
    folder = tmp_path / "data"
    started = Started(folder)
    address, name, password, _ = started.printed[:4]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/admin/", address)
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(address, timeout=60) as page:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "username": name.split()[-1], "password": password.split()[-1]}
    with browser.open(f"{address}login/?next=/admin/auth/user/", urlencode(fields).encode(), timeout=60) as page:
        table = page.read().decode()
    assert table.count("field-second_factor") == 3
    with browser.open(f"{started.url}/static/admin/css/base.css", timeout=60) as page:
        assert page.status == 200
    assert started.stop() == ("\n", "", 0)
    for file in ("totp.keys", "django.key", "db.totpcore.sqlite3"):
        assert stat.S_IMODE((folder / file).stat().st_mode) == 0o600
    again = Started(folder)
    assert "Password" not in " ".join(again.printed), "the users are kept, their passwords are not printed again"
    again.stop()


def test_it_evades_a_port_that_is_taken(tmp_path: Path) -> None:
    """Without `--port` it takes another one; a port that was asked for and is taken is an error of one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = Started(tmp_path, port=taken.getsockname()[1], wait=False)
        printed, errors, code = refused.stop(signal.SIGCONT)
    assert (printed, code) == ("", 1)
    assert len(errors.splitlines()) == 1
    first, second = Started(tmp_path / "one", port=None), Started(tmp_path / "two", port=None)
    assert first.url != second.url
    first.stop()
    second.stop()
