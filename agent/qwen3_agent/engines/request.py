"""Engines: token ids in, token ids out.

An engine knows nothing of conversations, tools or thoughts. `transformers.py` runs everywhere,
`vllm.py` wants a GPU, and `server.py` is one that somebody else runs. Each is imported when it is
used.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

__all__ = ["Chunk", "Constraint", "Engine", "Finish", "Sampling"]

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn.

    Args:
        temperature: 0 takes the most likely token always.
        top_p: the smallest set of tokens that together have this probability.
        top_k: the k most likely tokens; 0 for all.
        min_p: tokens at least this likely, relative to the most likely one.
        seed: makes the draws repeatable; None draws anew each time.

    Raises:
        ValueError: a value is out of its range.
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
        """What Qwen recommends for thinking mode in Qwen3's model cards."""
        return cls(temperature=0.6, top_p=0.95, top_k=20, seed=seed)

    @classmethod
    def not_thinking(cls, seed: int | None = None) -> Sampling:
        """What Qwen recommends for non-thinking mode in Qwen3's model cards."""
        return cls(temperature=0.7, top_p=0.8, top_k=20, seed=seed)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens that were sampled since the last chunk."""

    ids: tuple[int, ...]
    finish: Finish | None = None
    """Set on the last chunk: a stop token was sampled (it is the last of `ids`), or no room."""
    cached_tokens: int | None = None
    """Set on the first chunk: prompt tokens that did not have to be computed again."""
    logprobs: tuple[float, ...] | None = None
    """One for each id, under the model's own distribution; None where they were not asked for."""


class Constraint:
    """What a generation may say, from its first token to its stop token.

    Args:
        make: gives the structural tag. Called once, by the first who asks for it, in a worker
            thread: checking the schemas of many tools takes a moment.
        wakes_on: tokens before which anything may be said. None of them: it holds from the start.
    """

    def __init__(self, make: Callable[[], str], wakes_on: frozenset[int] = frozenset()) -> None:
        self.wakes_on = wakes_on
        self._make = make
        self._tag = ""
        self._lock = threading.Lock()

    def structural_tag(self) -> str:
        """A structural tag of xgrammar, as JSON; control tokens in it are named by their ids.

        https://xgrammar.mlc.ai/docs/structural_tag/format.html
        """
        with self._lock:
            self._tag = self._tag or self._make()
            return self._tag


class Engine(Protocol):
    """Token ids in, token ids out.

    Several generations may be under way at once. Closing the generator, or cancelling the task
    that waits on it, ends the generation at once.

    Raises:
        EngineError: the engine failed.
    """

    context_length: int
    """The most tokens that prompt and sampled text may have together."""
    constrains: bool
    """Whether it can hold what it samples to a constraint."""

    def generate(
        self,
        prompt: Sequence[int],
        *,
        sampling: Sampling,
        max_tokens: int,
        stop_ids: frozenset[int],
        logprobs: bool = False,
        constraint: Constraint | None = None,
        priority: int = 0,
    ) -> AsyncGenerator[Chunk, None]:
        """Sample at most `max_tokens` tokens after `prompt`, ending with the first stop token.

        At least one chunk comes, and the last one has `finish`. The caller has checked that
        prompt and `max_tokens` fit into the context, and that the engine can hold to `constraint`.
        Log-probabilities are those without it. Where not all generations fit in at once, those with
        the lowest `priority` go first.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the model and what it holds. Safe to call twice."""
        ...
