"""Line numbers of keys in a JSON text, for error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Return the line (from 1) of the key or item at `path`, or of its nearest parent.

    `text` must be valid JSON.
    """
    lines = dict(_places(text))
    nearest = next(path[:end] for end in range(len(path), -1, -1) if tuple(path[:end]) in lines)
    return lines[tuple(nearest)]


def _places(text: str) -> Iterator[tuple[Path, int]]:
    """Yield each key and item with its line. For duplicate keys the last counts, as in `json`."""
    path: list[str | int] = []  # the last entry is the current key or item
    kinds: list[str] = []  # open brackets
    awaiting_key = False
    line, seen = 1, 0
    yield (), 1
    for match in _TOKEN.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        token = match[0]
        if token in "}]":
            kinds.pop()
            path.pop()
            continue
        if token == ":":
            continue
        if token == ",":
            if kinds[-1] == "[":
                path[-1] = int(path[-1]) + 1
            awaiting_key = kinds[-1] == "{"
            continue
        if kinds and kinds[-1] == "{" and awaiting_key:
            path[-1] = json.loads(token)
            awaiting_key = False
            yield tuple(path), line
            continue
        if kinds and kinds[-1] == "[":
            yield tuple(path), line
        if token in "{[":
            kinds.append(token)
            path.append(0 if token == "[" else "")
            awaiting_key = token == "{"
