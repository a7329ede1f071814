"""Ctrl-C: cancel the work in progress, clean up, and exit in under two seconds.

Only C code that keeps the whole interpreter busy can delay the exit further: no Python code runs
before it returns.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import NoReturn

import anyio

GRACE = 1.0
"""Seconds from the signal on for a canceled run to close its servers, sandboxes and engine."""

BUSY = 5.0
"""Maximum seconds for which another thread is expected to keep Python from handling a signal."""

PATIENCE = 2.0
"""Seconds after a stopped turn in which another Ctrl-C is ignored."""


def run_until_interrupted(
    main: Callable[[], Awaitable[int]], *, leave_screen: Callable[[], None] = lambda: None
) -> int:
    """Run `main` on an event loop and return its exit code.

    SIGINT and SIGTERM cancel it. The process then ends with 130 or 143 without waiting for
    threads, since one may be in the middle of an import or of loading weights.

    Args:
        main: Returns the exit code.
        leave_screen: Called before the process is interrupted, to restore the screen and the
            cursor.
    """
    received: list[int] = []

    async def guarded() -> int | None:
        with anyio.CancelScope() as scope, _on_signal(scope, received, leave_screen):
            return await main()
        return None

    code = None
    try:
        code = anyio.run(guarded)
    except Exception:
        if not received:  # errors during cancellation do not matter
            raise
    if not received:
        assert code is not None, "only a signal cancels the scope"
        return code
    leave_screen()
    print("Interrupted.", file=sys.stderr)
    _leave(128 + received[0])


@contextmanager
def stopped_by_interrupt() -> Iterator[anyio.CancelScope]:
    """Let Ctrl-C cancel the block; the program continues after it.

    Further Ctrl-Cs are ignored for a while, since cleaning up takes a moment and people press the
    keys twice. After that, the previous handler is called.
    """
    loop = anyio.lowlevel.current_token()
    first = 0.0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if not first:
            first = time.monotonic()
            threading.Thread(target=_cancel, args=(scope, loop), daemon=True).start()
        elif time.monotonic() - first > PATIENCE and callable(previous):
            previous(number, frame)

    with anyio.CancelScope() as scope:
        previous = signal.signal(signal.SIGINT, handle)
        try:
            yield scope
        finally:
            signal.signal(signal.SIGINT, previous)


@contextmanager
def _on_signal(
    scope: anyio.CancelScope, received: list[int], leave_screen: Callable[[], None]
) -> Iterator[None]:
    """Cancel `scope` at the first signal; exit immediately at the second."""
    loop = anyio.lowlevel.current_token()

    def insist(number: int, grace: float) -> None:
        time.sleep(max(0, grace))
        leave_screen()
        print("Interrupted.", file=sys.stderr)
        _leave(128 + number)

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # Threads that still load a model or import would slow down the exit
        sys.setswitchinterval(0.0001)
        # In threads: the loop may be blocked, or asleep and has to be woken.
        insisting = partial(insist, number, GRACE - delay() if len(received) == 1 else 0)
        for target in (partial(_cancel, scope, loop), insisting):
            threading.Thread(target=target, daemon=True).start()

    numbers = (signal.SIGINT, signal.SIGTERM)
    with _signal_delay() as delay:
        previous = {number: signal.signal(number, handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextmanager
def _signal_delay() -> Iterator[Callable[[], float]]:
    """Measure how many seconds ago the last signal arrived; call it in the handler.

    Python calls the handler late if another thread keeps the interpreter busy, as the import of a
    large library does. Its C code does not: it writes a byte, here to a file that keeps the time.
    """
    with TemporaryFile() as file:
        os.set_blocking(file.fileno(), False)

        def delay() -> float:
            stat = os.fstat(file.fileno())
            seconds = time.time() - stat.st_mtime if stat.st_size else 0
            return seconds if 0 < seconds < BUSY else 0

        before = signal.set_wakeup_fd(file.fileno(), warn_on_full_buffer=False)
        try:
            yield delay
        finally:
            current = signal.set_wakeup_fd(before)
            if current != file.fileno():  # set by other code meanwhile
                signal.set_wakeup_fd(current)


def _cancel(scope: anyio.CancelScope, loop: anyio.lowlevel.EventLoopToken) -> None:
    """Cancel `scope` from another thread, which wakes the loop if it sleeps."""
    with suppress(RuntimeError):  # the loop may have ended meanwhile
        anyio.from_thread.run_sync(scope.cancel, token=loop)


def _leave(code: int) -> NoReturn:
    """End this process now, and every process that it started."""
    for pid in _descendants(os.getpid()):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue
    os._exit(code)


def _descendants(root: int) -> list[int]:
    """Return the descendants of a process, according to /proc, if there is one."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may contain spaces and parentheses.
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    below = [root]
    while below:
        below = [child for parent in below for child in children.get(parent, ())]
        found += below
    return found
