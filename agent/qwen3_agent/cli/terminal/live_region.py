"""A region at the bottom of the terminal that is redrawn while work is in progress."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Self

from rich.console import Console, RenderableType
from rich.text import Text

REDRAWS_PER_SECOND = 8

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_PADDING = re.compile(r"[ ]+((?:\x1b\[0?m)?)$", re.MULTILINE)


class LiveRegion:
    """Work in progress, below the finished output. Draws nothing if there is no terminal.

    A thread redraws the region while it is shown, so that spinners turn even when the event loop
    is busy. If it is taller than the screen, its end is shown. As a context manager it blocks that
    thread.

    Args:
        console: The terminal. Nothing else may write to it while the region is shown.
        cursor_column: Returns the column of the cursor. None: the terminal does not report it.
    """

    def __init__(self, console: Console, cursor_column: Callable[[], int | None]) -> None:
        self._console = console
        self._cursor_column = cursor_column
        self._lock = threading.RLock()
        self._content: Callable[[], RenderableType] | None = None
        self._drawn: list[int] = []
        """The width of each row on the screen; the cursor is at the end of the last one."""
        self._ticker: threading.Thread | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def show(self, content: Callable[[], RenderableType]) -> None:
        """Draw what `content` returns, repeatedly until the next call or `clear`."""
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
        """Call `write`, whose output stays on the screen, and redraw the region below it."""
        with self._lock:
            content = self._content
            self.clear()
            write()
            self._content = content
            self._draw()

    def clear(self) -> None:
        """Erase the region."""
        with self._lock:
            self._content = None
            if self._drawn:
                self._write(f"{self._to_first_row()}\x1b[J{_SHOW_CURSOR}")
                self._drawn = []

    def close(self) -> None:
        """Erase the region and end its thread. It can be shown again."""
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
        # When the window becomes narrower, some terminals wrap long rows and others cut them.
        wrapped = sum(max(1, -(-cells // width)) for cells in self._drawn)
        if wrapped > rows and self._cursor_column() == self._drawn[-1] % width:
            rows = wrapped
        return f"\x1b[{rows - 1}A\r" if rows > 1 else "\r"

    def _write(self, codes: str) -> None:
        self._console.file.write(codes)
        self._console.file.flush()


def without_padding(text: str) -> str:
    """Remove the spaces with which Rich fills rows.

    They would wrap into rows of their own when the terminal becomes narrower.
    """
    return _PADDING.sub(r"\1", text)
