"""Exports runs as chat messages and as training records."""

from __future__ import annotations

from typing import Any

from ..errors import JournalError
from ..messages.encoding import for_chat_api
from ..transcript import Transcript
from .recorded import RecordedRun

_TOOL_FIELDS = ("name", "description", "parameters")


def chat_json(run: RecordedRun) -> dict[str, Any]:
    """Return the conversation in the form of a request to OpenAI's chat completions API.

    Thoughts are in `reasoning_content`, as with vLLM and SGLang. The error of a malformed call is a
    user message, like all results in Qwen3's template.
    """
    return {
        "model": run.model,
        "messages": for_chat_api(run.messages),
        "tools": [
            {"type": "function", "function": {key: tool[key] for key in _TOOL_FIELDS}}
            for tool in run.tools
        ],
    }


def training_records(run: RecordedRun) -> list[dict[str, Any]]:
    """Return a `Transcript.to_record` for each transcript of the run: ids, and who wrote them.

    There is one for each turn; with `keep_thoughts` one for all. A transcript that is the beginning
    of a later one is left out. Tokens that replace a secret are not marked as sampled.

    Raises:
        JournalError: The run used a chat server, so its token ids are unknown.
    """
    transcripts = [
        (model, segments)
        for model, segments in zip(run.models, run.transcripts, strict=True)
        if any(segment.ids and segment.sampled for segment in segments)
    ]
    if not transcripts:
        why = (
            "used a chat server, so its token ids are unknown: export it as chat."
            if run.route == "server_chat"
            else "does not have any tokens yet."
        )
        raise JournalError(f"Run {run.id} {why}")
    return [
        {"run": run.id, "model": model, **Transcript(each).to_record()}
        for number, (model, each) in enumerate(transcripts)
        if not any(later[: len(each)] == each for _, later in transcripts[number + 1 :])
    ]
