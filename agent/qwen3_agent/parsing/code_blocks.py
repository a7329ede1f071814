"""Incremental detection of Markdown code blocks."""

from __future__ import annotations

import re

_FENCE = re.compile(r"[\s>]*(`{3,}|~{3,})(.*)", re.DOTALL)
_SEEN_OF_A_LINE = 256


class CodeBlocks:
    """Tracks fenced blocks (CommonMark 4.5) and what precedes the next character."""

    def __init__(self) -> None:
        self._fence = ""
        self._line = ""
        self._blank_line = True
        self._last = "\n"

    @property
    def quoting(self) -> bool:
        """Whether the next character is in a fenced block, or directly after a backtick."""
        return bool(self._fence) or self._last == "`" or bool(self._opening(self._line))

    @property
    def at_line_start(self) -> bool:
        """Whether only whitespace precedes the next character on its line."""
        return self._blank_line

    def feed(self, text: str) -> None:
        """Process more text."""
        if not text:
            return
        first, *others = text.split("\n")
        self._go_on(first)
        for line in others:
            self._end_line()
            self._go_on(line)
        self._last = text[-1]

    def _go_on(self, text: str) -> None:
        if len(self._line) < _SEEN_OF_A_LINE:
            self._line += text[: _SEEN_OF_A_LINE - len(self._line)]
        self._blank_line = self._blank_line and (not text or text.isspace())

    def _end_line(self) -> None:
        if not self._fence:
            self._fence = self._opening(self._line)
        else:
            found = _FENCE.fullmatch(self._line)
            if found and found[1].startswith(self._fence) and not found[2].strip():
                self._fence = ""
        self._line = ""
        self._blank_line = True

    @staticmethod
    def _opening(line: str) -> str:
        """Return the fence with which a line opens a block, or an empty string."""
        found = _FENCE.fullmatch(line)
        if not found or (found[1][0] == "`" and "`" in found[2]):
            return ""
        return found[1]
