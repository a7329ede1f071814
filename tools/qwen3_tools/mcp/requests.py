"""Requests over one connection, each in a task of its own.

The SDK (2.3) holds whoever gives up a request for up to 5 seconds, until the server has taken the
news. In a task of its own that keeps nobody: a caller's bound and its cancellation act at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

T = TypeVar("T")


class ConnectionEndedError(Exception):
    """The connection ended under the request."""


class Requests:
    """The requests that are open on a connection. Whoever owns it owns their tasks."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    async def make(self, send: Callable[[], Awaitable[T]]) -> T:
        """Await `send()`. Given up by the caller, it is cancelled and left to end by itself.

        Raises:
            ConnectionEndedError: The owner has cancelled all requests.
            Exception: What `send` raises.
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
