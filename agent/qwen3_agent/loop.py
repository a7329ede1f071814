"""The ReAct loop: the model writes, its tools run, what they answered is appended, and again.

Read `run_turn` first; all else here serves it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio

from qwen3_tools.toolbox import Toolbox

from . import events
from .calling import Emit, run_calls, text_for_model
from .errors import LimitName, LimitReached, NoAnswer
from .limits import Limits
from .models import Chat, Model, ModelStep, Remark
from .parser import ContentDelta, Delta, ReasoningDelta
from .parts import MalformedCall, ToolCall
from .result import RunResult, StepReport
from .thinking import LastEvent, Plan, Policy, StepState, Switch, decide


async def run_turn(
    model: Model,
    chat: Chat,
    toolbox: Toolbox,
    policy: Policy,
    limits: Limits,
    *,
    switch: Switch | None,
    emit: Emit,
) -> RunResult:
    """Let the model work, from the user's message that ends `chat`, until it answers.

    Raises:
        LimitReached: with the partial result.
        NoAnswer: the model ended its turn twice without saying anything.
        PromptTooLong: the conversation has outgrown the context.
        ThinkingUnavailable: the policy asked for what the model cannot do.
        EngineError: the engine failed.
    """
    turn = _Turn(model, chat, toolbox, policy, limits, switch, emit)
    tools = tuple(tool.name for tool in toolbox.tools)
    emit(events.RunStarted(model.name, tools, model.route))
    with anyio.move_on_after(limits.seconds):
        for index in range(limits.steps):
            step = await turn.step(index, turn.plan(index))
            if step.calls:
                continue
            if step.content.strip():
                return turn.answered()
            turn.said_nothing()
        raise turn.limit_reached("steps", limits.steps)
    raise turn.limit_reached("seconds", limits.seconds or 0)


@dataclass(slots=True)
class _Turn:
    """What has happened since the user's message."""

    model: Model
    chat: Chat
    toolbox: Toolbox
    policy: Policy
    limits: Limits
    switch: Switch | None
    emit: Emit
    started: float = field(default_factory=time.monotonic)
    reports: list[StepReport] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    output: str = ""
    last: LastEvent = "user"
    silent_steps: int = 0
    calls_made: set[str] = field(default_factory=set)

    def plan(self, index: int) -> Plan:
        """How the next step may think."""
        if self.silent_steps:
            # The thought of a model that always thinks is closed at once
            on = not self.model.can_skip_thinking
            return Plan(on=on, budget=0 if on else None, reason="the last step said nothing")
        state = StepState(
            index=index,
            last=self.last,
            thinking_tokens=sum(report.thinking_tokens for report in self.reports),
            context_left=self.chat.context_left,
            steps_left=self.limits.steps - index,
            tokens_left=self._tokens_left(),
            switch=self.switch if self.model.can_skip_thinking else None,
        )
        return decide(self.policy, state, can_skip=self.model.can_skip_thinking)

    async def step(self, index: int, plan: Plan) -> ModelStep:
        """One generation, and the tool calls that it asked for."""
        self.emit(events.StepStarted(index, plan))
        started = time.monotonic()
        self.output = ""
        step = await self.chat.step(plan, max_tokens=self._tokens_left(), on_delta=self._pass_on)
        self.output = step.content
        report = StepReport(
            index=index,
            thinking="on" if plan.on else "off",
            reason=plan.reason,
            budget=plan.budget,
            thinking_tokens=step.thinking_tokens,
            closed_by_force=step.closed_by_force,
            prompt_tokens=step.prompt_tokens,
            cached_tokens=step.cached_tokens,
            sampled_tokens=step.sampled_tokens,
            seconds=time.monotonic() - started,
            tool_calls=tuple(
                call.name if isinstance(call, ToolCall) else "" for call in step.calls
            ),
            finish=step.finish,
        )
        self.reports.append(report)
        if step.finish == "length":
            self.emit(events.StepFinished(report))
            if self._tokens_left() == 0:
                raise self.limit_reached("tokens", self.limits.tokens or 0)
            raise self.limit_reached("context", step.prompt_tokens + step.sampled_tokens)
        if step.calls:
            await self._run_tools(index, step.calls)
        self.emit(events.StepFinished(replace(report, seconds=time.monotonic() - started)))
        return step

    def answered(self) -> RunResult:
        """End the turn with what the last step said."""
        result = self.result()
        self.emit(events.RunFinished(result))
        return result

    def said_nothing(self) -> None:
        """Give the model one more chance."""
        self.silent_steps += 1
        if self.silent_steps > 1:
            raise NoAnswer("The model ended its turn twice without an answer or a tool call.")

    def result(self) -> RunResult:
        """What there is by now."""
        return RunResult(
            output=self.output.strip(),
            steps=tuple(self.reports),
            transcript=self.chat.transcript,
            seconds=time.monotonic() - self.started,
            model=self.model.name,
            files=tuple(self.files),
            route=self.model.route,
        )

    def limit_reached(self, limit: LimitName, allowed: float) -> LimitReached:
        """The error that ends the run with what there is by now."""
        return LimitReached(limit, allowed, self.result())

    def _tokens_left(self) -> int | None:
        if self.limits.tokens is None:
            return None
        return self.limits.tokens - sum(report.sampled_tokens for report in self.reports)

    def _pass_on(self, delta: Delta | Remark) -> None:
        if isinstance(delta, ReasoningDelta):
            self.emit(events.ReasoningText(delta.text))
        elif isinstance(delta, ContentDelta):
            self.output += delta.text
            self.emit(events.ContentText(delta.text))
        elif isinstance(delta, Remark):
            self.emit(events.Notice(delta.text))

    async def _run_tools(self, index: int, calls: tuple[ToolCall | MalformedCall, ...]) -> None:
        results = await run_calls(calls, self.toolbox, step=index, emit=self.emit)
        self.files.extend(file for result in results for file in result.files)
        self.chat.add_tool_results([text_for_model(result) for result in results])
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
