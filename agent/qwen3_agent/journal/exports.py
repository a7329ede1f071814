"""A run in the shapes that other programs take: chat messages, and training records."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import JournalError
from ..transcript import Segment, Transcript
from .reader import RecordedRun


def chat_json(run: RecordedRun) -> dict[str, Any]:
    """The conversation as the model is told it, as a request of OpenAI's chat completions API.

    Thoughts are in `reasoning_content`, as vLLM and SGLang have them. What could not be read as a
    call was answered in the user's place, as Qwen3's template answers any call.
    """
    return {
        "model": run.model,
        "messages": list(_with_ids(run.messages)),
        "tools": [
            {"type": "function", "function": {key: tool[key] for key in _TOLD}}
            for tool in run.tools
        ],
    }


_TOLD = ("name", "description", "parameters")


def _with_ids(messages: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Local models know calls and results by their order; the API wants ids."""
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


def training_records(run: RecordedRun) -> list[dict[str, Any]]:
    """Each transcript of the run as `Transcript.to_record` has it: ids, and who wrote them.

    One for each turn; with `keep_thoughts` one for all. One that was gone on with is left out.
    What stands for a secret that was left out is never marked as written by the model.

    Raises:
        JournalError: the run went over a chat protocol, whose tokens nobody sees.
    """
    transcripts = [each for each in run.transcripts if any(segment.ids for segment in each)]
    if not transcripts:
        why = (
            "went over the chat protocol, and its token ids were never seen: export it as chat."
            if run.route == "server_chat"
            else "has no tokens yet."
        )
        raise JournalError(f"Run {run.id} {why}")
    return [
        {"run": run.id, "model": run.model, **Transcript(each).to_record()}
        for number, each in enumerate(transcripts)
        if not any(_begins_with(later, each) for later in transcripts[number + 1 :])
    ]


def _begins_with(longer: Sequence[Segment], shorter: Sequence[Segment]) -> bool:
    return len(longer) >= len(shorter) and list(longer[: len(shorter)]) == list(shorter)
