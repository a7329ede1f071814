"""Progress of a call: reported by the tool, received by the caller.

The listener is a context variable, as for artifacts: runs share tools, but a call belongs to one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import anyio.from_thread
from anyio.lowlevel import current_token


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress report."""

    done: float
    """Increases with each report, in any unit."""
    total: float | None = None
    """The final value of `done`, if known."""
    message: str = ""
    """A description for users."""


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def progress_to(listener: Listener) -> Iterator[None]:
    """Send progress of the block, including its tasks and threads, to `listener`."""
    home, loop = threading.get_ident(), current_token()

    def forward(now: Progress) -> None:
        if threading.get_ident() == home:
            listener(now)
        else:
            anyio.from_thread.run_sync(listener, now, token=loop)

    token = _listener.set(forward)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(done: float, total: float | None = None, message: str = "") -> None:
    """Report the progress of the current call, from any tool. Ignored without a listener."""
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, message))


def progress_listener() -> Listener | None:
    """Return the listener of the current call, for tools that report from another task."""
    return _listener.get()
