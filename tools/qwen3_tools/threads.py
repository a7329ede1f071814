"""Blocking functions in threads that can hold nobody: neither a run nor the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar

import anyio
import anyio.from_thread
from anyio.lowlevel import current_token

T = TypeVar("T")


async def run_in_daemon_thread(function: Callable[[], T]) -> T:
    """Run a function that may never return in a thread of its own, and wait for it.

    A cancellation leaves the thread to itself. The process can end while it runs, as it can't with
    the worker threads of anyio on asyncio or of an executor, which Python waits for.

    The function runs in the context of the caller. `anyio.from_thread` needs a token in it.
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
        with suppress(RuntimeError):  # The event loop is gone, and nobody waits any more
            anyio.from_thread.run_sync(done.set, token=token)

    threading.Thread(target=work, name=f"tool {_name(function)}", daemon=True).start()
    await done.wait()
    value, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            del error, outcome  # What it refers to refers to it
    result: T = value
    return result


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(getattr(function, "func", function), "__name__", "function"))
