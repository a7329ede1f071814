"""Agents as tools of other agents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from qwen3_tools.artifacts import save_artifact
from qwen3_tools.context import current_context
from qwen3_tools.errors import ToolError
from qwen3_tools.source import RunResources, ToolSource
from qwen3_tools.tool import Tool, ToolResult, tool

from .errors import LimitExceededError, Qwen3AgentError
from .loop.caller import current_caller
from .models.session import Model
from .runtime import AgentResources, open_conversation, open_resources
from .spec import AgentSpec


class SubAgent(ToolSource):
    """A tool that gives tasks to an agent. Made by `Agent.as_tool`."""

    shared = True
    needs_model = True

    def __init__(
        self, spec: AgentSpec, name: str, description: str, *, model: Model | None = None
    ) -> None:
        self.spec = spec
        self.name = name
        self.description = description
        self._model = model
        self._resources: AgentResources | None = None
        self._tool()  # raises if the name is invalid

    def bind(self, resources: RunResources) -> SubAgent:
        """Use the model of the caller, unless the agent has its own."""
        model = resources.model
        if self._resources is None:
            return SubAgent(self.spec, self.name, self.description, model=model)
        if model is not None and not self.spec.names_model:
            self._resources.lend_model(model)
            self._resources = replace(self._resources, model=model)
        return self

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        """Open the resources of the agent."""
        model = None if self.spec.names_model else self._model
        async with open_resources(self.spec, model=model, keep_ready=True) as self._resources:
            try:
                yield [self._tool()]
            finally:
                self._resources = None

    def _tool(self) -> Tool:
        async def work(task: str) -> ToolResult:
            """Do a task.

            Args:
                task: what to do, with all that has to be known for it.
            """
            return await _work(self.spec, self._resources, task)

        # The limits of its agent apply
        return tool(name=self.name, description=self.description, timeout=None)(work)


async def _work(spec: AgentSpec, resources: AgentResources | None, task: str) -> ToolResult:
    caller, context = current_caller(), current_context().context
    if caller is not None:
        limits = spec.limits
        if caller.tokens_left is not None:
            most = max(1, caller.tokens_left)
            limits = replace(limits, tokens=min(most, limits.tokens) if limits.tokens else most)
        spec = replace(spec, approvals=caller.policy_over(spec.approvals), limits=limits)
    try:
        # The files of a run exist as long as its conversation is open
        async with (
            open_conversation(spec, resources) as conversation,
            conversation.stream(task, context=context) as events,
        ):
            async for event in events:
                if caller is not None:
                    caller.emit(event)
            result = events.finished_result
            # The caller must not take an answer that was cut short for a complete one
            short = f"\n[It reached its limit: {result.limit}.]" if result.limit else ""
            return ToolResult(result.output_text + short, files=_handed_over(result.files))
    except LimitExceededError as error:
        text = error.result.output_text
        raise ToolError(f"{error} Its last words were: {text}" if text else str(error)) from error
    except (Qwen3AgentError, ValueError) as error:
        raise ToolError(str(error)) from error


def _handed_over(files: Sequence[Path]) -> tuple[Path, ...]:
    """Copy `files` into the folder of the calling run."""
    copies = (save_artifact(path.name, path.read_bytes()) for path in files if path.is_file())
    return tuple(path for path in copies if path is not None)
