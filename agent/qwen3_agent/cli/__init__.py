"""The command line: one module a command, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """What `qwen3-agent` and `python -m qwen3_agent` start."""
    signal.signal(signal.SIGINT, _leave)  # Nothing runs yet that would have to be cleaned up.
    from .app import app

    app()


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(sys.stderr.fileno(), b"Interrupted.\n")
    os._exit(128 + number)
