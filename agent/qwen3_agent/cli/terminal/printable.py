"""Text that others wrote, made safe for a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text without control characters: a fetched page must not steer the terminal."""
    return _CONTROL.sub("", text)
