"""One turn in progress: what has happened since the user's message, and what follows from it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from .. import events
from ..errors import InvalidAnswerError, LimitExceededError
from ..events import Emit
from ..grammar.tool_grammar import ToolChoice
from ..hooks import HookRunner, Refuse
from ..limits import Budget, LimitName, Stop
from ..messages import UNANSWERED, MalformedCall, ToolCall, ToolResultMessage
from ..models.session import Model, ModelSession
from ..parsing.parser import ContentDelta, Delta, ReasoningDelta
from ..result import CallReport, ModelStep, PastStep, RunResult, StepReport, Usage
from ..thinking import LastEvent, Plan, Policy, StepState, Switch, decide
from .authorizer import CallAuthorizer
from .output import OutputSpec
from .repetition import Repetition


@dataclass(slots=True)
class CallResults:
    """The calls of a step and their results so far; complete even when the step is canceled."""

    calls: Sequence[ToolCall | MalformedCall]
    made: int = 0
    """Number of calls that were neither malformed nor refused."""
    results: list[ToolResult] = field(init=False)
    """In the order of the calls."""
    pending: dict[int, str] = field(init=False)
    """Names of the tools that have not answered, by the index of the call."""

    def __post_init__(self) -> None:
        self.results = [ToolResult(UNANSWERED, is_error=True)] * len(self.calls)
        self.pending = {
            index: call.name if isinstance(call, ToolCall) else ""
            for index, call in enumerate(self.calls)
        }

    def put(self, index: int, result: ToolResult) -> None:
        """Store the result of a call."""
        self.results[index] = result
        del self.pending[index]


@dataclass(slots=True)
class Turn:
    """The parts that a turn works with, and its state."""

    model: Model
    session: ModelSession
    toolbox: Toolbox
    policy: Policy
    budget: Budget
    hooks: HookRunner
    authorizer: CallAuthorizer
    emit: Emit
    output: OutputSpec = field(default_factory=OutputSpec)
    switch: Switch | None = None
    started: float = field(default_factory=time.monotonic, init=False)
    reports: list[StepReport] = field(default_factory=list, init=False)
    files: list[Path] = field(default_factory=list, init=False)
    calls: list[CallReport] = field(default_factory=list, init=False)
    text: str = field(default="", init=False)
    """Text of the last step for the user."""
    was_answering: bool = field(default=False, init=False)
    """Whether the last step was cut off at a limit while it wrote text for the user."""
    plan: Plan = field(default_factory=lambda: Plan(on=False), init=False)
    """The thinking plan of the current step."""
    tool_choice: ToolChoice = field(default="auto", init=False)
    """The tool choice of the current step."""
    silent_steps: int = field(default=0, init=False)
    """Steps that ended with neither text nor calls."""
    waiting_for: tuple[str, ...] = field(default=(), init=False)
    """What the current step is waiting for: the model, or names of tools."""
    _last: LastEvent = field(default="user", init=False)
    _repetition: Repetition = field(default_factory=Repetition, init=False)
    _calls_made: set[str] = field(default_factory=set, init=False)
    _step_started: float = field(default=0, init=False)
    _report: StepReport | None = field(default=None, init=False)

    # Before a step

    def stop(self) -> Stop | None:
        """Return the reason why there must not be another step. None: there may be one."""
        if self._repetition.stuck:
            return Stop("repeated_calls", self._repetition.stuck)
        limit = self.budget.reached()
        return self.stop_at(limit) if limit else None

    def stop_at(self, limit: LimitName, *, also_for: tuple[str, ...] = ()) -> Stop:
        """Return the stop at a limit. For seconds it names what the turn was waiting for.

        Args:
            limit: Any but repeated_calls.
            also_for: What the turn was waiting for before.
        """
        if limit == "context":
            return Stop(limit, self.session.context_length)
        waited_for = tuple(dict.fromkeys((*also_for, *self.waiting_for)))
        allowed = getattr(self.budget.limits, limit) or 0
        return Stop(limit, allowed, waited_for if limit == "seconds" else ())

    def next_plan(self) -> Plan:
        """Return the thinking plan of the next step."""
        if self.silent_steps:
            return self.without_thought("the last step said nothing")
        can_skip = self.model.can_skip_thinking
        state = StepState(
            index=len(self.reports),
            last=self._last,
            thinking_tokens=self.budget.thinking_tokens,
            context_left=self.session.context_left,
            steps_left=self.budget.steps_left,
            tokens_left=self.budget.tokens_left,
            switch=self.switch if can_skip else None,
        )
        plan = decide(self.policy, state, can_skip=can_skip)
        left = self.budget.thinking_left
        if not plan.on or left is None or (plan.budget is not None and plan.budget <= left):
            return plan
        return replace(plan, budget=left)

    def without_thought(self, reason: str) -> Plan:
        """Return a plan to answer at once."""
        return Plan.without_thought(reason, can_skip=self.model.can_skip_thinking)

    # During a step

    def begin_step(self, plan: Plan, tool_choice: ToolChoice) -> None:
        """Note that the model begins to write."""
        self.emit(events.StepStarted(len(self.reports), plan))
        self.plan, self.tool_choice, self._report = plan, tool_choice, None
        self.session.unfinished = None
        self._step_started = time.monotonic()
        self.text = ""
        self.waiting_for = ("the model",)

    def pass_on(self, delta: Delta | events.Notice) -> None:
        """Emit what the model writes while it writes it."""
        if isinstance(delta, ReasoningDelta):
            self.emit(events.ReasoningText(delta.text))
        elif isinstance(delta, ContentDelta):
            self.text += delta.text
            self.emit(events.ContentText(delta.text))
        elif isinstance(delta, events.Notice):
            self.emit(delta)

    def add_step(self, step: ModelStep) -> None:
        """Add what the model wrote."""
        seconds = time.monotonic() - self._step_started
        index = len(self.reports)
        self._add(StepReport.of(step, index=index, plan=self.plan, seconds=seconds), step)
        self.was_answering = step.finish == "length" and not step.calls and bool(step.content)
        self.waiting_for = ()

    def add_past_step(self, step: PastStep) -> CallResults:
        """Add a step from before the run was resumed. Return the results that its calls have.

        Its time counts.
        """
        self._step_started = time.monotonic() - step.report.seconds
        self.started -= step.report.seconds
        self._add(step.report, step.said)
        self.budget.tokens += step.subagent_tokens
        results = CallResults(step.said.calls, made=step.calls_made)
        for index, result in step.results.items():
            results.put(index, result)
        if step.said.calls and not step.is_open:
            self._count(results)
        return results

    def _add(self, report: StepReport, step: ModelStep) -> None:
        self._report = report
        self.reports.append(report)
        self.budget.spend_step(step.usage.output_tokens, step.usage.thinking_tokens)
        self.text = step.content
        self.silent_steps += step.is_silent

    def pass_on_from_tool(self, event: events.Event) -> None:
        """Emit an event of a tool. Tokens that an agent among the tools samples are counted."""
        self.emit(event)
        while isinstance(event, events.SubagentEvent):
            event = event.event
            if isinstance(event, events.StepFinished):
                self.budget.tokens += event.report.usage.output_tokens

    def add_results(self, results: CallResults) -> None:
        """Add the results of the calls to the conversation."""
        notes = self._count(results)
        self.session.add_tool_results(
            [
                ToolResultMessage(
                    index, "\n\n".join(filter(None, (result.text, note))), result.is_error
                )
                for index, (result, note) in enumerate(zip(results.results, notes, strict=True))
            ]
        )

    def _count(self, calls: CallResults) -> list[str]:
        """Count calls and their results. Return a note for the model with each result."""
        notes = self._repetition.notes(calls.calls, calls.results)
        self.waiting_for = tuple(calls.pending.values())
        self.files.extend(file for result in calls.results for file in result.files)
        self.calls.extend(
            CallReport(call.name, call.arguments, result.text, result.is_error)
            if isinstance(call, ToolCall)
            else CallReport("", {}, result.text, result.is_error)
            for call, result in zip(calls.calls, calls.results, strict=True)
        )
        made = {json.dumps([c.name, c.arguments]) for c in calls.calls if isinstance(c, ToolCall)}
        if made & self._calls_made:
            self._last = "repeated_call"
        elif any(isinstance(call, MalformedCall) for call in calls.calls):
            self._last = "malformed_call"
        elif any(result.is_error for result in calls.results):
            self._last = "tool_error"
        else:
            self._last = "tool_result"
        self._calls_made |= made
        self.budget.calls += calls.made
        return notes

    def end_step(self) -> None:
        """Report on the step. What a canceled step has written counts too."""
        if self._report is None and self.session.unfinished is not None:
            waiting_for = self.waiting_for
            self.add_step(self.session.unfinished)
            self.waiting_for = waiting_for
        if self._report is not None:
            seconds = time.monotonic() - self._step_started
            self.emit(events.StepFinished(replace(self._report, seconds=seconds)))

    # The answer

    async def refusal(self) -> str | None:
        """Return the reason why the answer is not accepted, for the model. None: it is.

        Raises:
            InvalidAnswerError: The answer is not of the output type for the second time.
        """
        try:
            problem = self.output.problem(self.text)
        except ValueError as why:
            raise InvalidAnswerError(str(why), self.result()) from None
        return problem or await self.refusal_by_hook()

    async def refusal_by_hook(self) -> str | None:
        """Let the hook change or refuse the answer. Return its reason to refuse, or None."""
        answer = await self.hooks.on_answer(self.result)
        if isinstance(answer, str):
            self.text = answer
            self.emit(events.AnswerChanged(answer))
            self._check_hook_output()
        return answer.reason if isinstance(answer, Refuse) else None

    def _check_hook_output(self) -> None:
        if problem := self.output.final_problem(self.text):
            raise InvalidAnswerError(problem, self.result())

    # The end

    @property
    def usage(self) -> Usage:
        """The tokens of all steps so far."""
        return sum((report.usage for report in self.reports), Usage())

    def result(self, stop: Stop | None = None) -> RunResult[Any]:
        """Return the result so far."""
        return RunResult(
            output=self.output.value_of(self.text),
            output_text=self.text.strip(),
            steps=tuple(self.reports),
            transcript=self.session.transcript,
            seconds=time.monotonic() - self.started,
            model=self.model.name,
            files=tuple(self.files),
            route=self.model.route,
            limit=None if stop is None else stop.limit,
            earlier_transcripts=tuple(self.session.earlier),
            calls=tuple(self.calls),
            conversation=tuple(self.session.messages),
        )

    def finish(self, stop: Stop | None = None) -> RunResult[Any]:
        """End the turn with what the last step has said.

        Raises:
            LimitExceededError: The answer at the limit is not of the output type.
        """
        if stop is not None and (problem := self.output.final_problem(self.text)):
            raise LimitExceededError(stop, self.result(stop), problem=problem)
        result = self.result(stop)
        self.emit(events.RunFinished(result))
        return result

    def finish_by_hook(self, output: str) -> RunResult[Any]:
        """End the turn with the output of a hook."""
        self.emit(events.AnswerChanged(output))
        self.text = output
        self._check_hook_output()
        result = replace(self.result(), ended_by_hook=True)
        self.emit(events.RunFinished(result))
        return result

    def limit_exceeded(self, stop: Stop) -> LimitExceededError:
        """Return the error that ends the run, with the result so far."""
        return LimitExceededError(stop, self.result(stop))
