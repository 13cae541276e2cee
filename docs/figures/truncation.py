"""Dynamic truncation with the numbers of RFC 4226 section 5.4.

Rule 1. The only number that is given is the HMAC value, which the RFC prints without its key.
"""

from typing import Final

from .drawing import BLUE, FAINT, ORANGE, PALE_BLUE, PALE_ORANGE, Card

MAC: Final = bytes.fromhex("1f8698690e02ca16618550ef7f19da8e945b555a")
DIGITS: Final = 6
_SIDE, _LEFT, _ROWS, _EACH = 44, 40, (64, 150), 10


def draw() -> str:
    """Return the figure."""
    offset = MAC[-1] & 0x0F
    taken = MAC[offset : offset + 4]
    word = int.from_bytes(taken, "big") & 0x7FFF_FFFF
    code = f"{word % 10**DIGITS:0{DIGITS}d}"
    card = Card(
        520, 420, "Dynamic truncation",
        f"The last of twenty bytes, {MAC[-1]:02x}, ends in {offset:x}. Four bytes from number {offset} on are "
        f"{taken.hex()}. Without the sign bit that is {word}, whose last six digits are the code, {code}.",
    )  # fmt: skip
    card.text(_LEFT, 34, "The 20 bytes of the HMAC, and the number of each", colour=FAINT)
    for number, byte in enumerate(MAC):
        chosen, last = offset <= number < offset + 4, number == len(MAC) - 1
        x, y = _corner(number)
        if chosen:
            card.box(x, y, _SIDE, 38, fill=PALE_BLUE, stroke=BLUE, bold=2)
        elif last:
            card.box(x, y, _SIDE, 38, fill=PALE_ORANGE, stroke=ORANGE, bold=2)
        else:
            card.box(x, y, _SIDE, 38)
        card.text(x + _SIDE / 2, y + 25, f"{byte:02x}", anchor="middle", mono=True, size=18, bold=chosen or last)
        card.text(x + _SIDE / 2, y + 54, str(number), anchor="middle", colour=FAINT, size=14)
    x, y = _corner(len(MAC) - 1)
    card.arrow([(x + 22, y + 62), (x + 22, 238), (x - 10, 238), (x - 10, 262)], colour=ORANGE)
    card.text(_LEFT + 10 * _SIDE, 282, f"low four bits: {MAC[-1] & 15:x} = {offset}", anchor="end", colour=ORANGE)
    card.text(_LEFT + 10 * _SIDE, 302, f"so: four bytes from {offset}", anchor="end", colour=ORANGE)
    x, y = _corner(offset)
    card.arrow([(x + 2 * _SIDE, y + 62), (x + 2 * _SIDE, 262)], colour=BLUE)
    card.text(_LEFT, 282, f"0x{taken.hex()}", mono=True, size=18, bold=True)
    card.text(_LEFT, 328, f"without the sign bit: {word}", size=16)
    card.text(_LEFT, 352, f"the last {DIGITS} digits, with leading zeros:", size=16)
    card.text(_LEFT, 394, code, mono=True, size=34, bold=True)
    return card.svg()


def _corner(number: int) -> tuple[float, float]:
    return _LEFT + number % _EACH * _SIDE, _ROWS[number // _EACH]
