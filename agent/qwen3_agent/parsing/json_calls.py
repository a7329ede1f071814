"""Qwen3's tool calls: `{"name": ..., "arguments": {...}}` between <tool_call> and </tool_call>."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .json_values import load_json
from .scanner import CALL_END, CALL_START, CallError, End

_FORM = 'Write {"name": "...", "arguments": {...}} between <tool_call> and </tool_call>.'

_TOKEN = re.compile(r"""\s+|[^\s"'{}\[\],:<]+|.""", re.DOTALL)
_IN_STRING = {'"': re.compile(r'["\\<]'), "'": re.compile(r"['\\<]")}
_IN_BROKEN = re.compile("<")


class JsonScanner:
    """Finds the end of a call in text that arrives piece by piece.

    `</tool_call>` inside a JSON string is text, so the scanner tracks strings. After a missing or
    stray quote, the inside and outside of strings are swapped, and the text soon stops being
    valid JSON. The call then ends at the first `</tool_call>` that was assumed to be text
    (`candidate`), or if there was none, at the next one.

    Args:
        trusting: False: every `</tool_call>` ends the call, even in a string.
        broken: whether the call is known not to be JSON.
    """

    def __init__(self, *, trusting: bool = True, broken: bool = False) -> None:
        self.end: End | None = None
        self.candidate: int | None = None
        self._trusting = trusting
        self._seen = 0
        self._quote = ""
        self._escaped = False
        self._last = ""
        self._broken = broken

    def scan(self, text: str, start: int, *, final: bool) -> int:
        """See `CallScanner.scan`."""
        position = start
        while position < len(text) and self.end is None:
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            if self._quote or self._broken:
                pattern = _IN_BROKEN if self._broken else _IN_STRING[self._quote]
                found = pattern.search(text, position)
                if found is None:
                    position = len(text)
                    break
                position, token = found.start(), found[0]
            else:
                found = _TOKEN.match(text, position)
                assert found is not None
                token = found[0]
            if token == "<":
                length = self._tag(text, position, self._seen - start, final=final)
                if length is None:
                    break
                position += length
            else:
                position += len(token)
                self._token(token)
        self._seen += position - start
        return position

    def _token(self, token: str) -> None:
        if token == "\\":
            if self._quote:
                self._escaped = True
            else:
                self._break()
        elif self._quote:
            self._quote, self._last = "", '"'
        elif token in ('"', "'"):
            if self._last and self._last not in "{[,:":
                self._break()
            else:
                self._quote = token
        elif not token.isspace():
            if self._last == '"' and token not in (",", ":", "}", "]"):
                self._break()
            self._last = token[-1]

    def _tag(self, text: str, position: int, base: int, *, final: bool) -> int | None:
        """Return the length of the tag at a `<`, 1 if it is none, or None if text is missing."""
        inside = self._quote and not self._broken
        for tag in (CALL_END, CALL_START):
            if text.startswith(tag, position):
                here = base + position + (len(tag) if tag is CALL_END else 0)
                if inside and self._trusting:
                    self.candidate = here if self.candidate is None else self.candidate
                    return len(tag)
                if tag is CALL_END:
                    self.end = End.CLOSED
                    return len(tag)
                if not inside:
                    self.end = End.NEXT
                    return 0
            if not final and tag.startswith(text[position : position + len(tag)]):
                return None
        if not inside and not self._broken:
            self._break()
        return 1

    def _break(self) -> None:
        if self.candidate is not None:
            self.end = End.REFUTED
        self._broken = True
        self._quote = ""


def read_json_call(body: str, *, repair: bool = True) -> tuple[str, dict[str, Any]]:
    """Return the name and arguments of a call.

    Args:
        body: the text between the tags.
        repair: fix unambiguous mistakes: single quotes, Python's True, False and None, commas
            before a closing bracket, and missing or extra closing brackets at the end.

    Raises:
        CallError: the call cannot be read.
    """
    body = body.strip()
    if not body:
        raise CallError(f"The tool call is empty. {_FORM}")
    try:
        call = load_json(body)
    except (ValueError, RecursionError) as error:
        not_json = CallError(f"The tool call is not valid JSON: {_reason(error)}. {_FORM}")
        repaired = _repaired(body) if repair else None
        if repaired is None:
            raise not_json from None
        try:
            call = load_json(repaired)
        except (ValueError, RecursionError):
            raise not_json from None
    return _name(call), _arguments(call)


def _name(call: Any) -> str:
    if not isinstance(call, dict):
        raise CallError(f"The tool call is not a JSON object. {_FORM}")
    name = call.get("name")
    if not isinstance(name, str) or not name.strip():
        raise CallError(f'The tool call has no "name". {_FORM}')
    return name.strip()


def _arguments(call: dict[str, Any]) -> dict[str, Any]:
    if "arguments" not in call and len(call) > 1:
        others = ", ".join(json.dumps(key, ensure_ascii=False) for key in call if key != "name")
        raise CallError(f'The tool call has no "arguments", but {others}. {_FORM}')
    arguments = call.get("arguments")
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = load_json(arguments)
        except (ValueError, RecursionError) as error:
            raise CallError(
                f'"arguments" is a string that is not valid JSON: {_reason(error)}. {_FORM}'
            ) from None
    if arguments is None or isinstance(arguments, str):
        return {}
    if not isinstance(arguments, dict):
        raise CallError(f'"arguments" is not a JSON object. {_FORM}')
    return arguments


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.removesuffix(' at')} at line {error.lineno}, column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


_LENIENT_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<quoted>'(?:[^'\\]|\\.)*')
    | (?P<word>[^\s"'{}\[\],:]+)
    | (?P<mark>[{}\[\],:])
    """,
    re.VERBOSE | re.DOTALL,
)
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}
_CLOSING = {"{": "}", "[": "]"}


def _repaired(body: str) -> str | None:
    """Return the body as valid JSON, or None if its meaning is ambiguous."""
    tokens: list[str] = []
    open_brackets: list[str] = []
    closed = False
    for kind, token in _lenient_tokens(body):
        if closed:
            if token != "}":
                return None
            continue
        if token in _CLOSING:
            open_brackets.append(_CLOSING[token])
        elif token in ("}", "]"):
            if not open_brackets or open_brackets.pop() != token:
                return None
            if tokens and tokens[-1] == ",":
                tokens.pop()
            closed = not open_brackets
        tokens.append(_as_json(kind, token))
    if not tokens or (open_brackets and tokens[-1] in (",", ":", "{", "[")):
        return None
    return " ".join(tokens + open_brackets[::-1])


def _lenient_tokens(body: str) -> Iterator[tuple[str, str]]:
    """Yield the tokens of JSON or of Python literals; "?" for text that is neither."""
    position = 0
    while position < len(body):
        found = _LENIENT_TOKEN.match(body, position)
        if found is None:
            yield "", "?"
            return
        position = found.end()
        if found.lastgroup != "space":
            yield found.lastgroup or "", found[0]


def _as_json(kind: str, token: str) -> str:
    if kind == "quoted":
        text = token[1:-1].replace("\\'", "'")
        return (
            '"' + re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', text, flags=re.DOTALL) + '"'
        )
    return _PYTHON_WORDS.get(token, token)
