"""The grammar of a step: free text, and tool calls that are always valid.

The grammar is a structural tag of xgrammar, which vLLM accepts as well. The token `<tool_call>`
opens a call; from there to `</tool_call>` only a known tool name and arguments that match its JSON
Schema can be sampled, in the format of the checkpoint's chat template. Thoughts are unconstrained
up to `</think>`: calls inside a thought, or spelled without the token, are left to the parser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Literal

from ..formats.chat_format import ChatFormat
from ..parsing.scanner import CALL_END, CALL_START
from .constraint import Constraint
from .schema import UnsupportedSchemaError, grammar_schema

ToolChoice = str
"""Which tools a step may call: "auto", "none", "required" (at least one), or the name of the one
that it must call."""

Thought = Literal["none", "possible", "open"]
"""Whether a generation starts inside a thought ("open"), or may begin with one ("possible")."""

Format = dict[str, Any]

WHITESPACE = 2
"""Maximum whitespace between JSON tokens. Without a limit, a small model may never stop."""
_GAP = {"type": "regex", "pattern": r"[ \n]{0,4}"}
_ANY_OBJECT: dict[str, Any] = {"type": "object"}


class CallGrammar:
    """The grammars of a list of tools.

    Args:
        chat_format: of the checkpoint.
        tools: their schemas, as shown to the model.
        output: JSON Schema of the final answer. None: free text.

    Attributes:
        warnings: one for each tool whose schema cannot be turned into a grammar; complete once a
            structural tag has been requested.
    """

    def __init__(
        self,
        chat_format: ChatFormat,
        tools: Sequence[Mapping[str, Any]],
        output: Mapping[str, Any] | None = None,
    ) -> None:
        self.warnings: tuple[str, ...] = ()
        self._tools = [tool.get("function", tool) for tool in tools]
        self._names = [tool["name"] for tool in self._tools]
        self._output = output
        self._xml = chat_format.call_format == "xml"
        self._call_start = chat_format.control_id(CALL_START)
        self._call_end = chat_format.control_id(CALL_END)
        self._think = chat_format.control_id("<think>") if chat_format.can_think else None
        self._thought_end = chat_format.control_id("</think>") if chat_format.can_think else None
        self._known: dict[tuple[Thought, ToolChoice], Constraint] = {}
        self._lock = Lock()

    def constraint(self, thought: Thought, choice: ToolChoice) -> Constraint | None:
        """Return the constraint of one generation, or None if it is unconstrained.

        Raises:
            ValueError: `choice` is not valid for these tools.
        """
        check_choice(choice, self._names)
        if self._output is None and not self._names:
            return None
        key = (thought, choice)
        if key not in self._known:
            free = choice == "auto" and self._output is None
            self._known[key] = Constraint(
                lambda: self._structural_tag(thought, choice),
                wakes_on=frozenset({self._call_start} if free else ()),
            )
        return self._known[key]

    def _structural_tag(self, thought: Thought, choice: ToolChoice) -> str:
        with self._lock:
            said = self._after_thought(choice)
        tag = {"type": "structural_tag", "format": self._with_thought(said, thought, choice)}
        return json.dumps(tag, ensure_ascii=False)

    def _with_thought(self, said: Format, thought: Thought, choice: ToolChoice) -> Format:
        must = choice not in ("auto", "none") or self._output is not None
        if thought == "none" or self._think is None:
            return said
        gap = [_GAP] if must else []
        inside: Format = {"type": "any_tokens", "exclude_tokens": [self._thought_end]}
        if choice == "none":
            inside = _free_of("</think>", CALL_START)
        ended = _sequence(_token(self._thought_end), *gap, said)
        # A message may end inside its thought, after calls there or without any
        after = ended if must else {"type": "optional", "content": ended}
        if thought == "open":
            return _sequence(inside, after)
        return _either(_sequence(_token(self._think), inside, after), said)

    def _after_thought(self, choice: ToolChoice) -> Format:
        calls = {
            "type": "token_triggered_tags",
            "trigger_tokens": [self._call_start],
            "tags": [],
            "at_least_one": choice not in ("auto", "none"),
            "stop_after_first": choice in self._names,
        }
        if choice != "none":
            calls["tags"] = [
                tag for name, tag in self._tags if choice in ("auto", "required", name)
            ]
        if self._output is None:
            return calls if calls["tags"] else _free_of(CALL_START)
        answer = _sequence(_GAP, _json(self._answer))
        if choice == "none" or not calls["tags"]:
            return answer
        calls = _sequence(_GAP, {**calls, "at_least_one": True})
        return calls if choice != "auto" else _either(answer, calls)

    @cached_property
    def _answer(self) -> dict[str, Any]:
        assert self._output is not None
        try:
            return _checked(self._output, xml=False)
        except UnsupportedSchemaError:
            return _ANY_OBJECT

    @cached_property
    def _tags(self) -> list[tuple[str, Format]]:
        """Return the format of each tool's calls by name, from their opening token on."""
        warnings: list[str] = []
        tags = []
        for tool in self._tools:
            name = tool["name"]
            parameters = tool.get("parameters") or {"type": "object", "properties": {}}
            try:
                found = _checked(parameters, xml=self._xml)
            except UnsupportedSchemaError as why:
                warnings.append(
                    f"The arguments of {name} cannot be constrained by a grammar ({why}): they are "
                    "validated when the tool is called."
                )
                found = _ANY_OBJECT
            content = _sequence(*self._call(name, found))
            tags.append(
                (
                    name,
                    {
                        "type": "tag",
                        "begin": _token(self._call_start),
                        "content": content,
                        "end": _token(self._call_end),
                    },
                )
            )
        self.warnings = tuple(warnings)
        return tags

    def _call(self, name: str, schema: dict[str, Any]) -> Iterator[Format]:
        if self._xml:
            yield _text(f"\n<function={name}>")
            yield _json(schema, style="qwen_xml")
            yield _text("</function>\n")
        else:
            quoted = json.dumps(name, ensure_ascii=False)
            yield _text(f'\n{{"name": {quoted}, "arguments": ')
            yield _json(schema)
            yield _text("}\n")


