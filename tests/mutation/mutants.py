"""Which mutants there are: every change of the chosen kinds, at every place, once."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from fingerprints import ROOT, fingerprint

# One other operator for each arithmetic one: all eleven others die by the same test, and would only lift the score.
# `|` is left out: it stands in annotations, where anything else is a crash at import.
ARITHMETIC: Final = {
    "Add_Sub", "Sub_Add", "Mul_Add", "Div_Mul", "FloorDiv_Mul", "Mod_Add", "Pow_Mul", "LShift_RShift", "RShift_LShift",
    "BitAnd_BitOr", "BitXor_BitOr",
}  # fmt: skip
# They need a variable to be named, and make nothing that the others do not.
LEFT_OUT: Final = {"core/VariableReplacer", "core/VariableInserter"}


class Mutant(NamedTuple):
    """A change to one place of a module."""

    module: str
    operator: str
    occurrence: int
    line: int
    was: str
    becomes: str
    source: str

    @property
    def name(self) -> str:
        """What it is called in the results."""
        return f"{self.operator}#{self.occurrence}"


def chosen_operators() -> list[str]:
    """The kinds of change."""
    kept = []
    for name in sorted(operator_names()):
        short = name.removeprefix("core/")
        arithmetic = short.startswith("ReplaceBinaryOperator_")
        if name not in LEFT_OUT and (not arithmetic or short.split("_", 1)[1] in ARITHMETIC):
            kept.append(name)
    return kept


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every mutant of a module. Of two that come to the same code, and of none that comes to the original, only one."""
    source = (ROOT / f"{module}.py").read_text("utf-8")
    seen = {fingerprint(source)}
    for operator in chosen_operators():
        make, occurrence = get_operator(operator)(), 0
        while (changed := mutate_code(source, make, occurrence)) is not None:
            try:
                mark = fingerprint(changed)
            except SyntaxError:
                mark = ""
            if mark and mark not in seen:
                seen.add(mark)
                yield Mutant(module, operator.removeprefix("core/"), occurrence, *difference(source, changed), changed)
            occurrence += 1


def mutant_called(module: str, name: str) -> Mutant:
    """The one mutant of that name, which is known to be there."""
    source = (ROOT / f"{module}.py").read_text("utf-8")
    operator, _, occurrence = name.partition("#")
    changed = mutate_code(source, get_operator(f"core/{operator}")(), int(occurrence))
    if changed is None:
        raise ValueError(f"{module} has no mutant {name}")
    return Mutant(module, operator, int(occurrence), *difference(source, changed), changed)


def difference(source: str, changed: str) -> tuple[int, str, str]:
    """The first line that differs: its number, what it was and what it becomes."""
    pairs = zip(source.splitlines(), changed.splitlines(), strict=False)
    for number, (was, becomes) in enumerate(pairs, 1):
        if was != becomes:
            return number, was.strip(), becomes.strip()
    return 0, "", ""
