"""The ReAct loop: the model writes, its tools run, what they answered is appended, and again.

Read `run_turn` first; all else here serves it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from . import events
from .errors import LimitName, LimitReached, NoAnswer
from .limits import Limits
from .models import Chat, Model, ModelStep
from .parser import ContentDelta, Delta, ReasoningDelta
from .parts import MalformedCall, ToolCall
from .result import RunResult, StepReport
from .thinking import LastEvent, Plan, Policy, StepState

LONGEST_TOOL_RESULT = 20_000
"""Characters of a tool's answer that the model is shown; of a longer one, the middle goes."""

Emit = Callable[[events.Event], None]


async def run_turn(
    chat: Chat, toolbox: Toolbox, policy: Policy, limits: Limits, *, model: Model, emit: Emit
) -> RunResult:
    """Let the model work, from the user's message that ends `chat`, until it answers.

    Raises:
        LimitReached: with the partial result.
        NoAnswer: the model ended its turn twice without saying anything.
        PromptTooLong: the conversation has outgrown the context.
        ThinkingUnavailable: the policy asked for what the model cannot do.
        EngineError: the engine failed.
    """
    turn = _Turn(chat, toolbox, limits, model, emit)
    emit(events.RunStarted(model.name, tuple(tool.name for tool in toolbox.tools)))
    with anyio.move_on_after(limits.seconds):
        for index in range(limits.steps):
            step = await turn.step(index, turn.plan(policy, index))
            if step.calls:
                continue
            if step.content.strip():
                result = turn.result()
                emit(events.RunFinished(result))
                return result
            turn.said_nothing()
        raise turn.limit_reached("steps", limits.steps)
    raise turn.limit_reached("seconds", limits.seconds or 0)


@dataclass(slots=True)
class _Turn:
    """What has happened since the user's message."""

    chat: Chat
    toolbox: Toolbox
    limits: Limits
    model: Model
    emit: Emit
    started: float = field(default_factory=time.monotonic)
    reports: list[StepReport] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    output: str = ""
    last: LastEvent = "user"
    silent_steps: int = 0
    calls_made: set[str] = field(default_factory=set)

    def plan(self, policy: Policy, index: int) -> Plan:
        """How the next step may think."""
        if self.silent_steps:
            # A model that cannot do without thoughts is simply asked again
            on = not self.model.can_skip_thinking
            return Plan(on=on, reason="the last step said nothing")
        state = StepState(
            index=index,
            last=self.last,
            thinking_tokens=sum(report.thinking_tokens for report in self.reports),
            context_left=self.chat.context_left,
            steps_left=self.limits.steps - index,
        )
        return policy(state)

    async def step(self, index: int, plan: Plan) -> ModelStep:
        """One generation, and the tool calls that it asked for."""
        self.emit(events.StepStarted(index, plan))
        started = time.monotonic()
        self.output = ""
        step = await self.chat.step(plan, max_tokens=self._tokens_left(), on_delta=self._pass_on)
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
        )

    def limit_reached(self, limit: LimitName, allowed: float) -> LimitReached:
        """The error that ends the run with what there is by now."""
        return LimitReached(limit, allowed, self.result())

    def _tokens_left(self) -> int | None:
        if self.limits.tokens is None:
            return None
        return self.limits.tokens - sum(report.sampled_tokens for report in self.reports)

    def _pass_on(self, delta: Delta) -> None:
        if isinstance(delta, ReasoningDelta):
            self.emit(events.ReasoningText(delta.text))
        elif isinstance(delta, ContentDelta):
            self.output += delta.text
            self.emit(events.ContentText(delta.text))

    async def _run_tools(self, index: int, calls: tuple[ToolCall | MalformedCall, ...]) -> None:
        """Run all calls of a step at once, and append their results in the order of the calls."""
        results: list[ToolResult] = [ToolResult("")] * len(calls)

        async def answer(place: int, call: ToolCall | MalformedCall) -> None:
            results[place] = await self._answer(f"{index}.{place}", call)

        async with anyio.create_task_group() as group:
            for place, call in enumerate(calls):
                group.start_soon(answer, place, call)
        self.files.extend(file for result in results for file in result.files)
        self.chat.add_tool_results([_for_the_model(result) for result in results])
        self.last = self._what_happened(calls, results)

    async def _answer(self, id: str, call: ToolCall | MalformedCall) -> ToolResult:
        started = time.monotonic()
        if isinstance(call, MalformedCall):
            name, result = "", ToolResult(call.error, is_error=True)
        else:
            name = call.name
            self.emit(events.ToolCallStarted(id, name, call.arguments))
            result = await self.toolbox.call(name, call.arguments)
        seconds = time.monotonic() - started
        self.emit(events.ToolCallFinished(id, name, result.text, result.is_error, seconds))
        return result

    def _what_happened(
        self, calls: tuple[ToolCall | MalformedCall, ...], results: list[ToolResult]
    ) -> LastEvent:
        made = {json.dumps([c.name, c.arguments]) for c in calls if isinstance(c, ToolCall)}
        repeated = bool(made & self.calls_made)
        self.calls_made |= made
        if repeated:
            return "repeated_call"
        if any(isinstance(call, MalformedCall) for call in calls):
            return "malformed_call"
        return "tool_error" if any(result.is_error for result in results) else "tool_result"


def _for_the_model(result: ToolResult) -> str:
    text = f"Error: {result.text}" if result.is_error else result.text
    if len(text) <= LONGEST_TOOL_RESULT:
        return text
    half = LONGEST_TOOL_RESULT // 2
    cut = f"\n[... cut here; the whole has {len(text):,} characters ...]\n"
    return text[:half] + cut + text[-half:]
