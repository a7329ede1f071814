"""Arguments of MCP tools, checked against the server's own schema before the call."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_tools.mcp.tools import digestible, fitted

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer"},
        "unit": {"type": ["string", "null"]},
    },
    "required": ["city"],
}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"city": "Oslo"}, {"city": "Oslo"}),
        ({"city": "Oslo", "days": None}, {"city": "Oslo"}),
        ({"city": "Oslo", "unit": None}, {"city": "Oslo", "unit": None}),
    ],
)
def test_a_null_that_cannot_be_meant_is_left_out(
    given: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert fitted(given, SCHEMA) == (sent, [])


def test_what_is_required_is_never_left_out() -> None:
    assert fitted({"city": None}, SCHEMA)[1] == ["city: None is not of type 'string'"]


def test_what_is_wrong_is_named_as_it_was_given() -> None:
    given = {"city": "Oslo", "days": "many", "unit": None}
    assert fitted(given, SCHEMA) == (given, ["days: 'many' is not of type 'integer'"])


def test_a_schema_that_lies_elsewhere_is_not_fetched_and_forbids_nothing() -> None:
    far = {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:9/schema"}}}
    assert fitted({"x": 1}, far) == ({"x": 1}, [])


def test_a_pattern_that_only_javascript_understands_forbids_nothing() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": r"^\p{L}+$"},
            "age": {"type": "integer"},
        },
        "patternProperties": {r"^\p{Lu}": {"type": "string"}},
    }
    assert fitted({"name": "Ada", "age": 36}, schema)[1] == []
    assert fitted({"name": 3}, schema)[1] == ["name: 3 is not of type 'string'"]
    assert fitted({"age": "x"}, schema)[1] == ["age: 'x' is not of type 'integer'"]


def test_notes_are_dropped_and_what_a_value_may_be_is_kept() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/s",
        "type": "object",
        "properties": {
            "x-ray": {"type": "string", "$comment": "later", "x-order": 1},
            "$comment": {"type": "string", "default": {"x-a": 1}},
        },
    }
    assert digestible(schema) == {
        "type": "object",
        "properties": {
            "x-ray": {"type": "string"},
            "$comment": {"type": "string", "default": {"x-a": 1}},
        },
    }


def test_recursion_and_references_by_name_keep_their_definitions() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}
    recursive = {"type": "object", "properties": {"t": {"$ref": "#/$defs/tree"}}}
    assert digestible(recursive | {"$defs": {"tree": tree, "unused": {}}})["$defs"] == {
        "tree": tree
    }
    named = {"properties": {"t": {"$ref": "#leaf"}}, "$defs": {"l": {"$anchor": "leaf"}}}
    assert digestible(named) == {"type": "object", **named}
