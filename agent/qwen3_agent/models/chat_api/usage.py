"""How many tokens a chat server has used: as it says, or as can be told without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ...engines.server import cached_tokens
from ...messages import Reasoning
from ...result import Usage
from ...sampling import Finish
from ..session import ModelStep
from .message_reader import MessageReader

__all__ = ["TokenEstimate", "step_of"]


class TokenEstimate:
    """Tokens of a prompt from its bytes as JSON, at the rate of the last one that was counted."""

    def __init__(self) -> None:
        self._bytes_per_token = 3.0
        """Before any count: fewer than in any language that Qwen3's tokenizer does well."""

    def learn(self, size: int, tokens: int) -> None:
        """A prompt of so many bytes has had so many tokens."""
        if size > 0 and tokens > 0:
            self._bytes_per_token = min(8.0, max(1.0, size / tokens))

    def of(self, size: int) -> int:
        """Tokens of a prompt of so many bytes."""
        return round(size / self._bytes_per_token)


def step_of(reader: MessageReader, finish: Finish | Literal["cut"]) -> ModelStep:
    """The step, with the server's counts, or where it gives none, with estimates."""
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
