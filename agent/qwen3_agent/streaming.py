"""Streams: async iterators over the items that a background task reports."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any, Generic, Self, TypeVar

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from .events import ContentText, Event, RunFinished
from .result import OutputT, RunResult

T = TypeVar("T")

Work = Callable[[Callable[[T], None]], Awaitable[object]]
"""The worker; it reports each item through the callback it receives."""


class Stream(Generic[T]):
    """An async iterator over the items of a worker, which starts with the first item.

    The worker is a task of its own: model and tools continue while the caller handles an item,
    and no cancel scope stays open between two items. The stream owns the task, which ends with
    `aclose`, with the `async with` block, or when the stream is garbage collected.

    Raises:
        Qwen3AgentError: While iterating, when the worker fails; see `Agent.run`.
    """

    def __init__(self, work: Work[T]) -> None:
        self._work = work
        self._task: _Task[T] | None = None
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._closed:
            raise StopAsyncIteration
        if self._task is None:
            self._task = _Task(self._work)
            self._task.handle = _start(self._task.main)
        return await self._task.next_item()

    async def aclose(self) -> None:
        """Cancel the worker, and wait until it has cleaned up."""
        self._closed = True
        if self._task is not None:
            self._task.scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._task.done.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._task is not None and not self._task.done.is_set():
            self._task.scope.cancel()


class RunStream(Stream[Event], Generic[OutputT]):
    """The events of a run, as an async iterator."""

    _result: RunResult[Any] | None = None

    async def __anext__(self) -> Event:
        event = await super().__anext__()
        if isinstance(event, RunFinished):
            self._result = event.result
        return event

    async def result(self) -> RunResult[OutputT]:
        """Wait for the end of the run and return its result; remaining events are discarded.

        Raises:
            Qwen3AgentError: the run failed.
            RuntimeError: the stream was closed, or its run had failed, before.
        """
        async for _ in self:
            pass
        return self.finished_result

    @property
    def finished_result(self) -> RunResult[OutputT]:
        """The result, once the last event was read."""
        if self._result is None:
            raise RuntimeError("The run has no result: it failed, or its stream was closed.")
        return self._result

    async def text(self) -> AsyncIterator[str]:
        """Iterate over the model's text for the user, piece by piece."""
        async for event in self:
            if isinstance(event, ContentText):
                yield event.text


class SyncRunStream(Generic[OutputT]):
    """The events of a run, as an iterator."""

    def __init__(self, stream: RunStream[OutputT], events: Generator[Event]) -> None:
        self._stream = stream
        self._events = events

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def result(self) -> RunResult[OutputT]:
        """Wait for the end of the run and return its result; see `RunStream.result`."""
        for _ in self:
            pass
        return self._stream.finished_result

    def text(self) -> Iterator[str]:
        """Iterate over the model's text for the user, piece by piece."""
        return (event.text for event in self if isinstance(event, ContentText))

    def close(self) -> None:
        """End the run, if it has not ended, and wait until it has cleaned up."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def iterate(stream: Stream[T], portal: BlockingPortal | None = None) -> Generator[T]:
    """Iterate over a stream in synchronous code. Closing the iterator cancels the worker.

    Args:
        stream: A stream that has not started.
        portal: Portal to the event loop for the worker. None: start an event loop.
    """
    with ExitStack() as stack:
        if portal is None:
            portal = stack.enter_context(start_blocking_portal())
        stack.enter_context(portal.wrap_async_context_manager(stream))
        while (item := portal.call(_next_or_none, stream)) is not None:
            yield item


async def _next_or_none(stream: Stream[T]) -> T | None:
    return await anext(stream, None)


class _Task(Generic[T]):
    """The worker. It has no reference to its stream, so that a dropped stream is collected."""

    def __init__(self, work: Work[T]) -> None:
        self.scope = anyio.CancelScope()
        self.done = anyio.Event()
        self.handle: object = None
        self._work = work
        self._error: Exception | None = None
        # Unbounded: a slow reader must not slow the model, and the run has its own limits
        self._items: deque[T] = deque()
        self._news = anyio.Event()

    async def main(self) -> None:
        try:
            with self.scope:
                await self._work(self._emit)
        except Exception as error:
            self._error = error
        finally:
            self.done.set()
            self._news.set()

    async def next_item(self) -> T:
        while not self._items:
            if self.done.is_set():
                error, self._error = self._error, None
                raise error or StopAsyncIteration
            if self._news.is_set():
                self._news = anyio.Event()
            await self._news.wait()
        return self._items.popleft()

    def _emit(self, item: T) -> None:
        self._items.append(item)
        self._news.set()


def _start(main: Callable[[], Coroutine[Any, Any, None]]) -> object:
    """Start a task that no task group owns, which anyio cannot do. Keep a reference to it."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio

        return trio.lowlevel.spawn_system_task(main, context=copy_context())
    return loop.create_task(main())
