"""A call as a person must see it who is to approve it: all of it, and nothing in it hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Letters and marks that are drawn as nothing: those of Unicode's Default_Ignorable_Code_Point
# that Python calls printable, and the blank of Braille
_DRAWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_BAR = "  │ "


def exact_call(name: str, arguments: Mapping[str, Any]) -> str:
    """`name(key=value, ...)` with values as JSON, in which every hidden character is escaped.

    A string of several lines is shown as lines, each behind a bar, so that none of them can pass
    for something else; one that has hidden characters in it stays JSON.
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
    """JSON on one line, with every hidden character as `\\uXXXX`; it means the same."""
    return visible(json.dumps(value, ensure_ascii=False))


def visible(text: str) -> str:
    """The text with every hidden character, the end of a line too, as JSON would escape it."""
    return "".join(json.dumps(each)[1:-1] if _is_hidden(each) else each for each in text)


def _is_hidden(character: str) -> bool:
    """Whether it is not seen, or steers what is: control, format, odd spaces, no character."""
    if character == "\u3000":  # The space of Chinese and Japanese, as wide as any letter
        return False
    return not character.isprintable() or bool(_DRAWN_AS_NOTHING.match(character))


def _is_block(value: object) -> bool:
    """Whether a value is a string of several lines with nothing hidden in it."""
    return (
        isinstance(value, str)
        and "\n" in value
        and not any(_is_hidden(each) for each in value if each not in "\n\t")
    )
