"""Parses Google-style docstrings: the description, and that of each argument.

The format: https://google.github.io/styleguide/pyguide.html#383-functions-and-methods
"""

from __future__ import annotations

import inspect
import itertools
import re
from dataclasses import dataclass

_ARGUMENTS = frozenset({"Args:", "Arguments:", "Parameters:"})
_SECTIONS = _ARGUMENTS | {
    *("Returns:", "Return:", "Raises:", "Yields:", "Example:", "Examples:"),
    *("Note:", "Notes:", "Attributes:", "See Also:", "Todo:", "Warning:", "Warnings:"),
}
# `name: words`, `name (type): words`, `*name: words`
_ARGUMENT = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


@dataclass(frozen=True, slots=True)
class Docstring:
    """A parsed docstring."""

    description: str
    """All text above the first section, including line breaks."""
    arguments: dict[str, str]
    """The description of each documented argument, on one line."""


def parse_docstring(text: str) -> Docstring:
    """Parse a Google-style docstring. A text without sections is all description."""
    lines = inspect.cleandoc(text).splitlines()
    heads = [number for number, line in enumerate(lines) if line.rstrip() in _SECTIONS]
    arguments: dict[str, str] = {}
    for head, end in itertools.pairwise([*heads, len(lines)]):
        if lines[head].rstrip() in _ARGUMENTS:
            arguments |= _arguments(lines[head + 1 : end])
    above = lines[: heads[0]] if heads else lines
    return Docstring("\n".join(above).strip(), arguments)


def _arguments(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    indent: int | None = None
    for line in inspect.cleandoc("\n".join(["", *lines])).splitlines():
        here = len(line) - len(line.lstrip())
        indent = here if indent is None and line.strip() else indent
        match = _ARGUMENT.fullmatch(line.strip()) if here == indent else None
        if match:
            current = found.setdefault(match[1], [])
            current.append(match[2])
        elif line.strip():
            current.append(line.strip())
    return {name: " ".join(words).strip() for name, words in found.items()}
