"""`python -m comparison`: write the tables of the documentation anew. The other commands are for the children.

- `ask LIBRARY FOLDER QUESTION ...` prints the answers as JSON; without a question, all that need no PostgreSQL.
- `try LIBRARY FOLDER` checks one code by what is stored in the folder, and prints whether it was accepted.
"""

import argparse
import json
from pathlib import Path

from . import page


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(prog="comparison", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["ask", "try", "write"], default="write")
    parser.add_argument("library", nargs="?", choices=page.LIBRARIES)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("questions", nargs="*")
    given = parser.parse_args()
    if given.command == "write":
        page.write()
        return
    library = page.load(given.library)(given.folder)
    if given.command == "try":
        print(json.dumps(library.attempt()))
        return
    questions = given.questions or [*(name for name in page.QUESTIONS if name != page.ON_POSTGRES), "better"]
    print(
        json.dumps(
            {name: list(library.better()) if name == "better" else getattr(library, name)() for name in questions}
        )
    )


if __name__ == "__main__":
    main()
