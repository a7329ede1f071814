"""Converts messages between Qwen-Agent's form, as dictionaries, and ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import Qwen3AgentError
from ...messages import (
    AssistantMessage,
    Content,
    Part,
    Reasoning,
    SystemMessage,
    ToolResultMessage,
    UserMessage,
)
from ...messages import Message as ChatMessage
from ...messages.reading import call_of

Message = dict[str, Any]
"""A message of Qwen-Agent. It has the thought, the text and each call as separate messages."""


def as_dict(message: Any) -> Message:
    """Return a message, or a part of one, as a dictionary."""
    if isinstance(message, Mapping):
        return dict(message)
    dumped: Message = message.model_dump(exclude_none=True)
    return dumped


def text_of(content: Any) -> str:
    """Return the text of a message's content.

    Raises:
        Qwen3AgentError: The content includes media, which a text model cannot read.
    """
    if isinstance(content, str):
        return content
    items = [as_dict(item) for item in content or ()]
    other = sorted({key for item in items for key in item if key != "text"})
    if other:
        raise Qwen3AgentError(
            f"A message contains {other[0]!r}, but Qwen3 only reads text: mention the path of the "
            "file in the message, and upload the file to a CodeInterpreter."
        )
    return "".join(item["text"] for item in items)


def text_messages(thought: str, content: str) -> list[Message]:
    """Return the messages for the text that the model has written so far."""
    messages: list[Message] = []
    if thought.strip():
        thinking = {"role": "assistant", "content": "", "reasoning_content": thought.strip()}
        messages.append(thinking)
    if content.strip():
        messages.append({"role": "assistant", "content": content.strip()})
    return messages


def call_message(number: int, name: str, arguments: Mapping[str, Any]) -> Message:
    """Return the message for a call; `number` is its place in the step, from 1."""
    call = {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
    extra = {"function_id": str(number)}
    return {"role": "assistant", "content": "", "function_call": call, "extra": extra}


def as_chat(messages: Sequence[Message]) -> list[ChatMessage]:
    """Return messages of Qwen-Agent in our form.

    Raises:
        Qwen3AgentError: A message includes media.
    """
    chat: list[ChatMessage] = []
    results = 0
    for message in messages:
        text = text_of(message.get("content"))
        match message["role"]:
            case "function":
                chat.append(ToolResultMessage(results, text))
                results += 1
            case "assistant":
                before = chat.pop() if chat and isinstance(chat[-1], AssistantMessage) else None
                parts = before.parts if isinstance(before, AssistantMessage) else ()
                chat.append(AssistantMessage((*parts, *_parts(message, text))))
                results = 0
            case "system":
                chat.append(SystemMessage(text))
            case _:
                chat.append(UserMessage(text))
    return chat


def _parts(message: Message, text: str) -> Iterator[Part]:
    thought, closed, rest = text.rpartition("</think>")
    thought = text_of(message.get("reasoning_content")) + thought.replace("<think>", "")
    if thought.strip():
        yield Reasoning(thought.strip())
    if content := rest.lstrip("\n") if closed else text:
        yield Content(content)
    if call := message.get("function_call"):
        yield call_of(call["name"], call["arguments"])
