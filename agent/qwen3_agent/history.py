"""What was said before a conversation begins, checked: a template drops what it does not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["checked_history"]

_ROLES = ("user", "assistant", "tool", "system")


def checked_history(history: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages, with text parts of their contents as one text.

    Args:
        history: messages of the chat completions protocol.

    Raises:
        TypeError: they are no list of messages.
        ValueError: one of them is none that Qwen3 could be told; says which and why.
    """
    if isinstance(history, str | Mapping) or not isinstance(history, Iterable):
        raise TypeError(f"history must be a list of messages, not {history!r}.")
    return [_checked(f"history[{place}]", message) for place, message in enumerate(history)]


def _checked(name: str, message: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise TypeError(
            f'{name} must be a message, such as {{"role": "user", "content": "Hello."}}, '
            f"not {message!r}."
        )
    if message.get("role") not in _ROLES:
        raise ValueError(
            f"{name}: role must be one of {', '.join(_ROLES)}, not {message.get('role')!r}."
        )
    calls = message.get("tool_calls") or ()
    for call in calls:
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not {"name", "arguments"} <= function.keys():
            raise ValueError(f"{name}: a tool call must have a name and arguments, not {call!r}.")
    return {**message, "content": _text(name, message.get("content"), may_be_empty=bool(calls))}


def _text(name: str, content: object, *, may_be_empty: bool) -> str:
    if isinstance(content, str):
        return content
    if content is None and may_be_empty:
        return ""
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        if all(isinstance(text, str) for text in texts):
            return "".join(map(str, texts))
    raise ValueError(f"{name}: content must be text, which is all that Qwen3 reads: {content!r}.")
