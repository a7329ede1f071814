"""Many tasks over one agent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import anyio

from .result import RunResult


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
    tasks: Iterable[str],
    run: Callable[[str], Awaitable[RunResult]],
    concurrency: int,
    report: Callable[[Outcome], None],
) -> None:
    """Work on many tasks; see `Agent.map`."""
    numbered = enumerate(tasks)  # shared: each worker takes the next one
    failed: list[Exception] = []  # in the caller's iterable

    async def worker() -> None:
        while (taken := take()) is not None:
            index, task = taken
            try:
                report(Outcome(index, task, result=await run(task)))
            except Exception as error:
                report(Outcome(index, task, error=error))

    def take() -> tuple[int, str] | None:
        try:
            return next(numbered, None)
        except Exception as error:
            failed.append(error)
            return None

    async with anyio.create_task_group() as workers:
        for _ in range(concurrency):
            workers.start_soon(worker)
    if failed:
        raise failed[0]
