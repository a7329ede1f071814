"""Incremental parser: sampled text to reasoning, content and tool calls.

Text arrives in pieces of any size, and the result does not depend on how it is split. Each
character is examined a bounded number of times. The meaning of the tags:

- `<think>` at the beginning opens a thought; `</think>` ends it. If the prompt has already opened
  the thought, there is no opening tag.
- `<tool_call>` opens a call, even inside a thought, which it ends. In a Markdown code block or
  after a backtick it is text. Within a line of prose or in a thought, it is text unless a call
  follows.
- A call ends with `</tool_call>`, except inside a string. A call without an end tag, or one that
  cannot be read, is a `MalformedCall`: it is never run, and other calls are not affected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..messages import Content, MalformedCall, Part, Reasoning, ToolCall
from .code_blocks import CodeBlocks
from .json_calls import JsonScanner, read_json_call
from .scanner import CALL_END, CALL_START, CallError, CallScanner, End
from .xml_calls import FUNCTION_START, XmlScanner, parameters_by_tool, read_xml_call

THOUGHT_START = "<think>"
THOUGHT_END = "</think>"

_SPACE = re.compile(r"\s*")
_CUT_OFF = "The tool call was cut off before its end, so it was not run. Make a shorter one."
_NOT_ENDED = "The tool call has no </tool_call>, so it was not run."
_NOT_CLOSED = "The tool call has a string or a parameter that is not closed, so it was not run."


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """New text of a thought."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """New text for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class CallParsed:
    """A complete call."""

    call: ToolCall | MalformedCall


Delta = ReasoningDelta | ContentDelta | CallParsed


