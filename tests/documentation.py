"""The code blocks of Markdown pages, and what stands beside them.

A fenced block of `python` or `sh` is run. If a block of `text` follows it, that is what it prints,
`...` standing for anything. A comment on the line before a block says what is special about it:

    <!-- not run: why -->      the block is only shown
    <!-- continues -->         it goes on in the namespace of the Python block before it
    <!-- exits with 1 -->      the exit code of a shell block
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK = re.compile(
    r"(?:^ *<!-- (?P<remark>[^\n]*?) -->\n+)?^(?P<indent> *)```(?P<language>\w+)[^\n]*\n"
    r"(?P<code>.*?)^(?P=indent)```\n(?:\n*^(?P=indent)```text\n(?P<prints>.*?)^(?P=indent)```\n)?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """Code that a page shows."""

    page: str
    line: int
    language: str
    code: str
    prints: str | None
    remark: str = field(default="")

    @property
    def why_not_run(self) -> str | None:
        """The reason, where it is only shown."""
        found = re.fullmatch(r"not run: (.+)", self.remark)
        return found.group(1) if found else None

    @property
    def exit_code(self) -> int:
        """What the shell is to end with."""
        found = re.fullmatch(r"exits with (\d+)", self.remark)
        return int(found.group(1)) if found else 0


def blocks(page: Path) -> list[Block]:
    """The Python and shell blocks of a page, in their order."""
    text = page.read_text("utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        if match["language"] not in ("python", "sh"):
            continue
        indent = len(match["indent"])
        line = text.count("\n", 0, match.start("code"))
        prints = match["prints"]
        found.append(
            Block(
                page.relative_to(ROOT).as_posix(),
                line,
                match["language"],
                _outdented(match["code"], indent),
                None if prints is None else _outdented(prints, indent),
                match["remark"] or "",
            )
        )
    return found


def _outdented(text: str, indent: int) -> str:
    return "".join(line[indent:] if line.strip() else line for line in text.splitlines(True))


def prints_as_shown(shown: str, printed: str) -> bool:
    """Whether `printed` is `shown`, in which `...` stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None
