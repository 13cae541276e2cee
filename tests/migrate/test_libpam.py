"""Reading `~/.google_authenticator`, as it is written by hand, by its program, and by its PAM module."""

import base64
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import need
from migrate import BASE32, NOW, RAW, USER, adopted, elsewhere, keeps_what_was_spent, shows_nothing
from totpcore import HOTP, TOTP, CodeReplayed, InvalidCode, InvalidParameters, InvalidSecret
from totpcore.errors import InvalidInput
from totpcore.migrate import from_libpam
from totpcore.testing import HandClock

STEP = NOW // 30
MODULE = "pam_google_authenticator.so"


def file(*lines: str, secret: str = BASE32) -> str:
    """A state file: its secret, its options, and two scratch codes."""
    return "\n".join([secret, *(f'" {line}' for line in lines), "12345678", "99999999", ""])


# ---- what is read ----


def test_a_file_as_the_program_writes_it() -> None:
    """The options that are not needed are passed over, and the newest time step is the spent one."""
    text = file("RATE_LIMIT 3 30 1799999970", "WINDOW_SIZE 17", f"DISALLOW_REUSE {STEP} {STEP - 1}", "TOTP_AUTH")
    moved = from_libpam(text)
    assert moved.token == TOTP(moved.token.secret, digits=6, period=30)
    assert moved.token.secret.reveal() == RAW
    assert (moved.spent, moved.drift, moved.steps_ahead, moved.account, moved.issuer) == (STEP, 0, 8, None, None)


@pytest.mark.parametrize(("window", "ahead"), [(1, 0), (2, 1), (3, 1), (4, 2), (6, 3), (17, 8), (21, 10)])
def test_half_of_the_window_lies_ahead(window: int, ahead: int) -> None:
    """Of an even one, the step more; by default it is three steps wide. What is not recorded is void up to there."""
    moved = from_libpam(file("TOTP_AUTH", f"WINDOW_SIZE {window}"))
    assert (moved.spent, moved.steps_ahead, moved.spent_by(NOW)) == (-1, ahead, STEP + ahead)
    assert from_libpam(file("TOTP_AUTH")).steps_ahead == 1


@pytest.mark.parametrize("window", [22, 100])
def test_a_window_that_is_too_wide_to_void(window: int) -> None:
    """More than can be adopted is refused, unless what was accepted is on record."""
    with pytest.raises(InvalidParameters, match=f"of up to {window // 2} time steps ahead.* enrol anew"):
        from_libpam(file("TOTP_AUTH", f"WINDOW_SIZE {window}"))
    recorded = from_libpam(file("TOTP_AUTH", f"WINDOW_SIZE {window}", f"DISALLOW_REUSE {STEP}"))
    assert recorded.spent_by(NOW) == STEP


def test_the_widest_that_can_be_void_is_adopted() -> None:
    """`adopt` takes what this reads: ten steps ahead, and not one more."""
    moved, clock = from_libpam(file("TOTP_AUTH", "WINDOW_SIZE 21")), HandClock(NOW)
    assert moved.spent_by(NOW) == STEP + 10
    adopted(moved, clock)
    with pytest.raises(InvalidParameters, match="lies in the future"):
        adopted(moved, HandClock(NOW - 30)).adopt("8", moved.token, spent=moved.spent_by(NOW))


@pytest.mark.parametrize(("skew", "ahead"), [(-60, 1), (-1, 1), (0, 1), (3, 4), (9, 10)])
def test_with_a_time_skew_what_is_on_record_is_not_all(skew: int, ahead: int) -> None:
    """The code that set it was let in without being written down, so all that can have been is void."""
    moved = from_libpam(file("TOTP_AUTH", f"DISALLOW_REUSE {STEP - 2}", f"TIME_SKEW {skew}", "RESETTING_TIME_SKEW "))
    assert (moved.spent, moved.drift, moved.steps_ahead) == (-1, skew, ahead)


def test_a_phone_far_ahead_has_to_enrol_anew() -> None:
    """Its codes of the coming minutes were accepted, and cannot be voided for as long as that."""
    with pytest.raises(InvalidParameters, match="of up to 61 time steps ahead"):
        from_libpam(file("TOTP_AUTH", "TIME_SKEW 60"))


