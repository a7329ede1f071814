"""The synchronous interface of the code interpreter."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from qwen3_tools.threads import LoopThread

P = ParamSpec("P")
T = TypeVar("T")
OwnerT = TypeVar("OwnerT", bound="SyncInterface")


class SyncInterface(AbstractAsyncContextManager[Any]):
    """Adds `with` to an async context manager: it is open on its own event loop, in a thread."""

    _loop_thread: LoopThread

    def __enter__(self) -> Self:
        self._loop_thread = LoopThread(self, "The code interpreter")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop_thread.close()


def synchronous(
    method: Callable[Concatenate[OwnerT, P], Awaitable[T]],
) -> Callable[Concatenate[OwnerT, P], T]:
    """Return a method that runs an async one on that event loop. Call it from any thread."""

    @functools.wraps(method)
    def run(self: OwnerT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = functools.partial(method, self, *args, **kwargs)
        return self._loop_thread.portal.call(call)

    return run
