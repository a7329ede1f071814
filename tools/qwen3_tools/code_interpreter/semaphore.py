"""Makes `multiprocessing` work without /dev/shm, which Landlock cannot provide per session.

Its locks, queues and pools (thread pools too) use POSIX semaphores, which are files in /dev/shm. An
eventfd is a semaphore as well, and children inherit it. The source of this file is passed to the
interpreter in the sandbox before that of the worker.
"""

from __future__ import annotations

import errno
import os
import select
import time
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

RECURSIVE_MUTEX = 0


class _Handle:
    """The handle for spawned processes, which cannot use an eventfd."""

    def __reduce__(self) -> NoReturn:
        raise RuntimeError('Only forked processes share it: multiprocessing.get_context("fork").')


class EventSemaphore:
    """Replaces `_multiprocessing.SemLock` for the fork start method."""

    SEM_VALUE_MAX = 2**31 - 1

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        self.kind, self.maxvalue, self.name = kind, maxvalue, None
        self.handle = _Handle()
        self._event = os.eventfd(value, os.EFD_SEMAPHORE | os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._owner = 0
        self._held = 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        if self.kind == RECURSIVE_MUTEX and self._is_mine():
            self._held += 1
            return True
        end = None if timeout is None else time.monotonic() + max(0.0, timeout)
        while True:
            try:
                os.eventfd_read(self._event)
            except BlockingIOError:
                left = None if end is None else end - time.monotonic()
                if not block or (left is not None and left <= 0):
                    return False
                select.select([self._event], [], [], left)
                continue
            self._held += 1
            self._owner = get_ident()
            return True

    def release(self) -> None:
        if self.kind == RECURSIVE_MUTEX:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._held > 1:
                self._held -= 1
                return
        elif self.maxvalue == 1 and not self._is_zero():
            raise ValueError("semaphore or lock released too many times")
        self._held -= 1
        os.eventfd_write(self._event, 1)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        try:
            os.close(self._event)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise

    def _count(self) -> int:
        return self._held

    def _is_mine(self) -> bool:
        return self._held > 0 and self._owner == get_ident()

    def _is_zero(self) -> bool:
        return not select.select([self._event], [], [], 0)[0]

    def _get_value(self) -> int:
        raise NotImplementedError  # as on macOS, so queues have no size

    def _after_fork(self) -> None:
        self._held = 0


def use_event_semaphores() -> None:
    """Make `multiprocessing` use semaphores and shared memory without /dev/shm."""
    import _multiprocessing  # type: ignore[import-not-found]
    import multiprocessing.heap

    native: Any = _multiprocessing
    heap: Any = multiprocessing.heap
    native.SemLock = EventSemaphore
    heap.Arena._dir_candidates = []
