"""What a run reports when it is over, and after each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from .engines.request import Finish
from .limits import LimitName
from .messages import ToolCall
from .models.session import ModelStep, Route
from .thinking import Plan
from .transcript import Transcript


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did and what it cost."""

    index: int
    """0 for the first step of the turn."""
    thinking: Literal["on", "off"]
    reason: str
    """Why it was on or off, in a few words."""
    budget: int | None
    """Thinking tokens that it was allowed. None: no limit."""
    thinking_tokens: int
    """Sampled inside the thought, its tags not counted."""
    closed_by_force: bool
    """Whether the runtime ended the thought because the budget was spent."""
    prompt_tokens: int
    cached_tokens: int
    """Prompt tokens that the engine did not have to compute again."""
    sampled_tokens: int
    seconds: float
    tool_calls: tuple[str, ...] = ()
    """Names of the tools that it called; "" for a malformed call."""
    finish: Finish | Literal["cut"] = "stop"
    """length: there was no room for more, or no more was allowed. cut: it was stopped."""

    @classmethod
    def of(cls, step: ModelStep, *, index: int, plan: Plan, seconds: float) -> Self:
        """The report on what the model wrote."""
        return cls(
            index=index,
            thinking="on" if plan.on else "off",
            reason=plan.reason,
            budget=plan.budget,
            thinking_tokens=step.thinking_tokens,
            closed_by_force=step.closed_by_force,
            prompt_tokens=step.prompt_tokens,
            cached_tokens=step.cached_tokens,
            sampled_tokens=step.sampled_tokens,
            seconds=seconds,
            tool_calls=tuple(
                call.name if isinstance(call, ToolCall) else "" for call in step.calls
            ),
            finish=step.finish,
        )

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """What `to_json` was called on. Fields that are not known are left out."""
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in written.items() if name in known}
        return cls(**{**given, "tool_calls": tuple(written["tool_calls"])})


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run got.

    When a limit ended the run, `output` is what was said in its last step.
    """

    output: str
    """The answer."""
    steps: tuple[StepReport, ...]
    transcript: Transcript
    """Every token of the run, and who wrote it."""
    seconds: float
    model: str
    files: tuple[Path, ...] = field(default=())
    """Files that tools made, in the order in which they came."""
    route: Route = "engine"
    """How the model was reached."""
    limit: LimitName | None = None
    """The limit at which the run ended, with an answer from its last step or without one."""
    parsed: Any = None
    """The answer as a value of the agent's `output_type`. None without one, and where a limit
    ended the run before it was said."""
    ended_by_hook: bool = False
    """Whether a hook ended the run, and gave `output`."""
    run_id: str | None = None
    """Under which the run is journalled, if it is."""
    earlier_transcripts: tuple[Transcript, ...] = ()
    """Those before `transcript`, where the conversation was made shorter on the way; what the
    model has written to sum it up is among them."""

    @property
    def sampled_tokens(self) -> int:
        """Tokens that the model wrote in all steps."""
        return sum(step.sampled_tokens for step in self.steps)

    @property
    def thinking_tokens(self) -> int:
        """Tokens that the model thought in all steps."""
        return sum(step.thinking_tokens for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, without the transcript (see `Transcript.to_record`)."""
        return {
            "output": self.output,
            "model": self.model,
            "route": self.route,
            "limit": self.limit,
            "ended_by_hook": self.ended_by_hook,
            "run_id": self.run_id,
            "seconds": round(self.seconds, 3),
            "sampled_tokens": self.sampled_tokens,
            "thinking_tokens": self.thinking_tokens,
            "files": [str(path) for path in self.files],
            "steps": [step.to_json() for step in self.steps],
        }
