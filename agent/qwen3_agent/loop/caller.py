"""The run that makes a tool call, for agents that are called as tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from ..approvals import Approvals
from ..events import Emit


@dataclass(frozen=True, slots=True)
class Caller:
    """The run that makes the current tool call."""

    emit: Emit
    """Receives each event of the called agent."""
    tokens_left: int | None
    """Maximum number of sampled tokens that the call may cost. None: no limit."""
    policy_over: Callable[[Approvals], Approvals]
    """Return the policy for the calls of an agent with its own approvals."""


_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Make `caller` the current caller within the block."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def current_caller() -> Caller | None:
    """Return the run that makes the current tool call. None: no run does."""
    return _caller.get()
