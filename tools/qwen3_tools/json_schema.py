"""Simplifies JSON Schemas to the shape known from Qwen3's training, keeping their meaning."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

Schema = dict[str, Any]

# Keys that hold schemas (JSON Schema 2020-12, section 10). Other keys, such as `default` or `enum`,
# hold data, which may have keys called "title" or "$ref".
_SCHEMA_KEYS = frozenset(
    {
        *("additionalProperties", "contains", "else", "if", "items", "not", "propertyNames"),
        *("then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
_LIST_KEYS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP_KEYS = frozenset(
    {"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"}
)
# Annotations do not constrain a value; those next to a `$ref` override those of its target.
_ANNOTATIONS = frozenset({"default", "description", "examples", "title"})
_MAX_INLINED = 500


def map_subschemas(schema: Schema, change: Callable[[Any], Any]) -> Schema:
    """Return a copy of `schema` with `change` applied to each direct subschema."""
    changed: Schema = {}
    for key, value in schema.items():
        if key in _MAP_KEYS and isinstance(value, dict):
            changed[key] = {name: change(inner) for name, inner in value.items()}
        elif key in _LIST_KEYS and isinstance(value, list):
            changed[key] = [change(inner) for inner in value]
        elif key in _SCHEMA_KEYS:
            changed[key] = change(value)
        else:
            changed[key] = copy.deepcopy(value)
    return changed


def without_titles(schema: Any) -> Any:
    """Remove `title`s, which generators derive from names: they cost tokens without meaning."""
    if not isinstance(schema, dict):
        return schema
    bare = {key: value for key, value in schema.items() if key != "title"}
    return map_subschemas(bare, without_titles)


def with_references_inlined(schema: Schema) -> Schema:
    """Replace each local `$ref` by its target.

    Recursive definitions remain references with an entry in `$defs`. The schema is unchanged if
    inlining would make it too large, or if a reference is not a path.
    """
    budget = _MAX_INLINED
    kept: dict[str, Any] = {}

    def inline(node: Any, open_references: tuple[str, ...]) -> Any:
        nonlocal budget
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if "$dynamicRef" in node or (isinstance(reference, str) and re.match("#[^/]", reference)):
            raise _NotInlinedError  # refers to an anchor that may be anywhere
        if isinstance(reference, str):
            target = referenced(schema, reference)
            if isinstance(target, dict) and reference != "#":
                if reference in open_references:
                    kept[reference] = target
                    return node
                budget -= 1
                if budget < 0:
                    raise _NotInlinedError
                beside = {key: value for key, value in node.items() if key != "$ref"}
                opened = (*open_references, reference)
                if any(key in target and key not in _ANNOTATIONS for key in beside):
                    # Both apply, so neither may override the other.
                    return {"allOf": [inline(target, opened), inline(beside, open_references)]}
                return inline({**target, **beside}, opened)
        return map_subschemas(node, lambda inner: inline(inner, open_references))

    body = {key: value for key, value in schema.items() if key not in ("$defs", "definitions")}
    try:
        inlined = cast(Schema, inline(body, ()))
    except _NotInlinedError:
        return copy.deepcopy(schema)
    if not kept:
        return inlined
    # Remaining references may need other definitions, in their original form.
    for container in ("$defs", "definitions"):
        if container in schema:
            inlined[container] = copy.deepcopy(schema[container])
    return _without_unused_definitions(inlined)


def without_null_alternatives(schema: Any) -> Any:
    """Replace `anyOf: [X, null]` of optional properties by `X`.

    Omitting the property means the same, and is what the model knows from training.
    """
    if not isinstance(schema, dict):
        return schema
    schema = map_subschemas(schema, without_null_alternatives)
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    schema["properties"] = {
        name: inner if name in required else _not_null(inner) for name, inner in properties.items()
    }
    return schema


def in_reading_order(schema: Any) -> Any:
    """Order the keys of `schema` as people, and Qwen's own examples, write them."""
    if not isinstance(schema, dict):
        return schema
    schema = map_subschemas(schema, in_reading_order)
    first = ("type", "description", "enum", "items", "properties", "required")
    ordered = {key: schema[key] for key in first if key in schema}
    return ordered | schema


def problems_with(value: Any, schema: Schema) -> list[str]:
    """Describe for a model how a value violates a schema.

    Nothing is fetched: a schema with remote references allows everything.
    """
    # Imported here because it is slow, and rarely necessary.
    from jsonschema.validators import validator_for
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable

    validator = _forgiving(validator_for(schema))(schema, registry=REGISTRY)
    problems: list[str] = []
    try:
        for error in sorted(validator.iter_errors(value), key=lambda error: list(error.path)):
            where = ".".join(str(step) for step in error.absolute_path)
            problems.append(f"{where}: {error.message}" if where else error.message)
    except Unresolvable:
        return []
    return problems


@functools.cache
def _forgiving(validator_class: Any) -> Any:
    """Accept any value for patterns that Python does not support, such as `\\p{L}`."""
    from jsonschema.validators import extend

    def forgive(keyword: Any) -> Any:
        def check(*args: Any) -> Iterator[Any]:
            with suppress(re.error):
                yield from keyword(*args)

        return check

    known = validator_class.VALIDATORS
    patterns = {name: forgive(known[name]) for name in ("pattern", "patternProperties")}
    return extend(validator_class, patterns)


class _NotInlinedError(Exception):
    pass


def referenced(schema: Mapping[str, Any], reference: str) -> Any:
    """Return the target of a local JSON pointer (`#/$defs/Point`), or None."""
    if not reference.startswith("#"):
        return None
    node: Any = schema
    for step in reference[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        node = node.get(step) if isinstance(node, Mapping) else None
    return node


def _not_null(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("type"), list) and "null" in schema["type"]:
        kinds = [kind for kind in schema["type"] if kind != "null"]
        schema = {**schema, "type": kinds[0] if len(kinds) == 1 else kinds}
    options = schema.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        left = [option for option in options if option != {"type": "null"}]
        beside = {key: value for key, value in schema.items() if key != "anyOf"}
        if len(left) == 1 and isinstance(left[0], dict):
            schema = {**left[0], **beside}
        elif left:
            schema = {**beside, "anyOf": left}
    if schema.get("default", 0) is None:
        schema = {key: value for key, value in schema.items() if key != "default"}
    return schema


def _without_unused_definitions(schema: Schema) -> Schema:
    used: set[str] = set()
    ahead: list[Any] = [
        value for key, value in schema.items() if key not in ("$defs", "definitions")
    ]
    while ahead:
        node = ahead.pop()
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in used:
                used.add(reference)
                ahead.append(referenced(schema, reference))
            ahead.extend(node.values())
        elif isinstance(node, list):
            ahead.extend(node)
    for container in ("$defs", "definitions"):
        if container in schema:
            schema[container] = {
                name: inner
                for name, inner in schema[container].items()
                if any(f"{each}/".startswith(f"#/{container}/{name}/") for each in used)
            }
            if not schema[container]:
                del schema[container]
    return schema
