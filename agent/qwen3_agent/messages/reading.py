"""Messages read from dictionaries: both of the forms that `encoding` writes, and OpenAI's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import count, takewhile
from typing import Any

from . import (
    PART_TYPES,
    AssistantMessage,
    Content,
    ImagePart,
    MalformedCall,
    Message,
    Part,
    Reasoning,
    SystemMessage,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)

_ROLES = ("user", "assistant", "tool", "system")
_REASONING_FIELDS = ("reasoning_content", "reasoning")
_THOUGHT = re.compile(r"<think>\n(?P<thought>.+?)\n</think>\n\n(?P<said>.*)", re.DOTALL)
_RESPONSE = re.compile(r"<tool_response>\n(.*)\n</tool_response>", re.DOTALL)
_ERROR = "Error: "
_PARTS = {name: kind for kind, name in PART_TYPES.items()}


def read_messages(history: Iterable[Mapping[str, Any]]) -> list[Message]:
    """Read messages of the chat completions protocol, or of a chat template.

    Args:
        history: tool calls may have ids or not, and arguments as an object or as JSON text.

    Raises:
        TypeError: `history` is not a list of messages.
        ValueError: one of the messages is invalid; names it and says why.
    """
    if isinstance(history, str | Mapping) or not isinstance(history, Iterable):
        raise TypeError(f"history must be a list of messages, not {history!r}.")
    messages: list[Message] = []
    for place, written in enumerate(history):
        messages.append(read_message(written, messages, name=f"history[{place}]"))
    return _with_results_in_order(messages)


def read_message(
    written: Mapping[str, Any], before: Sequence[Message], *, name: str = "message"
) -> Message:
    """Read one message.

    Args:
        written: in either form.
        before: all messages before it: a result belongs to one of their calls.
        name: the name of the message in errors.

    Raises:
        TypeError, ValueError: it is not a valid message.
    """
    if not isinstance(written, Mapping):
        raise TypeError(
            f'{name} must be a message, such as {{"role": "user", "content": "Hello."}}, '
            f"not {written!r}."
        )
    role, content = written.get("role"), written.get("content")
    match role:
        case "system":
            return SystemMessage(_text(name, content))
        case "user":
            return _error_of_malformed(content, before) or _user(name, content)
        case "assistant":
            return _assistant(name, written)
        case "tool":
            text = _text(name, content)
            return _result(_index(written.get("tool_call_id"), before), text)
    raise ValueError(f"{name}: role must be one of {', '.join(_ROLES)}, not {role!r}.")


def part_from_json(written: Mapping[str, Any]) -> Part:
    """Return the part that `encoding.part_to_json` wrote.

    Raises:
        KeyError, TypeError: it is not such an object.
    """
    fields = {name: value for name, value in written.items() if name != "type"}
    return _PARTS[written["type"]](**fields)


def call_of(name: str, arguments: Mapping[str, Any] | str) -> ToolCall | MalformedCall:
    """Return a call; a malformed one where the arguments are not a JSON object."""
    try:
        values = json.loads(arguments or "{}") if isinstance(arguments, str) else arguments
    except ValueError:
        values = None
    if isinstance(values, Mapping):
        return ToolCall(name, dict(values))
    given = arguments if isinstance(arguments, str) else json.dumps(arguments)
    body = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": {given}}}'
    raw = f"<tool_call>\n{body}\n</tool_call>"
    return MalformedCall(raw, '"arguments" is not a JSON object.')


def _user(name: str, content: object) -> UserMessage:
    if not isinstance(content, list):
        return UserMessage(_text(name, content))
    is_image = [isinstance(p, Mapping) and p.get("type") == "image_url" for p in content]
    images = tuple(
        _image(name, part["image_url"]) for part, yes in zip(content, is_image, strict=True) if yes
    )
    texts = [part for part, yes in zip(content, is_image, strict=True) if not yes]
    return UserMessage(_text(name, texts), images)


def _image(name: str, image: object) -> ImagePart:
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url:
        raise ValueError(f"{name}: an image must have a URL, not {image!r}.")
    detail = image.get("detail") if isinstance(image, Mapping) else None
    return ImagePart(url, detail if isinstance(detail, str) else None)


def _assistant(name: str, written: Mapping[str, Any]) -> AssistantMessage:
    given = written.get("tool_calls") or ()
    if not isinstance(given, list | tuple):
        raise ValueError(f"{name}: tool_calls must be a list, not {given!r}.")
    calls: list[ToolCall | MalformedCall] = []
    for call in given:
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not {"name", "arguments"} <= function.keys():
            raise ValueError(f"{name}: a tool call must have a name and arguments, not {call!r}.")
        call_id = call.get("id")
        if not (call_id is None or isinstance(call_id, str)):
            raise ValueError(f"{name}: the id of a tool call must be a string, not {call_id!r}.")
        calls.append(_call(name, function))
    content = written.get("content")
    text = "" if content is None and calls else _text(name, content)
    field: str | None = "reasoning_content"
    thought = ""
    for each in _REASONING_FIELDS:
        if isinstance(written.get(each), str) and written[each]:
            field, thought = each, written[each]
            break
    else:
        if found := _THOUGHT.fullmatch(text):
            field, thought, text = None, found["thought"], found["said"]
    parts: list[Part] = [Reasoning(thought)] if thought else []
    parts += [Content(text)] if text else []
    ids = [
        None if isinstance(call, MalformedCall) else each.get("id")
        for call, each in zip(calls, given, strict=True)
    ]
    return AssistantMessage((*parts, *calls), tuple(ids) if any(ids) else (), field)


def _call(name: str, function: Mapping[str, Any]) -> ToolCall | MalformedCall:
    arguments = function["arguments"]
    try:
        json.dumps(dict(arguments) if isinstance(arguments, Mapping) else arguments)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: arguments must be JSON, not {arguments!r}.") from None
    return call_of(str(function["name"]), arguments)


def _result(index: int, text: str) -> ToolResultMessage:
    return ToolResultMessage(index, text.removeprefix(_ERROR), text.startswith(_ERROR))


def _error_of_malformed(content: object, before: Sequence[Message]) -> ToolResultMessage | None:
    """The result of a malformed call, which the chat protocol has in the user's place."""
    found = _RESPONSE.fullmatch(content) if isinstance(content, str) else None
    said, answered = _latest_calls(before)
    if found is None or said is None:
        return None
    for place, call in enumerate(said.calls):
        if place not in answered:
            return _result(place, found[1]) if isinstance(call, MalformedCall) else None
    return None


