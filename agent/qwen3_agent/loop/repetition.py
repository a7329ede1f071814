"""Detection of calls that are repeated without progress."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from qwen3_tools.tool import ToolResult

from ..messages import MalformedCall, ToolCall

TIMES = 3
"""Number of times that a call has the same result before the model is told."""

TOLD = (
    "[You have made this very call {times} times, and the result was the same each time. Do not "
    "make it again: try something else, or answer with what you have.]"
)


class Repetition:
    """Counts calls that repeat an earlier result.

    Only calls with the same result count, and a result that is new in the turn resets the count:
    polling for something until it is done, or tests that fail the same way after each change, are
    not repetitions as long as anything changes.
    """

    def __init__(self) -> None:
        self.stuck = 0
        """Number of times that a call was made although the model was told not to. 0: none."""
        self._seen: set[str] = set()
        self._times: Counter[str] = Counter()
        self._told = False

    def notes(
        self, calls: Sequence[ToolCall | MalformedCall], results: Sequence[ToolResult]
    ) -> list[str]:
        """Return a note for the model with each result of a step, usually empty."""
        pairs = [_key(call, result) for call, result in zip(calls, results, strict=True)]
        if not self._seen.issuperset(pairs):
            self._times.clear()
            self._told = False
        self._seen.update(pairs)
        notes = [""] * len(pairs)
        for place, pair in enumerate(pairs):
            self._times[pair] += 1
            times = self._times[pair]
            if times < TIMES:
                continue
            if self._told:
                self.stuck = times
            else:
                notes[place] = TOLD.format(times=times)
        self._told = self._told or any(notes)
        return notes


def _key(call: ToolCall | MalformedCall, result: ToolResult) -> str:
    said = call.raw if isinstance(call, MalformedCall) else [call.name, call.arguments]
    return json.dumps([said, result.text, result.is_error], sort_keys=True)
