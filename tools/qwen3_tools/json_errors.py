"""Descriptions of JSON errors for users."""

from __future__ import annotations

import json


def json_problem(error: Exception) -> str:
    """Describe a ValueError or RecursionError of `json.loads`, as "not valid JSON: ..."."""
    if isinstance(error, json.JSONDecodeError):
        problem = f"{error.msg} (line {error.lineno}, column {error.colno})"
    elif isinstance(error, RecursionError):
        problem = "nested too deeply"
    else:  # Python limits the digits of integers
        problem = "not UTF-8" if isinstance(error, UnicodeError) else "a number is too long"
    return f"not valid JSON: {problem}"
