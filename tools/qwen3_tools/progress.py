"""Progress of a call: reported by the tool, received by the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import anyio.from_thread
from anyio.lowlevel import current_token

from .context import Listener, Progress, call_context, current_context

__all__ = ["Listener", "Progress", "progress_to", "report_progress"]


@contextmanager
def progress_to(listener: Listener) -> Iterator[None]:
    """Send progress of the block, including its tasks and threads, to `listener`."""
    home, loop = threading.get_ident(), current_token()

    def forward(now: Progress) -> None:
        if threading.get_ident() == home:
            listener(now)
        else:
            anyio.from_thread.run_sync(listener, now, token=loop)

    with call_context(replace(current_context(), progress=forward)):
        yield


def report_progress(done: float, total: float | None = None, message: str = "") -> None:
    """Report the progress of the current call, from any tool. Ignored without a listener."""
    current_context().report_progress(done, total, message)
