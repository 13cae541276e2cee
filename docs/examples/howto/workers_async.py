"""The same for a server that awaits: a bare ASGI application.

Rule 1. The store is made when this module is loaded, and opens its connections in the event loop of its worker.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from urllib.parse import parse_qs

from totpcore import AsyncTwoFactor, Refused
from totpcore.sealing import Keyring
from totpcore.stores import async_from_url

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

two_factor = AsyncTwoFactor(
    async_from_url(os.environ["TOTPCORE_STORE"]), issuer="ACME", sealer=Keyring.from_env("TOTPCORE_KEYS")
)


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Say what comes of a code, and which worker says so."""
    if scope["type"] != "http":
        return
    asked = await receive()
    body = asked["body"]
    form = parse_qs(body.decode() if isinstance(body, bytes) else "")
    try:
        said = "ok" if (await two_factor.verify(form["user"][0], form["code"][0])).user else ""
    except Refused as refused:
        said = refused.reason
    status = 200 if said == "ok" else 422
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": f'{{"worker": {os.getpid()}, "said": "{said}"}}'.encode()})
