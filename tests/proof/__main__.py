"""`python -m proof`: print the page; 1 where a line is red."""

import sys

from .lines import PARTS, Line


def page(lines: list[Line]) -> str:
    """The page, a line a part, and under it what is missing there."""
    shown = []
    for line in lines:
        shown.append(f"{'RED' if line.gaps else 'ok ':3}  {line.part:13} {line.says}")
        shown += [f"     {'':13} - {gap}" for gap in line.gaps]
    return "\n".join(shown)


def main() -> int:
    """Run each part, and print."""
    lines = [part() for part in PARTS]
    print(page(lines))
    return 1 if any(line.gaps for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
