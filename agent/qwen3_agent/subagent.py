"""An agent as a tool of another agent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3_tools.artifacts import save_artifact
from qwen3_tools.errors import ToolError
from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool, ToolResult, tool

from .errors import LimitExceededError, Qwen3AgentError
from .events import RunFinished
from .loop.caller import current_caller
from .models.session import Model

if TYPE_CHECKING:
    from .agent import Agent


class SubAgent(ToolSource):
    """A source of one tool, which gives a task to an agent. Made by `Agent.as_tool`."""

    shared = True
    needs_model = True

    def __init__(self, agent: Agent, name: str, description: str) -> None:
        self.agent = agent
        self.name = name
        self.description = description
        _tool_of(agent, name, description)  # a name that cannot be used is told now
        self._lent: list[Agent] = []

    def open(self, model: Model | None = None) -> AbstractAsyncContextManager[Sequence[Tool]]:
        """Keep the agent warm; without a model of its own it works with `model`."""
        return self._open(model)

    @asynccontextmanager
    async def _open(self, model: Model | None) -> AsyncIterator[Sequence[Tool]]:
        agent = copy(self.agent)  # that one may be in use by itself
        if agent.model is None and agent.base_url is None:
            agent.model = model
            self._lent.append(agent)
        try:
            async with agent:
                yield [_tool_of(agent, self.name, self.description)]
        finally:
            self._lent = [each for each in self._lent if each is not agent]

    def work_with(self, model: Model) -> None:
        """Work with another model from now on, unless it has one of its own."""
        from .runtime import lend_model

        for agent in self._lent:
            agent.model = model
            if agent.warm is not None:
                agent.warm = replace(agent.warm, model=model)
            lend_model(agent, model)


def _tool_of(agent: Agent, name: str, description: str) -> Tool:
    async def work(task: str) -> ToolResult:
        """Do a task.

        Args:
            task: what to do, with all that has to be known for it.
        """
        return await _work(agent, task)

    # It is bound by the limits of its agent
    return tool(name=name, description=description, timeout=None)(work)


async def _work(agent: Agent, task: str) -> ToolResult:
    caller = current_caller()
    conversing = copy(agent)
    if caller is not None:
        conversing.approvals = caller.policy_over(agent.approvals)
    if caller is not None and caller.tokens_left is not None:
        own = agent.limits.tokens
        most = max(1, caller.tokens_left)
        conversing.limits = replace(agent.limits, tokens=min(most, own) if own else most)
    try:
        # The files of a run are there as long as its conversation is
        async with conversing.conversation() as conversation, conversation.stream(task) as events:
            async for event in events:
                if caller is not None:
                    caller.emit(event)
                if isinstance(event, RunFinished):
                    result = event.result
                    # An answer that a limit has cut short must not pass for a whole one
                    short = f"\n[It reached its limit: {result.limit}.]" if result.limit else ""
                    return ToolResult(result.output + short, files=_handed_over(result.files))
    except LimitExceededError as error:
        so_far = f" Its last words were: {error.result.output}" if error.result.output else ""
        raise ToolError(f"{error}{so_far}") from error
    except (Qwen3AgentError, ValueError) as error:
        raise ToolError(str(error)) from error
    raise ToolError("The agent ended without an answer.")


def _handed_over(files: Sequence[Path]) -> tuple[Path, ...]:
    """Copies of `files` in the folder of the calling run."""
    copies = (save_artifact(path.name, path.read_bytes()) for path in files if path.is_file())
    return tuple(path for path in copies if path is not None)
