"""What the support desk does about a lost phone, as code.

Rule 1. Two people: whoever resets is another administrator, and types a code of their own for it.
Rule 2. The password goes first, with all sessions; then the second factor; then the flag. In any other order there is a
moment in which whoever knows the old password sets up a phone of their own.
Rule 3. The new password is returned once, to be handed over in person. It is kept nowhere.
"""

from typing import Protocol

from totpcore import TwoFactor


class People(Protocol):
    """What this needs of your user table."""

    def reset_password(self, user: str, /) -> str:
        """Give somebody a temporary password, end all their sessions, and return it."""
        ...

    def expect_factor(self, user: str, expected: bool, /) -> None:
        """Keep the flag that is `expected` of `gate`."""
        ...


class NotAllowed(Exception):
    """The desk may not do that."""


def reset_lost_phone(
    two_factor: TwoFactor, people: People, *, owner: str, administrator: str, code: str, proof: str
) -> str:
    """Reset somebody whose phone is lost, and return the password to hand over.

    `proof` is how they showed who they are; it is the reason in the audit log.
    """
    if administrator == owner:
        raise NotAllowed("another administrator has to do this")
    two_factor.verify(administrator, code)  # raises, and nothing has happened
    password = people.reset_password(owner)
    two_factor.reset(owner, actor=administrator, reason=proof)
    people.expect_factor(owner, False)
    return password
