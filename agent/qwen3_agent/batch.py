"""Many tasks over one agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Generic

import anyio

from .conversation import check_task
from .result import OutputT, RunResult
from .runtime import AgentResources, open_conversation, open_resources
from .spec import AgentSpec


@dataclass(frozen=True, slots=True)
class BatchResult(Generic[OutputT]):
    """The result of one of many tasks, or the error that `Agent.run` would have raised."""

    index: int
    """Place of the task among those that were given, from 0."""
    task: str
    result: RunResult[OutputT] | None = None
    error: Exception | None = None

    @property
    def output(self) -> OutputT:
        """The answer.

        Raises:
            Exception: `error`, when the task failed.
        """
        if self.result is None:
            assert self.error is not None, "a task has a result or an error"
            raise self.error
        return self.result.output


async def work_on(
    spec: AgentSpec,
    resources: AgentResources | None,
    tasks: Iterable[str],
    concurrency: int,
    report: Callable[[BatchResult[OutputT]], None],
    *,
    context: Any = None,
) -> None:
    """Work on many tasks; see `Agent.map`."""
    numbered = enumerate(tasks)  # shared: each worker takes the next one
    failed: list[Exception] = []  # in the caller's iterable

    async def run(task: str) -> RunResult[OutputT]:
        check_task(task)
        async with open_conversation(spec, resources, task=task) as conversation:
            return await conversation.run(task, context=context)

    async def worker() -> None:
        while (taken := take()) is not None:
            index, task = taken
            try:
                report(BatchResult(index, task, result=await run(task)))
            except Exception as error:
                report(BatchResult(index, task, error=error))

    def take() -> tuple[int, str] | None:
        try:
            return next(numbered, None)
        except Exception as error:
            failed.append(error)
            return None

    async with AsyncExitStack() as stack:
        if resources is None:
            resources = await stack.enter_async_context(open_resources(spec, keep_ready=True))
        workers = await stack.enter_async_context(anyio.create_task_group())
        for _ in range(concurrency):
            workers.start_soon(worker)
    if failed:
        raise failed[0]
