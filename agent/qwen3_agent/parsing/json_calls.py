"""Qwen3's tool calls: `{"name": ..., "arguments": {...}}` between <tool_call> and </tool_call>."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .json_values import load_json
from .scanner import CALL_END, CALL_START, CallError, End

__all__ = ["JsonScanner", "read_json_call"]

_FORM = 'Write {"name": "...", "arguments": {...}} between <tool_call> and </tool_call>.'

_TOKEN = re.compile(r"""\s+|[^\s"'{}\[\],:<]+|.""", re.DOTALL)
_IN_STRING = {'"': re.compile(r'["\\<]'), "'": re.compile(r"['\\<]")}
_IN_BROKEN = re.compile("<")


class JsonScanner:
    """Finds the end of a call in text that comes bit by bit.

    `</tool_call>` inside a JSON string is text, so strings are followed. When a missing or stray
    quote has turned inside out, what follows soon cannot be JSON. Then the call ends at the first
    `</tool_call>` that was taken for text (`candidate`), or if there was none, at the next one.

    Args:
        trusting: False: every `</tool_call>` ends the call, in strings too.
        broken: it is known not to be JSON.
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
        """Read on from `start`; where to go on: at the end of the call, or before a tag of which
        the rest is still to come."""
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
        """How far a `<` goes: a whole tag, or one character; None: the rest has to come first."""
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
    """Name and arguments of a call.

    Args:
        body: what stands between the tags.
        repair: mend what can only be meant one way: single quotes, Python's True, False and None,
            commas before a closing bracket, closing brackets that are missing or too many at the
            end.

    Raises:
        CallError: what is wrong.
    """
    body = body.strip()
    if not body:
        raise CallError(f"The tool call is empty. {_FORM}")
    try:
        call = load_json(body)
    except (ValueError, RecursionError) as error:
        mended = _mend(body) if repair else None
        if mended is None:
            raise CallError(f"The tool call is not valid JSON: {_say(error)}. {_FORM}") from None
        try:
            call = load_json(mended)
        except (ValueError, RecursionError):
            raise CallError(f"The tool call is not valid JSON: {_say(error)}. {_FORM}") from None
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
                f'"arguments" is a string that is not valid JSON: {_say(error)}. {_FORM}'
            ) from None
    if arguments is None or isinstance(arguments, str):
        return {}
    if not isinstance(arguments, dict):
        raise CallError(f'"arguments" is not a JSON object. {_FORM}')
    return arguments


def _say(error: Exception) -> str:
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


def _mend(body: str) -> str | None:
    """The body as JSON if there is one thing only that it can mean."""
    mended: list[str] = []
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
            if mended and mended[-1] == ",":
                mended.pop()
            closed = not open_brackets
        mended.append(_as_json(kind, token))
    if not mended or (open_brackets and mended[-1] in (",", ":", "{", "[")):
        return None
    return " ".join(mended + open_brackets[::-1])


def _lenient_tokens(body: str) -> Iterator[tuple[str, str]]:
    """Tokens of JSON or of Python's literals; an empty one, which no JSON has, where none fits."""
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
