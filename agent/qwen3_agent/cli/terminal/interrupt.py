"""Ctrl-C: cancel what runs, let it clean up, and be gone in under two seconds whatever happens."""

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
from types import FrameType
from typing import NoReturn

import anyio

GRACE = 1.2
"""Seconds that a cancelled run has to close its servers, sandboxes and engine."""

PATIENCE = 2.0
"""Seconds that a stopped step has before another Ctrl-C ends the program."""


def run_until_interrupted(
    main: Callable[[], Awaitable[int]], *, leave_screen: Callable[[], None] = lambda: None
) -> int:
    """Run `main` on an event loop and return its exit code.

    SIGINT and SIGTERM cancel it. The process then ends with 130 or 143 without waiting for
    threads, since one may be in the middle of an import or of loading weights.

    Args:
        main: returns the exit code.
        leave_screen: called before the process ends in the middle of things, so that no half
            drawn line and no hidden cursor stays behind.
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
        if not received:  # What fails while it is being cancelled is of no interest.
            raise
    if not received:
        assert code is not None, "only a signal cancels the scope"
        return code
    leave_screen()
    print("Interrupted.", file=sys.stderr)
    _leave(128 + received[0])


@contextmanager
def stopped_by_interrupt() -> Iterator[anyio.CancelScope]:
    """Within the block Ctrl-C cancels its scope, and the program goes on behind it.

    For a while nothing more happens at another Ctrl-C, since cleaning up takes a moment and people
    press it twice. When that has not helped, the next one does what it did before the block.
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
    """Cancel `scope` at the first signal; leave at once at the second."""
    loop = anyio.lowlevel.current_token()

    def insist(number: int, grace: float) -> None:
        time.sleep(grace)
        leave_screen()
        print("Interrupted.", file=sys.stderr)
        _leave(128 + number)

    def handle(number: int, frame: FrameType | None) -> None:
        received.append(number)
        # Threads, since the loop may be what does not answer, and must be woken if it sleeps.
        insisting = partial(insist, number, GRACE if len(received) == 1 else 0)
        for target in (partial(_cancel, scope, loop), insisting):
            threading.Thread(target=target, daemon=True).start()

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _cancel(scope: anyio.CancelScope, loop: anyio.lowlevel.EventLoopToken) -> None:
    """Cancel `scope` from another thread, which wakes the loop if it sleeps."""
    with suppress(RuntimeError):  # The loop may have ended by itself meanwhile.
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
    """Processes below `root`, as /proc tells; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in parentheses may hold anything, spaces and parentheses too.
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
