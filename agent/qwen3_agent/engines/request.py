"""The interface between models and engines: `Engine`, a request to it, and the chunks it yields.

An engine knows nothing about conversations, tools or thinking. `transformers.py` runs everywhere,
`vllm.py` needs a GPU, and `server.py` sends token ids to a server. Each is imported when it is
first used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from ..grammar.constraint import Constraint
from ..sampling import Finish, Sampling


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One generation: the prompt, and how to continue it.

    The caller ensures that prompt and `max_tokens` fit into the engine's context, and sets a
    `constraint` only for an engine that `constrains`.

    Raises:
        ValueError: the prompt is empty, or `max_tokens` is less than 1.
    """

    prompt_ids: Sequence[int]
    """Token ids; at least one."""
    sampling: Sampling
    """How each token is drawn."""
    max_tokens: int
    """The generation ends with "length" after this many tokens."""
    stop_ids: frozenset[int]
    """The generation ends with "stop" after the first of these tokens, which is part of it."""
    logprobs: bool = False
    """Whether chunks carry log-probabilities. They do not reflect the constraint."""
    constraint: Constraint | None = None
    """Limits the sampled text, for example to valid tool calls."""
    priority: int = 0
    """When not all generations fit in at once, those with the lowest number go first."""

    def __post_init__(self) -> None:
        if not self.prompt_ids or self.max_tokens < 1:
            raise ValueError(
                f"A generation needs a prompt and max_tokens of at least 1, not "
                f"{len(self.prompt_ids)} prompt tokens and max_tokens={self.max_tokens}."
            )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens sampled since the previous chunk of a generation."""

    ids: tuple[int, ...]
    finish: Finish | None = None
    """Why the generation ended; set on its last chunk only."""
    cached_tokens: int | None = None
    """Prompt tokens that did not have to be computed again; set on one chunk only."""
    logprobs: tuple[float, ...] | None = None
    """One for each id, from the model's own distribution; None if not requested."""


class Engine(ABC):
    """Runs a causal language model: token ids in, token ids out.

    To write one, implement `generate` and set `context_length`. The other attributes have defaults;
    override those that apply. Pass the engine to `LocalModel` with the checkpoint's `ChatFormat`.
    """

    context_length: int
    """Maximum number of tokens in prompt and sampled text together. Must be set."""
    constrains: bool = False
    """Whether `generate` supports `GenerationRequest.constraint`."""
    fills_memory: bool = False
    """Whether no other engine fits on the machine until this one is closed."""
    notices: Sequence[str] = ()
    """Messages about how the engine was set up; each run shows them to the user."""

    @abstractmethod
    def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        """Sample tokens after the prompt; usually an async generator (`async def` with `yield`).

        Yield at least one chunk, and set `finish` on the last one. Support several generations at
        the same time. When the generator is closed, or the task that reads it is cancelled, stop
        sampling at once.

        Raises:
            EngineError: the engine failed, or is closed.
        """

    async def aclose(self) -> None:  # noqa: B027 - optional
        """Release the model and its resources. May be called more than once."""
