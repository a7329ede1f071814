"""Rewrite JSON Schemas so that a grammar can enforce them.

Grammars of xgrammar (0.2) interpret a schema more strictly than JSON Schema in some places, and
more loosely in others. Where they would be wrong, the schema is rewritten, or the keyword is left
to the validation that every call passes anyway. Each rule was found by sampling from the grammar:

- Without `additionalProperties`, an object with `properties` is closed; one without any stays
  open. Properties appear in their declared order.
- A string with `minLength`, `maxLength` or `pattern` cannot contain escapes: no quotes, no line
  breaks. So these are kept only where such characters are not expected.
- `pattern` must match the whole string, while JSON Schema searches for it.
- `anyOf` hides the keywords next to it, and so does more than one `allOf`.
- `not`, `if`, `contains`, `dependentRequired` and similar keywords are not enforced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

TYPES = frozenset({"string", "integer", "number", "boolean", "null", "array", "object"})
LONGEST = 16
"""`maxLength` up to which a string is assumed to be a code or similar, without quotes."""
DEEPEST = 64
"""Maximum nesting depth of a schema."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_ESCAPED = ('"', "\\", "\n", 'a"b', "a\\b", "a\nb", '1"2', "1\n2", 'A "b" c')


class UnsupportedSchemaError(Exception):
    """The schema cannot be turned into a grammar; the message is the reason."""


def grammar_schema(schema: Any) -> dict[str, Any]:
    """Rewrite the schema of a tool's arguments, or of an answer, for xgrammar.

    Raises:
        UnsupportedSchemaError: the schema cannot be turned into a grammar.
    """
    if not isinstance(schema, Mapping):
        raise UnsupportedSchemaError("it is not an object")
    rewritten = _Rewriter(schema).rewrite(schema, root=True)
    assert isinstance(rewritten, dict)
    return rewritten


