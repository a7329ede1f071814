"""JSON in a tool call: what a model may write there, and what can be said again in what follows.

What comes of it is told to the model, to servers, to the journal and to tools, as JSON and as
UTF-8. So it holds nothing that these could not carry.
"""

from __future__ import annotations

import json
import math
from typing import Any

from .tokenizer import encodable

__all__ = ["load_json"]


def load_json(text: str) -> Any:
    """The value, with raw newlines allowed in strings and U+FFFD for half of a surrogate pair.

    Half a pair can be written as an escape (`\\ud83d`), and a grammar for JSON lets it pass.

    Raises:
        ValueError: it is no JSON, or has a number that no float or int can hold.
        RecursionError: it is nested too deeply.
    """
    value = json.loads(
        text, strict=False, parse_constant=_no_constant, parse_float=_float, parse_int=_int
    )
    if "\\u" in text or not text.isascii():
        said = json.dumps(value, ensure_ascii=False)
        if (whole := encodable(said)) != said:
            value = json.loads(whole, strict=False)
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _float(digits: str) -> float:
    if math.isinf(value := float(digits)):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def _int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python bounds what it reads
        raise ValueError(f"a number of {len(digits)} digits is too long") from None
