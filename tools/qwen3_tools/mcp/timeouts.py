"""Timeouts that pause while the user is asked something."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import anyio


class Timeouts:
    """The timeouts of one server. All of them pause while the user answers its request."""

    def __init__(self) -> None:
        self._left: dict[anyio.CancelScope, float] = {}
        self._pauses = 0

    @contextmanager
    def within(self, seconds: float) -> Iterator[anyio.CancelScope]:
        """Cancel the block after `seconds`; the scope's `cancelled_caught` is then True."""
        with anyio.CancelScope() as scope:
            self._left[scope] = seconds
            if not self._pauses:
                scope.deadline = anyio.current_time() + seconds
            try:
                yield scope
            finally:
                self._left.pop(scope, None)

    def lift(self, scope: anyio.CancelScope) -> None:
        """Remove the timeout of a block that is still running."""
        self._left.pop(scope, None)
        scope.deadline = math.inf

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause all timeouts during the block."""
        self._pauses += 1
        if self._pauses == 1:
            for scope in self._left:
                self._left[scope] = scope.deadline - anyio.current_time()
                scope.deadline = math.inf
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                for scope, seconds in self._left.items():
                    scope.deadline = anyio.current_time() + seconds
