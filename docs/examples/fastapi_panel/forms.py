"""What a visitor sent, as text and nothing else.

Rule 1. Whatever is sent, a field is a `str`: a missing one is empty, a file is none, and of a repeated one the first
counts. So a view hands on to totpcore what it may be handed, and what comes back is an answer or `Refused`.
Rule 2. What PostgreSQL cannot keep as text (NUL, half of a surrogate pair) is replaced.
Rule 3. No form here is longer than a page of text; more than that is refused while it comes in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

LONGEST = 64 * 1024
REPLACED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form."""

    fields: Mapping[str, str] = field(default_factory=dict, repr=False)

    def get(self, name: str) -> str:
        """What was typed in this field."""
        return self.fields.get(name, "")


async def read_form(request: Request) -> Form:
    """The form that was sent, in either encoding; an empty one if it is in neither."""
    fields: dict[str, str] = {}
    try:
        async with request.form() as sent:
            for name, value in sent.multi_items():
                if isinstance(value, str):
                    fields.setdefault(name, storable(value))
    except (ClientDisconnect, UnicodeError):  # they left in the middle, or named an encoding that it is not in
        raise HTTPException(400) from None
    return Form(fields)


def storable(typed: str) -> str:
    """The same, without what no database keeps."""
    return typed.encode("utf-8", "replace").decode().replace("\0", REPLACED)


def limited(receive: Receive) -> Receive:
    """Receive no more than `LONGEST` bytes."""
    length = 0

    async def receive_some() -> Message:
        nonlocal length
        message = await receive()
        length += len(message.get("body", b""))
        if length > LONGEST:
            raise HTTPException(413)
        return message

    return receive_some
