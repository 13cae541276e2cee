"""What totpcore gives to other people's tests: the clock, the phone, and the checks of the contract."""

import multiprocessing
import warnings

import pytest

from totpcore import HOTP, TOTP, InvalidURI, KeyURI, Secret
from totpcore.testing import HandClock, Phone
from totpcore.testing._contract import expect
from totpcore.testing._races import _send, in_processes

SECRET = Secret(b"12345678901234567890")


def test_the_clock_stands_still_until_it_is_moved() -> None:
    """Forward and back, by parts of a second."""
    clock = HandClock(100)
    assert (clock(), clock()) == (100, 100)
    clock.tick(0.5)
    clock.tick(-20)
    assert clock() == 80.5


def test_a_phone_shows_what_the_token_has() -> None:
    """A time-based one goes by the time it is told, and may be asked again."""
    token = TOTP(SECRET)
    phone = Phone.scan(KeyURI(token, account="alice").text)
    assert [phone.code(at) for at in (59, 59, 60)] == [token.code(59), token.code(59), token.code(60)]


def test_a_counter_based_phone_goes_on_with_each_press() -> None:
    """From the counter in the URI on, whatever the time is."""
    token = HOTP(SECRET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        phone = Phone.scan(KeyURI(token, account="alice", counter=3).text)
    assert [phone.code(0), phone.code(0), phone.code(99)] == [token.code(3), token.code(4), token.code(5)]


def test_a_phone_scans_no_nonsense() -> None:
    """What is no URI is refused as by `KeyURI.parse`."""
    with pytest.raises(InvalidURI):
        Phone.scan("https://example.com/")


def test_the_contract_says_what_is_not_met() -> None:
    """Its checks raise an `AssertionError` with a sentence, also under `python -O`."""
    expect(True, "never raised")
    with pytest.raises(AssertionError, match="must be so"):
        expect(False, "it must be so")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_dies_is_no_answer() -> None:
    """A racing process that ends without an answer is seen as such, and does not hang the test."""
    assert in_processes([lambda: exec("raise SystemExit(3)")]) == ["no answer"]


def test_a_child_arrives_calls_and_sends() -> None:
    """What runs in each racing process, in this one."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    order: list[str] = []
    _send(sender, lambda: order.append("arrived"), lambda: [*order, "called"])
    assert receiver.recv() == ["arrived", "called"]
    receiver.close()
    sender.close()
