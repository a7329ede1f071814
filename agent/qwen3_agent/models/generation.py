"""Generation of one message, with a thinking budget that is exact to the token.

The tokens are watched as they arrive. When a thought has used up its budget, or would leave no
space for an answer, the engine is stopped, Qwen3's closing sentence is appended to the thought,
and the engine continues from the same prefix. A thought that ends by itself or with a tool call is
never changed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from ..engines.request import Engine, GenerationRequest
from ..errors import EngineError
from ..formats.chat_format import ChatFormat
from ..grammar.constraint import Constraint
from ..grammar.tool_grammar import Thought
from ..parsing.parser import Parser
from ..sampling import Finish, Sampling
from ..thinking import Plan
from ..transcript import Transcript
from .session import OnDelta

ConstraintFor = Callable[[Thought], Constraint | None]
"""Returns the constraint of a generation that begins inside, before or after a thought."""

MINIMUM_FOR_RESERVE = 512
"""Number of tokens below which a thought may use all of them: a reserve would be too small for the
closing sentence and an answer."""


class Generation:
    """Generates one message at the end of a transcript.

    Args:
        engine: samples the tokens.
        chat_format: of the same checkpoint.
        transcript: ends with a generation prompt; the sampled tokens are appended.
        new_parser: creates the parser that turns text into parts.
        plan: whether the message begins with a thought, and how long that may be.
        on_delta: called with each piece of the message as it arrives.
        may_call: whether a tool call may begin; if not, the message ends there.
        constraint: see `ConstraintFor`.
        priority: see `GenerationRequest`.
    """

    def __init__(
        self,
        engine: Engine,
        chat_format: ChatFormat,
        transcript: Transcript,
        new_parser: Callable[[], Parser],
        plan: Plan,
        on_delta: OnDelta,
        *,
        may_call: bool = True,
        constraint: ConstraintFor = lambda thought: None,
        priority: int = 0,
    ) -> None:
        self.cached_tokens: int | None = None
        self.sampled_tokens = 0
        self.thinking_tokens = 0
        self.closed_by_force = False
        self._engine = engine
        self._format = chat_format
        self._transcript = transcript
        self.parser = new_parser()
        self._new_parser = new_parser
        self._plan = plan
        self._on_delta = on_delta
        self._stop_ids = chat_format.stop_ids
        if not may_call:
            self._stop_ids |= chat_format.call_ids
        self._constraint = constraint
        self._priority = priority
        self._decoder = chat_format.decoder()
        self._message: list[int] = []
        self._undecided = 0
        self._longest_thought = plan.budget

    async def run(self, max_tokens: int | None, sampling: Sampling, *, logprobs: bool) -> Finish:
        """Generate until the message ends, `max_tokens` are sampled, or the context is full."""
        limit = self._engine.context_length - len(self._transcript)
        if max_tokens is not None:
            limit = min(limit, max_tokens)
        self._longest_thought = _longest_thought(self._plan, limit)
        finish: Finish | None = None
        while finish is None:
            available = min(
                limit - self.sampled_tokens, self._engine.context_length - len(self._transcript)
            )
            if available < 1:
                finish = "length"
            else:
                finish = await self._sample(available, sampling, logprobs)
            if finish is None:
                self._close_thought()
        self._report(self._decoder.flush())
        for delta in self.parser.finish(truncated=finish == "length"):
            self._on_delta(delta)
        return finish

    async def _sample(self, available: int, sampling: Sampling, logprobs: bool) -> Finish | None:
        """Let the engine generate; return None if the thought used up its budget."""
        ids: list[int] = []
        scores: list[float] = []
        request = GenerationRequest(
            self._transcript.ids,
            sampling,
            max_tokens=available,
            stop_ids=self._stop_ids,
            logprobs=logprobs,
            constraint=self._next_constraint(),
            priority=self._priority,
        )
        try:
            async with aclosing(self._engine.generate(request)) as chunks:
                async for chunk in chunks:
                    if self.cached_tokens is None:
                        self.cached_tokens = chunk.cached_tokens
                    for index, token in enumerate(chunk.ids):
                        if self._budget_is_spent(token):
                            return None
                        ids.append(token)
                        if chunk.logprobs is not None:
                            scores.append(chunk.logprobs[index])
                        self._add(token)
                        if (over := self._over_budget()) > 0:
                            self._drop(over)
                            del ids[-over:], scores[-over:]
                            return None
                    if chunk.finish is not None:
                        return chunk.finish
            raise EngineError("The engine ended a generation without a finish reason.")
        finally:
            self._transcript.append("sampled", ids, logprobs=scores if logprobs else None)

    def _next_constraint(self) -> Constraint | None:
        """Return the constraint from here on.

        After a thought was closed by force, the engine's matcher starts anew. It never has to
        resume inside a call, because no thought is closed there.
        """
        thought: Thought = "none"
        if self.parser.thinking:
            thought = "open"
        elif self._plan.on and not self.closed_by_force:
            thought = "possible"
        return self._constraint(thought)

    def _add(self, token: int) -> None:
        was_thinking = self.parser.thinking
        self.sampled_tokens += 1
        self._message.append(token)
        if token not in self._stop_ids:
            self._report(self._decoder.feed([token]))
        # What looks like a call may turn out to belong to the thought that it seemed to end
        if self.parser.thinking:
            self.thinking_tokens += 1 + self._undecided if was_thinking or self._undecided else 0
            self._undecided = 0
        elif was_thinking or self._undecided:
            self._undecided += 1

    def _over_budget(self) -> int:
        """Return how many tokens of an apparent call turned out to exceed the thinking budget."""
        if self._longest_thought is None:
            return 0
        return self.thinking_tokens - self._longest_thought

    def _drop(self, count: int) -> None:
        """Drop the last tokens; deltas that were already reported cannot be revoked."""
        del self._message[-count:]
        self.sampled_tokens -= count
        self.thinking_tokens -= count
        self.parser, self._decoder = self._new_parser(), self._format.decoder()
        self.parser.feed(self._decoder.feed(self._message))

    def _budget_is_spent(self, token: int) -> bool:
        """Return whether `token` would exceed the thinking budget."""
        return (
            self._longest_thought is not None
            and self.thinking_tokens >= self._longest_thought
            and self.parser.thinking
            and token not in self._format.thought_end_ids
            and token not in self._stop_ids
        )

    def _close_thought(self) -> None:
        ids = self._format.close_thought()
        self._transcript.append("forced", ids)
        self.closed_by_force = True
        self._message.extend(ids)
        self._report(self._decoder.feed(ids))

    def _report(self, text: str) -> None:
        for delta in self.parser.feed(text):
            self._on_delta(delta)


def _longest_thought(plan: Plan, available: int) -> int | None:
    """Return the maximum length of the thought; None for no limit.

    Regardless of its budget, it leaves an eighth of the available tokens for the answer.
    """
    if available < MINIMUM_FOR_RESERVE:
        return plan.budget
    most = available - available // 8
    return most if plan.budget is None else min(plan.budget, most)
