"""Makes text from outside safe for a terminal."""

from __future__ import annotations

import re
import sys

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return text without control characters, which could control the terminal."""
    return _CONTROL.sub("", text)


def echo(text: str, *, err: bool = False, data: bool = False) -> None:
    """Print text without control characters.

    Args:
        text: The text.
        err: Print on standard error.
        data: Keep the text as it is in a file or a pipe, for other programs.
    """
    stream = sys.stderr if err else sys.stdout
    print(text if data and not stream.isatty() else printable(text), file=stream, flush=True)


def counted(count: int, noun: str) -> str:
    """Return a number of things, such as "1 step" or "2 steps"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
