"""How much a turn may spend, and what is said when it has spent it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

AtLimit = Literal["answer", "fail"]

LimitName = Literal[
    "steps", "calls", "tokens", "thinking_tokens", "seconds", "context", "repeated_calls"
]
"""What ended a turn. context: the model's own, reached in the middle of a step. repeated_calls:
the same call with the same result again and again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one turn of a run may spend.

    At a limit the model gets one last step, without tools and without thinking, to answer with
    what it has; the result then says in `limit` which one it was. That step comes on top of
    `steps`. It must fit into `tokens` and `seconds`: so of both an eighth is kept for it, which
    neither a new step nor a thought may begin to spend. A step that is answering when its tokens
    end is the last one.

    Args:
        steps: generations by the model.
        tokens: sampled tokens, thoughts included, over all steps. None: no limit.
        seconds: wall time; not counted while a person is asked. None: no limit.
        calls: tool calls over all steps; those of a step that are too many are not made. None: no
            limit.
        thinking_tokens: thought over all steps. None: no limit. `Thinking(total=...)` goes on
            without thinking instead.
        at_limit: "answer" for the last step; "fail" raises `LimitExceededError` at once, and keeps
            nothing back.

    Raises:
        ValueError: a limit is not positive, or `at_limit` is neither.
    """

    steps: int = 20
    tokens: int | None = None
    seconds: float | None = None
    calls: int | None = None
    thinking_tokens: int | None = None
    at_limit: AtLimit = "answer"

    def __post_init__(self) -> None:
        for name in ("steps", "tokens", "seconds", "calls", "thinking_tokens"):
            value = getattr(self, name)
            if value is None and name != "steps":
                continue
            if isinstance(value, int | float) and not value > 0:
                raise ValueError(f"Limits: {name} must be more than 0, not {value!r}.")
            whole = name != "seconds"
            if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
                number = "a whole number" if whole else "a number"
                raise ValueError(f"Limits: {name} must be {number}, not {value!r}.")
        if self.at_limit not in ("answer", "fail"):
            raise ValueError(f'Limits: at_limit must be "answer" or "fail", not {self.at_limit!r}.')

    @property
    def last_tokens(self) -> int:
        """Of `tokens`, those that are kept for the last step."""
        return 0 if self.tokens is None or self.at_limit == "fail" else self.tokens // 8

    @property
    def working_seconds(self) -> float:
        """Of `seconds`, those before the last step."""
        if self.seconds is None:
            return math.inf
        return self.seconds if self.at_limit == "fail" else self.seconds * 7 / 8

    @property
    def last_seconds(self) -> float:
        """Of `seconds`, those that are kept for the last step."""
        return math.inf if self.seconds is None else self.seconds - self.working_seconds


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a turn ends before the model has answered."""

    limit: LimitName
    allowed: float
    """In the limit's own unit."""
    waited_for: tuple[str, ...] = ()
    """What had not come when the time was up: names of tools, or the model."""

    def __str__(self) -> str:
        if self.limit == "repeated_calls":
            return f"The run made the same call {self.allowed:g} times with the same result."
        *most, last = self.waited_for or ("",)
        waited_for = f"{', '.join(most)} and {last}" if most else last
        waiting = f" while it waited for {waited_for}" if last else ""
        unit = _UNITS[self.limit]
        unit = unit[:-1] if self.allowed == 1 and unit.endswith("s") else unit
        return f"The run reached its limit of {self.allowed:g} {unit}{waiting}."


_UNITS = {
    "steps": "steps",
    "calls": "tool calls",
    "tokens": "sampled tokens",
    "thinking_tokens": "thinking tokens",
    "seconds": "seconds",
    "context": "tokens of context",
}
