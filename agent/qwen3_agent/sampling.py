"""How a model's tokens are drawn, and why a generation ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Finish = Literal["stop", "length"]
"""stop: a stop token was sampled. length: no more tokens were allowed, or the context is full."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn.

    Args:
        temperature: 0 always picks the most likely token.
        top_p: the smallest set of tokens that together have this probability.
        top_k: the k most likely tokens; 0 for all.
        min_p: tokens at least this likely, relative to the most likely one.
        seed: makes the draws repeatable; None draws differently each time.

    Raises:
        ValueError: a value is out of range.
    """

    temperature: float
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p", "top_k", "min_p"):
            if not isinstance(value := getattr(self, name), int | float):
                raise ValueError(f"Sampling: {name} must be a number, not {value!r}.")
        if not isinstance(self.seed, int | None):
            raise ValueError(f"Sampling: seed must be a whole number, not {self.seed!r}.")
        if not self.temperature >= 0:
            raise ValueError(f"Sampling: temperature must be 0 or more, not {self.temperature!r}.")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"Sampling: top_p must be over 0 and at most 1, not {self.top_p!r}.")
        if self.top_k < 0:
            raise ValueError(f"Sampling: top_k must be 0 or more, not {self.top_k!r}.")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"Sampling: min_p must be between 0 and 1, not {self.min_p!r}.")

    @classmethod
    def thinking(cls, seed: int | None = None) -> Sampling:
        """The values that Qwen3's model cards recommend for thinking mode."""
        return cls(temperature=0.6, top_p=0.95, top_k=20, seed=seed)

    @classmethod
    def not_thinking(cls, seed: int | None = None) -> Sampling:
        """The values that Qwen3's model cards recommend for non-thinking mode."""
        return cls(temperature=0.7, top_p=0.8, top_k=20, seed=seed)
