"""Thinking policies: decide for each step whether the model thinks, and for how many tokens.

A policy is a pure function from a `StepState` to a `Plan`. `Thinking` is the built-in policy; any
other function can take its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeGuard

LastEvent = Literal["user", "tool_result", "tool_error", "malformed_call", "repeated_call"]
"""The event before a step. Of several results in one step, the last in this list."""

Switch = Literal["/think", "/no_think"]
"""Soft switch in a user or system message that turns thinking on or off, as Qwen3 defines it."""

Mode = int | Literal["on", "off"]
"""Maximum number of tokens of a thought, "on" without a limit, or "off".

0 means off; the thought of a model that always thinks is closed at once."""

_SWITCH = re.compile(r"(?<![\w/.-])/(?:no_)?think(?![\w/-])")


@dataclass(frozen=True, slots=True)
class StepState:
    """The state of a turn before a step, for thinking policies."""

    index: int
    """0 for the first step of the turn."""
    last: LastEvent
    thinking_tokens: int
    """Thinking tokens of this turn so far."""
    context_left: int
    """Tokens that still fit into the model's context."""
    steps_left: int
    """Number of steps that the limits allow, including this one."""
    tokens_left: int | None = None
    """Number of sampled tokens that the limits allow. None: no limit."""
    switch: Switch | None = None
    """The latest soft switch in a user or system message."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The thinking plan of one step.

    Args:
        on: Whether the step thinks.
        budget: Maximum number of thinking tokens. None: no limit. 0 means off if the model can
            skip thinking.
        reason: The reason in a few words.

    Raises:
        ValueError: The budget is negative.
    """

    on: bool
    budget: int | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 0:
            raise ValueError(f"A thinking budget must be 0 or more, not {self.budget}.")

    @classmethod
    def without_thought(cls, reason: str, *, can_skip: bool) -> Plan:
        """Return a plan to answer at once.

        Args:
            reason: The reason in a few words.
            can_skip: Whether the model can skip thinking. The thought of a model that always
                thinks is closed as soon as it begins.
        """
        return cls(on=False, reason=reason) if can_skip else cls(on=True, budget=0, reason=reason)

    @property
    def mode(self) -> str:
        """The plan in one word: "off", "on", or the number of tokens."""
        return "off" if not self.on else "on" if self.budget is None else str(self.budget)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as a JSON object."""
        return asdict(self)


Policy = Callable[[StepState], Plan | Mode | bool]


@dataclass(frozen=True, slots=True)
class Thinking:
    """A thinking policy with a mode for each kind of step and a budget for the whole run.

    Each mode is "on", "off", or the maximum number of tokens of a thought.

    `/no_think` in the latest user or system message turns thinking off, and `/think` turns it on
    for a step that would not think; neither has an effect if all modes are off.

    Args:
        first: Mode of the first step.
        after_tool: Mode of a step after tool results without an error. None: as the first.
        after_error: Mode of a step after a failed, malformed or repeated call. None: as the first.
        total: Maximum number of thinking tokens of all steps of a run together. Tokens that a
            step does not use remain for later steps. An eighth is reserved for the answer. It is
            not known beforehand which step answers: when only the reserve is left, each step may
            use half of it, and the last step that the limits allow all of it.

    Raises:
        ValueError: A mode or a number is out of range.
    """

    first: Mode = "on"
    after_tool: Mode | None = None
    after_error: Mode | None = None
    total: int | None = None

    def __post_init__(self) -> None:
        for name in ("first", "after_tool", "after_error"):
            value = getattr(self, name)
            if not (value is None and name != "first") and not _is_mode(value):
                raise ValueError(
                    f'Thinking: {name} must be "on", "off" or a number of tokens, not {value!r}.'
                )
        if self.total is not None and not (_is_tokens(self.total) and self.total >= 1):
            raise ValueError(f"Thinking: total must be 1 or more, not {self.total!r}.")

    @classmethod
    def adaptive(cls, tokens: Mode = "on", *, total: int | None = None) -> Thinking:
        """Return the policy that thinks at the start and after errors, but not after results."""
        return cls(first=tokens, after_tool="off", after_error=tokens, total=total)

    def __call__(self, state: StepState) -> Plan:
        """Return the plan of a step."""
        mode, reason = self._mode(state)
        if state.switch == "/no_think":
            mode, reason = "off", "/no_think"
        elif state.switch == "/think" and mode in ("off", 0) and self._ever():
            mode, reason = self.first if self.first not in ("off", 0) else "on", "/think"
        if mode == "off":
            return Plan(on=False, reason=reason)
        wanted = None if mode == "on" else mode
        if self.total is None:
            return Plan(True, wanted, reason)
        left = self.total - state.thinking_tokens
        reserve = self.total // 8
        allowed = left - reserve if left > reserve else left // 2
        if state.steps_left <= 1:
            allowed = left
        if allowed < 1:
            return Plan(True, 0, "the total is spent")
        budget = allowed if wanted is None else min(wanted, allowed)
        return Plan(True, budget, reason)

    def _ever(self) -> bool:
        modes = (self.first, self.after_tool, self.after_error)
        return any(mode not in ("off", 0, None) for mode in modes)

    def _mode(self, state: StepState) -> tuple[Mode, str]:
        if state.last == "user":
            return self.first, "the first step"
        if state.last == "tool_result":
            mode, reason = self.after_tool, "after a tool result"
        else:
            mode, reason = self.after_error, f"after a {state.last.replace('_', ' ')}"
        return self.first if mode is None else mode, reason


def decide(policy: Policy, state: StepState, *, can_skip: bool = True) -> Plan:
    """Return the plan of a policy, which may answer with a mode or a plan.

    Args:
        policy: The policy.
        state: The state before the step.
        can_skip: Whether the model can skip thinking; then a budget of 0 means off.

    Raises:
        TypeError: The policy returns neither a mode nor a plan.
    """
    answer = policy(state)
    if isinstance(answer, bool):
        answer = "on" if answer else "off"
    if _is_mode(answer):
        budget = None if isinstance(answer, str) else answer
        answer = Plan(on=answer != "off", budget=budget, reason="the policy's choice")
    if not isinstance(answer, Plan):
        raise TypeError(
            'A thinking policy must return a Plan, "on", "off" or a number of tokens, '
            f"not {answer!r}."
        )
    if answer.budget == 0 and can_skip:
        return replace(answer, on=False, budget=None)
    return answer


def as_policy(thinking: Mode | Literal["adaptive"] | Policy | None) -> Policy | None:
    """Return the policy for an agent's `thinking`. None: the default of the model.

    Raises:
        ValueError: `thinking` is not a valid policy.
    """
    if thinking is None or callable(thinking):
        return thinking
    if thinking == "adaptive":
        return Thinking.adaptive()
    if not _is_mode(thinking):
        raise ValueError(
            'thinking must be "on", "off", "adaptive", a number of tokens or a policy, '
            f"not {thinking!r}."
        )
    return Thinking(thinking)


def latest_switch(texts: Iterable[str]) -> Switch | None:
    """Return the last `/think` or `/no_think` in messages, the oldest first."""
    latest: Switch | None = None
    for text in texts:
        for match in _SWITCH.finditer(text):
            latest = "/no_think" if match.group() == "/no_think" else "/think"
    return latest


def _is_mode(value: object) -> TypeGuard[Mode]:
    return _is_tokens(value) or value in ("on", "off")


def _is_tokens(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
