"""Schemas in plain shape: less to read, the same in meaning."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from qwen3_tools.json_schema import (
    in_reading_order,
    with_references_inlined,
    without_null_alternatives,
    without_titles,
)

NAMES = ["title", "a", "b", "default", "$ref"]
LEAVES = st.sampled_from(
    [
        {"type": "string", "title": "Name"},
        {"type": "integer", "default": 0},
        {"enum": ["x", {"title": "kept"}]},
        {"$ref": "#/$defs/point"},
        {"$ref": "#/$defs/tree", "description": "a tree"},
        {"$ref": "#/$defs/point", "required": ["title"]},
        True,
    ]
)


def schemas_of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(
            lambda properties: {
                "type": "object",
                "title": "Thing",
                "properties": properties,
                "required": sorted(properties)[:1],
            },
            st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        ),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
    )


DEFINITIONS = {
    "point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
    "tree": {
        "type": "object",
        "properties": {
            "at": {"$ref": "#/$defs/point"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
        },
    },
    "unused": {"type": "null"},
}
SCHEMAS = st.recursive(LEAVES, schemas_of, max_leaves=6).map(
    lambda root: (root if isinstance(root, dict) else {}) | {"$defs": DEFINITIONS}
)
VALUES = st.recursive(
    st.sampled_from([None, "x", 3, {"title": "kept"}, {"x": 1}, {"x": "no"}]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*NAMES, "x", "at", "children"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_what_is_valid_stays_valid_and_what_is_not_does_not(schema: Any, value: Any) -> None:
    before = copy.deepcopy(schema)
    plain = in_reading_order(without_titles(with_references_inlined(schema)))
    assert schema == before
    jsonschema.Draft202012Validator.check_schema(plain)
    assert jsonschema.Draft202012Validator(plain).is_valid(value) == (
        jsonschema.Draft202012Validator(schema).is_valid(value)
    )
    assert "#/$defs/point" not in json.dumps({**plain, "$defs": None})


def test_a_definition_that_contains_itself_is_kept_and_no_other() -> None:
    schema = {
        "type": "object",
        "properties": {"t": {"$ref": "#/$defs/tree"}, "p": {"$ref": "#/$defs/point"}},
        "$defs": DEFINITIONS,
    }
    plain = with_references_inlined(schema)
    assert plain["properties"]["p"] == DEFINITIONS["point"]
    assert set(plain["$defs"]) == {"tree", "point"}  # a kept definition refers to `point` itself


def test_a_schema_that_would_grow_without_measure_is_left_as_it_is() -> None:
    definitions: dict[str, Any] = {"d0": {"type": "integer"}}
    for level in range(1, 20):
        pair = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"type": "array", "prefixItems": [pair, pair]}
    schema = {"$ref": "#/$defs/d19", "$defs": definitions}
    assert with_references_inlined(schema) == schema


def test_a_reference_to_nowhere_is_left_alone() -> None:
    schema = {"properties": {"a": {"$ref": "https://example.com/x"}, "b": {"$ref": "#/nope"}}}
    assert with_references_inlined(schema) == schema


def test_null_beside_a_type_goes_where_leaving_out_says_the_same() -> None:
    text, nothing = {"type": "string"}, {"type": "null"}
    schema = {
        "properties": {
            "optional": {"anyOf": [text, nothing], "default": None, "description": "d"},
            "listed": {"type": ["string", "null"]},
            "several": {"anyOf": [text, {"type": "integer"}, nothing]},
            "required": {"anyOf": [text, nothing]},
        },
        "required": ["required"],
    }
    assert without_null_alternatives(schema)["properties"] == {
        "optional": {"type": "string", "description": "d"},
        "listed": {"type": "string"},
        "several": {"anyOf": [text, {"type": "integer"}]},
        "required": {"anyOf": [text, nothing]},
    }
