"""Token counts of a chat server: its own, or estimates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...engines.server import cached_tokens
from ...messages import Reasoning
from ...result import ModelStep, Usage
from ...sampling import Finish
from .message_reader import MessageReader


class TokenEstimate:
    """Estimates a prompt's tokens from its size as JSON, calibrated by the last known count."""

    def __init__(self) -> None:
        self._bytes_per_token = 3.0
        """Before any count, a low value that suits all languages Qwen3's tokenizer covers well."""

    def learn(self, size: int, tokens: int) -> None:
        """Calibrate: a prompt of `size` bytes had `tokens` tokens."""
        if size > 0 and tokens > 0:
            self._bytes_per_token = min(8.0, max(1.0, size / tokens))

    def of(self, size: int) -> int:
        """Return the estimated number of tokens of a prompt of `size` bytes."""
        return round(size / self._bytes_per_token)


def step_of(reader: MessageReader, finish: Finish | Literal["cut"]) -> ModelStep:
    """Return the step with the server's counts, or with estimates of those it does not give."""
    usage = reader.usage
    sampled = _count(usage, "completion_tokens")
    sampled = reader.pieces if sampled is None else sampled
    details = usage.get("completion_tokens_details")
    thinking = _count(details, "reasoning_tokens") if isinstance(details, dict) else None
    if not thinking:
        lengths = [len(part.raw) for part in reader.parts]
        thoughts = [part for part in reader.parts if isinstance(part, Reasoning) and part.text]
        thought = sum(len(part.raw) for part in thoughts)
        thinking = round(sampled * thought / sum(lengths)) if thought else 0
    prompt = _count(usage, "prompt_tokens") or 0
    return ModelStep(
        reader.parts, finish, Usage(prompt, sampled, cached_tokens(usage) or 0, thinking)
    )


def _count(counts: Mapping[str, Any], name: str) -> int | None:
    value = counts.get(name)
    return value if isinstance(value, int) else None
