"""A library that keeps nothing: what follows from that, asked of each in the same words."""

from abc import abstractmethod

from .facts import CODE, Library, fact, race, wrong


class Stateless(Library):
    """A library that computes and compares, and leaves what happened before to its caller."""

    @abstractmethod
    def accepts(self, code: str = CODE) -> bool:
        """Whether it accepts the code at the moment of the page."""

    def attempt(self) -> bool:
        return self.accepts()

    def another_process(self) -> str:
        return fact("accepted", self.in_another_process(), self.in_another_process())

    def race_on_postgresql(self) -> str:
        return fact("yours: all get in", all(answer is True for answer in race(self.accepts)))

    def race_on_sqlite(self) -> str:
        return self.race_on_postgresql()

    def guessing(self) -> str:
        guesses = [self.accepts(wrong(CODE, number)) for number in range(100)]
        return fact("yours: after 100 wrong codes the right one opens", not any(guesses), self.accepts())


def public(thing: object) -> set[str]:
    """Return the names that a module or a class offers; what it may gain one day shows among them."""
    return {name for name in dir(thing) if not name.startswith("_")}
