"""Many tasks over one agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from .result import RunResult

if TYPE_CHECKING:
    from .agent import Agent


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one of many tasks ended: with a result, or with what `Agent.run` would have raised."""

    index: int
    """Place of the task among those that were given, from 0."""
    task: str
    result: RunResult | None = None
    error: Exception | None = None

    @property
    def output(self) -> str:
        """The answer.

        Raises:
            Exception: `error`, when the task failed.
        """
        if self.result is None:
            assert self.error is not None, "a task has a result or an error"
            raise self.error
        return self.result.output


async def work_on(
    agent: Agent, tasks: Iterable[str], concurrency: int, tell: Callable[[Outcome], None]
) -> None:
    """See `Agent.map`."""
    numbered = enumerate(tasks)  # shared: each worker takes the next one
    failed: list[Exception] = []  # by what makes the tasks

    async def worker() -> None:
        while (taken := take()) is not None:
            index, task = taken
            try:
                tell(Outcome(index, task, result=await warm.run(task)))
            except Exception as error:
                tell(Outcome(index, task, error=error))

    def take() -> tuple[int, str] | None:
        try:
            return next(numbered, None)
        except Exception as error:
            failed.append(error)
            return None

    async with AsyncExitStack() as stack:
        warm = agent if agent.is_warm else await stack.enter_async_context(copy(agent))
        workers = await stack.enter_async_context(anyio.create_task_group())
        for _ in range(concurrency):
            workers.start_soon(worker)
    if failed:
        raise failed[0]
