"""Incremental reading of a chat server's message into parts.

Servers differ in how much of a model's text they parse. A thought arrives as `reasoning_content`,
as `reasoning`, or as raw text between <think> and </think>; tool calls arrive parsed, or as raw
text. Thoughts and content are turned back into the text that the model wrote, as far as it is
known, and go through the same `Parser`. Calls that the server has parsed are added after them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...formats.chat_format import CallFormat
from ...formats.tokenizer import encodable
from ...messages import Content, MalformedCall, Part, Reasoning, ToolCall
from ...parsing.json_calls import read_json_call
from ...parsing.parser import CallParsed, ContentDelta, Delta, Parser
from ...parsing.scanner import CallError
from ..session import OnDelta

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Fields for a thought: the first in vLLM before 0.12, SGLang, llama.cpp, LM Studio and DashScope,
the second in later vLLM and Ollama."""


@dataclass(slots=True)
class _ServerCall:
    """A call parsed by the server, which arrives piece by piece."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class MessageReader:
    """Reads the chunks of one message.

    Args:
        tools: schemas, for the types of XML arguments.
        on_delta: called with each piece of the message as it arrives.
        call_format: how the model writes calls, for calls that the server does not parse.
        opens_thought: whether the prompt opens the thought, so that raw text begins inside it.

    Attributes:
        parts: of the message; complete after `finish`.
        call_ids: the server's ids of the calls that it parsed, by their index in `parts`.
        finish_reason: the server's; None until it arrives.
        usage: the server's token counts; empty if it does not report any.
        reasoning_field: the field in which the thought arrived; None if it was raw text.
        pieces: number of chunks with content, each of which is a token on most servers.
        opens_thought: as passed, or as detected from the message.
    """

    def __init__(
        self,
        tools: Sequence[Mapping[str, Any]],
        on_delta: OnDelta,
        *,
        call_format: CallFormat = "json",
        opens_thought: bool = False,
    ) -> None:
        self.parts: tuple[Part, ...] = ()
        self.call_ids: dict[int, str] = {}
        self.finish_reason: str | None = None
        self.usage: dict[str, Any] = {}
        self.reasoning_field: str | None = None
        self.pieces = 0
        self.opens_thought = opens_thought
        self._tools = tools
        self._call_format = call_format
        self._on_delta = on_delta
        self._parser: Parser | None = None
        self._in_field = False
        self._half = ""
        self._raw: list[str] = []
        self._calls: list[_ServerCall] = []
        self._by_index: dict[int | None, _ServerCall] = {}

    def feed(self, chunk: Mapping[str, Any]) -> None:
        """Process the next chunk."""
        if isinstance(chunk.get("usage"), dict):
            self.usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self.pieces += has_content(delta)
            for name in REASONING_FIELDS:
                if isinstance(delta.get(name), str) and delta[name]:
                    self.reasoning_field = name
                    self._add_thought(self._whole(delta[name]))
                    break
            if isinstance(delta.get("content"), str) and delta["content"]:
                self._add_content(self._whole(delta["content"]))
            for call in delta.get("tool_calls") or ():
                self._add_call_piece(call)
            self.finish_reason = choice.get("finish_reason") or self.finish_reason

    def finish(self, *, truncated: bool) -> None:
        """Complete the parts at the end of the message.

        Args:
            truncated: whether the message was cut off, which makes an incomplete call malformed.
        """
        if self._half:
            half, self._half = encodable(self._half), ""
            (self._add_thought if self._in_field else self._add_content)(half)
        self._end_parser(truncated=truncated)
        self._correct_thought(truncated=truncated)
        said = [(part.name, part.arguments) for part in self.parts if isinstance(part, ToolCall)]
        for call in self._calls:
            part = _part_of(call)
            if isinstance(part, ToolCall) and (part.name, part.arguments) in said:
                # Some servers parse a call and also leave its text in the content
                said.remove((part.name, part.arguments))
                continue
            if isinstance(part, ToolCall):
                self.call_ids[len(self.parts)] = call.id
            self.parts = (*self.parts, part)
            self._report([CallParsed(part)])

    def _whole(self, text: str) -> str:
        """Hold back the first half of a surrogate pair at the end of a text."""
        text = self._half + text
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return encodable(text.removesuffix(self._half))

    def _add_thought(self, text: str) -> None:
        """Process text that the server identified as a thought."""
        if not self._in_field:
            self._end_parser(truncated=False)
            self._parser = self._new_parser(thinking_open=False)
            self._report(self._parser.feed("<think>\n"))
            self._in_field = True
        assert self._parser is not None
        self._report(self._parser.feed(text))

    def _add_content(self, text: str) -> None:
        """Process text that the server identified as content."""
        if self._parser is None:
            self._parser = self._new_parser(thinking_open=self.opens_thought)
        if self._in_field:
            self._report(self._parser.feed("\n</think>\n\n"))
            self._in_field = False
        self._raw.append(text)
        self._report(self._parser.feed(text))

    def _end_parser(self, *, truncated: bool) -> None:
        if self._parser is not None:
            self._report(self._parser.finish(truncated=truncated))
            self.parts += self._parser.parts

    def _add_call_piece(self, piece: Mapping[str, Any]) -> None:
        function = piece.get("function") or {}
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        index, call_id = piece.get("index"), piece.get("id") or ""
        call = self._calls[-1] if self._calls and index is None else self._by_index.get(index)
        is_new = call is None or (call_id and call.id and call_id != call.id and name)
        if is_new or (index is None and name):
            call = _ServerCall()
            self._calls.append(call)
            if index is not None:
                self._by_index[index] = call
        assert call is not None
        call.id = call.id or call_id
        # Servers send a name once, in pieces, or in full with every piece
        call.name = call.name if name == call.name else call.name + name
        call.arguments.append(arguments)

    def _correct_thought(self, *, truncated: bool) -> None:
        """Correct the parts if content turns out to be a thought, or the other way round.

        If the template opens the thought and the server sends it as raw text, only a </think>
        distinguishes the two.
        """
        raw = "".join(self._raw)
        if self.reasoning_field is not None or not raw:
            return
        thought = any(isinstance(part, Reasoning) for part in self.parts)
        closed = "</think>" in raw
        if self.opens_thought and not closed and not truncated:
            parser = self._new_parser(thinking_open=False)
        elif not self.opens_thought and closed and not thought:
            parser = self._new_parser(thinking_open=True)
            self.opens_thought = True
        else:
            return
        told = any(isinstance(part, Content) for part in self.parts)
        deltas = parser.feed(raw) + parser.finish(truncated=truncated)
        self.parts = parser.parts
        if not told:
            self._report([delta for delta in deltas if isinstance(delta, ContentDelta)])

    def _new_parser(self, *, thinking_open: bool) -> Parser:
        return Parser(self._call_format, thinking_open=thinking_open, tools=self._tools)

    def _report(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            self._on_delta(delta)


def has_content(delta: Mapping[str, Any]) -> bool:
    """Return whether a delta contains anything of the message."""
    return bool(
        delta.get("content")
        or delta.get("tool_calls")
        or any(delta.get(name) for name in REASONING_FIELDS)
    )


def _part_of(call: _ServerCall) -> ToolCall | MalformedCall:
    """Read a call that the server parsed, without repairs: its end may have been cut off."""
    arguments = encodable("".join(call.arguments)).strip() or "{}"
    body = f'{{"name": {json.dumps(call.name, ensure_ascii=False)}, "arguments": {arguments}}}'
    raw = f"<tool_call>\n{body}\n</tool_call>"
    try:
        name, values = read_json_call(body, repair=False)
    except CallError as error:
        return MalformedCall(raw=raw, error=str(error))
    return ToolCall(name, values, raw=raw)