def _index(call_id: object, before: Sequence[Message]) -> int:
    """The place of the call that a result answers: the one with its id, or else the next one."""
    said, answered = _latest_calls(before)
    if call_id is not None and said is not None and call_id in said.call_ids:
        return said.call_ids.index(str(call_id))
    return next(place for place in count() if place not in answered)


def _latest_calls(before: Sequence[Message]) -> tuple[AssistantMessage | None, set[int]]:
    """The model's latest message, and the places of its calls that have a result."""
    answered: set[int] = set()
    for message in reversed(before):
        if isinstance(message, AssistantMessage):
            return message, answered
        if isinstance(message, ToolResultMessage):
            answered.add(message.call_index)
    return None, answered


def _with_results_in_order(messages: Sequence[Message]) -> list[Message]:
    """Sort the results of each message's calls, and add those that are missing.

    Servers accept results in any order, since they know them by the ids of calls; a template knows
    them by their order alone. Calls that end the history are left to the session that continues it.
    """
    ordered: list[Message] = []
    pending: list[ToolResultMessage] = []
    for place, message in enumerate(messages):
        if message in pending:
            continue  # it follows its call already
        ordered.append(message)
        if isinstance(message, AssistantMessage) and place + 1 < len(messages):
            behind = takewhile(
                lambda each: not isinstance(each, AssistantMessage), messages[place + 1 :]
            )
            pending = [each for each in behind if isinstance(each, ToolResultMessage)]
            missing = set(range(len(message.calls))) - {each.call_index for each in pending}
            results = [*pending, *map(ToolResultMessage.unanswered, missing)]
            results.sort(key=lambda each: each.call_index)
            ordered += results
    return ordered


def _text(name: str, content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        if all(isinstance(text, str) for text in texts):
            return "".join(map(str, texts))
    raise ValueError(f"{name}: content must be text or a list of text parts, not {content!r}.")
