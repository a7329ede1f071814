"""Messages as dictionaries: for chat templates, and for the chat completions protocol.

The two forms differ. A template takes the arguments of a call as an object, and knows calls and
results by their order. The protocol takes arguments as JSON text, and knows calls by ids. Neither
has a place for a malformed call: it is text of the model, and in the protocol, where each result
needs the id of a call, its error comes in the user's place, as Qwen3's template puts any result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ..errors import EngineError
from . import (
    PART_TYPES,
    AssistantMessage,
    Content,
    MalformedCall,
    Message,
    Part,
    SystemMessage,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)

Ids = Sequence[str | None]


def for_template(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Return the messages as a chat template takes them.

    Raises:
        EngineError: one holds an image.
    """
    return [template_message(message) for message in messages]


def for_chat_api(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages as the chat completions protocol has them."""
    return [chat_api_message(message, ids) for message, ids in with_call_ids(messages)]


def with_call_ids(messages: Sequence[Message], *, start: int = 0) -> Iterator[tuple[Message, Ids]]:
    """Yield each message with the ids of the latest calls, which are its own or those before it.

    Args:
        messages: all of a conversation.
        start: the place of the first message to yield.
    """
    ids: Ids = ()
    for number in reversed(range(start)):
        if isinstance(before := messages[number], AssistantMessage):
            ids = call_ids(before, number)
            break
    for number in range(start, len(messages)):
        message = messages[number]
        if isinstance(message, AssistantMessage):
            ids = call_ids(message, number)
        yield message, ids


def part_to_json(part: Part) -> dict[str, Any]:
    """Return a part as a JSON object, with its type and its raw text."""
    return {"type": PART_TYPES[type(part)], **asdict(part)}


def call_ids(message: AssistantMessage, number: int) -> tuple[str | None, ...]:
    """Return an id for each call of a message; None for a malformed call.

    Args:
        message: has some of the ids, or none.
        number: its place in the conversation, for the ids that are made up.
    """
    ids: list[str | None] = []
    well_formed = 0
    for place, call in enumerate(message.calls):
        if isinstance(call, MalformedCall):
            ids.append(None)
        else:
            known = message.call_ids[place] if message.call_ids else None
            ids.append(known or f"call_{number}_{well_formed}")
            well_formed += 1
    return tuple(ids)


def chat_api_message(message: Message, ids: Ids) -> dict[str, Any]:
    """Return one message as the chat completions protocol has it.

    Args:
        message: of any kind.
        ids: those that `with_call_ids` yields with it.
    """
    match message:
        case AssistantMessage():
            return _chat_api_assistant(message, ids)
        case ToolResultMessage(place):
            text = message.text_for_model
            call_id = ids[place] if place < len(ids) else None
            if call_id is None:
                return {"role": "user", "content": f"<tool_response>\n{text}\n</tool_response>"}
            return {"role": "tool", "tool_call_id": call_id, "content": text}
        case UserMessage(text, images) if images:
            parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
            for image in images:
                detail = {"detail": image.detail} if image.detail else {}
                parts.append({"type": "image_url", "image_url": {"url": image.url} | detail})
            return {"role": "user", "content": parts}
    return template_message(message)


def template_message(message: Message) -> dict[str, Any]:
    """Return one message as a chat template takes it.

    Raises:
        EngineError: it holds an image.
    """
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case AssistantMessage():
            return _template_assistant(message)
        case ToolResultMessage():
            return {"role": "tool", "content": message.text_for_model}
        case UserMessage(_, images) if images:
            raise EngineError(
                "The conversation holds an image, and a model that runs by token ids reads text "
                "alone: use base_url with a chat server whose model reads images."
            )
    return {"role": "user", "content": message.text}


def _template_assistant(message: AssistantMessage) -> dict[str, Any]:
    said = "".join(
        part.text if isinstance(part, Content) else part.raw
        for part in message.parts
        if isinstance(part, Content | MalformedCall)
    )
    told: dict[str, Any] = {"role": "assistant", "content": said}
    if message.thought:
        told["reasoning_content"] = message.thought
    calls = [
        {"type": "function", "function": {"name": part.name, "arguments": part.arguments}}
        for part in message.parts
        if isinstance(part, ToolCall)
    ]
    return told | ({"tool_calls": calls} if calls else {})


def _chat_api_assistant(message: AssistantMessage, ids: Ids) -> dict[str, Any]:
    said = [
        part.text if isinstance(part, Content) else part.raw.strip("\n")
        for part in message.parts
        if isinstance(part, Content | MalformedCall)
    ]
    content = "\n".join(filter(None, said))
    told: dict[str, Any] = {"role": "assistant", "content": content}
    if message.thought and message.reasoning_field:
        # In the field that the server itself uses; some reject the other one
        told[message.reasoning_field] = message.thought
    elif message.thought:
        told["content"] = f"<think>\n{message.thought}\n</think>\n\n{content}"
    calls = []
    for call, call_id in zip(message.calls, ids, strict=True):
        if isinstance(call, ToolCall):
            arguments = json.dumps(call.arguments, ensure_ascii=False)
            function = {"name": call.name, "arguments": arguments}
            calls.append({"id": call_id, "type": "function", "function": function})
    return told | ({"tool_calls": calls} if calls else {})
