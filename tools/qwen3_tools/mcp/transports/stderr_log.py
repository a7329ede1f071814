"""Keeps the stderr of a server: its end in memory, more in a log file."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from contextlib import suppress

from ...state import state_folder

_TAIL_BYTES = 8_192
_MOST_FILE_BYTES = 1_000_000
_LONGEST_NAME = 80


class StderrLog:
    """The stderr of all processes of one server."""

    def __init__(self, server: str) -> None:
        name = re.sub(r"[^\w.-]+", "_", server).strip(".")[:_LONGEST_NAME] or "server"
        self.path = state_folder() / "mcp-stderr" / f"{name}.log"
        """The log file, created on first use and rotated at one megabyte; one old file is kept."""
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._silent = True

    def begin(self) -> None:
        """Start the tail of a new process."""
        self._tail.clear()
        self._tail_bytes = 0
        self._silent = True

    def add(self, data: bytes) -> None:
        """Append output."""
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= _TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft())
        with suppress(OSError):  # an unwritable log must not fail the server
            self._write(data)

    @property
    def tail(self) -> str:
        """The end of the output of the last process."""
        return b"".join(self._tail)[-_TAIL_BYTES:].decode(errors="replace").strip()

    def _write(self, data: bytes) -> None:
        if self._silent:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._silent = False
            data = time.strftime("--- %Y-%m-%d %H:%M:%S\n").encode() + data
        # Opened each time: another process may have rotated it.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(descriptor, "wb", buffering=0) as file:
            file.write(data)
            full = file.tell() > _MOST_FILE_BYTES
        if full:
            os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))
