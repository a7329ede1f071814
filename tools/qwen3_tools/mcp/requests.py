"""Requests over one connection, each in its own task.

The SDK (2.3) delays a caller that cancels a request by up to 5 seconds, until the server has been
notified. With a task per request, timeouts and cancellation take effect immediately.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")


class ConnectionEndedError(Exception):
    """The connection ended during the request."""


class Requests:
    """The open requests of a connection. Their tasks belong to the connection's task group."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    async def make(self, send: Callable[[], Awaitable[T]]) -> T:
        """Await `send()`. If the caller is cancelled, the request ends in the background.

        Raises:
            ConnectionEndedError: The task group was cancelled.
            Exception: Any exception of `send`.
        """
        results: list[T] = []
        errors: list[Exception] = []
        done = anyio.Event()
        scope = anyio.CancelScope()

        async def work() -> None:
            try:
                with scope:
                    results.append(await send())
            except Exception as error:
                errors.append(error)
            finally:
                done.set()

        self._tasks.start_soon(work)
        try:
            await done.wait()
        finally:
            scope.cancel()
        if errors:
            raise errors[0]
        if not results:
            raise ConnectionEndedError
        return results[0]