@dataclass(slots=True)
class _Rewriter:
    """Rewrites one schema."""

    root: Mapping[str, Any]
    depth: int = 0

    def rewrite(self, schema: Any, *, root: bool = False) -> dict[str, Any] | bool:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise UnsupportedSchemaError(f"{schema!r} is not a schema")
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnsupportedSchemaError("it is nested too deeply")
        try:
            return self._rewrite(schema, root)
        finally:
            self.depth -= 1

    def _rewrite(self, schema: Mapping[str, Any], root: bool) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if root:
            for keyword in ("$defs", "definitions"):
                if isinstance(schema.get(keyword), Mapping):
                    named = schema[keyword].items()
                    out[keyword] = {name: self.rewrite(each) for name, each in named}
        if "$ref" in schema:
            return out | {"$ref": self._reference(schema["$ref"])}
        if "allOf" in schema:
            schema = self._merged(schema)
        if "const" in schema:
            return out | {"const": schema["const"]}
        if "enum" in schema:
            return out | {"enum": self._choices(schema)}
        alternatives = schema.get("anyOf", schema.get("oneOf"))
        beside = ("properties", "required", "items")
        if alternatives is not None and not any(keyword in schema for keyword in beside):
            return out | {"anyOf": self._alternatives(alternatives, schema.get("type"))}
        return out | self._typed(schema, root)

    def _typed(self, schema: Mapping[str, Any], root: bool) -> dict[str, Any]:
        given = schema.get("type", _implied_type(schema))
        if root and given is None:
            given = "object"
        types = given if isinstance(given, list) else [] if given is None else [given]
        for each in types:
            if each not in TYPES:
                raise UnsupportedSchemaError(f"there is no type {each!r}")
        out: dict[str, Any] = {} if given is None else {"type": given}
        if "object" in types:
            out |= self._object(schema, root)
        if "array" in types:
            out |= self._array(schema)
        if "string" in types:
            out |= self._string(schema)
        if "integer" in types or "number" in types:
            out |= self._number(schema, types)
        return out

    def _object(self, schema: Mapping[str, Any], root: bool) -> dict[str, Any]:
        properties = schema.get("properties")
        if properties is not None and not isinstance(properties, Mapping):
            raise UnsupportedSchemaError("its properties are not an object")
        out: dict[str, Any] = {}
        declared = {name: self.rewrite(each) for name, each in (properties or {}).items()}
        given = schema.get("required")
        required = [each for each in given if isinstance(each, str)] if _is_list(given) else []
        for name in required:
            declared.setdefault(name, {})
        # A nested object without properties leaves them unspecified
        if declared or (root and "additionalProperties" not in schema):
            out["properties"] = declared
        if required:
            out["required"] = required
        for keyword in ("additionalProperties", "propertyNames"):
            if keyword in schema:
                out[keyword] = self.rewrite(schema[keyword])
        if isinstance(patterns := schema.get("patternProperties"), Mapping):
            out["patternProperties"] = {key: self.rewrite(each) for key, each in patterns.items()}
        for keyword in ("minProperties", "maxProperties"):
            if isinstance(count := schema.get(keyword), int) and not declared:
                out[keyword] = count
                out.setdefault("additionalProperties", True)
        return out

    def _array(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        items, first = schema.get("items"), schema.get("prefixItems")
        if _is_list(items):  # before draft 2020-12
            first, items = items, schema.get("additionalItems")
        if _is_list(first):
            out["prefixItems"] = [self.rewrite(each) for each in first]
        if items is not None:
            out["items"] = self.rewrite(items)
        for keyword in ("minItems", "maxItems"):
            if isinstance(count := schema.get(keyword), int):
                out[keyword] = count
        return out

    def _string(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        pattern, longest = schema.get("pattern"), schema.get("maxLength")
        shortest = schema.get("minLength", 0)
        if isinstance(pattern, str) and _is_tight(pattern):
            return {"pattern": pattern}
        if "format" in schema:
            return {"format": schema["format"]}
        if isinstance(longest, int) and isinstance(shortest, int) and longest <= LONGEST:
            return {"minLength": shortest, "maxLength": longest}
        return {}

    def _number(self, schema: Mapping[str, Any], types: list[str]) -> dict[str, Any]:
        out = {keyword: schema[keyword] for keyword in _BOUNDS if keyword in schema}
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            # Before draft 6, a boolean that makes the other bound exclusive
            if isinstance(out.get(exclusive), bool) and out.pop(exclusive) and bound in out:
                out[exclusive] = out.pop(bound)
        if isinstance(step := schema.get("multipleOf"), int) and types == ["integer"]:
            out["multipleOf"] = step
        return out

    def _choices(self, schema: Mapping[str, Any]) -> list[Any]:
        choices = schema["enum"]
        if not _is_list(choices) or not choices:
            raise UnsupportedSchemaError("an enum has no values")
        return list({repr(each): each for each in choices}.values())

    def _alternatives(self, alternatives: Any, outer_type: Any) -> list[Any]:
        if not _is_list(alternatives) or not alternatives:
            raise UnsupportedSchemaError("anyOf has no alternatives")
        out = []
        for each in alternatives:
            if outer_type is not None and isinstance(each, Mapping) and "$ref" not in each:
                each = {"type": outer_type, **each}
            out.append(self.rewrite(each))
        return out

    def _merged(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `allOf` into one schema; keywords on which its members differ are not enforced."""
        merged = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        for each in schema["allOf"] if _is_list(schema["allOf"]) else ():
            while isinstance(each, Mapping) and "$ref" in each:
                each = self._target(self._reference(each["$ref"]))
            if not isinstance(each, Mapping):
                continue
            for keyword, value in each.items():
                known = merged.get(keyword, value)
                if keyword in ("properties", "$defs") and isinstance(value, Mapping):
                    merged[keyword] = {**merged.get(keyword, {}), **value}
                elif keyword == "required" and _is_list(value):
                    merged[keyword] = list(dict.fromkeys([*merged.get(keyword, []), *value]))
                elif known == value and keyword != "allOf":
                    merged[keyword] = value
                elif keyword not in ("title", "description", "allOf"):
                    merged.pop(keyword)
        return merged

    def _reference(self, reference: Any) -> str:
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise UnsupportedSchemaError(f"$ref {reference!r} points outside of the schema")
        self._target(reference)
        return reference

    def _target(self, reference: str) -> Any:
        value: Any = self.root
        for step in reference.removeprefix("#").removeprefix("/").split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if step and not (isinstance(value, Mapping) and step in value):
                raise UnsupportedSchemaError(f"$ref {reference!r} points to nothing")
            value = value[step] if step else value
        return value


def _implied_type(schema: Mapping[str, Any]) -> str | None:
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    return "array" if "items" in schema else None


def _is_tight(pattern: str) -> bool:
    """Return whether a pattern matches whole strings only, and none that JSON would escape."""
    if not (pattern.startswith("^") and pattern.endswith("$")):
        return False
    try:
        return not any(re.search(pattern, text) for text in _ESCAPED)
    except re.error:
        return False


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)
