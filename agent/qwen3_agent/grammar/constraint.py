"""A constraint on what a generation may contain."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Constraint:
    """The text that a generation may contain, from its first token to its stop token.

    Args:
        make: returns the structural tag. Called once, when the tag is first needed, in a worker
            thread: checking the schemas of many tools takes a moment.
        wakes_on: tokens before which the generation is unconstrained. If empty, the constraint
            applies from the first token.
    """

    def __init__(self, make: Callable[[], str], wakes_on: frozenset[int] = frozenset()) -> None:
        self.wakes_on = wakes_on
        self._make = make
        self._tag = ""
        self._lock = threading.Lock()

    @property
    def made(self) -> str:
        """The structural tag if it was requested before; otherwise empty."""
        return self._tag

    def structural_tag(self) -> str:
        """Return xgrammar's structural tag as JSON, with control tokens given by their ids.

        https://xgrammar.mlc.ai/docs/structural_tag/format.html
        """
        with self._lock:
            self._tag = self._tag or self._make()
            return self._tag
