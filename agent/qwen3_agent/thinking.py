"""Thinking policies: the state of a step -> off, on, or on with at most n tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

LastEvent = Literal["user", "tool_result", "tool_error", "malformed_call", "repeated_call"]
"""What happened before a step: the worst of what came back, a repeated call being the worst."""


@dataclass(frozen=True, slots=True)
class StepState:
    """What a thinking policy decides on."""

    index: int
    """0 for the first step of the turn."""
    last: LastEvent
    thinking_tokens: int
    """Thought in this turn so far."""
    context_left: int
    """Tokens that still fit into the model's context."""
    steps_left: int
    """Steps that the limits allow, this one included."""


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


Policy = Callable[[StepState], Plan]


def policy(thinking: str | Policy | None, *, can_think: bool) -> Policy:
    """The policy that an agent's `thinking` names."""
    if callable(thinking):
        return thinking
    if thinking not in ("on", "off", None):
        raise ValueError(f'thinking must be "on", "off" or a policy, not {thinking!r}.')
    on = can_think if thinking is None else thinking == "on"
    reason = "the default" if thinking is None else "as the agent says"
    return lambda state: Plan(on=on, reason=reason)
