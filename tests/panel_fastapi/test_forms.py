"""Forms as they come to the FastAPI panel: whatever is sent, totpcore is handed a text, and the visitor gets a page."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Form, Request
from starlette.types import Message

from browser.site import Account
from fastapi_panel import forms
from need import need
from panel_fastapi.live import Live, Visitor

need("oathtool")

pytest_plugins = ["servers.fixtures"]

BOUNDARY = "-----------------------------9051914041544843365972754266"
PLAIN = {"Content-Type": "application/x-www-form-urlencoded"}
Sent = tuple[Mapping[str, str], bytes]


def multipart(*parts: tuple[str, bytes], kind: str = f"multipart/form-data; boundary={BOUNDARY}") -> Sent:
    """A form as a browser sends it that may send files too."""
    body = b"".join(
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), head.encode(), value)
        for head, value in parts
    )
    return {"Content-Type": kind}, body + b"--%b--\r\n" % BOUNDARY.encode()


def send(visitor: Visitor, path: str, sent: Sent) -> httpx.Response:
    """Send a form as it stands."""
    headers, body = sent
    return visitor.live.run(visitor.client.post(path, headers=headers, content=body))


def forms_with(token: str) -> dict[str, Sent]:
    """Forms whose code is missing, no text, or written as no browser would."""
    csrf = ('name="csrf"', token.encode())
    utf_7 = f"multipart/form-data; boundary={BOUNDARY}; charset=utf-7"
    unknown = f"multipart/form-data; boundary={BOUNDARY}; charset=nonsense"
    return {
        "missing": multipart(csrf),
        "a file": multipart(csrf, ('name="code"; filename="code.txt"', b"123456")),
        "a file without a name": multipart(csrf, ('name="code"; filename=""', b"")),
        "half a pair": multipart(csrf, ('name="code"', b"+2AA-"), kind=utf_7),
        "no UTF-8": multipart(csrf, ('name="code"', b"\xff\xfe\x80")),
        "unknown encoding": multipart(csrf, ('name="code"', b"123456x"), kind=unknown),
        "NUL": (PLAIN, f"csrf={token}&code=%00%00".encode()),
        "no UTF-8 either": (PLAIN, f"csrf={token}&code=%ff%fe".encode()),
        "raw bytes": (PLAIN, f"csrf={token}&code=".encode() + b"\xff\xfe\x00"),
        "no value": (PLAIN, f"csrf={token}&code".encode()),
        "a list": (PLAIN, f"csrf={token}&code[]=123456&code.x=1".encode()),
        "only separators": (PLAIN, f"csrf={token}&&&=&=&&".encode()),
    }


@pytest.mark.parametrize("name", forms_with(""))
def test_a_code_that_is_no_text_is_refused_as_any_other(live: Live, half: Visitor, ada: Account, name: str) -> None:
    """Whatever stands there, totpcore is handed a text and refuses it; the form comes back, and no try is lost."""
    answer = send(half, "/login/code", forms_with(half.token)[name])
    assert answer.status_code == 422, answer.text
    assert "did not count as a try" in answer.text
    assert half.post("/login/code", code=ada.code(live.now())).headers["Location"] == "/"


def test_of_a_repeated_field_the_first_counts(live: Live, half: Visitor, ada: Account) -> None:
    """In either encoding, as on the Flask panel: nobody looks at one field and hands on the other."""
    right, wrong = ada.code(live.now()), live.wrong_code(ada)
    twice = (PLAIN, f"csrf={half.token}&code={wrong}&code={right}".encode())
    assert send(half, "/login/code", twice).status_code == 422
    fields = [('name="csrf"', half.token.encode()), ('name="code"; filename="x"', b""), ('name="code"', right.encode())]
    assert send(half, "/login/code", multipart(*fields, ('name="code"', wrong.encode()))).headers["Location"] == "/"


@pytest.mark.parametrize(
    "sent",
    [
        ({}, b"csrf=x&code=1"),
        ({"Content-Type": "application/json"}, b'{"csrf": "x", "code": "123456"}'),
        ({"Content-Type": "text/plain"}, b"csrf=x"),
        ({"Content-Type": "multipart/form-data"}, b"no boundary"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nnonsense"),
        (
            {"Content-Type": "multipart/form-data; boundary=x"},
            b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--",
        ),
        (PLAIN, b"&".join(b"a=%d" % number for number in range(2000))),
        *[
            multipart(('name="csrf"', b"\xff\x80"), kind=f"multipart/form-data; boundary={BOUNDARY}; charset={charset}")
            for charset in ("punycode", "undefined", "utf-16", "idna")
        ],
    ],
)
def test_what_is_no_form_is_a_form_without_its_token(half: Visitor, sent: Sent) -> None:
    """JSON, no boundary, cut off, thousands of fields, no text: a page says that nothing was changed."""
    answer = send(half, "/login/code", sent)
    assert answer.status_code == 400
    assert "Nothing was changed" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_half_a_pair_in_a_name_is_no_error(live: Live) -> None:
    """Encodings that a form may name make text that no other encoding can write."""
    visitor = live.visitor()
    visitor.get("/login")
    kind = f"multipart/form-data; boundary={BOUNDARY}; charset=utf-7"
    fields = ('name="csrf"', visitor.token.encode()), ('name="login"', b"+2AA-"), ('name="password"', b"+2AA-")
    assert send(visitor, "/login", multipart(*fields, kind=kind)).status_code == 422


@pytest.mark.parametrize("field", ["name", "login"])
def test_text_that_no_database_keeps_is_no_error(live: Live, ada: Account, field: str) -> None:
    """NUL in a name, in a login name, in an address: refused or not found, and never a broken page."""
    visitor = live.visitor()
    visitor.log_in(ada)
    visitor.get("/profile")
    fields = {"name": "Ada", "login": "ada", field: "a\0da"}
    assert visitor.post("/profile", **fields).status_code == 422
    assert visitor.get("/setup/staff/administrators/%00").status_code == 404
    assert live.visitor().give_password("a\0da").status_code == 422


def test_more_than_a_form_is_refused_while_it_comes_in(half: Visitor) -> None:
    """No length is told beforehand; reading ends at the limit, and the rest is never asked for."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b"csrf=x&code="
        while taken < 100:
            taken += 1
            yield b"1" * 4096

    async def ask() -> httpx.Response:
        return await half.client.post("/login/code", headers=PLAIN, content=endless())

    answer = half.live.run(ask())
    assert answer.status_code == 413
    assert answer.headers["Cache-Control"] == "no-store"
    assert taken <= forms.LONGEST // 4096 + 1


