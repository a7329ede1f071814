"""What of a JSON Schema goes into a grammar, and what is left to validation."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from grammars import accepts_json, sampled_values

from qwen3_agent.grammar.schema import UnsupportedSchemaError, grammar_schema

pytestmark = pytest.mark.model

TEXT = {"type": "string"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "fits", "does_not"),
    [
        (of(a=TEXT), {"a": 'x"\n\\é'}, {"a": 1}),
        (of(a=TEXT), {"a": ""}, {}),
        (of(a=TEXT), {"a": ""}, {"a": "", "b": 1}),
        (of(a={"type": "integer", "minimum": 1, "maximum": 12}), {"a": 12}, {"a": 13}),
        (of(a={"enum": ["x", 'y"', None]}), {"a": 'y"'}, {"a": "z"}),
        (of(a={"type": ["string", "null"]}), {"a": None}, {"a": 1}),
        (of(a={"type": "array", "items": TEXT, "minItems": 1}), {"a": ["x"]}, {"a": []}),
        (
            of(a={"type": "array", "items": [TEXT, {"type": "null"}]}),
            {"a": ["x", None]},
            {"a": [1]},
        ),
        (of(a={"type": "object"}), {"a": {"any": [1]}}, {"a": "x"}),
        (of(a={"type": "object", "properties": {}}), {"a": {"any": [1]}}, {"a": "x"}),
        ({"type": "object", "properties": {}}, {}, {"a": 1}),
        ({"type": "object"}, {}, {"a": 1}),
        ({"type": "object", "additionalProperties": True}, {"a": 1}, []),
        (of(a={"anyOf": [TEXT, {"type": "integer"}]}), {"a": 5}, {"a": None}),
        (of(a={"type": "string", "anyOf": [{"enum": ["x"]}]}), {"a": "x"}, {"a": "y"}),
        (of(a={"allOf": [of(b=TEXT), of(c=TEXT)]}), {"a": {"b": "", "c": ""}}, {"a": {"b": ""}}),
        (of(a={"type": "string", "pattern": r"^\d{4}-\d\d$"}), {"a": "2026-11"}, {"a": "x"}),
        (of(a={"type": "string", "maxLength": 3}), {"a": "EUR"}, {"a": "EURO"}),
        ({"type": "object", "properties": {}, "required": ["a"]}, {"a": 1}, {}),
        (of(a={"type": "number", "minimum": 0, "exclusiveMinimum": True}), {"a": 0.5}, {"a": 0}),
        (
            {**of(a={"$ref": "#/$defs/T"}), "$defs": {"T": of(b={"$ref": "#/$defs/N"}), "N": TEXT}},
            {"a": {"b": "x"}},
            {"a": {"b": 1}},
        ),
    ],
)
def test_a_value_that_fits_can_be_said_and_one_that_does_not_cannot(
    schema: dict[str, Any], fits: Any, does_not: Any
) -> None:
    grammar = grammar_schema(schema)
    assert accepts_json(grammar, json.dumps(fits, ensure_ascii=False))
    assert not accepts_json(grammar, json.dumps(does_not, ensure_ascii=False))


@pytest.mark.parametrize(
    "schema",
    [
        of(a={"type": "string", "minLength": 1}),
        of(a={"type": "string", "maxLength": 500}),
        of(a={"type": "string", "pattern": "^.+$"}),
        of(a={"type": "string", "pattern": r"\S"}),
    ],
)
def test_a_text_with_a_length_or_a_loose_pattern_keeps_its_quotes_and_line_breaks(
    schema: dict[str, Any],
) -> None:
    assert accepts_json(grammar_schema(schema), json.dumps({"a": 'She said:\n"yes"\\'}))


@pytest.mark.parametrize(
    "schema",
    [
        of(a={**TEXT, "not": {"const": "x"}}),
        of(a={"type": "array", "contains": TEXT}),
        {**of(a=TEXT), "if": of(a={"const": "x"}), "then": of(b=TEXT)},
        {**of(a=TEXT), "anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
        {**of(a=TEXT), "dependentRequired": {"a": ["b"]}},
        of(a={"allOf": [{"type": "string"}, {"type": "null"}]}),
    ],
)
def test_what_a_grammar_would_get_wrong_is_left_to_validation(
    schema: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    value = '{"a": []}' if "contains" in str(schema) else '{"a": "x"}'
    assert accepts_json(grammar_schema(schema), value)
    assert capfd.readouterr() == ("", ""), "xgrammar warns on stderr of what it does not hold to"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("no schema", "it is not an object"),
        (of(a={"type": "dict"}), "there is no type 'dict'"),
        (of(a={"enum": []}), "an enum has no values"),
        (of(a={"$ref": "https://example.com/s.json"}), "points outside of the schema"),
        (of(a={"$ref": "#/$defs/T"}), "points to nothing"),
        (of(a=5), "5 is not a schema"),
        ({"type": "object", "properties": ["a"]}, "its properties are not an object"),
    ],
)
def test_of_a_schema_that_means_nothing_it_says_why(schema: Any, why: str) -> None:
    with pytest.raises(UnsupportedSchemaError, match=why):
        grammar_schema(schema)


def test_a_schema_without_end_is_refused() -> None:
    schema: dict[str, Any] = {"type": "array"}
    schema["items"] = schema
    with pytest.raises(UnsupportedSchemaError, match="nested too deeply"):
        grammar_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        of(a=TEXT, b={"type": "number"}, c={"type": "boolean"}),
        of(a={"type": "array", "items": of(b={"type": "integer"}), "maxItems": 3}),
        of(a={"type": "string", "maxLength": 5}, b={"type": "string", "format": "date"}),
        of(a={"anyOf": [of(k={"const": "x"}), of(k={"const": "y"}, v=TEXT)]}),
        of(a={"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 1000}),
        {"$defs": {"T": of(c={"anyOf": [{"$ref": "#/$defs/T"}, {"type": "null"}]})}}
        | of(a={"$ref": "#/$defs/T"}),
    ],
)
def test_whatever_is_drawn_from_the_grammar_validates(schema: dict[str, Any]) -> None:
    for value in sampled_values(grammar_schema(schema), count=10):
        jsonschema.validate(value, schema)
