"""What a model on a chat server has said, as messages that the server takes again."""

from __future__ import annotations

import json
from typing import Any

from ..parts import Content, MalformedCall, Reasoning, ToolCall
from .message_reader import MessageReader

__all__ = ["message_of", "without_thought"]


def message_of(reader: MessageReader, *, number: int) -> tuple[dict[str, Any], list[str | None]]:
    """The message, and the ids of its calls: None for one that could not be read.

    Args:
        reader: of the message, to whose end it has come.
        number: of the message, for ids that the server has not given.
    """
    said: list[str] = []
    thought = "".join(part.text for part in reader.parts if isinstance(part, Reasoning))
    calls: list[dict[str, Any]] = []
    ids: list[str | None] = []
    for place, part in enumerate(reader.parts):
        if isinstance(part, Content):
            said.append(part.text)
        elif isinstance(part, MalformedCall):
            said.append(part.raw.strip("\n"))
            ids.append(None)
        elif isinstance(part, ToolCall):
            id = reader.call_ids.get(place) or f"call_{number}_{place}"
            arguments = json.dumps(part.arguments, ensure_ascii=False)
            function = {"name": part.name, "arguments": arguments}
            calls.append({"id": id, "type": "function", "function": function})
            ids.append(id)
    content = "\n".join(said)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if thought and reader.reasoning_field:
        # Under the name that the server itself uses; some stumble over the other one
        message[reader.reasoning_field] = thought
    elif thought:
        message["content"] = f"<think>\n{thought}\n</think>\n\n{content}"
    if calls:
        message["tool_calls"] = calls
    return message, ids


def without_thought(message: dict[str, Any]) -> dict[str, Any]:
    """The message as it stands in the prompt of a later turn."""
    if message.get("role") != "assistant":
        return message
    kept = {
        key: value
        for key, value in message.items()
        if key not in ("reasoning", "reasoning_content")
    }
    content = kept.get("content")
    if isinstance(content, str) and content.startswith("<think>"):
        kept["content"] = content.partition("</think>")[2].lstrip("\n")
    return kept
