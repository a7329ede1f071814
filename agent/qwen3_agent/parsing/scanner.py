"""What the two formats of tool calls share."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

__all__ = ["CALL_END", "CALL_START", "CallError", "CallScanner", "End"]

CALL_START = "<tool_call>"
CALL_END = "</tool_call>"


class CallError(Exception):
    """What is wrong with a call and what would be right, in words for the model."""


class End(Enum):
    """How a call ended."""

    CLOSED = "with its end tag"
    NEXT = "where the next one begins"
    REFUTED = "at the candidate: the tag there was not text after all"


class CallScanner(Protocol):
    """Finds the end of a call in text that comes bit by bit."""

    end: End | None
    candidate: int | None
    """Where the call ends if it is refuted, counted from where scanning began."""

    def scan(self, text: str, start: int, *, final: bool) -> int:
        """Read on from `start`; where to go on next time, with more text behind it.

        Args:
            text: what is not read yet begins at `start`.
            start: position in it.
            final: no more will come.
        """
        ...
