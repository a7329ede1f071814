"""Tool calls of Qwen3-Coder and Qwen3.5: <function=name> with a <parameter=key> for each value.

Values are not escaped, so the end of a value follows from the structure: it is a `</parameter>`
before another parameter or the end of the function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .argument_types import convert
from .scanner import CALL_END, CALL_START, CallError, End

FUNCTION_START = "<function="
_FUNCTION_END = "</function>"
_PARAMETER_START = "<parameter="
_PARAMETER_END = "</parameter>"
_TAGS = (_PARAMETER_END, _PARAMETER_START, _FUNCTION_END, FUNCTION_START, CALL_END, CALL_START)

_FORM = (
    "Write <tool_call>, <function=name>, <parameter=key>, the value, </parameter>, </function>, "
    "</tool_call>, each on its own line."
)
_HEADER = re.compile(r"\s*<function=([^<>\n]*)>")
_KEY = re.compile(r"\s*<parameter=([^<>\n]*)>")
_VALUE_END = re.compile(r"</parameter>(?=\s*(?:<parameter=|</function>|</tool_call>|\Z))")
_END = re.compile(r"\s*(?:</function>\s*)?\Z")


class XmlScanner:
    """Finds the end of a call in text that arrives piece by piece.

    Args:
        wrapped: whether the call began with `<tool_call>`; if not, `</function>` ends it.
        trusting: False: every `</tool_call>` ends the call, even in a value.
    """

    def __init__(self, *, wrapped: bool, trusting: bool = True) -> None:
        self.end: End | None = None
        self.candidate: int | None = None
        self._wrapped = wrapped
        self._trusting = trusting
        self._seen = 0
        self._last = ""
        self._blank = True
        self._has_parameters = False

    def scan(self, text: str, start: int, *, final: bool) -> int:
        """See `CallScanner.scan`."""
        position = start
        while position < len(text) and self.end is None:
            bracket = text.find("<", position)
            stop = len(text) if bracket < 0 else bracket
            if stop > position and not text[position:stop].isspace():
                self._blank = False
            position = stop
            if bracket < 0:
                break
            tag = next((tag for tag in _TAGS if text.startswith(tag, position)), None)
            if tag is not None:
                position = self._tag(tag, position, self._seen - start)
            elif not final and any(tag.startswith(text[position : position + 12]) for tag in _TAGS):
                break
            else:
                self._blank = False
                position += 1
        self._seen += position - start
        return position

    def _tag(self, tag: str, position: int, base: int) -> int:
        """Process a tag, and return the position at which to continue."""
        after = position + len(tag)
        previous = self._last if self._blank else ""
        in_value = self._has_parameters and previous not in (_PARAMETER_END, _FUNCTION_END)
        self._last, self._blank = tag, True
        if tag == _PARAMETER_START:
            self._has_parameters = True
        elif tag == _FUNCTION_END and not self._wrapped and not in_value:
            self.end = End.CLOSED
        elif tag == CALL_END:
            if not in_value or not self._trusting:
                self.end = End.CLOSED
            else:
                self.candidate = base + after
        elif tag == CALL_START and not in_value:
            self.end = End.NEXT
            return position
        elif tag == CALL_START and previous != CALL_END:
            self._blank = False
        elif tag == FUNCTION_START and previous == CALL_START and self.candidate is not None:
            self.end = End.REFUTED
        return after


def read_xml_call(body: str, tools: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Any]]:
    """Return the name and arguments of a call.

    Args:
        body: the text between the tags.
        tools: JSON Schema of the parameters by tool name, for the types of the values.

    Raises:
        CallError: the call cannot be read.
    """
    header = _HEADER.match(body)
    if header is None or not header[1].strip():
        raise CallError(f"The tool call has no <function=name>. {_FORM}")
    name = header[1].strip()
    schema = tools.get(name, {})
    arguments: dict[str, Any] = {}
    position = header.end()
    while not _END.match(body, position):
        key = _KEY.match(body, position)
        if key is None:
            rest = body[position:].strip().split("\n")[0][:40]
            raise CallError(f'Expected <parameter=key> or </function>, not "{rest}". {_FORM}')
        end = _VALUE_END.search(body, key.end())
        if end is None:
            raise CallError(f'The parameter "{key[1]}" has no </parameter>. {_FORM}')
        if key[1] in arguments:
            raise CallError(f'The parameter "{key[1]}" is given twice.')
        value = body[key.end() : end.start()].removeprefix("\n").removesuffix("\n")
        arguments[key[1].strip()] = convert(value, schema, key[1].strip())
        position = end.end()
    return name, arguments


def parameters_by_tool(tools: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return the JSON Schema of the parameters by tool name.

    The schemas of the tools may have OpenAI's "function" wrapper.
    """
    functions = [tool.get("function", tool) for tool in tools]
    return {
        function["name"]: function.get("parameters") or {}
        for function in functions
        if isinstance(function.get("name"), str)
    }
