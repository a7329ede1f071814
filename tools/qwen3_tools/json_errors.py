"""Descriptions of JSON errors for users."""

from __future__ import annotations

import json


def json_problem(error: Exception) -> str:
    """Describe a ValueError or RecursionError of `json.loads`."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is not valid UTF-8" if isinstance(error, UnicodeError) else str(error)