@pytest.mark.parametrize("lines", [["DISALLOW_REUSE"], ["DISALLOW_REUSE "], ["DISALLOW_REUSE\t"], []])
def test_nothing_on_record(lines: list[str]) -> None:
    """Before the first log-in, or where codes may be used again, what was spent is not known."""
    assert from_libpam(file("TOTP_AUTH", *lines)).spent == -1


def test_a_step_of_another_size() -> None:
    """`STEP_SIZE` is the period."""
    moved = from_libpam(file("STEP_SIZE 60", "TOTP_AUTH"))
    assert isinstance(moved.token, TOTP)
    assert (moved.token.period, moved.spent_by(NOW)) == (60, NOW // 60 + 1)


@pytest.mark.parametrize("others", [[], ["TOTP_AUTH", "STEP_SIZE 60", "WINDOW_SIZE 100"]])
def test_a_counter_is_the_next_one(others: list[str]) -> None:
    """`HOTP_COUNTER` is what the module accepts next. It overrides `TOTP_AUTH`, as it does there."""
    moved = from_libpam(file("HOTP_COUNTER 5", *others))
    assert moved.token == HOTP(moved.token.secret, digits=6)
    assert (moved.spent, moved.steps_ahead, moved.spent_by(NOW)) == (4, 0, 4)
    assert from_libpam(file("HOTP_COUNTER 1", *others)).spent == 0


@pytest.mark.parametrize(
    "text",
    [
        f'{BASE32}\r\n" TOTP_AUTH\r\n12345678\r\n',
        f'{BASE32}\r" TOTP_AUTH\r12345678',
        f'{BASE32}\n\n" TOTP_AUTH\n\n\n12345678 \n\t\n',
        f' {BASE32.lower()[:16]} {BASE32[16:]}\t\n12345678\n" TOTP_AUTH',
        f'{BASE32}\n"\tTOTP_AUTH'.replace('"\t', '" ') + "\t\n",
    ],
)
def test_line_ends_and_spaces(text: str) -> None:
    """Files that were edited, on whatever system, are read as the module reads them."""
    assert from_libpam(text).token.secret.reveal() == RAW


def test_secrets_of_its_program() -> None:
    """Old versions made 80 bits, new ones make 128; the former are adopted only where that is allowed."""
    old, new = (from_libpam(file("TOTP_AUTH", secret=text)) for text in (BASE32[:16], BASE32[:26]))
    assert (len(old.token.secret.reveal()), old.token.secret.weak) == (10, True)
    assert (len(new.token.secret.reveal()), new.token.secret.weak) == (16, False)
    factor = adopted(new, HandClock(NOW))
    with pytest.raises(InvalidSecret, match="fewer than 128 bits"):
        factor.adopt("8", old.token, spent=old.spent_by(NOW))


# ---- what is refused ----


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the first line must be a secret in base32"),
        (f"\n{BASE32}", "the first line must be a secret in base32"),
        (f'" TOTP_AUTH\n{BASE32}', "the first line must be a secret in base32: character 1 "),
        (file("TOTP_AUTH", secret=BASE32[:31] + "1"), "the first line .*: character 32 is not in the base32 alphabet"),
        (file("TOTP_AUTH", secret=BASE32[:13]), "the first line .* 10 to 128 bytes"),
        (file(), "TOTP_AUTH or HOTP_COUNTER must stand there"),
        (file("OTP_DISABLED", "TOTP_AUTH"), "OTP_DISABLED must not stand there"),
        (file("TOTP_AUTH", "TOTP_AUTH"), "the option TOTP_AUTH stands twice"),
        (file("TOTP_AUTH", "LAST0 host 1", "LAST0 host 2"), "the option LAST0 stands twice"),
        (file("TOTP_AUTH", "AUTHY_ID 7"), "line 3 is an option that is not known"),
        (file("TOTP_AUTH", f"DISALLOW_REUSE{STEP}"), "line 3 is an option that is not known"),
        (file(" TOTP_AUTH"), "line 2 is an option that is not known"),
        (file("totp_auth"), "line 2 is an option that is not known"),
        (f'{BASE32}\n" TOTP_AUTH\n"', "line 3 is neither an option nor a scratch code"),
        (f'{BASE32}\n"TOTP_AUTH', "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n{BASE32}", "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n# a note", "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n1234567", "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n01234567", "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n123456789", "line 2 is neither an option nor a scratch code"),
        (f"{BASE32}\n\uff11234567\uff18", "line 2 is neither an option nor a scratch code"),
        (file("TOTP_AUTH", "STEP_SIZE 9"), "STEP_SIZE must be a number from 10 to 60"),
        (file("TOTP_AUTH", "STEP_SIZE 61"), "STEP_SIZE must be a number from 10 to 60"),
        (file("TOTP_AUTH", "STEP_SIZE 30 60"), "STEP_SIZE must be a number from 10 to 60"),
        (file("TOTP_AUTH", "STEP_SIZE"), "STEP_SIZE must be a number from 10 to 60"),
        (file("TOTP_AUTH", "WINDOW_SIZE 0"), "WINDOW_SIZE must be a number from 1 to 100"),
        (file("TOTP_AUTH", "WINDOW_SIZE 101"), "WINDOW_SIZE must be a number from 1 to 100"),
        (file("TOTP_AUTH", "WINDOW_SIZE -3"), "WINDOW_SIZE must be a number from 1 to 100"),
        (file("TOTP_AUTH", "WINDOW_SIZE \uff13"), "WINDOW_SIZE must be a number from 1 to 100"),
        (file("TOTP_AUTH", f"WINDOW_SIZE {'0' * 20}3"), "WINDOW_SIZE must be a number from 1 to 100"),
        (file("TOTP_AUTH", "TIME_SKEW -1500"), "TIME_SKEW must be a number from -1499 to 1499"),
        (file("TOTP_AUTH", "TIME_SKEW 1500"), "TIME_SKEW must be a number from -1499 to 1499"),
        (file("TOTP_AUTH", "TIME_SKEW +1"), "TIME_SKEW must be a number from -1499 to 1499"),
        (file("TOTP_AUTH", "TIME_SKEW --1"), "TIME_SKEW must be a number from -1499 to 1499"),
        (file("TOTP_AUTH", "TIME_SKEW -"), "TIME_SKEW must be a number from -1499 to 1499"),
        (file("TOTP_AUTH", "DISALLOW_REUSE 1 2,3"), "DISALLOW_REUSE must be a number from 0 to 2147483647"),
        (file("TOTP_AUTH", f"DISALLOW_REUSE {2**31}"), "DISALLOW_REUSE must be a number from 0 to 2147483647"),
        (file("HOTP_COUNTER 0"), "HOTP_COUNTER must be a number from 1 to 18446744073709551615"),
        (file("HOTP_COUNTER -1"), "HOTP_COUNTER must be a number from 1"),
        (file("HOTP_COUNTER"), "HOTP_COUNTER must be a number from 1"),
        (file(f"HOTP_COUNTER {2**64}"), "HOTP_COUNTER must be a number from 1"),
        (file("TOTP_AUTH") + "\n" * 65_536, "text must have at most 65536 characters"),
    ],
)
def test_a_file_that_is_refused(text: str, told: str) -> None:
    """What could mean other codes is named, by the option or by the number of the line; nothing else is shown."""
    with pytest.raises((InvalidParameters, InvalidSecret), match=told) as refused:
        from_libpam(text)
    shows_nothing(refused.value, "12345678", "99999999")


