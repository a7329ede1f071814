"""Splits streamed Markdown at the ends of blocks, so that finished blocks can be printed."""

from __future__ import annotations


class MarkdownBlocks:
    """Splits streamed Markdown into finished blocks and the unfinished one.

    A block ends at a blank line outside a code fence. Each line is examined once.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._finished: list[str] = []
        self._open: list[str] = []
        self._line = ""
        self._fence = ""

    def feed(self, text: str) -> tuple[str, str]:
        """Add text. Return the newly finished blocks and the unfinished one."""
        *lines, self._line = (self._line + text).split("\n")
        before = len(self._finished)
        for line in lines:
            self._open.append(f"{line}\n")
            if self._ends_block(line.strip()):
                self._finished += self._open
                self._open = []
        return "".join(self._finished[before:]), "".join([*self._open, self._line])

    def end(self) -> tuple[str, str]:
        """Return the unfinished block and the whole text, and start over."""
        rest = "".join([*self._open, self._line])
        whole = "".join(self._finished) + rest
        self._begin()
        return rest, whole

    def _ends_block(self, line: str) -> bool:
        if self._fence:
            if line.startswith(self._fence) and not line.strip(self._fence[0]):
                self._fence = ""
            return False
        if line.startswith(("```", "~~~")):
            self._fence = line[: len(line) - len(line.lstrip(line[0]))]
        return not line


def tail_of_block(markdown: str, lines: int) -> str:
    """Return the last lines of a long unfinished code block, with its fence.

    Lines beyond the screen are invisible, but highlighting them would take most of the time.
    """
    first, *rest = markdown.split("\n")
    if len(rest) <= lines or not first.lstrip().startswith(("```", "~~~")):
        return markdown
    return "\n".join([first, *rest[-lines:]])
