"""The keyboard between prompts, and the replies of the terminal that arrive through it."""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

ANSWER_SECONDS = 0.3
"""Seconds to wait for a terminal to reply; remote ones can be that slow."""

_POSITION = re.compile(rb"\x1b\[\d+;(\d+)R")


class Keyboard:
    """Standard input, if it is a terminal; otherwise all methods do nothing.

    Attributes:
        typed: Input that arrived while waiting for a reply of the terminal.
    """

    def __init__(self) -> None:
        self.typed = b""
        self._before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None

    def hush(self) -> None:
        """Do not echo what is typed; it stays in the input buffer."""
        if self._before is not None:
            quiet = list(self._before)
            quiet[0] &= ~termios.ICRNL  # otherwise Enter arrives as Ctrl-J
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)

    def restore(self) -> None:
        """Restore the initial settings. Safe to call twice."""
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def forget(self) -> None:
        """Discard unread input."""
        self.typed = b""
        if self._before is not None:
            termios.tcflush(sys.stdin, termios.TCIFLUSH)

    def cursor_column(self) -> int | None:
        """Return the column of the cursor, from 0. None: the terminal does not report it."""
        if self._before is None:
            return None
        with self._hushed():
            os.write(sys.stdout.fileno(), b"\x1b[6n")
            end = time.monotonic() + ANSWER_SECONDS
            while not (found := _POSITION.search(self.typed)):
                left = end - time.monotonic()
                if left < 0 or not select.select([sys.stdin], [], [], left)[0]:
                    return None
                self.typed += os.read(sys.stdin.fileno(), 1024)
        self.typed = self.typed[: found.start()] + self.typed[found.end() :]
        return int(found[1]) - 1

    @contextmanager
    def _hushed(self) -> Iterator[None]:
        now = termios.tcgetattr(sys.stdin)
        self.hush()
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, now)
