"""Reading of JSON in tool calls.

The values are passed on to the model, servers, the journal and tools, as JSON and UTF-8. So they
contain nothing that these formats cannot represent.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ..formats.tokenizer import encodable


def load_json(text: str) -> Any:
    """Parse JSON; strings may contain raw newlines, and lone surrogates become U+FFFD.

    A lone surrogate can be written as an escape (`\\ud83d`), which a grammar for JSON allows. It
    also allows `1e999`, which becomes the largest float.

    Raises:
        ValueError: the text is not valid JSON, or has an integer longer than Python's limit.
        RecursionError: the value is nested too deeply.
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
    except ValueError:  # Python limits the number of digits
        raise ValueError(f"a number of {len(digits)} digits is too long") from None