class Parser:
    """Parses one message of the model.

    Args:
        call_format: how the model writes calls. Both formats are accepted after `<tool_call>`.
            With "xml", `<function=` at the beginning of a line opens a call as well, because
            Qwen3-Coder often omits the tag before it.
        thinking_open: whether the prompt ended inside a thought.
        tools: their schemas, for the types of XML arguments.
    """

    def __init__(
        self,
        call_format: Literal["json", "xml"],
        *,
        thinking_open: bool = False,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self._bare_functions = call_format == "xml"
        self._parameters = parameters_by_tool(tools)
        self._parts: list[Part] = []
        self._deltas: list[Delta] = []
        self._text = ""
        self._at = 0
        self._fed = 0
        self._distrusted = 0
        self._final = False
        self._carried = ""
        self._closed_by_call = False
        self._span = _Span(thought=thinking_open)
        self._call: _Call | None = None

    @property
    def thinking(self) -> bool:
        """Whether the text so far ends inside a thought, and not in a call there."""
        return self._span.thought and self._call is None

    @property
    def parts(self) -> tuple[Part, ...]:
        """The complete parts so far; an unfinished part is added by `finish`."""
        return tuple(self._parts)

    def feed(self, text: str) -> list[Delta]:
        """Parse more text, and return what is new."""
        self._text = self._text[self._at :] + text
        self._at = 0
        self._fed += len(text)
        return self._run()

    def finish(self, *, truncated: bool = False) -> list[Delta]:
        """Parse what remains at the end of the message. May be called more than once.

        Args:
            truncated: whether the message was cut off, rather than ended by the model.
        """
        self._final = True
        deltas = self._run()
        if self._call is not None:
            self._end_unfinished_call(self._call, truncated=truncated)
        self._end_span()
        if self._carried and self._parts:
            last = self._parts[-1]
            self._parts[-1] = replace(last, raw=last.raw + self._carried)
        elif self._carried:
            self._parts.append(Content("", raw=self._carried))
        self._carried = ""
        return deltas + self._run()

    def _run(self) -> list[Delta]:
        """Parse as far as the text so far allows."""
        while self._at < len(self._text):
            before = self._at, self._call, self._call and self._call.scanner
            if self._call is None:
                self._read_text()
            elif self._call.scanner is None:
                self._read_opening(self._call)
            else:
                self._read_call(self._call, self._call.scanner)
            if before == (self._at, self._call, self._call and self._call.scanner):
                break
        deltas, self._deltas = self._deltas, []
        return deltas

    # Text: thoughts and content ----------------------------------------------------------------

    def _read_text(self) -> None:
        text, at = self._text, self._at
        bracket = text.find("<", at)
        if bracket < 0:
            bracket = len(text)
        if bracket > at:
            self._emit_text(text[at:bracket])
            self._at = bracket
        if bracket == len(text):
            return
        for tag in self._tags():
            if text.startswith(tag, bracket):
                self._at += len(tag)
                self._read_tag(tag)
                return
            if self._may_become(tag):
                return
        self._emit_text("<")
        self._at += 1

    def _tags(self) -> Iterator[str]:
        """Yield the tags that have a meaning at this position."""
        yield CALL_START
        if self._bare_functions:
            yield FUNCTION_START
        if self._span.thought or self._closed_by_call:
            yield THOUGHT_END
        if not self._span.started:
            yield THOUGHT_START
            if self._parts and isinstance(self._parts[-1], ToolCall | MalformedCall):
                yield CALL_END

    def _read_tag(self, tag: str) -> None:
        span = self._span
        if tag == THOUGHT_END:
            self._closed_by_call = False
            span.raw.append(tag)
            self._end_span()
        elif tag == THOUGHT_START:
            if not span.thought:
                self._end_span()
                self._span = _Span(thought=True)
            self._span.raw.append(tag)
        elif tag == CALL_END:
            span.raw.append(tag)
        elif span.blocks.quoting or (tag == FUNCTION_START and not span.blocks.at_line_start):
            self._emit_text(tag)
        else:
            sure = span.blocks.at_line_start and not span.thought
            self._call = _Call(tag, sure, [tag])

    def _emit_text(self, text: str) -> None:
        if said := self._span.add(text):
            self._deltas.append(ReasoningDelta(said) if self._span.thought else ContentDelta(said))

    def _end_span(self) -> None:
        """Turn the text so far into a part; whitespace alone is added to the next part."""
        span = self._span
        if span.started and (said := span.rest()):
            self._deltas.append(ReasoningDelta(said) if span.thought else ContentDelta(said))
        text, raw = "".join(span.text), self._carried + "".join(span.raw)
        self._carried = ""
        if span.thought and raw:
            self._parts.append(Reasoning(text, raw=raw))
        elif span.started:
            self._parts.append(Content(text, raw=raw))
        else:
            self._carried = raw
        self._span = _Span(thought=False)

    # Calls -------------------------------------------------------------------------------------

    def _read_opening(self, call: _Call) -> None:
        """Decide whether the text after the tag is a call, and in which format."""
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        call.pieces.append(found[0])
        self._at = found.end()
        if self._at == len(self._text) and call.tag == CALL_START:
            return
        trusting = self._position >= self._distrusted
        if call.tag == FUNCTION_START or self._text.startswith(FUNCTION_START, self._at):
            wrapped = call.tag == CALL_START
            call.begin(XmlScanner(wrapped=wrapped, trusting=trusting), trusting=trusting)
        elif self._may_become(FUNCTION_START):
            return
        elif self._text.startswith("{", self._at):
            call.begin(JsonScanner(trusting=trusting), trusting=trusting)
        elif call.sure:
            call.begin(JsonScanner(broken=True), trusting=trusting)
            call.may_be_text = True
        else:
            self._take_as_text(call)

    def _read_call(self, call: _Call, scanner: CallScanner) -> None:
        start = self._at
        self._at = scanner.scan(self._text, start, final=self._final)
        call.pieces.append(self._text[start : self._at])
        if scanner.end is None:
            return
        raw = "".join(call.pieces)
        if scanner.end is End.REFUTED and scanner.candidate is not None:
            end = call.scanned_from + scanner.candidate
            self._go_back(raw[end:])
            raw = raw[:end]
        self._end_call(call, raw)

    def _go_back(self, text: str) -> None:
        """Parse `text`, which precedes the current position, a second time.

        This time the first `</tool_call>` ends a call, so that no text is parsed a third time.
        """
        self._distrusted = max(self._distrusted, self._position)
        if len(text) <= self._at:
            self._at -= len(text)
        else:
            self._text = text + self._text[self._at :]
            self._at = 0

    def _end_call(self, call: _Call, raw: str, error: str | None = None) -> None:
        self._closed_by_call = self._closed_by_call or self._span.thought
        self._end_span()
        whole, self._carried = self._carried + raw, ""
        part: ToolCall | MalformedCall
        try:
            if error is not None:
                raise CallError(error)
            name, arguments = self._understand(call, raw)
            part = ToolCall(name, arguments, raw=whole)
        except CallError as problem:
            part = MalformedCall(raw=whole, error=str(problem))
        self._parts.append(part)
        self._deltas.append(CallParsed(part))
        self._call = None

    def _understand(self, call: _Call, raw: str) -> tuple[str, dict[str, Any]]:
        body = raw.removeprefix(CALL_START).removesuffix(CALL_END)
        if isinstance(call.scanner, XmlScanner):
            return read_xml_call(body, self._parameters)
        return read_json_call(body, repair=call.trusting)

    def _end_unfinished_call(self, call: _Call, *, truncated: bool) -> None:
        if not truncated and (call.may_be_text or not (call.scanner or call.sure)):
            self._take_as_text(call)
            return
        error = _CUT_OFF if truncated else _NOT_ENDED
        if not truncated and call.scanner and call.scanner.candidate is not None:
            error = _NOT_CLOSED
        self._end_call(call, "".join(call.pieces), error)

    def _take_as_text(self, call: _Call) -> None:
        self._call = None
        self._emit_text("".join(call.pieces))

    @property
    def _position(self) -> int:
        """The current position in the whole message."""
        return self._fed - (len(self._text) - self._at)

    def _may_become(self, tag: str) -> bool:
        """Return whether the remaining text could be the beginning of a tag."""
        if self._final:
            return False
        return tag.startswith(self._text[self._at : self._at + len(tag)])


@dataclass(slots=True, eq=False)
class _Span:
    """Text of one kind between two tags, or between a tag and a call."""

    thought: bool
    started: bool = False
    raw: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    blocks: CodeBlocks = field(default_factory=CodeBlocks)

    def add(self, text: str) -> str:
        """Add text, and return the text that can be reported now; trailing space is held back."""
        self.raw.append(text)
        self.blocks.feed(text)
        visible = text.rstrip()
        if not visible:
            self.held.append(text)
            return ""
        said = "".join(self.held) + visible
        self.held = [text[len(visible) :]]
        if not self.started:
            self.started = True
            said = said.lstrip("\n")
        self.text.append(said)
        return said

    def rest(self) -> str:
        """Return the part of the held-back space that belongs to the end of the text."""
        said = "".join(self.held).rstrip("\n")
        self.held = []
        self.text.append(said)
        return said


@dataclass(slots=True, eq=False)
class _Call:
    """A call, or text that may turn out to be one."""

    tag: str
    sure: bool
    pieces: list[str]
    may_be_text: bool = False
    scanner: CallScanner | None = None
    scanned_from: int = 0
    trusting: bool = True

    def begin(self, scanner: CallScanner, *, trusting: bool) -> None:
        """Confirm that this is a call, whose end `scanner` finds."""
        self.scanner = scanner
        self.scanned_from = sum(map(len, self.pieces))
        self.trusting = trusting
