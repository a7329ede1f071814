"""The keyboard while nobody is asked anything, and what a terminal answers through it."""

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
"""How long a terminal has to answer; one at the other end of the world takes as long."""

_POSITION = re.compile(rb"\x1b\[\d+;(\d+)R")


class Keyboard:
    """Standard input, where it is a terminal; elsewhere nothing here does anything.

    Attributes:
        typed: what was typed while the terminal was asked something.
    """

    def __init__(self) -> None:
        self.typed = b""
        self._before = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None

    def hush(self) -> None:
        """Show nothing of what is typed; it waits for whoever reads next."""
        if self._before is not None:
            quiet = list(self._before)
            quiet[0] &= ~termios.ICRNL  # Or Enter would come as Ctrl-J
            quiet[3] &= ~(termios.ECHO | termios.ICANON)
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)

    def restore(self) -> None:
        """As it was at first. Safe to call twice."""
        if self._before is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def forget(self) -> None:
        """Throw away what was typed and has not been read."""
        self.typed = b""
        if self._before is not None:
            termios.tcflush(sys.stdin, termios.TCIFLUSH)

    def cursor_column(self) -> int | None:
        """Where the cursor is, from 0; None where the terminal does not say."""
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
