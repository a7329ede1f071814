"""Hooks: functions of yours that are awaited at the joints of a run, and may change what follows.

    before_step -> (the model writes) -> before_call* -> approval* -> after_call* -> after_step
    ... and, for a step that calls nothing and says something: on_answer

A hook that returns None changes nothing. What a hook raises is raised to the caller of the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeVar

from qwen3_tools.tool import Tool, ToolResult

from .result import RunResult, StepReport
from .thinking import Plan

__all__ = ["Call", "End", "Hooks", "Refuse", "StepAhead"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refuse:
    """Not this one."""

    reason: str
    """The model reads it."""


@dataclass(frozen=True, slots=True)
class End:
    """End the run here, as if it had been answered."""

    output: str = ""
    """Of its result."""


@dataclass(frozen=True, slots=True)
class StepAhead:
    """A step that is about to begin."""

    index: int
    """0 for the first of the turn."""
    plan: Plan
    """How it may think."""
    so_far: RunResult
    """What the run has got by now."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    id: str
    """As in the events."""
    name: str
    arguments: dict[str, Any]
    tool: Tool | None = None
    """None: the model has called one that is not there."""


BeforeStep = Callable[[StepAhead], Awaitable[Plan | End | None]]
BeforeCall = Callable[[Call], Awaitable[Call | Refuse | End | None]]
AfterCall = Callable[[Call, ToolResult], Awaitable[ToolResult | End | None]]
AfterStep = Callable[[StepReport], Awaitable[End | None]]
OnAnswer = Callable[[RunResult], Awaitable[str | Refuse | None]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Async functions for `Agent(hooks=...)`, each of which may be left out.

    Args:
        before_step: may give the step another plan, or end the run.
        before_call: for each call of a step, one after the other, before a person is asked. May
            change the arguments (`dataclasses.replace(call, arguments=...)`; the name must stay),
            refuse the call, or end the run before any call of the step is made. The transcript
            keeps what the model wrote.
        after_call: for each call that was made, when it has answered. May change what the model
            is told, or end the run when the other calls of the step have answered too.
        after_step: when the step and its calls are over. May end the run.
        on_answer: may change the answer (not the transcript), or refuse it: the model is told why,
            and goes on within its limits. An answer that is refused at a limit raises
            `LimitExceededError`.
    """

    before_step: BeforeStep | None = None
    before_call: BeforeCall | None = None
    after_call: AfterCall | None = None
    after_step: AfterStep | None = None
    on_answer: OnAnswer | None = None


class EndedByHookError(Exception):
    """A hook ended the run; `run_turn` catches it."""

    def __init__(self, end: End) -> None:
        super().__init__(end.output)
        self.output = end.output


class Joints:
    """The hooks of a conversation, called at the joints of its runs."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._raise_later: Exception | None = None

    async def before_step(self, index: int, plan: Plan, so_far: Callable[[], RunResult]) -> Plan:
        """The plan that the step is to have.

        Raises:
            EndedByHookError: there is to be no step.
        """
        if self._hooks.before_step is None:
            return plan
        said = await self._ask("before_step", (Plan, End), StepAhead(index, plan, so_far()))
        if isinstance(said, End):
            raise EndedByHookError(said)
        return said or plan

    async def before_call(self, call: Call) -> Call | Refuse:
        """The call that is to be made, if one is.

        Raises:
            EndedByHookError: neither this call nor any other is to be made.
        """
        said = await self._ask("before_call", (Call, Refuse, End), call)
        if isinstance(said, End):
            raise EndedByHookError(said)
        if isinstance(said, Call) and said.name != call.name:
            raise ValueError(
                f"before_call: a call of {call.name} cannot become one of {said.name}: refuse it, "
                "and say in the reason what is to be called."
            )
        return said or call

    async def after_call(self, call: Call, result: ToolResult) -> ToolResult:
        """The result that the model is to be told.

        It raises nothing, since other calls still run: `after_calls` does.
        """
        try:
            said = await self._ask("after_call", (ToolResult, End), call, result)
            if isinstance(said, End):
                raise EndedByHookError(said)
        except Exception as error:
            self._raise_later = self._raise_later or error
            return result
        return said or result

    def after_calls(self) -> None:
        """Raise what an `after_call` wanted to raise."""
        error, self._raise_later = self._raise_later, None
        if error is not None:
            raise error

    async def after_step(self, report: StepReport) -> None:
        """Raises `EndedByHookError` when there is to be no other step."""
        said = await self._ask("after_step", (End,), report)
        if said is not None:
            raise EndedByHookError(said)

    async def on_answer(self, answer: Callable[[], RunResult]) -> str | Refuse | None:
        """Another answer, or why this one will not do; None when it will."""
        if self._hooks.on_answer is None:
            return None
        said: str | Refuse | None = await self._ask("on_answer", (str, Refuse), answer())
        return said

    async def _ask(self, name: str, answers: tuple[type, ...], *given: Any) -> Any:
        """What a hook answers; None where there is no such hook.

        Raises:
            TypeError: it is no async function, or answers with something else.
        """
        hook = getattr(self._hooks, name)
        if hook is None:
            return None
        said = await awaited(hook(*given), f"Hooks: {name}")
        if said is not None and not isinstance(said, answers):
            known = ", ".join(each.__name__ for each in answers)
            raise TypeError(f"Hooks: {name} answers with {known} or None, not with {said!r}.")
        return said


async def awaited(answer: Awaitable[T], name: str) -> T:
    """What a function of the user's answers, which has to be an async one.

    Raises:
        TypeError: it is not.
    """
    if not isawaitable(answer):
        raise TypeError(f"{name} must be an async function: define it with async def.")
    return await answer
