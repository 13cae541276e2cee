"""V45: the shared secret at rest.

Rules of this file:

1. What may not be seen is looked for in every form that `silence.finder` knows.
2. The seal here is made for the tests, out of HMAC, so that no check needs a library.
"""

import hashlib
import hmac
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from silence.finder import Finder
from totpcore import RecordUnreadable, Secret, _core
from totpcore._core import Core
from totpcore._guard import Hidden
from totpcore._record import Record, decode, encode
from weaknesses.frame import TOTPCORE, Library, User, holds, refuses, weakness
from weaknesses.twins import faulty, stored

# ---- V45: the secret at rest ----


class Sealed:
    """A seal for tests: a keystream and a tag, both under HMAC, bound to the context. The newest key seals."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def seal(self, plaintext: bytes, context: bytes, /) -> bytes:
        """Return the tag and the masked plaintext."""
        masked = self._masked(self._keys[0], plaintext)
        return hmac.digest(self._keys[0], context + masked, "sha256") + masked

    def open(self, sealed: bytes, context: bytes, /) -> bytes:
        """Return the plaintext; raises `ValueError` where the seal does not hold."""
        tag, masked = sealed[:32], sealed[32:]
        for key in self._keys:
            if hmac.compare_digest(tag, hmac.digest(key, context + masked, "sha256")):
                return self._masked(key, masked)
        raise ValueError("the seal does not hold")

    @staticmethod
    def _masked(key: bytes, text: bytes) -> bytes:
        stream = hashlib.shake_256(key).digest(len(text))
        return bytes(one ^ other for one, other in zip(text, stream, strict=True))


_SEAL, _OPEN = Core._seal, Core._open


def keeps_pending_secrets_in_clear() -> Library:
    """What is not yet confirmed is only temporary, and is not encrypted."""

    def seal(core: Core, user: str, record: Record) -> Hidden[bytes | None]:
        return _SEAL(core, user, record) if record.pending is None else Hidden(encode(record).value)

    def open_(core: Core, user: str, old: Hidden[bytes | None]) -> Record:
        found = decode(Hidden(old.value or b""))
        return found if isinstance(found, Record) else _OPEN(core, user, old)

    return replace(TOTPCORE, two_factor=faulty((Core, "_seal", seal), (Core, "_open", open_)))


@weakness("V45", twin=keeps_pending_secrets_in_clear)
def everything_at_rest_goes_through_the_seal(lib: Library) -> None:
    """A service does not go without a sealer; a pending secret is sealed like an active one, and nothing is in clear.

    To keep records in clear, `Plaintext()` has to be typed by hand.
    """
    parameter = inspect.signature(lib.two_factor).parameters["sealer"]
    holds(parameter.default is parameter.empty, "the sealer has no default")
    build = partial(
        cast("Callable[..., object]", lib.two_factor), lib.memory_store(), issuer="ACME", policy=lib.policy()
    )
    holds(parameter.kind is parameter.KEYWORD_ONLY and refuses(build, TypeError), "no service goes without")
    for wrong in (None, True, b"key", lib.plaintext, lib.plaintext().seal):
        holds(refuses(partial(build, sealer=wrong), TypeError), "nor with something else than one")
    user = User(lib, sealer=Sealed(b"k" * 32))

    def nothing_in_clear(*shown: Secret) -> None:
        finder = Finder({f"secret {number}": secret.reveal() for number, secret in enumerate(shown)})
        holds(stored(user) != b"" and not finder.find(stored(user)), "no secret is stored in clear")
        holds(b"alice" not in stored(user) and b"secret" not in stored(user), "nor anything else of the record")

    first = user.enrol().phone.uri.token.secret
    nothing_in_clear(first)
    user.on()
    first = user.phone.uri.token.secret
    nothing_in_clear(first)
    nothing_in_clear(first, user.service.replace("alice", user.code(), account="alice").secret)
    user.verify(user.wrong())
    nothing_in_clear(first)


def seals_for_nobody() -> Library:
    """The seal is bound to the application only."""
    return replace(TOTPCORE, two_factor=faulty((_core, "context_of", lambda _user: b"totpcore/1")))


@weakness("V45", twin=seals_for_nobody)
def a_sealed_record_cannot_be_moved(lib: Library) -> None:
    """Another's record, and one with any byte changed, cut or lengthened, is unreadable, and is left as it is.

    A new key takes over with the next change, and a lost key opens nothing.
    """
    store = lib.memory_store()
    alice = User(lib, store=store, sealer=Sealed(b"k" * 32)).on()
    bob = User(lib, store=store, sealer=Sealed(b"k" * 32), user="bob").on()
    own, others = stored(bob), stored(alice)
    bad = [others, own + b"\0", own[:-1], own[32:], own[:32], b"\0", others[:32] + own[32:]]
    bad += [own[:at] + bytes([own[at] ^ 1]) + own[at + 1 :] for at in range(0, len(own), 37)]
    for value in bad:
        store.swap("bob", stored(bob), value)
        for call in (partial(bob.service.verify, "bob", alice.code()), partial(bob.service.gate, "bob")):
            holds(refuses(call, RecordUnreadable), "what is not bob's own is unreadable")
        holds(stored(bob) == value, "and is left as it is")
    store.swap("bob", stored(bob), own)
    holds(bob.verify(bob.code()) == "ok", "bob's own opens")
    bob.clock.tick(30)
    bob.sealer = Sealed(b"n" * 32, b"k" * 32)
    bob.service = bob.another()
    holds(bob.verify(bob.code()) == "ok", "the old key still opens after a new one has come")
    bob.clock.tick(30)
    bob.sealer = Sealed(b"n" * 32)
    bob.service = bob.another()
    holds(bob.verify(bob.code()) == "ok", "what was changed since is sealed with the new one")
    bob.sealer = Sealed(b"x" * 32)
    bob.service = bob.another()
    holds(refuses(partial(bob.service.gate, "bob"), RecordUnreadable), "without the key nothing opens")