def test_another_type_is_a_type_error() -> None:
    """Bytes are not decoded: the file is ASCII, and whoever reads it says so."""
    with pytest.raises(TypeError, match="text must be a str, not bytes") as refused:
        from_libpam(file("TOTP_AUTH").encode())  # type: ignore[arg-type]  # on purpose
    shows_nothing(refused.value)


@pytest.mark.parametrize("line", [f"STEP_SIZE {BASE32}", f"DISALLOW_REUSE {BASE32}", BASE32, f"HOTP_COUNTER {BASE32}"])
def test_a_secret_in_another_place_is_not_shown(line: str) -> None:
    """Somebody pasted it once more."""
    with pytest.raises(InvalidParameters) as refused:
        from_libpam(file("TOTP_AUTH", line, secret=BASE32[:26]))
    shows_nothing(refused.value)


LINES = st.sampled_from([
    BASE32, "12345678", "", '" TOTP_AUTH', '" HOTP_COUNTER 7', '" DISALLOW_REUSE 60000000 59999999', '" TIME_SKEW -2',
    '" WINDOW_SIZE 17', '" STEP_SIZE 30', '" RATE_LIMIT 3 30', '" X', '"',
])  # fmt: skip


@given(text=st.lists(LINES | st.text(max_size=20), max_size=12).map("\n".join) | st.text(alphabet='A2" \n\r\t18_-'))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No other exception comes out, and what is read is within its bounds."""
    try:
        moved = from_libpam(text)
    except InvalidInput:
        return
    assert -1 <= moved.spent < 2**64
    assert 0 <= moved.steps_ahead <= 50 + 1_499
    assert moved.spent >= 0 or moved.steps_ahead <= 10


# ---- the module itself ----


@pytest.fixture(scope="module")
def installed() -> None:
    """What it takes to log in with it."""
    need.need("google-authenticator", "faketime", "oathtool")
    if not any(Path("/").glob(f"*/*/security/{MODULE}")) and not any(Path("/usr").glob(f"*/*/security/{MODULE}")):
        need.miss(f"needs {MODULE}")


def written(path: Path, *options: str, secret: str = BASE32[:26]) -> str:
    """A new state file of the program. Its secret is replaced, so that its codes are the same in every run."""
    command = ["google-authenticator", "--force", "--quiet", *options, "--secret", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    first, *others = path.read_text(encoding="ascii").split("\n")
    return "\n".join([secret or first, *others])


def code(state: str, step: int, kind: str = "--totp") -> str:
    """What a phone shows, by oathtool: of a time step, or of a counter."""
    moment = ["-N", f"@{step * 30}"] if kind == "--totp" else ["-c", str(step)]
    command = ["oathtool", "-b", kind, *moment, state.partition("\n")[0]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def logins(state: str, *tried: tuple[int, str]) -> tuple[list[bool], str]:
    """What the module made of codes at time steps, and what it wrote."""
    told = elsewhere("libpam_login.py", state=state, logins=[(step * 30, typed) for step, typed in tried])
    return told["accepted"], told["state"]


OPTIONS = ("--time-based", "--rate-limit=9", "--rate-time=600", "--minimal-window")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_code_that_the_module_accepted_is_refused_here(tmp_path: Path, offset: int) -> None:
    """It is refused there as well; its time step is the one that it wrote down, and the next one is accepted here."""
    state = written(tmp_path / "state", *OPTIONS, "--disallow-reuse")
    typed = code(state, STEP + offset)
    accepted, state = logins(state, (STEP, typed), (STEP, typed))
    assert accepted == [True, False]
    moved = from_libpam(state)
    assert (moved.spent, moved.steps_ahead) == (STEP + offset, 1)
    keeps_what_was_spent(moved, NOW, typed)
    factor = adopted(moved, clock := HandClock(NOW))
    with pytest.raises(CodeReplayed):
        factor.verify(USER, typed)
    clock.now = max(NOW, (STEP + offset + 1) * 30)
    assert factor.verify(USER, code(state, STEP + offset + 1)).counter == STEP + offset + 1


@pytest.mark.usefixtures("installed")
def test_the_newest_step_stays_on_record(tmp_path: Path) -> None:
    """Also when an older code is accepted after it: the newest is not the one that was written last."""
    state = written(tmp_path / "state", "--time-based", "--no-rate-limit", "--window-size=17", "--disallow-reuse")
    accepted, state = logins(state, *((STEP, code(state, STEP + offset)) for offset in (8, -8, 0)))
    assert accepted == [True, True, True]
    assert from_libpam(state).spent == STEP + 8


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("window", "ahead"), [(1, 0), (3, 1), (6, 3), (17, 8), (21, 10)])
def test_what_the_module_accepts_again_is_void_here(tmp_path: Path, window: int, ahead: int) -> None:
    """Where codes may be used twice nothing is written down, so whatever lies in its window counts as spent."""
    options = ("--time-based", "--no-rate-limit", "--allow-reuse", f"--window-size={window}")
    state = written(tmp_path / "state", *options)
    typed = code(state, STEP + ahead)
    accepted, state = logins(state, (STEP, typed), (STEP, typed), (STEP, code(state, STEP + ahead + 1)))
    assert accepted == [True, True, False]
    moved = from_libpam(state)
    assert (moved.spent, moved.spent_by(NOW)) == (-1, STEP + ahead)
    keeps_what_was_spent(moved, NOW, typed)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("skew", [-60, 5])
def test_the_code_that_set_the_skew_is_void_here(tmp_path: Path, skew: int) -> None:
    """The third in a row lets in, and the module does not write it down: it would even take it again."""
    state = written(tmp_path / "state", *OPTIONS, "--disallow-reuse")
    shown = [code(state, step + skew) for step in (STEP - 2, STEP - 1, STEP)]
    accepted, state = logins(state, *zip((STEP - 2, STEP - 1, STEP), shown, strict=True))
    assert accepted == [False, False, True]
    assert f'" TIME_SKEW {skew}\n' in state
    assert str(STEP + skew) not in state
    moved = from_libpam(state)
    assert (moved.spent, moved.drift, moved.steps_ahead) == (-1, skew, 1 + max(skew, 0))
    keeps_what_was_spent(moved, NOW, shown[2])
    assert logins(state, (STEP, shown[2]))[0] == [True]


@pytest.mark.usefixtures("installed")
def test_a_counter_of_the_module(tmp_path: Path) -> None:
    """What was passed over there is spent here, the code that was accepted is, and the next one is accepted."""
    state = written(tmp_path / "state", "--counter-based", "--no-rate-limit", "--minimal-window")
    assert from_libpam(state).spent == 0
    state = state.replace("WINDOW_SIZE 1\n", "WINDOW_SIZE 3\n")
    typed = [code(state, counter, "--hotp") for counter in range(6)]
    accepted, state = logins(state, (STEP, typed[3]), (STEP, typed[3]), (STEP, typed[2]))
    assert accepted == [True, False, False]
    moved = from_libpam(state)
    assert isinstance(moved.token, HOTP)
    assert moved.spent == 5  # each that was refused cost one there
    factor = adopted(moved, HandClock(NOW))
    for counter in (3, 5):
        with pytest.raises(InvalidCode):
            factor.verify(USER, typed[counter])
    assert factor.verify(USER, code(state, 6, "--hotp")).counter == 6


@pytest.mark.usefixtures("installed")
def test_a_scratch_code_does_not_come_along(tmp_path: Path) -> None:
    """Whether it was used or not; its line is gone, or is passed over."""
    state = written(tmp_path / "state", *OPTIONS, "--disallow-reuse")
    used, left = [line for line in state.splitlines() if line.isdecimal()][:2]
    accepted, state = logins(state, (STEP, used), (STEP, used))
    assert accepted == [True, False]
    assert (used in state, left in state) == (False, True)
    factor = adopted(from_libpam(state), HandClock(NOW))
    for scratch in (used, left):
        with pytest.raises(InvalidCode):
            factor.verify(USER, scratch)
        with pytest.raises(InvalidCode):
            factor.recover(USER, scratch)


@pytest.mark.usefixtures("installed")
def test_the_secret_of_the_program(tmp_path: Path) -> None:
    """It has 128 bits, which are adopted without asking."""
    state = written(tmp_path / "state", *OPTIONS, "--disallow-reuse", secret="")
    moved = from_libpam(state)
    assert moved.token.secret.reveal() == base64.b32decode(state.partition("\n")[0] + "======")
    assert not moved.token.secret.weak
