"""Display of a tool call for approval: complete, with nothing hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Characters that are invisible although Python calls them printable: those of Unicode's
# Default_Ignorable_Code_Point, and the blank Braille pattern
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_BAR = "  │ "


def exact_call(name: str, arguments: Mapping[str, Any]) -> str:
    """Return `name(key=value, ...)` with values as JSON and every hidden character escaped.

    A string of several lines is shown as lines after a bar, so that none of them can be mistaken
    for something else; a string with hidden characters stays JSON.
    """
    blocks = {key: value for key, value in arguments.items() if _is_block(value)}
    shown = [
        f"{visible(key)}={'' if key in blocks else as_json(value)}"
        for key, value in arguments.items()
    ]
    if not blocks:
        return f"{visible(name)}({', '.join(shown)})"
    lines = [f"{visible(name)}("]
    for (key, value), start in zip(arguments.items(), shown, strict=True):
        lines.append(f"  {start}")
        if key in blocks:
            lines += [_BAR + line for line in value.split("\n")]
    return "\n".join([*lines, ")"])


def as_json(value: object) -> str:
    """Return JSON on one line, with every hidden character as `\\uXXXX`."""
    return visible(json.dumps(value, ensure_ascii=False))


def visible(text: str) -> str:
    """Return the text with every hidden character, line ends included, escaped as in JSON."""
    return "".join(json.dumps(each)[1:-1] if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    """Return whether a character is invisible or changes how others are displayed."""
    if character == "\u3000":  # the ideographic space, as wide as a letter
        return False
    return not character.isprintable() or bool(_DRAWN_AS_NOTHING.match(character))


def _is_block(value: object) -> bool:
    """Return whether a value is a string of several lines without hidden characters."""
    return (
        isinstance(value, str)
        and "\n" in value
        and not any(_is_hidden(each) for each in value if each not in "\n\t")
    )
