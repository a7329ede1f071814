"""Thinking policies: the state of a step -> off, on, or on with at most n tokens.

A policy is a pure function from a `StepState` to a `Plan`. `Thinking` is the built-in one; any
function will do in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeGuard

LastEvent = Literal["user", "tool_result", "tool_error", "malformed_call", "repeated_call"]
"""What happened before a step. Of several results in one step, the one furthest to the right."""

Switch = Literal["/think", "/no_think"]
"""What a user or system message can write to turn thinking on or off, as Qwen3 defines it."""

Mode = int | Literal["on", "off"]
"""Tokens that a thought may have at most, or on without a limit, or off.

0 is off as well, but for a model that always thinks: its thought is then closed at once."""

_SWITCH = re.compile(r"(?<![\w/.-])/(?:no_)?think(?![\w/-])")


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
    tokens_left: int | None = None
    """Sampled tokens that the limits allow. None: no limit."""
    switch: Switch | None = None
    """The latest soft switch in a user or system message."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one step may think.

    Args:
        on: whether it thinks.
        budget: at most so many tokens; None for no limit. 0 becomes off where the model can.
        reason: why, in a few words.
        grace: tokens over the budget to reach the end of a line.

    Raises:
        ValueError: a budget or a grace below 0.
    """

    on: bool
    budget: int | None = None
    reason: str = ""
    grace: int = 0

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 0:
            raise ValueError(f"A thinking budget is 0 or more, not {self.budget}.")
        if self.grace < 0:
            raise ValueError(f"The grace of a thinking budget is 0 or more, not {self.grace}.")

    @classmethod
    def without_thought(cls, reason: str, *, can_skip: bool) -> Plan:
        """A plan to answer at once.

        Args:
            reason: why, in a few words.
            can_skip: whether the model can do without thinking; of one that always thinks the
                thought is closed as soon as it is open.
        """
        return cls(on=False, reason=reason) if can_skip else cls(on=True, budget=0, reason=reason)

    @property
    def mode(self) -> str:
        """As it is shown: "off", "on", or the number of tokens."""
        return "off" if not self.on else "on" if self.budget is None else str(self.budget)

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return asdict(self)


Policy = Callable[[StepState], Plan | Mode | bool]


@dataclass(frozen=True, slots=True)
class Thinking:
    """How much each step may think, and all steps of a run together.

    Each mode is "on", "off", or a number of tokens that a thought may have at most.

    `/no_think` in the latest user or system message turns thinking off, and `/think` turns it on
    where a step would not think; neither does anything when no step may think.

    Args:
        first: for the first step.
        after_tool: for a step after plain tool results. None: as the first.
        after_error: for a step after a failed, malformed or repeated call. None: as the first.
        total: thinking tokens of all steps of a run together. What a step does not spend is left
            for later ones.
        reserve: what is kept of the total for the answer. Which step answers is not known
            beforehand: so when only the reserve is left, each step may take half of what remains,
            and the last one that the limits allow all of it. None: an eighth of the total.
        grace: whether a thought that has spent its budget may go on to the end of its line, by
            10 % of the budget at most.

    Raises:
        ValueError: a mode or a number is out of its range.
    """

    first: Mode = "on"
    after_tool: Mode | None = None
    after_error: Mode | None = None
    total: int | None = None
    reserve: int | None = None
    grace: bool = False

    def __post_init__(self) -> None:
        for name in ("first", "after_tool", "after_error"):
            value = getattr(self, name)
            if not (value is None and name != "first") and not _is_mode(value):
                raise ValueError(
                    f'Thinking: {name} must be "on", "off" or a number of tokens, not {value!r}.'
                )
        if self.total is not None and not (_is_tokens(self.total) and self.total >= 1):
            raise ValueError(f"Thinking: total must be 1 or more, not {self.total!r}.")
        reserve = self.reserve
        if reserve is not None and not (_is_tokens(reserve) and reserve <= (self.total or 0)):
            raise ValueError(f"Thinking: reserve must be between 0 and total, not {reserve!r}.")

    @classmethod
    def on(cls) -> Thinking:
        """Every step thinks as long as it likes."""
        return cls("on")

    @classmethod
    def off(cls) -> Thinking:
        """No step thinks."""
        return cls("off")

    @classmethod
    def budget(cls, tokens: int) -> Thinking:
        """Every step thinks `tokens` tokens at most."""
        return cls(tokens)

    @classmethod
    def adaptive(cls, tokens: Mode = "on", *, total: int | None = None) -> Thinking:
        """Think at the start and when something went wrong, not after plain tool results."""
        return cls(first=tokens, after_tool="off", after_error=tokens, total=total)

    def __call__(self, state: StepState) -> Plan:
        """What the step may think."""
        mode, reason = self._mode(state)
        if state.switch == "/no_think":
            mode, reason = "off", "/no_think"
        elif state.switch == "/think" and mode in ("off", 0) and self._ever():
            mode, reason = self.first if self.first not in ("off", 0) else "on", "/think"
        if mode == "off":
            return Plan(on=False, reason=reason)
        wanted = None if mode == "on" else mode
        if self.total is None:
            return Plan(True, wanted, reason, self._grace(wanted))
        left = self.total - state.thinking_tokens
        allowed = self._share(left, is_last=state.steps_left <= 1)
        if allowed < 1:
            return Plan(True, 0, "the total is spent")
        budget = allowed if wanted is None else min(wanted, allowed)
        return Plan(True, budget, reason, min(self._grace(budget), left - budget))

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

    def _share(self, left: int, *, is_last: bool) -> int:
        """What one step may take of what is left of the total."""
        reserve = (self.total or 0) // 8 if self.reserve is None else self.reserve
        if is_last:
            return left
        return left - reserve if left > reserve else left // 2

    def _grace(self, budget: int | None) -> int:
        return budget // 10 if self.grace and budget is not None else 0


def decide(policy: Policy, state: StepState, *, can_skip: bool = True) -> Plan:
    """The plan of any policy, in whichever form it answers.

    Args:
        policy: decides.
        state: of the step.
        can_skip: whether the model can do without thinking; a budget of 0 is off then.

    Raises:
        TypeError: the policy answers with something that is no plan.
    """
    answer = policy(state)
    if isinstance(answer, bool):
        answer = "on" if answer else "off"
    if _is_mode(answer):
        budget = None if isinstance(answer, str) else answer
        answer = Plan(on=answer != "off", budget=budget, reason="the policy's choice")
    if not isinstance(answer, Plan):
        raise TypeError(
            'A thinking policy answers with a Plan, "on", "off" or a number of tokens, '
            f"not with {answer!r}."
        )
    if answer.budget == 0 and can_skip:
        return replace(answer, on=False, budget=None)
    return answer


def as_policy(thinking: Mode | Literal["adaptive"] | Policy | None) -> Policy | None:
    """The policy that an agent's `thinking` names. None: on where the model can think.

    Raises:
        ValueError: it names none.
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
    """The last `/think` or `/no_think` in messages, the oldest first."""
    latest: Switch | None = None
    for text in texts:
        for match in _SWITCH.finditer(text):
            latest = "/no_think" if match.group() == "/no_think" else "/think"
    return latest


def _is_mode(value: object) -> TypeGuard[Mode]:
    return _is_tokens(value) or value in ("on", "off")


def _is_tokens(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
