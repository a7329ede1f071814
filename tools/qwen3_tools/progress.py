"""How far a call has come: said by the tool, heard by whoever made the call.

A context variable, as for artifacts: a tool is shared between runs, a call belongs to one.
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
    """A point that a call has come to."""

    done: float
    """Grows from report to report; in whatever unit the tool counts."""
    total: float | None = None
    """What `done` will be at the end, where the tool knows."""
    message: str = ""
    """What it is doing, for people."""


Listener = Callable[[Progress], None]

_listener: ContextVar[Listener | None] = ContextVar("progress_listener", default=None)


@contextmanager
def progress_to(listener: Listener) -> Iterator[None]:
    """Within the block, and in all tasks and threads started in it, progress goes to `listener`."""
    home, loop = threading.get_ident(), current_token()

    def heard(now: Progress) -> None:
        if threading.get_ident() == home:
            listener(now)
        else:
            anyio.from_thread.run_sync(listener, now, token=loop)

    token = _listener.set(heard)
    try:
        yield
    finally:
        _listener.reset(token)


def report_progress(done: float, total: float | None = None, message: str = "") -> None:
    """Say how far the call has come; for tools, of any kind. Nobody listening is fine."""
    listener = _listener.get()
    if listener is not None:
        listener(Progress(done, total, message))


def progress_listener() -> Listener | None:
    """Who listens to the call that is being made, for tools that report from another task."""
    return _listener.get()
