"""Arguments of MCP tools, checked against the server's own schema before the call."""

from __future__ import annotations

from typing import Any

import pytest

from qwen3_tools.mcp.tools import model_schema, without_stray_nulls

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
    assert without_stray_nulls(given, SCHEMA) == (sent, [])


def test_what_is_required_is_never_left_out() -> None:
    assert without_stray_nulls({"city": None}, SCHEMA)[1] == ["city: None is not of type 'string'"]


def test_what_is_wrong_is_named_as_it_was_given() -> None:
    given = {"city": "Oslo", "days": "many", "unit": None}
    assert without_stray_nulls(given, SCHEMA) == (given, ["days: 'many' is not of type 'integer'"])


def test_a_schema_that_lies_elsewhere_is_not_fetched_and_forbids_nothing() -> None:
    far = {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:9/schema"}}}
    assert without_stray_nulls({"x": 1}, far) == ({"x": 1}, [])


def test_a_pattern_that_only_javascript_understands_forbids_nothing() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "pattern": r"^\p{L}+$"},
            "age": {"type": "integer"},
        },
        "patternProperties": {r"^\p{Lu}": {"type": "string"}},
    }
    assert without_stray_nulls({"name": "Ada", "age": 36}, schema)[1] == []
    assert without_stray_nulls({"name": 3}, schema)[1] == ["name: 3 is not of type 'string'"]
    assert without_stray_nulls({"age": "x"}, schema)[1] == ["age: 'x' is not of type 'integer'"]


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
    assert model_schema(schema) == {
        "type": "object",
        "properties": {
            "x-ray": {"type": "string"},
            "$comment": {"type": "string", "default": {"x-a": 1}},
        },
    }


def test_recursion_and_references_by_name_keep_their_definitions() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/tree"}}}
    recursive = {"type": "object", "properties": {"t": {"$ref": "#/$defs/tree"}}}
    assert model_schema(recursive | {"$defs": {"tree": tree, "unused": {}}})["$defs"] == {
        "tree": tree
    }
    named = {"properties": {"t": {"$ref": "#leaf"}}, "$defs": {"l": {"$anchor": "leaf"}}}
    assert model_schema(named) == {"type": "object", **named}
