"""The limits of a turn, the budget that counts against them, and the stop at one of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .option import describe_arguments, option

# The command builds its help from the limits: only what is cheap may be imported above.

if TYPE_CHECKING:
    import anyio

AtLimit = Literal["answer", "fail"]

LimitName = Literal[
    "steps", "calls", "tokens", "thinking_tokens", "seconds", "context", "repeated_calls"
]
"""The limit that ended a turn. context: the model's own, reached in the middle of a step.
repeated_calls: the same call had the same result again and again."""


@describe_arguments()
@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one turn of a run.

    At a limit the model gets one last step, without tools and without thinking, to answer with
    what it has; `limit` of the result then names the limit. The last step comes on top of
    `steps`, but must fit into `tokens` and `seconds`: an eighth of both is reserved for it, and
    neither a new step nor a thought may begin to use that. A step that is already answering when
    its tokens run out is the last one.

    Raises:
        ValueError: A limit is not positive, or `at_limit` is not one of the two values.
    """

    steps: int = option(
        "Maximum number of generations by the model.",
        default=20,
        flag="--max-steps",
        metavar="N",
        help="Maximum number of steps. Default: 20.",
        key="limits.steps",
    )
    tokens: int | None = option(
        "Maximum number of sampled tokens over all steps, thoughts included. None: no limit.",
        default=None,
        flag="--max-tokens",
        metavar="N",
        help="Maximum number of sampled tokens, including thoughts.",
        key="limits.tokens",
    )
    seconds: float | None = option(
        "Maximum wall time, without the time in which a person is asked. None: no limit.",
        default=None,
        flag="--timeout",
        metavar="SECONDS",
        help="Maximum time, not counting startup.",
        key="limits.seconds",
    )
    calls: int | None = option(
        "Maximum number of tool calls over all steps; further calls of a step are not made. None: "
        "no limit.",
        default=None,
        flag="--max-calls",
        metavar="N",
        help="Maximum number of tool calls.",
        key="limits.calls",
    )
    thinking_tokens: int | None = option(
        "Maximum number of thinking tokens over all steps. None: no limit. `Thinking(total=...)` "
        "continues without thinking instead.",
        default=None,
        key="limits.thinking_tokens",
    )
    at_limit: AtLimit = option(
        '"answer" for the last step; "fail" raises `LimitExceededError` at once and reserves '
        "nothing.",
        default="answer",
        flag="--at-limit",
        help="What to do at a limit: answer in one last step without tools, or fail with exit "
        "code 3. Default: answer.",
        key="limits.at_limit",
    )

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
        """Tokens reserved for the last step."""
        return 0 if self.tokens is None or self.at_limit == "fail" else self.tokens // 8

    @property
    def working_seconds(self) -> float:
        """Seconds for all steps before the last one."""
        if self.seconds is None:
            return math.inf
        return self.seconds if self.at_limit == "fail" else self.seconds * 7 / 8

    @property
    def last_seconds(self) -> float:
        """Seconds reserved for the last step."""
        return math.inf if self.seconds is None else self.seconds - self.working_seconds


@dataclass(slots=True)
class Budget:
    """The limits of one turn and what the turn has spent so far.

    What is left never grows, except that no time passes while the clock is paused.
    """

    limits: Limits
    steps: int = 0
    calls: int = 0
    tokens: int = 0
    """Sampled in steps, by agents that were called as tools, and for summaries."""
    thinking_tokens: int = 0
    _clock: anyio.CancelScope | None = field(default=None, init=False)

    def spend_step(self, tokens: int, thinking_tokens: int) -> None:
        """Count a step of the model."""
        self.steps += 1
        self.tokens += tokens
        self.thinking_tokens += thinking_tokens

    @property
    def steps_left(self) -> int:
        """Steps before the last one."""
        return self.limits.steps - self.steps

    @property
    def calls_left(self) -> int | None:
        """Tool calls that may still be made. None: no limit."""
        return _left(self.limits.calls, self.calls)

    @property
    def tokens_left(self) -> int | None:
        """Tokens that may still be sampled. None: no limit."""
        return _left(self.limits.tokens, self.tokens)

    @property
    def tokens_before_last_step(self) -> int | None:
        """Tokens that may still be sampled before the last step. None: no limit."""
        left = self.tokens_left
        return None if left is None else left - self.limits.last_tokens

    @property
    def thinking_left(self) -> int | None:
        """Thinking tokens that may still be sampled. None: no limit."""
        return _left(self.limits.thinking_tokens, self.thinking_tokens)

    def reached(self) -> LimitName | None:
        """Return the limit that forbids another step. None: there may be one."""
        left: tuple[tuple[LimitName, int | None], ...] = (
            ("steps", self.steps_left),
            ("calls", self.calls_left),
            ("tokens", self.tokens_before_last_step),
            ("thinking_tokens", self.thinking_left),
        )
        return next((name for name, rest in left if rest is not None and rest <= 0), None)

    # Time

    def start_clock(self, *, spent: float = 0) -> anyio.CancelScope:
        """Return a scope that is canceled when the time before the last step is up.

        Args:
            spent: Seconds that the turn took before it was resumed.
        """
        import anyio

        deadline = _now() + self.limits.working_seconds - spent
        self._clock = anyio.CancelScope(deadline=deadline)
        return self._clock

    @property
    def seconds_left(self) -> float:
        """Seconds for the last step: those reserved for it and those not used before."""
        if self._clock is None or self.limits.seconds is None:
            return math.inf
        return max(0.0, self._clock.deadline - _now()) + self.limits.last_seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock within the block."""
        if self._clock is None:
            yield
            return
        left = self._clock.deadline - _now()
        self._clock.deadline = math.inf
        try:
            yield
        finally:
            self._clock.deadline = _now() + left


def _now() -> float:
    import anyio

    return anyio.current_time()


def _left(limit: int | None, spent: int) -> int | None:
    return None if limit is None else max(0, limit - spent)


@dataclass(frozen=True, slots=True)
class Stop:
    """The reason why a turn ends before the model has answered."""

    limit: LimitName
    allowed: float
    """The limit, in its own unit."""
    waited_for: tuple[str, ...] = ()
    """What the turn was waiting for when the time was up: names of tools, or the model."""

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
