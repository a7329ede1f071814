"""Runs blocking functions in daemon threads, which block neither a run nor process exit."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from contextvars import copy_context
from typing import Any, TypeVar

import anyio
import anyio.from_thread
from anyio.from_thread import BlockingPortal
from anyio.lowlevel import current_token

T = TypeVar("T")
_of_parent: list[LoopThread] = []
"""Kept, since generators that are collected would wait for the thread of the parent process."""


class LoopThread:
    """An event loop in a thread, with an async context manager open on it, for synchronous code.

    A forked child process has the object, but not the thread: there every use raises RuntimeError,
    and leaving the block does nothing.
    """

    def __init__(self, manager: AbstractAsyncContextManager[Any], name: str) -> None:
        """Open `manager`; errors call it `name`."""
        self._name = name
        self._process = os.getpid()
        with ExitStack() as stack:
            self._portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
            stack.enter_context(self._portal.wrap_async_context_manager(manager))
            self._stack = stack.pop_all()

    @property
    def portal(self) -> BlockingPortal:
        """Runs functions on the event loop."""
        if os.getpid() != self._process:
            raise RuntimeError(
                f"{self._name} was entered before this process was forked, and works only in the "
                "parent process: create and enter another one here."
            )
        return self._portal

    def close(self) -> None:
        """Close the context manager and end the thread."""
        if os.getpid() == self._process:
            self._stack.close()
        else:
            _of_parent.append(self)


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """Run a function that may never return in its own thread, and wait for it.

    On cancellation the thread is abandoned. The process can exit while it is running, unlike with
    worker threads of anyio on asyncio or of an executor, which Python joins.

    The function runs in the context of the caller. `anyio.from_thread` requires a token in it.
    """
    done = anyio.Event()
    token = current_token()
    context = copy_context()
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome[:] = [context.run(function), None]
        except BaseException as error:
            outcome[:] = [None, error]
        with suppress(RuntimeError):  # the event loop was closed
            anyio.from_thread.run_sync(done.set, token=token)

    name = getattr(getattr(function, "func", function), "__name__", "function")
    threading.Thread(target=work, name=f"tool {name}", daemon=True).start()
    await done.wait()
    value, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            del error, outcome  # breaks a reference cycle
    result: T = value
    return result
