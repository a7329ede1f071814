"""Lays out the steps of a turn as bars on a time axis from 0 to 100 percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..recorded import RecordedStep, RecordedTurn

_LONGEST_GAP = 0.05
"""As a share of the active time. A longer pause, such as before a resume, is shortened."""
_SHOWN_GAP = 0.02


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time on the axis."""

    kind: str
    """reading, thinking, writing, tool, wrong or cut; also the CSS class."""
    start: float
    end: float
    lane: int
    """0 for the model; each call has one below it."""
    label: str


class Axis:
    """Maps times to percent of the active time.

    Args:
        spans: The active time, as pairs of start and end, which may overlap.
    """

    def __init__(self, spans: Sequence[tuple[float, float]]) -> None:
        self._busy = _merged(spans)
        self.seconds = sum(end - start for start, end in self._busy)
        whole = max(self.seconds, 1e-6)
        shown_gaps = [
            min(after[0] - before[1], whole * _LONGEST_GAP)
            for before, after in zip(self._busy, self._busy[1:], strict=False)
        ]
        self._gaps = [
            gap if gap < whole * _LONGEST_GAP else whole * _SHOWN_GAP for gap in shown_gaps
        ]
        self._length = max(self.seconds + sum(self._gaps), 1e-6)
        self.breaks = [
            (self.at(self._busy[place][1]), self._busy[place + 1][0] - self._busy[place][1])
            for place, gap in enumerate(shown_gaps)
            if gap >= whole * _LONGEST_GAP
        ]
        """The position of each shortened pause in percent, and its seconds."""

    def at(self, moment: float) -> float:
        """Return the position of a time in percent."""
        before = 0.0
        for place, (start, end) in enumerate(self._busy):
            if moment <= end or place == len(self._busy) - 1:
                before += min(max(moment - start, 0.0), end - start)
                break
            before += end - start + self._gaps[place]
        return 100 * before / self._length


def _merged(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, max(start, end)))
    return merged or [(0.0, 0.0)]


def bars(step: RecordedStep, turn: RecordedTurn) -> list[Bar]:
    """Return the bars of a step: the model first, then its calls."""
    if step.said is None:
        ended = turn.finished if step is turn.steps[-1] and turn.finished else step.started
        return [Bar("cut", step.started, ended, 0, "cut off")]
    # A message that only makes calls has no first text: all of it counts as writing
    first = step.first_text or step.started
    found = [Bar("reading", step.started, first, 0, "reading the prompt")]
    written_from = first
    if step.thought_until is not None:
        found.append(Bar("thinking", first, step.thought_until, 0, "thinking"))
        written_from = step.thought_until
    found.append(Bar("writing", written_from, step.said, 0, "writing"))
    for lane, call in enumerate((c for c in step.calls if c.started is not None), 1):
        started = call.started or step.said
        if call.finished is None:
            found.append(Bar("cut", started, started, lane, f"{call.name}: outcome unknown"))
        else:
            kind = "wrong" if call.is_error else "tool"
            began = max(started, call.finished - call.seconds)
            found.append(Bar(kind, began, call.finished, lane, call.name))
    return [bar for bar in found if bar.end > bar.start or bar.kind == "cut"]
