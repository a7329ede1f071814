"""The command line: one module a command, nothing heavy imported before it is needed."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line: the entry point of `qwen3-agent` and `python -m qwen3_agent`."""
    _open_closed_streams()
    signal.signal(signal.SIGINT, _leave)  # nothing to clean up yet
    from .app import app

    try:
        app()
    except OSError as error:  # of the help; commands report their own
        sys.exit(f"Error: standard output cannot be written: {error.strerror}.")


def _open_closed_streams() -> None:
    """Open closed standard streams: after `>&-`, the next opened file would be standard output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
            setattr(sys, name, os.fdopen(number, "w" if number else "r"))


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(sys.stderr.fileno(), b"Interrupted.\n")
    os._exit(128 + number)
