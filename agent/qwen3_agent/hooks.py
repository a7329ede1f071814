"""Hooks: async functions of the caller that run at fixed points of a run and may change it.

    before_step -> (the model writes) -> before_call* -> approval* -> after_call* -> after_step
    ... and, for a step with text and without calls: on_answer

A hook that returns None changes nothing. An exception in a hook is raised to the caller of the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, TypeVar

from qwen3_tools.renamed import missing_name
from qwen3_tools.tool import Tool, ToolResult

from .result import RunResult, StepReport
from .thinking import Plan

__all__ = ["Call", "End", "HookRunner", "Hooks", "Refuse", "RunEndedError", "awaited"]

RENAMED = {"StepAhead": "the result and the plan that before_step(result, plan) receives"}
"""What takes the place of the names of earlier versions."""

T = TypeVar("T")


def __getattr__(name: str) -> Any:
    raise missing_name(__name__, name, RENAMED)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse a tool call or an answer."""

    reason: str
    """Sent to the model."""


@dataclass(frozen=True, slots=True)
class End:
    """End the run here, as if the model had answered."""

    output: str = ""
    """The output of the result."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    id: str
    """The id in the events of the call."""
    name: str
    arguments: dict[str, Any]
    tool: Tool | None = None
    """None: the model has called a tool that does not exist."""


BeforeStep = Callable[[RunResult[Any], Plan], Awaitable[Plan | End | None]]
BeforeCall = Callable[[Call], Awaitable[Call | Refuse | End | None]]
AfterCall = Callable[[Call, ToolResult], Awaitable[ToolResult | End | None]]
AfterStep = Callable[[StepReport], Awaitable[End | None]]
OnAnswer = Callable[[RunResult[Any]], Awaitable[str | Refuse | None]]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Async functions for `Agent(hooks=...)`, all optional.

    Args:
        before_step: Called with the result so far and the thinking plan of the next step. May
            return another plan, or end the run.
        before_call: Called for each call of a step in turn, before a person is asked. May change
            the arguments (`dataclasses.replace(call, arguments=...)`; the name must stay), refuse
            the call, or end the run before any call of the step is made. The transcript keeps
            what the model wrote.
        after_call: Called with each call that was made and its result. May change the result that
            the model gets, or end the run as soon as the other calls of the step have finished.
        after_step: Called with the report on a step when its calls have finished. May end the run.
        on_answer: Called with the result when the model has answered. May change the output (not
            the transcript) or refuse it: then the model gets the reason and continues within its
            limits. An answer that is refused at a limit raises `LimitExceededError`.
    """

    before_step: BeforeStep | None = None
    before_call: BeforeCall | None = None
    after_call: AfterCall | None = None
    after_step: AfterStep | None = None
    on_answer: OnAnswer | None = None


class RunEndedError(Exception):
    """A hook ends the run. Caught by `run_turn`."""

    def __init__(self, end: End) -> None:
        super().__init__(end.output)
        self.output = end.output


class HookRunner:
    """Runs the hooks of one turn and checks what they return."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._raise_later: Exception | None = None

    async def before_step(self, so_far: Callable[[], RunResult[Any]], plan: Plan) -> Plan:
        """Return the thinking plan of the next step.

        Raises:
            RunEndedError: The hook ends the run.
        """
        if self._hooks.before_step is None:
            return plan
        answer = await self._run("before_step", (Plan, End), so_far(), plan)
        if isinstance(answer, End):
            raise RunEndedError(answer)
        return answer or plan

    async def before_call(self, call: Call) -> Call | Refuse:
        """Return the call that is to be made, or its refusal.

        Raises:
            RunEndedError: The hook ends the run.
        """
        answer = await self._run("before_call", (Call, Refuse, End), call)
        if isinstance(answer, End):
            raise RunEndedError(answer)
        if isinstance(answer, Call) and answer.name != call.name:
            raise ValueError(
                f"before_call: a call of {call.name} cannot become one of {answer.name}: refuse "
                "it, and name the tool to call in the reason."
            )
        return answer or call

    async def after_call(self, call: Call, result: ToolResult) -> ToolResult:
        """Return the result for the model.

        Raises nothing while other calls still run: `after_calls` does.
        """
        try:
            answer = await self._run("after_call", (ToolResult, End), call, result)
            if isinstance(answer, End):
                raise RunEndedError(answer)
        except Exception as error:
            self._raise_later = self._raise_later or error
            return result
        return answer or result

    def after_calls(self) -> None:
        """Raise the first error of the `after_call` hooks of a step, if there is one."""
        error, self._raise_later = self._raise_later, None
        if error is not None:
            raise error

    async def after_step(self, report: StepReport) -> None:
        """Run the hook that follows a step.

        Raises:
            RunEndedError: The hook ends the run.
        """
        answer = await self._run("after_step", (End,), report)
        if answer is not None:
            raise RunEndedError(answer)

    async def on_answer(self, result: Callable[[], RunResult[Any]]) -> str | Refuse | None:
        """Return another output or a refusal. None: the answer is accepted."""
        if self._hooks.on_answer is None:
            return None
        answer: str | Refuse | None = await self._run("on_answer", (str, Refuse), result())
        return answer

    async def _run(self, name: str, allowed: tuple[type, ...], *arguments: Any) -> Any:
        """Return the answer of a hook. None: there is no such hook, or it changes nothing.

        Raises:
            TypeError: The hook is not an async function, or returns something else.
        """
        hook = getattr(self._hooks, name)
        if hook is None:
            return None
        answer = await awaited(hook(*arguments), f"Hooks: {name}")
        if answer is not None and not isinstance(answer, allowed):
            known = ", ".join(each.__name__ for each in allowed)
            raise TypeError(f"Hooks: {name} must return {known} or None, not {answer!r}.")
        return answer


async def awaited(answer: Awaitable[T], name: str) -> T:
    """Await what a function of the caller has returned.

    Raises:
        TypeError: It is not awaitable, so the function is not async.
    """
    if not isawaitable(answer):
        raise TypeError(f"{name} must be an async function: define it with async def.")
    return await answer
