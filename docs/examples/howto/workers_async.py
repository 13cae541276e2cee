"""The same for a server that awaits: a bare ASGI application.

Rule 1. The store is made when this module is loaded, and opens its connections in the event loop of its worker.
Rule 2. A form is read to its end, and no further than `LONGEST`.

It is not to be copied either. Views to copy are in docs/how-to/fastapi.md.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from urllib.parse import parse_qs

from totpcore import AsyncTwoFactor, InvalidInput, Refused
from totpcore.sealing import Keyring
from totpcore.stores import async_from_url

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
LONGEST = 4096

two_factor = AsyncTwoFactor(
    async_from_url(os.environ["TOTPCORE_STORE"]), issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS")
)


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Say what comes of a code, and which worker says so."""
    if scope["type"] != "http":
        return
    form = parse_qs((await _body(receive)).decode("utf-8", "replace"))
    user, code = (form.get(name, [""])[0] for name in ("user", "code"))
    status, said = 200, "ok"
    try:
        await two_factor.verify(user, code)
    except InvalidInput:
        status, said = 400, "no user id"
    except Refused as refused:
        status, said = 422, refused.reason
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": f'{{"worker": {os.getpid()}, "said": "{said}"}}'.encode()})


async def _body(receive: Receive) -> bytes:
    """What was sent; nothing, if it is too long or the visitor left in the middle."""
    body, more = b"", True
    while more:
        part = await receive()
        piece = part.get("body", b"")
        body += piece if isinstance(piece, bytes) else b""
        if part["type"] != "http.request" or len(body) > LONGEST:
            return b""
        more = bool(part.get("more_body"))
    return body
