"""totpcore, asked the same."""

import hmac
import os
import warnings
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import ClassVar
from unittest.mock import patch

import totpcore
from totpcore import (
    HOTP,
    TOTP,
    Accepted,
    CodeReplayed,
    KeyURI,
    MemoryStore,
    Plaintext,
    Policy,
    Secret,
    SQLiteStore,
    State,
    Store,
    TwoFactor,
)
from totpcore.recovery import keep
from totpcore.sealing import Keyring
from totpcore.stores.postgres import PostgresStore
from totpcore.testing import HandClock

from .facts import (
    BASE32,
    CODE,
    KEY,
    NOW,
    RACERS,
    STEP,
    Library,
    fact,
    in_pickle,
    milliseconds,
    needed,
    order,
    race,
    raised,
    typed,
    wrong,
)

USER = "7"


class Totpcore(Library):
    """`TwoFactor`, and the values beneath it."""

    name: ClassVar[str] = "totpcore"
    distribution: ClassVar[str] = "totpcore"
    package: ClassVar[str] = "totpcore"

    def _on(self, store: Store | None = None) -> tuple[TwoFactor, HandClock]:
        """Return a service on which the user's factor is on, with nothing spent but long ago."""
        clock = HandClock(NOW)
        store = store or MemoryStore()
        service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
        service.adopt(USER, TOTP(Secret(KEY)), spent=STEP - 10)
        return service, clock

    @staticmethod
    def _attempt(service: TwoFactor, code: str = CODE) -> Callable[[], Accepted]:
        return lambda: service.verify(USER, code)

    def attempt(self) -> bool:
        store = SQLiteStore(self.folder / "second-factors.db", create=True)
        clock = HandClock(NOW)
        service = TwoFactor(store, issuer="ACME", sealer=Plaintext(), clock=clock, audit=lambda _event: None)
        if store.load(USER) is None:
            service.adopt(USER, TOTP(Secret(KEY)), spent=STEP - 10)
        accepted = not raised(self._attempt(service))
        store.close()
        return accepted

    def replay(self) -> str:
        verify = self._attempt(self._on()[0])
        return fact("refused", raised(verify) == "", raised(verify) == "CodeReplayed")

    def another_process(self) -> str:
        return fact("refused", self.in_another_process(), not self.in_another_process())

    def _race(self, store: Store) -> str:
        answers = race(self._attempt(self._on(store)[0]))
        inside = sum(isinstance(answer, Accepted) for answer in answers)
        refused = sum(isinstance(answer, CodeReplayed) for answer in answers)
        return fact("one gets in", (inside, refused) == (1, RACERS - 1))

    def race_on_postgresql(self) -> str:
        with closing(PostgresStore(os.environ["COMPARISON_POSTGRES"])) as store:
            store.create_table()
            return self._race(store)

    def race_on_sqlite(self) -> str:
        with closing(SQLiteStore(self.folder / "race.db", create=True)) as store:
            return self._race(store)

    def guessing(self) -> str:
        service, clock = self._on()
        at_once = [raised(self._attempt(service, wrong(CODE, number))) for number in range(100)]
        right = raised(self._attempt(service))
        patient = list[str]()
        while patient[-1:] != ["Locked"] and len(patient) < 200:
            clock.tick(3600)
            patient.append(raised(self._attempt(service, wrong(CODE, len(patient)))))
        return fact(
            "limited: five tries, then waits that double up to an hour, and a lock after 100",
            at_once.count("InvalidCode") == 5, at_once.count("Throttled") == 95, right == "Throttled",
            patient.count("InvalidCode") == 95, Policy().longest_wait == 3600,
        )  # fmt: skip

    def window(self) -> str:
        token = TOTP(Secret(KEY))
        accepted = [bool(token.match(token.code(NOW + 30 * n), NOW, after=-1)) for n in (-2, -1, 0, 1, 2)]
        return fact(
            "one step each way: at most two",
            accepted == [False, True, True, True, False], raised(lambda: Policy(window=(3, 0))) == "InvalidParameters",
        )  # fmt: skip

    def spaces(self) -> str:
        return fact("read", raised(self._attempt(self._on()[0], f"{CODE[:3]} {CODE[3:]}")) == "")

    def comparison(self) -> str:
        token = TOTP(Secret(KEY))
        with patch("totpcore.otp.hmac", wraps=hmac) as module:
            spied = module.compare_digest
            token.match(token.code(NOW - 30), NOW, after=-1)
            hit = spied.call_count
            token.match(wrong(CODE), NOW, after=-1)
        return fact("constant time: of every candidate", hit == 3, spied.call_count == 3 + 3)

    def refusal(self) -> str:
        return fact("an exception", raised(self._attempt(self._on()[0], wrong(CODE))) == "InvalidCode")

    def at_rest(self) -> str:
        store = MemoryStore()
        ring = Keyring({"1": bytes(range(32))})
        service = TwoFactor(store, issuer="ACME", sealer=ring, clock=HandClock(NOW), audit=lambda _event: None)
        service.adopt(USER, TOTP(Secret(KEY)), spent=STEP - 10)
        sealed = store.load(USER) or b""
        store.swap(USER, sealed, sealed[:-1] + bytes([sealed[-1] ^ 1]))
        turned = raised(self._attempt(service))
        store.swap("8", None, sealed)
        moved = raised(lambda: service.verify("8", CODE))
        return fact(
            "sealed: AES-256-GCM by `Keyring`, the whole record, bound to its user",
            KEY not in sealed, BASE32.encode() not in sealed, turned == moved == "RecordUnreadable",
        )  # fmt: skip

    def recovery(self) -> str:
        codes = self._on()[0].renew_recovery_codes(USER, CODE)
        kept = keep(codes, b"s" * 16)
        return fact(
            "hashed: ten of 120 bits",
            len(codes) == 10, len(codes[0].replace("-", "")) * 5 == 120, kept.digests.find(codes[0].encode()) == -1,
        )  # fmt: skip

    def shortest(self) -> str:
        taken = [size for size in range(1, 21) if not raised(partial(Secret, b"k" * size))]
        weak = [size for size in taken if Secret(b"k" * size).weak]
        service = TwoFactor(MemoryStore(), issuer="ACME", sealer=Plaintext(), audit=lambda _event: None)
        adopted = raised(lambda: service.adopt(USER, TOTP(Secret(b"k" * 15)), spent=-1))
        return fact(
            "10 bytes: fewer than 16 are called weak, and are not adopted unasked",
            taken == list(range(10, 21)), weak == list(range(10, 16)), adopted == "InvalidSecret",
        )  # fmt: skip

    def zeros(self) -> str:
        return fact("refused", raised(lambda: Secret(bytes(20))) == "InvalidSecret")

    def base32(self) -> str:
        refused = [raised(partial(Secret.from_base32, f"{odd}{BASE32[1:]}")) for odd in "180"]
        return fact(
            "with spaces: a wrong character is refused, by its place",
            Secret.from_base32(Secret(KEY).grouped.lower()) == Secret(KEY), refused == ["InvalidSecret"] * 3,
        )  # fmt: skip

    def shown(self) -> str:
        token = TOTP(Secret(KEY))
        return fact(
            "not in `repr`: a pickle is refused",
            BASE32 not in repr(token) + repr(token.secret), KEY.decode() not in repr(token),
            raised(lambda: in_pickle(KEY, token)) == "TypeError",
        )  # fmt: skip

    def uri(self) -> str:
        uri = KeyURI(TOTP(Secret(KEY)), account="alice smith", issuer="A C").text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            refused = raised(lambda: KeyURI(TOTP(Secret(KEY)), account="a", issuer="A:C"))
        return fact(
            "`%20`; refused",
            "/A%20C:alice%20smith?" in uri, "issuer=A%20C" in uri, refused in {"InvalidParameters", "InvalidURI"},
        )  # fmt: skip

    def reads_uri(self) -> str:
        uri = KeyURI(TOTP(Secret(KEY)), account="alice", issuer="ACME").text
        return fact("yes", KeyURI.parse(uri).token.secret == Secret(KEY))

    def counter_based(self) -> str:
        return fact("yes", HOTP(Secret(KEY)).code(STEP) == CODE)

    def hashes(self) -> str:
        return fact(
            "SHA-1, SHA-256, SHA-512",
            {str(each) for each in totpcore.Algorithm} == {"SHA1", "SHA256", "SHA512"},
            raised(lambda: TOTP(Secret(KEY), algorithm="MD5")) == "InvalidParameters",
        )  # fmt: skip

    def life(self) -> str:
        service, clock = self._on()
        clock.tick(30)
        token = TOTP(Secret(KEY))
        enrolment = service.replace(USER, token.code(clock()), account="alice")
        clock.tick(30)
        still = raised(self._attempt(service, token.code(clock())))
        service.confirm(USER, TOTP(enrolment.secret).code(clock()))
        clock.tick(30)
        ended = raised(self._attempt(service, token.code(clock())))
        service.reset(USER, actor="bob", reason="phone lost")
        return fact(
            "there: the old secret works until the new one is confirmed",
            still == "", ended == "InvalidCode", service.status(USER).state is State.OFF,
        )  # fmt: skip

    def devices(self) -> str:
        service, _clock = self._on()
        return fact("one per user: TOTP or HOTP", raised(lambda: service.enrol(USER, account="a")) == "AlreadyEnrolled")

    def types(self) -> str:
        return fact("yes", typed("totpcore"))

    def needs(self) -> str:
        return fact("nothing: cryptography, to seal; segno, for QR codes", needed("totpcore") == set())

    def import_time(self) -> str:
        return order("tens", milliseconds("from totpcore import TwoFactor"))
