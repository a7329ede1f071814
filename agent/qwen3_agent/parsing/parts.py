"""The typed pieces of what a model said.

Every part keeps `raw`, the sampled text that it was read from, tags and blank lines included. The
raw texts of a message's parts, joined, are the message as it was sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Content", "MalformedCall", "Part", "Reasoning", "ToolCall"]


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A thought, without its tags and without blank lines around it."""

    text: str
    raw: str


@dataclass(frozen=True, slots=True)
class Content:
    """Text for the user, without blank lines around it."""

    text: str
    raw: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that can be run. Whether the tool exists is not looked at."""

    name: str
    arguments: dict[str, Any]
    raw: str


@dataclass(frozen=True, slots=True)
class MalformedCall:
    """What was meant as a call and cannot be run."""

    raw: str
    error: str
    """What is wrong and what would be right, in words for the model."""


Part = Reasoning | Content | ToolCall | MalformedCall
