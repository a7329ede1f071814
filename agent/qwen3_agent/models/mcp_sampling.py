"""Answers to the sampling requests of MCP servers (`sampling/createMessage`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..messages.reading import read_messages
from ..thinking import Plan
from .session import Model

if TYPE_CHECKING:
    from qwen3_tools.mcp.user import SamplingHandler, SamplingResult


def sampling_handler(model: Model) -> SamplingHandler:
    """Return a handler that answers with `model`, without tools and thinking, outside of a run."""
    plan = Plan.without_thought("an MCP server asked", can_skip=model.can_skip_thinking)

    async def sample(messages: Sequence[dict[str, str]], max_tokens: int) -> SamplingResult:
        from qwen3_tools.mcp.user import SamplingResult

        *before, last = messages
        session = model.session(read_messages(before))
        session.add_user(last["content"])
        step = await session.step(plan, max_tokens=max_tokens, on_delta=lambda delta: None)
        return SamplingResult(step.content.strip(), model.name, finished=step.finish == "stop")

    return sample
