"""What a model on a chat server has said, as messages that the server takes again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import Content, MalformedCall, Reasoning, ToolCall
from .chat_api.message_reader import MessageReader

__all__ = ["EncodedOnce", "json_bytes", "message_of", "without_thought"]


def message_of(reader: MessageReader, *, number: int) -> dict[str, Any]:
    """The message, with an id for each call in it; one that could not be read is text.

    Args:
        reader: of the message, to whose end it has come.
        number: of the message, for ids that the server has not given.
    """
    said: list[str] = []
    thought = "".join(part.text for part in reader.parts if isinstance(part, Reasoning))
    calls: list[dict[str, Any]] = []
    for place, part in enumerate(reader.parts):
        if isinstance(part, Content):
            said.append(part.text)
        elif isinstance(part, MalformedCall):
            said.append(part.raw.strip("\n"))
        elif isinstance(part, ToolCall):
            id = reader.call_ids.get(place) or f"call_{number}_{place}"
            arguments = json.dumps(part.arguments, ensure_ascii=False)
            function = {"name": part.name, "arguments": arguments}
            calls.append({"id": id, "type": "function", "function": function})
    content = "\n".join(said)
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if thought and reader.reasoning_field:
        # Under the name that the server itself uses; some stumble over the other one
        message[reader.reasoning_field] = thought
    elif thought:
        message["content"] = f"<think>\n{thought}\n</think>\n\n{content}"
    if calls:
        message["tool_calls"] = calls
    return message


class EncodedOnce:
    """Messages as JSON, each encoded once, or long runs would take longer with every step."""

    def __init__(self) -> None:
        self._encoded: list[tuple[Mapping[str, Any], bytes]] = []

    def of(self, messages: Sequence[Mapping[str, Any]]) -> list[bytes]:
        """Each message as JSON.

        Args:
            messages: of which none changes after it was given; another may stand in its place.
        """
        for place, message in enumerate(messages):
            if place == len(self._encoded):
                self._encoded.append((message, json_bytes(message)))
            elif self._encoded[place][0] is not message:
                self._encoded[place] = (message, json_bytes(message))
        del self._encoded[len(messages) :]
        return [encoded for _, encoded in self._encoded]


def json_bytes(value: Any) -> bytes:
    """JSON in UTF-8, with a question mark for half of a surrogate pair."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


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
