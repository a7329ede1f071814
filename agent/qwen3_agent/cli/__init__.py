"""The command line: one module a command, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """What `qwen3-agent` and `python -m qwen3_agent` start."""
    _open_what_is_closed()
    signal.signal(signal.SIGINT, _leave)  # Nothing runs yet that would have to be cleaned up.
    from .app import app

    try:
        app()
    except OSError as error:  # of the help and its like; the commands tell of their own
        sys.exit(f"Error: standard output cannot be written: {error.strerror}.")


def _open_what_is_closed() -> None:
    """After `>&-` the next file to be opened would be standard output, and get what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(sys.stderr.fileno(), b"Interrupted.\n")
    os._exit(128 + number)
