"""The grammar of a step: what is said is free, and a tool call is one that can be run.

A structural tag of xgrammar, which vLLM takes as well. `<tool_call>`, the token, opens a call; from
there to `</tool_call>` only a known name and arguments by that tool's JSON Schema can be said, in
the spelling of the checkpoint's chat template. Thoughts are free up to `</think>`: a call in a
thought, or one spelled without the token, is the parser's business, as without a grammar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Literal

from ..formats.chat_format import ChatFormat
from ..grammar.constraint import Constraint
from ..parsing.scanner import CALL_END, CALL_START
from .schema import ForGrammar, UnsupportedSchemaError, for_grammar

__all__ = ["CallGrammar", "Thought", "ToolChoice", "check_choice"]

ToolChoice = str
"""Which tools a step may call: "auto", "none", "required" (at least one), or the name of the one
that it must call."""

Thought = Literal["none", "possible", "open"]
"""Whether a generation begins in a thought, or may begin one."""

Format = dict[str, Any]

WHITESPACE = 2
"""Most white space between two tokens of JSON. Unbounded, a small model can go on for ever."""
_GAP = {"type": "regex", "pattern": r"[ \n]{0,4}"}
_ANY_OBJECT: dict[str, Any] = {"type": "object"}


class CallGrammar:
    """The grammars of a list of tools.

    Args:
        chat_format: of the checkpoint.
        tools: their schemas, as the model is shown them.
        output: JSON Schema of the final answer. None: it is free text.

    Attributes:
        warnings: one for each tool whose schema no grammar can express; there once a structural
            tag has been asked for.
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
        """What one generation is held to; None: nothing.

        Raises:
            ValueError: `choice` names no tool, or wants one where there is none.
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
        format = self._with_thought(said, thought, choice)
        return json.dumps({"type": "structural_tag", "format": format}, ensure_ascii=False)

    def _with_thought(self, said: Format, thought: Thought, choice: ToolChoice) -> Format:
        must = choice not in ("auto", "none") or self._output is not None
        if thought == "none" or self._think is None:
            return said
        gap = [_GAP] if must else []
        inside: Format = {"type": "any_tokens", "exclude_tokens": [self._thought_end]}
        if choice == "none":
            inside = _free_of("</think>", CALL_START)
        ended = _sequence(_token(self._thought_end), *gap, said)
        # A message that ends within its thought makes its calls there, or none
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
        answer = _sequence(_GAP, _json(self._answer.schema))
        if choice == "none" or not calls["tags"]:
            return answer
        calls = _sequence(_GAP, {**calls, "at_least_one": True})
        return calls if choice != "auto" else _either(answer, calls)

    @cached_property
    def _answer(self) -> ForGrammar:
        assert self._output is not None
        try:
            return _checked(self._output, xml=False)
        except UnsupportedSchemaError:
            return ForGrammar(_ANY_OBJECT)

    @cached_property
    def _tags(self) -> list[tuple[str, Format]]:
        """What each tool's calls look like, after the token that opens them."""
        warnings: list[str] = []
        tags = []
        for tool in self._tools:
            name = tool["name"]
            parameters = tool.get("parameters") or {"type": "object", "properties": {}}
            try:
                found = _checked(parameters, xml=self._xml)
            except UnsupportedSchemaError as why:
                warnings.append(
                    f"No grammar can express the arguments of {name} ({why}): they are checked "
                    "when it is called."
                )
                found = ForGrammar(_ANY_OBJECT)
            content = _sequence(*self._call(name, found.schema))
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
    """Raises ValueError for a choice that names no tool, or wants one where there is none."""
    if choice in ("auto", "none", *names) or (choice == "required" and names):
        return
    if choice == "required":
        raise ValueError('tool_choice="required" wants a tool to call, and there is none.')
    raise ValueError(
        f'tool_choice is "auto", "none", "required" or the name of a tool, not "{choice}". '
        f"The tools are: {', '.join(names) or 'none'}."
    )


def _checked(schema: Any, *, xml: bool) -> ForGrammar:
    """The schema for a grammar, after xgrammar has made one of it.

    Raises:
        UnsupportedSchemaError: it cannot.
    """
    import xgrammar

    found = for_grammar(schema)
    style = {"style": "qwen_xml"} if xml else {}
    try:
        tag = {"type": "structural_tag", "format": _json(found.schema, **style)}
        xgrammar.Grammar.from_structural_tag(json.dumps(tag))
    except Exception as error:  # xgrammar's are of many kinds
        raise UnsupportedSchemaError(
            str(error).strip().splitlines()[-1].partition(": ")[2]
        ) from error
    return found


def _json(schema: dict[str, Any], **style: str) -> Format:
    return {
        "type": "json_schema",
        "json_schema": schema,
        "max_whitespace_cnt": WHITESPACE,
        **style,
    }


def _free_of(*texts: str) -> Format:
    """Any text but these. Forbidding their tokens would do; but xgrammar's cache of grammars
    (0.2.8) confuses two that differ in such tokens only, and a process may share one."""
    return {"type": "any_text", "excludes": list(texts)}


def _text(value: str) -> Format:
    return {"type": "const_string", "value": value}


def _token(id: int | None) -> Format:
    return {"type": "token", "token": id}


def _sequence(*elements: Format) -> Format:
    return {"type": "sequence", "elements": list(elements)}


def _either(*elements: Format) -> Format:
    return {"type": "or", "elements": list(elements)}
