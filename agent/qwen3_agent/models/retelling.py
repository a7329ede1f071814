"""A conversation as others are told it: with ids of calls for APIs, anew for another model."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .messages import without_thought
from .session import UNANSWERED

__all__ = ["retold", "with_ids"]


def retold(
    messages: Sequence[Mapping[str, Any]], *, with_ids_of_calls: bool
) -> list[dict[str, Any]]:
    """A conversation as another model is to be told it, from the beginning.

    Thoughts are left out: they are of the model that had them. A call that was stopped before it
    answered is answered with `UNANSWERED`, since no template takes one that no result follows.

    Args:
        messages: that a chat has come to.
        with_ids_of_calls: for a chat server.
    """
    told = [without_thought(dict(message)) for message in messages]
    if told and told[-1].get("role") == "assistant":
        told += [{"role": "tool", "content": UNANSWERED} for _ in _calls(told[-1])]
    return list(with_ids(told)) if with_ids_of_calls else [_by_order(each) for each in told]


def _by_order(message: dict[str, Any]) -> dict[str, Any]:
    """With arguments as a template takes them: an object, not a text."""
    if not _calls(message):
        return message
    calls = []
    for call in _calls(message):
        function = dict(call["function"])
        if isinstance(function["arguments"], str):
            function["arguments"] = json.loads(function["arguments"] or "{}")
        calls.append({"type": "function", "function": function})
    return message | {"tool_calls": calls}


def with_ids(messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Local models know calls and results by their order; the chat completions API wants ids.

    What could not be read as a call was answered in the user's place, as Qwen3's template answers
    any call.
    """
    open_calls: list[str] = []
    spare = 0
    for number, message in enumerate(messages):
        told = dict(message)
        if told.get("role") == "assistant":
            calls = [_call(call, f"call_{number}_{n}") for n, call in enumerate(_calls(told))]
            if calls:
                told["tool_calls"] = calls
            open_calls = [call["id"] for call in calls]
            # Answers beyond the calls are those to what could not be read as one
            spare = _answers_after(messages, number) - len(calls)
        elif told.get("role") == "tool" and "tool_call_id" not in told:
            malformed = spare > 0 and (
                not open_calls or str(told.get("content", "")).startswith("Error: ")
            )
            if malformed or not open_calls:
                spare -= 1
                wrapped = f"<tool_response>\n{told.get('content', '')}\n</tool_response>"
                told = {"role": "user", "content": wrapped}
            else:
                told["tool_call_id"] = open_calls.pop(0)
        yield told


def _calls(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    calls: Sequence[Mapping[str, Any]] = message.get("tool_calls", ())
    return calls


def _answers_after(messages: Sequence[Mapping[str, Any]], number: int) -> int:
    count = 0
    for message in messages[number + 1 :]:
        if message.get("role") != "tool":
            break
        count += 1
    return count


def _call(call: Mapping[str, Any], id: str) -> dict[str, Any]:
    function = dict(call["function"])
    if not isinstance(function["arguments"], str):
        function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
    return {"id": call.get("id", id), "type": "function", "function": function}
