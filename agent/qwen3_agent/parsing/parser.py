"""Sampled text to reasoning, content and tool calls, as it comes.

Text is taken in pieces of any size, and how it is cut makes no difference to what comes out. Each
character is looked at a bounded number of times. What the tags mean:

- A `<think>` at the beginning opens a thought; `</think>` ends it. If the prompt has opened the
  thought already, there is no tag.
- `<tool_call>` opens a call, also in the middle of a thought, which it ends. In a Markdown code
  block or behind a backtick it is text. In the middle of a line of prose, or in a thought, it is
  text unless a call follows.
- A call ends with `</tool_call>` (what is inside a string does not count). One that has no end
  tag, or cannot be read, is a `MalformedCall`: it never runs, and calls beside it are unharmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..messages import Content, MalformedCall, Part, Reasoning, ToolCall
from .code_blocks import CodeBlocks
from .json_calls import JsonScanner, read_json_call
from .scanner import CALL_END, CALL_START, CallError, CallScanner, End
from .xml_calls import FUNCTION_START, XmlScanner, parameters_by_tool, read_xml_call

__all__ = ["CallParsed", "ContentDelta", "Delta", "Parser", "ReasoningDelta"]

THOUGHT_START = "<think>"
THOUGHT_END = "</think>"

_SPACE = re.compile(r"\s*")
_CUT_OFF = "The tool call was cut off before its end, so it was not run. Make a shorter one."
_NOT_ENDED = "The tool call has no </tool_call>, so it was not run."
_NOT_CLOSED = "The tool call has a string or a parameter that is not closed, so it was not run."


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """More of a thought."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentDelta:
    """More of what is said to the user."""

    text: str


@dataclass(frozen=True, slots=True)
class CallParsed:
    """A call has ended."""

    call: ToolCall | MalformedCall


Delta = ReasoningDelta | ContentDelta | CallParsed


