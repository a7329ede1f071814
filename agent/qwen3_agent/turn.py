"""A turn under way: what has happened since the user's message, and what follows from it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from . import events
from .calling import Emit
from .errors import LimitName, LimitReached
from .gate import Gate
from .limits import Limits
from .models import Chat, Model, Remark
from .parser import ContentDelta, Delta, ReasoningDelta
from .parts import MalformedCall, ToolCall
from .result import RunResult, StepReport
from .thinking import LastEvent, Plan, Policy, StepState, Switch, decide


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
    started: float = field(default_factory=time.monotonic)
    reports: list[StepReport] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    output: str = ""
    """What the last step has said."""
    last: LastEvent = "user"
    silent_steps: int = 0
    calls_made: set[str] = field(default_factory=set)
    subagent_tokens: int = 0
    """Sampled by agents that were called as tools."""

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
            tokens_left=self.tokens_left,
            switch=self.switch if self.model.can_skip_thinking else None,
        )
        return decide(self.policy, state, can_skip=self.model.can_skip_thinking)

    @property
    def tokens_left(self) -> int | None:
        """Tokens that may still be sampled. None: no limit."""
        if self.limits.tokens is None:
            return None
        sampled = sum(report.sampled_tokens for report in self.reports)
        return max(0, self.limits.tokens - sampled - self.subagent_tokens)

    def tell(self, event: events.Event) -> None:
        """Emit what happens in a tool; what an agent among the tools samples is counted."""
        self.emit(event)
        while isinstance(event, events.SubagentEvent):
            event = event.event
            if isinstance(event, events.StepFinished):
                self.subagent_tokens += event.report.sampled_tokens

    def pass_on(self, delta: Delta | Remark) -> None:
        """Tell what the model writes while it writes it."""
        if isinstance(delta, ReasoningDelta):
            self.emit(events.ReasoningText(delta.text))
        elif isinstance(delta, ContentDelta):
            self.output += delta.text
            self.emit(events.ContentText(delta.text))
        elif isinstance(delta, Remark):
            self.emit(events.Notice(delta.text))

    def add_results(
        self, calls: Sequence[ToolCall | MalformedCall], results: Sequence[ToolResult]
    ) -> None:
        """Remember how the calls of a step went: the next plan rests on it."""
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