def test_a_visitor_who_leaves_in_the_middle_of_a_form(
    live: Live, half: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """Their connection breaks before the form is whole: nothing is changed, and nothing is logged."""
    sent: list[Message] = [{"type": "http.request", "body": b"csrf=", "more_body": True}, {"type": "http.disconnect"}]
    answers: list[Message] = []

    async def receive() -> Message:
        return sent.pop(0)

    async def keep(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/login/code",
        "raw_path": b"/login/code",
        "query_string": b"",
        "headers": [(b"content-type", PLAIN["Content-Type"].encode()), (b"cookie", f"panel={half.cookie}".encode())],
    }

    async def leave() -> None:
        await live.app(scope, receive, keep)

    live.run(leave())
    assert answers[0]["status"] == 400
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_why_forms_are_not_left_to_parameters() -> None:
    """As the how-to says: the form is read before the guard is asked, and the answer repeats what was sent."""
    read_before: list[bool] = []

    async def ask(request: Request) -> None:
        read_before.append(request._form is not None)

    app = FastAPI(dependencies=[Depends(ask)])

    @app.post("/code")
    async def code(code: Annotated[str, Form()]) -> str:
        return code

    async def send_file() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://panel") as client:
            return await client.post("/code", files={"code": ("my file", b"123456")})

    answer = asyncio.run(send_file())
    assert read_before == [True]
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, "application/json")
    assert "my file" in answer.text
