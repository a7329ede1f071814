"""A run in the shapes that other programs take: chat messages, and training records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import JournalError
from ..messages.encoding import for_chat_api
from ..transcript import Segment, Transcript
from .reader import RecordedRun


def chat_json(run: RecordedRun) -> dict[str, Any]:
    """The conversation as the model is told it, as a request of OpenAI's chat completions API.

    Thoughts are in `reasoning_content`, as vLLM and SGLang have them. What could not be read as a
    call was answered in the user's place, as Qwen3's template answers any call.
    """
    return {
        "model": run.model,
        "messages": for_chat_api(run.messages),
        "tools": [
            {"type": "function", "function": {key: tool[key] for key in _TOLD}}
            for tool in run.tools
        ],
    }


_TOLD = ("name", "description", "parameters")


def training_records(run: RecordedRun) -> list[dict[str, Any]]:
    """Each transcript of the run as `Transcript.to_record` has it: ids, and who wrote them.

    One for each turn; with `keep_thoughts` one for all. One that was gone on with is left out.
    What stands for a secret that was left out is never marked as written by the model.

    Raises:
        JournalError: the run went over a chat protocol, whose tokens nobody sees.
    """
    transcripts = [
        (model, segments)
        for model, segments in zip(run.models, run.transcripts, strict=True)
        if any(segment.ids and segment.sampled for segment in segments)
    ]
    if not transcripts:
        why = (
            "went over the chat protocol, and its token ids were never seen: export it as chat."
            if run.route == "server_chat"
            else "has no tokens yet."
        )
        raise JournalError(f"Run {run.id} {why}")
    return [
        {"run": run.id, "model": model, **Transcript(each).to_record()}
        for number, (model, each) in enumerate(transcripts)
        if not any(_begins_with(later, each) for _, later in transcripts[number + 1 :])
    ]


def _begins_with(longer: Sequence[Segment], shorter: Sequence[Segment]) -> bool:
    return len(longer) >= len(shorter) and list(longer[: len(shorter)]) == list(shorter)
