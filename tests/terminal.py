"""A program in a real pseudo-terminal, and the screen that a person would see."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect
import pyte

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"
"""The environment variable that makes `matches` write what it sees."""

_SPINNER = re.compile("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]")
_VARIES = re.compile(
    r"(?:\d+ min )?\d+(?:\.\d)?(?= s\b)|\d+(?= tokens left)|\d+(?= more lines of thought)"
)


class Terminal:
    """A program in a terminal of so many columns and rows.

    `screen` is what is on it now, and `history` what has left it at the top.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        columns: int,
        rows: int,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        inherited = {
            key: value
            for key, value in os.environ.items()
            if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TMUX")
        }
        self.program = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(rows, columns),
            env={**inherited, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
            cwd=folder,
            timeout=60,
        )
        self.drawn = b""
        self._screen = _Screen(columns, rows, self.program.send)
        self._stream = pyte.ByteStream(self._screen)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.program.close(force=True)

    @property
    def screen(self) -> str:
        """The rows that are on the screen, without empty ones at its end."""
        return "\n".join(row.rstrip() for row in self._screen.display).rstrip("\n")

    @property
    def history(self) -> str:
        """The rows that have left the screen at its top."""
        rows = (
            "".join(row[column].data for column in range(self._screen.columns))
            for row in self._screen.history.top
        )
        return "\n".join(row.rstrip() for row in rows)

    @property
    def cursor_hidden(self) -> bool:
        """Whether the cursor is not to be seen."""
        return bool(self._screen.cursor.hidden)

    def type(self, text: str) -> None:
        """Press keys; Enter is \\r."""
        self.program.send(text)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window larger or smaller."""
        self._read(0.05)
        self._screen.resize(rows, columns)
        self.program.setwinsize(rows, columns)

    def wait_for(self, wanted: str | Callable[[str], object], *, seconds: float = 90) -> str:
        """The screen, as soon as it holds what is wanted."""
        end = time.monotonic() + seconds
        while True:
            screen = self.screen
            if wanted in screen if isinstance(wanted, str) else wanted(screen):
                return screen
            if time.monotonic() > end or not self._read(0.2):
                raise AssertionError(f"{wanted!r} did not come; the screen is:\n{screen}")

    def wait(self, seconds: float) -> str:
        """The screen after some time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._read(0.05):
            pass
        return self.screen

    def wait_for_end(self) -> int:
        """The program's exit code; minus the signal's number when that ended it."""
        while self._read(0.2):
            pass
        self.program.close()
        if self.program.signalstatus:
            return -int(self.program.signalstatus)
        return int(self.program.exitstatus)

    def _read(self, seconds: float) -> bool:
        """Draw what the program writes within that time; False when it has ended."""
        try:
            data = self.program.read_nonblocking(65536, seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.drawn += data
        self._stream.feed(data)
        return True


class _Screen(pyte.HistoryScreen):
    """A screen that answers questions of the program, such as where its cursor is."""

    def __init__(self, columns: int, rows: int, answer: Callable[[str], object]) -> None:
        super().__init__(columns, rows, history=5000)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data)


def matches(screen: str, name: str) -> bool:
    """Whether a screen is the one that is kept, but for what depends on the time that it took."""
    seen = _VARIES.sub("N", _SPINNER.sub("*", screen)) + "\n"
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(seen, "utf-8")
    kept = path.read_text("utf-8")
    assert seen == kept, f"{name} is\n{seen}\nand was\n{kept}\n{UPDATE}=1 keeps what it is."
    return True
