"""The blocks of code of a page, by the heading they stand under."""

import re
from pathlib import Path


class Page:
    """A page in Markdown."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text("utf-8")
        # What looks like a heading in a block of code is put out of sight.
        self._seen = re.sub(r"```.*?```", lambda block: block[0].replace("#", "\x00"), self.text, flags=re.DOTALL)

    def headings(self) -> list[str]:
        """All but the title."""
        return re.findall(r"^##+ (.*)$", self._seen, re.MULTILINE)

    def section(self, heading: str) -> str:
        """What stands under a heading, up to the next one."""
        pattern = rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)"
        (found,) = re.findall(pattern, self._seen, re.DOTALL | re.MULTILINE)
        return str(found).replace("\x00", "#")

    def blocks(self, heading: str, language: str) -> list[str]:
        """The blocks of code under a heading, without what they are indented by."""
        found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", self.section(heading), re.DOTALL | re.MULTILINE)
        return ["".join(line[len(indent) :] for line in text.splitlines(keepends=True)) for indent, text in found]
