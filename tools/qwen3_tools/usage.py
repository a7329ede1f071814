"""`Usage`: token counts of a step or a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of a step or a run. Two of them can be added."""

    input_tokens: int = 0
    """Tokens of the prompts."""
    output_tokens: int = 0
    """Tokens that the model sampled, thoughts included."""
    cached_tokens: int = 0
    """Input tokens that the engine did not have to compute again."""
    thinking_tokens: int = 0
    """Output tokens inside a thought, without its tags."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.thinking_tokens + other.thinking_tokens,
        )
