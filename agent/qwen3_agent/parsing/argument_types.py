"""Conversion of the values of XML tool calls, which are plain text, to the types in a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qwen3_tools.json_schema import referenced

from .json_values import load_json

_MOST_REFERENCES = 16


def convert(text: str, schema: Mapping[str, Any], key: str) -> Any:
    """Convert the text of one argument to a value.

    It remains text if the schema allows a string or does not specify a type. Otherwise it is read
    as JSON, or as a Python literal (Qwen's templates write True and None). Text that cannot be
    read is returned unchanged, and fails the tool's own validation.

    Args:
        text: as written by the model.
        schema: JSON Schema of the tool's parameters.
        key: name of the argument.
    """
    properties = schema.get("properties")
    wanted = properties.get(key) if isinstance(properties, Mapping) else None
    types = _types(wanted, schema, _MOST_REFERENCES)
    if "null" in types and text.strip() in ("null", "None"):
        return None
    if not types or "string" in types:
        return text
    try:
        return load_json(text)
    except (ValueError, RecursionError):
        return _python_literal(text)


def _types(wanted: Any, schema: Mapping[str, Any], references: int) -> set[str]:
    """Return the names of the JSON types that a schema allows; empty if it does not specify any."""
    if not isinstance(wanted, Mapping) or references < 0:
        return set()
    types = wanted.get("type")
    if isinstance(types, str):
        return {types}
    if isinstance(types, list):
        return {each for each in types if isinstance(each, str)}
    if "enum" in wanted or "const" in wanted:
        values = wanted.get("enum", [wanted.get("const")])
        return {"string" if isinstance(value, str) else "other" for value in values}
    if isinstance(reference := wanted.get("$ref"), str):
        return _types(referenced(schema, reference), schema, references - 1)
    found: set[str] = set()
    for key in ("anyOf", "oneOf", "allOf"):
        for option in wanted.get(key) or ():
            found |= _types(option, schema, references - 1)
    return found


def _python_literal(text: str) -> Any:
    import ast

    try:
        return load_json(json.dumps(ast.literal_eval(text.strip()), allow_nan=False))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return text
