"""Markdown as it streams in, cut where a block ends, so that what is printed can stay."""

from __future__ import annotations


class MarkdownBlocks:
    """Splits streamed Markdown into finished blocks and the one that still grows.

    A block ends at a blank line outside of a code fence. Each line is looked at once.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._finished: list[str] = []
        self._open: list[str] = []
        self._line = ""
        self._fence = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What has become finished by `text`, and what is still open."""
        *lines, self._line = (self._line + text).split("\n")
        before = len(self._finished)
        for line in lines:
            self._open.append(f"{line}\n")
            if self._ends_block(line.strip()):
                self._finished += self._open
                self._open = []
        return "".join(self._finished[before:]), "".join([*self._open, self._line])

    def end(self) -> tuple[str, str]:
        """What was still open, and the whole text; begins anew."""
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
    """The end of an open block of code that is long, fenced as the whole is.

    What is longer than the screen is not seen, but coloring it would take most of the time.
    """
    first, *rest = markdown.split("\n")
    if len(rest) <= lines or not first.lstrip().startswith(("```", "~~~")):
        return markdown
    return "\n".join([first, *rest[-lines:]])
