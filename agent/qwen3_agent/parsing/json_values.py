"""JSON in a tool call: what a model may write there, and what can be said again in what follows.

What comes of it is told to the model, to servers, to the journal and to tools, as JSON and as
UTF-8. So it holds nothing that these could not carry.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ..formats.tokenizer import encodable

__all__ = ["load_json"]


def load_json(text: str) -> Any:
    """The value, with raw newlines allowed in strings and U+FFFD for half of a surrogate pair.

    Half a pair can be written as an escape (`\\ud83d`), and a grammar for JSON lets it pass. It
    does so with `1e999`, which no float can hold: the largest one stands for it.

    Raises:
        ValueError: it is no JSON, or has an integer longer than Python reads.
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
    largest = sys.float_info.max
    return min(max(float(digits), -largest), largest)


def _int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python bounds what it reads
        raise ValueError(f"a number of {len(digits)} digits is too long") from None
