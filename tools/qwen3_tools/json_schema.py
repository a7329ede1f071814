"""JSON Schemas in the plain shape that Qwen3 was trained on, without loss of meaning."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

Schema = dict[str, Any]

# Where a schema holds schemas (JSON Schema 2020-12, section 10). All else, such as `default` or
# `enum`, is data and may well have a key called "title" or "$ref" of its own.
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
# Words about a value, which say nothing of what it may be: the nearer ones count.
_ANNOTATIONS = frozenset({"default", "description", "examples", "title"})
_MAX_INLINED = 500


def map_subschemas(schema: Schema, change: Callable[[Any], Any]) -> Schema:
    """A copy of `schema` with `change` applied to each schema directly inside it."""
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
    """`schema` without the `title`s that generators derive from names: tokens, no meaning."""
    if not isinstance(schema, dict):
        return schema
    bare = {key: value for key, value in schema.items() if key != "title"}
    return map_subschemas(bare, without_titles)


def with_references_inlined(schema: Schema) -> Schema:
    """`schema` with each local `$ref` replaced by what it names.

    A definition that contains itself stays a reference and keeps its entry in `$defs`. So does
    everything when inlining would grow the schema without measure, or a reference is no path.
    """
    budget = _MAX_INLINED
    kept: dict[str, Any] = {}

    def inline(node: Any, open_references: tuple[str, ...]) -> Any:
        nonlocal budget
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if "$dynamicRef" in node or (isinstance(reference, str) and re.match("#[^/]", reference)):
            raise _NotInlinedError  # it is looked up by a name that may stand anywhere
        if isinstance(reference, str):
            target = _lookup(schema, reference)
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
                    # Both apply, so neither may take the place of the other.
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
    # A reference into a definition that itself refers on needs its neighbors too, as they were.
    for container in ("$defs", "definitions"):
        if container in schema:
            inlined[container] = copy.deepcopy(schema[container])
    return _without_unused_definitions(inlined)


def without_null_alternatives(schema: Any) -> Any:
    """`schema` with `anyOf: [X, null]` of a property that may be left out written as plain `X`.

    Leaving the property out says the same, and is what the model has seen in training.
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
    """`schema` with its keys in the order in which people, and Qwen's own examples, write them."""
    if not isinstance(schema, dict):
        return schema
    schema = map_subschemas(schema, in_reading_order)
    first = ("type", "description", "enum", "items", "properties", "required")
    ordered = {key: schema[key] for key in first if key in schema}
    return ordered | schema


def problems_with(value: Any, schema: Schema) -> list[str]:
    """What is wrong with a value, by its schema, in words that a model can act on.

    Nothing is ever fetched: a part of the schema that lies elsewhere allows everything.
    """
    # Imported here because it takes a while, and the schema of most runs is never broken.
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
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
    """Takes a pattern that only JavaScript understands, such as `\\p{L}`, to allow all."""
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


def _lookup(schema: Schema, reference: str) -> Any:
    """What a local JSON pointer (`#/$defs/Point`) names, or None."""
    if not reference.startswith("#"):
        return None
    node: Any = schema
    for step in reference[1:].split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or step not in node:
            return None
        node = node[step]
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

    def collect(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in used:
                used.add(reference)
                collect(_lookup(schema, reference))
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect({key: value for key, value in schema.items() if key not in ("$defs", "definitions")})
    for container in ("$defs", "definitions"):
        if container in schema:
            schema[container] = {
                name: inner
                for name, inner in schema[container].items()
                if any(
                    reference == f"#/{container}/{name}"
                    or reference.startswith(f"#/{container}/{name}/")
                    for reference in used
                )
            }
            if not schema[container]:
                del schema[container]
    return schema
