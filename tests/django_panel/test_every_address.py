"""A half session, and one that is confined, walk through every address that the project has."""

import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Page

from browser.site import Account
from browser.steps import asks_for_code, give_password, heading
from django_panel.live import Live
from need import need

need("chromium", "oathtool")

HALF = {"/2fa/code/", "/2fa/recovery/", "/2fa/help/"}
AS_A_VISITOR = {("/admin/login/", "POST"), ("/admin/jsi18n/", "GET"), ("/admin/jsi18n/", "POST")}
CONFINED = {"/2fa/", "/2fa/help/", "/admin/password_change/", "/admin/password_change/done/"}
LOG_OUT = {"/2fa/logout/", "/admin/logout/"}  # which would end the walk


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every address, with something in the place of each parameter."""
    for one in patterns:
        text = str(one.pattern)
        text = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", text)  # of one app
        text = re.sub(r"\(\?P<url>\.\*\)", "nowhere", text)  # what catches the rest
        path = before + re.sub(r"<[^>]+>", "1", text).strip("^$")
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, path)
        else:
            yield path


def every_address() -> list[str]:
    """Those of the example project, and some that are none."""
    found = [path for path in addresses(get_resolver().url_patterns) if path not in LOG_OUT]
    assert len(found) > 30
    assert {"/admin/", "/admin/auth/user/", "/admin/auth/user/1/change/", "/2fa/setup/", "/admin/auth/"} <= {*found}
    return [*found, "/", "/nowhere", "/admin/auth/user/reset-second-factor/?user=1", "/admin/auth/user/1"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_half_session_reaches_the_code_and_nothing_else(site: Live, page: Page, method: str) -> None:
    """Every other address leads to the page that asks for the code, whatever is sent; nothing is shown or changed."""
    ada = site.add_with_factor("ada", owner=True)
    give_password(page, site, "ada")
    asks_for_code(page, site)
    for path in every_address():
        answer = page.request.fetch(f"{site.url}{path}", method=method, max_redirects=0)
        if path in HALF:
            assert answer.status == (200 if method == "GET" else 403), path
        elif (path, method) in AS_A_VISITOR:
            assert answer.status == 403 or answer.headers["location"].startswith("/admin/login/"), path
        else:
            assert answer.status == (302 if method == "GET" else 303), path
            assert answer.headers["location"].startswith("/2fa/code/"), path
    assert site.status(ada).code_required


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_confined_session_reaches_set_up_and_nothing_else(site: Live, page: Page, method: str) -> None:
    """Every other address leads to the page of one's own second factor."""
    site.require()
    site.add("ada", owner=True)
    give_password(page, site, "ada")
    heading(page, site.words.overview)
    allowed = CONFINED if method == "GET" else {*CONFINED, "/2fa/setup/", "/2fa/confirm/", "/2fa/replace/"}
    for path in every_address():
        answer = page.request.fetch(f"{site.url}{path}", method=method, max_redirects=0)
        if (path, method) in AS_A_VISITOR:
            assert answer.status == 403 or answer.headers["location"].startswith("/admin/login/"), path
        elif answer.status in {302, 303}:
            assert answer.headers["location"] == "/2fa/", path
        elif method == "GET":
            assert path in allowed or answer.status == 405, path
        else:
            assert path in allowed, path
            assert answer.status in {200, 403, 405}, path


def test_the_address_of_the_code_without_a_session(site: Live, page: Page) -> None:
    """Whoever has given no password is asked for it, at every address but the explanation and the log-in itself."""
    account: Account = site.add_with_factor("ada", owner=True)
    for path in every_address():
        answer = page.request.get(f"{site.url}{path}", max_redirects=0)
        if answer.status == 302:
            assert answer.headers["location"].startswith("/admin/login/"), path
        else:
            assert path in {"/admin/login/", "/2fa/help/", "/admin/jsi18n/"} or answer.status in {404, 405}, path
    assert site.status(account).code_required
