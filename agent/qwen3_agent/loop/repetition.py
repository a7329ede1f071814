"""Calls that go round in circles."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from qwen3_tools.tool import ToolResult

from ..messages import MalformedCall, ToolCall

TIMES = 3
"""How often the same call may have the same result before the model is told."""

TOLD = (
    "[You have made this very call {times} times, and the result was the same each time. Do not "
    "make it again: try something else, or answer with what you have.]"
)


class Repetition:
    """Counts calls that bring nothing new.

    Only calls with the same result count, and a result that is new in the turn starts the count
    again: so neither asking for something until it is done, nor tests that fail the same way after
    each change, is taken for a circle as long as something moves.
    """

    def __init__(self) -> None:
        self.stuck = 0
        """How often the call was made that went on after the model was told. 0: none did."""
        self._seen: set[str] = set()
        self._times: Counter[str] = Counter()
        self._told = False

    def notes(
        self, calls: Sequence[ToolCall | MalformedCall], results: Sequence[ToolResult]
    ) -> list[str]:
        """What the model is to be told with each result of a step: mostly nothing."""
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
