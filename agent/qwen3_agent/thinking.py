"""Thinking policies: the state of a step -> off, on, or on with at most n tokens."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Plan:
    """What one step may think.

    Args:
        on: whether it thinks.
        budget: at most so many tokens; None for no limit.
        reason: why, in a few words.
    """

    on: bool
    budget: int | None = None
    reason: str = ""

    @property
    def mode(self) -> str:
        """As it is shown: "off", "on", or the number of tokens."""
        return "off" if not self.on else "on" if self.budget is None else str(self.budget)

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return asdict(self)
