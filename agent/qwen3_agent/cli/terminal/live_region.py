"""The last rows of a terminal, drawn over and over until what they show can stay."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.text import Text

REDRAWS_PER_SECOND = 8

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_PADDING = re.compile(r"[ ]+((?:\x1b\[0?m)?)$", re.MULTILINE)


class LiveRegion:
    """What is still going on, below what is done. Draws nothing where there is no terminal.

    A thread draws it again while it is shown, so that spinners turn and seconds count even when
    the event loop is busy. What is taller than the screen shows its end. As a context manager it
    keeps that thread out.

    Args:
        console: where all is written; nothing else may write there while the region is shown.
        cursor_column: asks the terminal where its cursor is; None where it does not say.
    """

    def __init__(self, console: Console, cursor_column: Callable[[], int | None]) -> None:
        self._console = console
        self._cursor_column = cursor_column
        self._lock = threading.RLock()
        self._content: Callable[[], RenderableType] | None = None
        self._drawn: list[int] = []
        """How wide each row is that is on the screen; the cursor is behind the last one."""
        self._ticker: threading.Thread | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def show(self, content: Callable[[], RenderableType]) -> None:
        """Draw what `content` returns, now and again until the next call or `clear`."""
        if not self._console.is_terminal or self._console.is_dumb_terminal:
            return
        with self._lock:
            self._content = content
            self._draw()
            if self._ticker is None:
                self._ended.clear()
                self._ticker = threading.Thread(target=self._tick, daemon=True)
                self._ticker.start()

    def print_above(self, write: Callable[[], object]) -> None:
        """Let `write` write what stays, and go on below it."""
        with self._lock:
            content = self._content
            self.clear()
            write()
            self._content = content
            self._draw()

    def clear(self) -> None:
        """Take it off the screen; what is printed next stands in its place."""
        with self._lock:
            self._content = None
            if self._drawn:
                self._write(f"{self._to_first_row()}\x1b[J{_SHOW_CURSOR}")
                self._drawn = []

    def close(self) -> None:
        """Take it off the screen and end its thread. It may be shown again."""
        self.clear()
        self._ended.set()
        self._ticker = None

    def _tick(self) -> None:
        ended = self._ended
        while not ended.wait(1 / REDRAWS_PER_SECOND):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if self._content is None:
            return
        width, height = self._console.size
        with self._console.capture() as captured:
            self._console.print(self._content(), width=max(1, width - 1))
        rows = captured.get().rstrip("\n").split("\n")[-max(1, height - 1) :]
        rows = [without_padding(row) for row in rows]
        drawn = "\x1b[K\n".join(rows)
        self._write(f"{_HIDE_CURSOR}{self._to_first_row()}{drawn}\x1b[K\x1b[J")
        self._drawn = [Text.from_ansi(row).cell_len for row in rows]

    def _to_first_row(self) -> str:
        width = self._console.width
        rows = len(self._drawn)
        # In a window that was made narrower some terminals wrap long rows, others cut them.
        wrapped = sum(max(1, -(-cells // width)) for cells in self._drawn)
        if wrapped > rows and self._cursor_column() == self._drawn[-1] % width:
            rows = wrapped
        return f"\x1b[{rows - 1}A\r" if rows > 1 else "\r"

    def _write(self, codes: str) -> None:
        self._console.file.write(codes)
        self._console.file.flush()


def without_padding(text: str) -> str:
    """Without the spaces that Rich fills rows with.

    They would become rows of their own when the terminal is made narrower.
    """
    return _PADDING.sub(r"\1", text)
