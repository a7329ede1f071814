"""A turn under way: what has happened since the user's message, and what follows from it."""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from qwen3_tools.toolbox import Toolbox

from .. import events
from ..errors import InvalidAnswerError, LimitExceededError
from ..events import Emit
from ..hooks import Refuse
from ..limits import LimitName, Limits, Stop
from ..messages import MalformedCall, ToolCall
from ..models.session import Chat, Model, Remark
from ..parsing.parser import ContentDelta, Delta, ReasoningDelta
from ..result import ModelStep, PastStep, RunResult, StepReport
from ..thinking import LastEvent, Plan, Policy, StepState, Switch, decide
from .gate import Gate
from .output import Wanted
from .repetition import Repetition
from .tool_calls import Answers, text_for_model


@dataclass(slots=True)
class Turn:
    """What the loop works with, and what it has got so far."""

    model: Model
    chat: Chat
    toolbox: Toolbox
    policy: Policy
    limits: Limits
    gate: Gate
    switch: Switch | None
    emit: Emit
    wanted: Wanted
    started: float = field(default_factory=time.monotonic)
    clock: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    """Bounds the time of all steps but the last."""
    reports: list[StepReport] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    output: str = ""
    """What the last step has said."""
    was_answering: bool = False
    """Whether it was cut off at a limit while it said something to the user."""
    last: LastEvent = "user"
    silent_steps: int = 0
    calls: int = 0
    """How many were made."""
    other_tokens: int = 0
    """Sampled outside of the steps: by agents that were called as tools, and for summaries."""
    waiting_for: tuple[str, ...] = ()
    """What the step still waits for: the model, or names of tools."""
    repetition: Repetition = field(default_factory=Repetition)
    calls_made: set[str] = field(default_factory=set)
    _plan: Plan = field(default_factory=lambda: Plan(on=False))
    _step_started: float = 0
    _report: StepReport | None = None

    # Before a step

    def stop(self) -> Stop | None:
        """Why there must be no other step; None while there may be one."""
        if self.repetition.stuck:
            return Stop("repeated_calls", self.repetition.stuck)
        left: tuple[tuple[LimitName, int | None], ...] = (
            ("steps", self.limits.steps - len(self.reports)),
            ("calls", self.calls_left),
            ("tokens", self.tokens_before_last_step),
            ("thinking_tokens", self._thinking_left),
        )
        reached = next((name for name, rest in left if rest is not None and rest <= 0), None)
        return self.stop_at(reached) if reached else None

    def stop_at(self, limit: LimitName, *, also_for: tuple[str, ...] = ()) -> Stop:
        """A stop at one of the limits; when the time is up, with what was waited for, and before.

        Args:
            limit: any but repeated_calls.
            also_for: what was waited for before.
        """
        if limit == "context":
            return Stop(limit, self.chat.context_length)
        if limit == "seconds":
            waited_for = tuple(dict.fromkeys((*also_for, *self.waiting_for)))
            return Stop(limit, self.limits.seconds or 0, waited_for)
        return Stop(limit, getattr(self.limits, limit))

    def plan(self) -> Plan:
        """How the next step may think."""
        if self.silent_steps:
            return self.without_thought("the last step said nothing")
        state = StepState(
            index=len(self.reports),
            last=self.last,
            thinking_tokens=sum(report.usage.thinking_tokens for report in self.reports),
            context_left=self.chat.context_left,
            steps_left=self.limits.steps - len(self.reports),
            tokens_left=self.tokens_left,
            switch=self.switch if self.model.can_skip_thinking else None,
        )
        plan = decide(self.policy, state, can_skip=self.model.can_skip_thinking)
        left = self._thinking_left
        if not plan.on or left is None or (plan.budget is not None and plan.budget <= left):
            return plan
        return replace(plan, budget=left, grace=0)

    def without_thought(self, reason: str) -> Plan:
        """A plan to answer at once: the thought of a model that always thinks is closed."""
        return Plan.without_thought(reason, can_skip=self.model.can_skip_thinking)

    @property
    def tokens_left(self) -> int | None:
        """Tokens that may still be sampled. None: no limit."""
        if self.limits.tokens is None:
            return None
        sampled = self.other_tokens + sum(report.usage.output_tokens for report in self.reports)
        return max(0, self.limits.tokens - sampled)

    @property
    def calls_left(self) -> int | None:
        """Tool calls that may still be made. None: no limit."""
        return None if self.limits.calls is None else self.limits.calls - self.calls

    @property
    def seconds_left(self) -> float:
        """For the last step: what is kept for it, and what the others have not spent."""
        unspent = self.clock.deadline - anyio.current_time()
        if self.limits.seconds is None:
            return math.inf
        return max(0.0, unspent) + self.limits.last_seconds

    @property
    def tokens_before_last_step(self) -> int | None:
        """The same, without those that are kept for the last step."""
        left = self.tokens_left
        return None if left is None else left - self.limits.last_tokens

    @property
    def _thinking_left(self) -> int | None:
        if self.limits.thinking_tokens is None:
            return None
        thought = sum(report.usage.thinking_tokens for report in self.reports)
        return max(0, self.limits.thinking_tokens - thought)

    # While a step goes on

    def tell(self, event: events.Event) -> None:
        """Emit what happens in a tool; what an agent among the tools samples is counted."""
        self.emit(event)
        while isinstance(event, events.SubagentEvent):
            event = event.event
            if isinstance(event, events.StepFinished):
                self.other_tokens += event.report.usage.output_tokens

    def begin_step(self, plan: Plan) -> None:
        """The model is about to write."""
        self.emit(events.StepStarted(len(self.reports), plan))
        self._plan, self._report = plan, None
        self.chat.unfinished = None
        self._step_started = time.monotonic()
        self.output = ""
        self.waiting_for = ("the model",)

    def pass_on(self, delta: Delta | Remark) -> None:
        """Tell what the model writes while it writes it."""
        if isinstance(delta, ReasoningDelta):
            self.emit(events.ReasoningText(delta.text))
        elif isinstance(delta, ContentDelta):
            self.output += delta.text
            self.emit(events.ContentText(delta.text))
        elif isinstance(delta, Remark):
            self.emit(events.Notice(delta.text))

    def add_step(self, step: ModelStep) -> None:
        """Remember what the model wrote."""
        seconds = time.monotonic() - self._step_started
        index = len(self.reports)
        self._report = StepReport.of(step, index=index, plan=self._plan, seconds=seconds)
        self.reports.append(self._report)
        self.output = step.content
        self.was_answering = step.finish == "length" and not step.calls and bool(step.content)
        self.waiting_for = ()

    def add_past_step(self, step: PastStep) -> Answers:
        """Remember a step from before the run was resumed; what its calls have got.

        Its time counts. Where the model was told of the answers, so do they.
        """
        self._report, self._step_started = step.report, time.monotonic() - step.report.seconds
        self.started -= step.report.seconds
        self.clock.deadline -= step.report.seconds
        self.reports.append(step.report)
        self.output = step.said.content
        self.other_tokens += step.subagent_tokens
        self.silent_steps += step.is_silent
        answers = Answers(step.said.calls, made=step.calls_made)
        for place, result in step.results.items():
            answers.put(place, result)
        if step.said.calls and not step.is_open:
            self.add_answers(answers, told=True)
        return answers

    def add_answers(self, answers: Answers, *, told: bool = False) -> None:
        """Let the model have what its calls got, unless it has; and remember how they went."""
        calls, results = answers.calls, answers.results
        notes = self.repetition.notes(calls, results)
        if not told:
            self.chat.add_tool_results(
                [
                    "\n\n".join(filter(None, (text_for_model(result), note)))
                    for result, note in zip(results, notes, strict=True)
                ]
            )
        self.waiting_for = tuple(answers.unanswered.values())
        self.files.extend(file for result in results for file in result.files)
        made = {json.dumps([c.name, c.arguments]) for c in calls if isinstance(c, ToolCall)}
        if made & self.calls_made:
            self.last = "repeated_call"
        elif any(isinstance(call, MalformedCall) for call in calls):
            self.last = "malformed_call"
        elif any(result.is_error for result in results):
            self.last = "tool_error"
        else:
            self.last = "tool_result"
        self.calls_made |= made
        self.calls += answers.made

    def end_step(self) -> None:
        """The step is over, or was cut short: then what there is of it counts."""
        if self._report is None and self.chat.unfinished is not None:
            waiting_for = self.waiting_for
            self.add_step(self.chat.unfinished)
            self.waiting_for = waiting_for
        if self._report is not None:
            seconds = time.monotonic() - self._step_started
            self.emit(events.StepFinished(replace(self._report, seconds=seconds)))

    # At the end

    def result(self, stop: Stop | None = None) -> RunResult:
        """What there is by now."""
        return RunResult(
            output=self.output.strip(),
            steps=tuple(self.reports),
            transcript=self.chat.transcript,
            seconds=time.monotonic() - self.started,
            model=self.model.name,
            files=tuple(self.files),
            route=self.model.route,
            limit=None if stop is None else stop.limit,
            earlier_transcripts=tuple(self.chat.earlier),
            parsed=self.wanted.parsed,
        )

    def complaint(self) -> str | None:
        """What is wrong with the last answer, for the model; None: nothing.

        Raises:
            InvalidAnswerError: the model has been told so before.
        """
        try:
            return self.wanted.complaint(self.output)
        except ValueError as why:
            raise InvalidAnswerError(str(why), self.result()) from None

    async def refused(self) -> str | None:
        """Let the hook have the answer. It may change it; or why it will not do."""
        said = await self.gate.joints.on_answer(self.result)
        if isinstance(said, str):
            self.output = said
            self.emit(events.AnswerChanged(said))
        return said.reason if isinstance(said, Refuse) else None

    def ended(self, output: str) -> RunResult:
        """End the turn as a hook wants it."""
        self.emit(events.AnswerChanged(output))
        result = replace(self.result(), output=output, ended_by_hook=True)
        self.emit(events.RunFinished(result))
        return result

    def answered(self, stop: Stop | None = None) -> RunResult:
        """End the turn with what the last step said."""
        if stop is not None:  # nobody has looked at the answer yet
            with suppress(ValueError):
                self.wanted.complaint(self.output)
        result = self.result(stop)
        self.emit(events.RunFinished(result))
        return result

    def limit_reached(self, stop: Stop) -> LimitExceededError:
        """The error that ends the run with what there is by now."""
        return LimitExceededError(stop, self.result(stop))