def check_choice(choice: ToolChoice, names: Sequence[str]) -> None:
    """Raise ValueError if `choice` names no tool, or is "required" and there are no tools."""
    if choice in ("auto", "none", *names) or (choice == "required" and names):
        return
    if choice == "required":
        raise ValueError('tool_choice="required" needs at least one tool, but there are none.')
    raise ValueError(
        f'tool_choice must be "auto", "none", "required" or the name of a tool, not "{choice}". '
        f"The tools are: {', '.join(names) or 'none'}."
    )


def _checked(schema: Any, *, xml: bool) -> dict[str, Any]:
    """Return the rewritten schema, after checking that xgrammar accepts it.

    Raises:
        UnsupportedSchemaError: the schema cannot be turned into a grammar.
    """
    import xgrammar

    found = grammar_schema(schema)
    style = {"style": "qwen_xml"} if xml else {}
    try:
        tag = {"type": "structural_tag", "format": _json(found, **style)}
        xgrammar.Grammar.from_structural_tag(json.dumps(tag))
    except Exception as error:  # xgrammar raises many types
        raise UnsupportedSchemaError(
            str(error).strip().splitlines()[-1].partition(": ")[2]
        ) from error
    return found


def _json(schema: dict[str, Any], **style: str) -> Format:
    return {"type": "json_schema", "json_schema": schema, "max_whitespace_cnt": WHITESPACE, **style}


def _free_of(*texts: str) -> Format:
    """Return a format for any text without `texts`.

    Excluding their tokens instead would be enough, but xgrammar 0.2.8's cache of grammars confuses
    two that differ only in excluded tokens.
    """
    return {"type": "any_text", "excludes": list(texts)}


def _text(value: str) -> Format:
    return {"type": "const_string", "value": value}


def _token(token: int | None) -> Format:
    return {"type": "token", "token": token}


def _sequence(*elements: Format) -> Format:
    return {"type": "sequence", "elements": list(elements)}


def _either(*elements: Format) -> Format:
    return {"type": "or", "elements": list(elements)}
