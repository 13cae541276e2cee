"""`python -m figures`: draw every figure into its file; `--into FOLDER` draws them elsewhere."""

import argparse
from pathlib import Path

from . import guessing, lifetime, speed_calls, speed_scale, speed_stores, states, truncation

FIGURES = {
    "calls": speed_calls.draw, "guessing": guessing.draw, "lifetime": lifetime.draw, "scale": speed_scale.draw,
    "states": states.draw, "stores": speed_stores.draw, "truncation": truncation.draw,
}  # fmt: skip


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(prog="figures", description="Draw the figures of the manual.")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    into: Path = parser.parse_args().into
    for name, draw in FIGURES.items():
        (into / f"{name}.svg").write_text(draw(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