class Parser:
    """Reads one message of the model.

    Args:
        call_format: how the model writes calls. Both formats are read wherever a `<tool_call>`
            opens one; with "xml" a `<function=` at the beginning of a line does so, too, since
            Qwen3-Coder often forgets the tag before it.
        thinking_open: the prompt ended inside a thought.
        tools: schemas, for the types of XML arguments.
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
        self._stretch = _Stretch(thought=thinking_open)
        self._call: _Call | None = None

    @property
    def thinking(self) -> bool:
        """Whether the text has come to the inside of a thought, and not to a call in it."""
        return self._stretch.thought and self._call is None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What has been read; of what has not ended yet, nothing until `finish`."""
        return tuple(self._parts)

    def feed(self, text: str) -> list[Delta]:
        """Read on."""
        self._text = self._text[self._at :] + text
        self._at = 0
        self._fed += len(text)
        return self._run()

    def finish(self, *, truncated: bool = False) -> list[Delta]:
        """Read what is left. Safe to call twice.

        Args:
            truncated: the message was cut off; otherwise the model ended it.
        """
        self._final = True
        deltas = self._run()
        if self._call is not None:
            self._end_unfinished_call(self._call, truncated=truncated)
        self._end_stretch()
        if self._carried and self._parts:
            last = self._parts[-1]
            self._parts[-1] = replace(last, raw=last.raw + self._carried)
        elif self._carried:
            self._parts.append(Content("", raw=self._carried))
        self._carried = ""
        return deltas + self._run()

    def _run(self) -> list[Delta]:
        """Read as far as can be decided."""
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
            self._say(text[at:bracket])
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
        self._say("<")
        self._at += 1

    def _tags(self) -> Iterator[str]:
        """Those that mean something here."""
        yield CALL_START
        if self._bare_functions:
            yield FUNCTION_START
        if self._stretch.thought or self._closed_by_call:
            yield THOUGHT_END
        if not self._stretch.started:
            yield THOUGHT_START
            if self._parts and isinstance(self._parts[-1], ToolCall | MalformedCall):
                yield CALL_END

    def _read_tag(self, tag: str) -> None:
        stretch = self._stretch
        if tag == THOUGHT_END:
            self._closed_by_call = False
            stretch.raw.append(tag)
            self._end_stretch()
        elif tag == THOUGHT_START:
            if not stretch.thought:
                self._end_stretch()
                self._stretch = _Stretch(thought=True)
            self._stretch.raw.append(tag)
        elif tag == CALL_END:
            stretch.raw.append(tag)
        elif stretch.blocks.quoting or (tag == FUNCTION_START and not stretch.blocks.at_line_start):
            self._say(tag)
        else:
            self._call = _Call(tag, sure=stretch.blocks.at_line_start and not stretch.thought)

    def _say(self, text: str) -> None:
        if said := self._stretch.add(text):
            self._deltas.append(
                ReasoningDelta(said) if self._stretch.thought else ContentDelta(said)
            )

    def _end_stretch(self) -> None:
        """Make a part of the text so far; space alone goes with the next part."""
        stretch = self._stretch
        if stretch.started and (said := stretch.rest()):
            self._deltas.append(ReasoningDelta(said) if stretch.thought else ContentDelta(said))
        text, raw = "".join(stretch.text), self._carried + "".join(stretch.raw)
        self._carried = ""
        if stretch.thought and raw:
            self._parts.append(Reasoning(text, raw=raw))
        elif stretch.started:
            self._parts.append(Content(text, raw=raw))
        else:
            self._carried = raw
        self._stretch = _Stretch(thought=False)

    # Calls -------------------------------------------------------------------------------------

    def _read_opening(self, call: _Call) -> None:
        """Decide from what follows the tag whether it is a call, and in which format."""
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
        """Read `text`, which lies before where we are, once more; this time the first
        `</tool_call>` ends a call, so that nothing is read a third time."""
        self._distrusted = max(self._distrusted, self._position)
        if len(text) <= self._at:
            self._at -= len(text)
        else:
            self._text = text + self._text[self._at :]
            self._at = 0

    def _end_call(self, call: _Call, raw: str, error: str | None = None) -> None:
        self._closed_by_call = self._closed_by_call or self._stretch.thought
        self._end_stretch()
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
        self._say("".join(call.pieces))

    @property
    def _position(self) -> int:
        """Where we are in all of the text."""
        return self._fed - (len(self._text) - self._at)

    def _may_become(self, tag: str) -> bool:
        """Whether what is left could be the beginning of a tag."""
        if self._final:
            return False
        return tag.startswith(self._text[self._at : self._at + len(tag)])


class _Stretch:
    """Text of one kind between two tags, or between a tag and a call."""

    __slots__ = ("blocks", "held", "raw", "started", "text", "thought")

    def __init__(self, *, thought: bool) -> None:
        self.thought = thought
        self.started = False
        self.raw: list[str] = []
        self.text: list[str] = []
        self.held: list[str] = []
        self.blocks = CodeBlocks()

    def add(self, text: str) -> str:
        """Take more in; what of it and of the space held back can be said now."""
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
        """What of the space held back belongs to the text, at its end."""
        said = "".join(self.held).rstrip("\n")
        self.held = []
        self.text.append(said)
        return said


class _Call:
    """A call, or what may become one, as it comes."""

    __slots__ = ("may_be_text", "pieces", "scanned_from", "scanner", "sure", "tag", "trusting")

    def __init__(self, tag: str, *, sure: bool) -> None:
        self.tag = tag
        self.sure = sure
        self.pieces = [tag]
        self.may_be_text = False
        self.scanner: CallScanner | None = None
        self.scanned_from = 0
        self.trusting = True

    def begin(self, scanner: CallScanner, *, trusting: bool) -> None:
        """It is a call, and `scanner` finds its end."""
        self.scanner = scanner
        self.scanned_from = sum(map(len, self.pieces))
        self.trusting = trusting
