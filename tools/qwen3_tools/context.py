"""The run that calls a tool.

It is a context variable because concurrent runs share tools, while each call is made in the context
of its own run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from .usage import Usage

ContextT = TypeVar("ContextT")


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


@dataclass(frozen=True, slots=True)
class RunContext(Generic[ContextT]):
    """The run that calls a tool. A tool receives it as its first parameter:

        @tool
        async def orders(run: RunContext[Shop], since: date) -> list[Order]:
            return await run.context.orders_of(run.context.user, since)

    The parameter is not part of the tool's schema, and the model cannot set it.
    """

    context: ContextT
    """The value that the caller passed as `agent.run(..., context=...)`."""
    run_id: str | None = None
    """The id of the recorded run. None: the run is not recorded."""
    call_id: str = ""
    """The id of the call within its turn, as in events."""
    work_folder: Path | None = None
    """The folder that the tools of the run share for files."""
    usage: Usage = field(default_factory=Usage)
    """The tokens of the turn so far."""
    progress: Listener | None = field(default=None, repr=False, compare=False)
    """Receives the progress of the call; see `report_progress`."""

    def report_progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Report the progress of the call, from any thread; see `Progress` for the arguments."""
        if self.progress is not None:
            self.progress(Progress(done, total, message))


_current: ContextVar[RunContext[Any]] = ContextVar("run_context", default=RunContext(None))  # noqa: B039 - frozen


@contextmanager
def call_context(context: RunContext[Any]) -> Iterator[None]:
    """Pass `context` to the tools called within the block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def current_context() -> RunContext[Any]:
    """Return the context of the call in progress; an empty one outside of a run."""
    return _current.get()
