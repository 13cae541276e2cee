"""The command that starts the panel, as a person runs it."""

import re
import signal
import socket
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from pages.command import lines, started


def test_command_prints_what_one_needs_and_no_more(tmp_path: Path) -> None:
    """Address, user name and password, a line each; they work; no request is logged; an interrupt ends it quietly."""
    with started("admin_panel", tmp_path, "--port", "0", "--data", str(tmp_path)) as process:
        address, name, password, *_ = lines(process)
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        with browser.open(f"{address}login", timeout=60) as page:
            token = re.search(r'name="csrf" value="(\w+)"', page.read().decode())
        assert token
        fields = {"csrf": token[1], "login": name.split()[-1], "password": password.split()[-1]}
        with browser.open(f"{address}login", urlencode(fields).encode(), timeout=60) as page:
            assert "Access granted" in page.read().decode()
        with browser.open(f"{address}setup/staff/administrators", timeout=60) as page:
            table = page.read().decode()
        assert all(f"{state}</span>" in table for state in ("on", "off", "pending"))
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
        assert (printed.strip(), errors, process.returncode) == ("", "", 0)
    with started("admin_panel", tmp_path, "--port", "0", "--data", str(tmp_path)) as process:
        assert "Password" not in " ".join(lines(process)), "the users are kept, their passwords are not printed again"


def test_command_evades_a_port_that_is_taken(tmp_path: Path) -> None:
    """Without `--port` it takes another one; a port that was asked for and is taken is an error of one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("admin_panel", tmp_path, "--port", str(port)) as process:
            printed, errors = process.communicate(timeout=60)
        assert (printed, process.returncode) == ("", 1)
        assert len(errors.splitlines()) == 1
    with started("admin_panel", tmp_path) as first, started("admin_panel", tmp_path) as second:
        assert lines(first)[0] != lines(second)[0]
