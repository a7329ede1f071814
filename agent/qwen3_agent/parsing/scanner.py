"""Definitions shared by the two formats of tool calls."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

CALL_START = "<tool_call>"
CALL_END = "</tool_call>"


class CallError(Exception):
    """A call that cannot be read; the message tells the model what is wrong and what is right."""


class End(Enum):
    """How the end of a call was found."""

    CLOSED = "with its end tag"
    NEXT = "where the next one begins"
    REFUTED = "at the candidate: the tag there was not text after all"


class CallScanner(Protocol):
    """Finds the end of a call in text that arrives piece by piece."""

    end: End | None
    candidate: int | None
    """Position of the call's end if it is refuted, relative to where scanning began."""

    def scan(self, text: str, start: int, *, final: bool) -> int:
        """Scan text from `start`, and return the position at which to continue.

        Args:
            text: text whose unread part begins at `start`.
            start: position in `text`.
            final: whether no more text will arrive.
        """
        ...
