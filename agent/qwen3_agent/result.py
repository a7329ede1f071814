"""The results of steps and runs, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from qwen3_tools.tool import ToolResult
from qwen3_tools.usage import Usage

from .limits import LimitName
from .messages import Content, MalformedCall, Part, ToolCall
from .thinking import Plan
from .transcript import Transcript

__all__ = ["ModelStep", "PastStep", "Route", "RunResult", "StepFinish", "StepReport", "Usage"]

Route = Literal["engine", "server_tokens", "server_chat"]
"""How a model is reached: token ids to an engine in this process, token ids to a server, or
messages to a chat server."""

StepFinish = Literal["stop", "length", "cut"]
"""Why the model stopped writing. length: no more tokens were allowed, or fitted into the context.
cut: the step was cancelled or failed."""

_FORMER_NAMES = {"prompt_tokens": "input_tokens", "sampled_tokens": "output_tokens"}
"""Token counts as journals of version 1 name them."""


@dataclass(frozen=True, slots=True)
class ModelStep:
    """The output of the model in one step."""

    parts: tuple[Part, ...]
    finish: StepFinish
    usage: Usage
    closed_by_force: bool = False
    """Whether the runtime ended the thought because the budget was spent."""

    @property
    def content(self) -> str:
        """The text for the user."""
        return "".join(part.text for part in self.parts if isinstance(part, Content))

    @property
    def calls(self) -> tuple[ToolCall | MalformedCall, ...]:
        """The tool calls, in the order in which the model made them."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall | MalformedCall))

    @property
    def is_answer(self) -> bool:
        """Whether the step ends the turn."""
        return self.finish == "stop" and not self.calls and bool(self.content.strip())

    @property
    def is_silent(self) -> bool:
        """Whether the step has ended with neither text nor calls."""
        return self.finish == "stop" and not self.calls and not self.content.strip()


@dataclass(frozen=True, slots=True)
class StepReport:
    """Report on one step: how it thought, what it called, what it cost."""

    index: int
    """0 for the first step of the turn."""
    thinking: Literal["on", "off"]
    reason: str
    """Why thinking was on or off, in a few words."""
    budget: int | None
    """Maximum number of thinking tokens. None: no limit."""
    closed_by_force: bool
    """Whether the runtime ended the thought because the budget was spent."""
    usage: Usage
    seconds: float
    tool_calls: tuple[str, ...] = ()
    """Names of the tools that the step called; "" for a malformed call."""
    finish: StepFinish = "stop"

    @classmethod
    def of(cls, step: ModelStep, *, index: int, plan: Plan, seconds: float) -> Self:
        """Return the report on a step."""
        return cls(
            index=index,
            thinking="on" if plan.on else "off",
            reason=plan.reason,
            budget=plan.budget,
            closed_by_force=step.closed_by_force,
            usage=step.usage,
            seconds=seconds,
            tool_calls=tuple(
                call.name if isinstance(call, ToolCall) else "" for call in step.calls
            ),
            finish=step.finish,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """Return the report that `to_json` wrote, now or in an earlier version."""
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in written.items() if name in known}
        counts = written.get("usage") or {_FORMER_NAMES.get(k, k): v for k, v in written.items()}
        usage = Usage(**{each.name: counts[each.name] for each in fields(Usage)})
        return cls(**{**given, "usage": usage, "tool_calls": tuple(written["tool_calls"])})


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step from before a run was resumed, whose message was finished."""

    report: StepReport
    said: ModelStep
    results: dict[int, ToolResult]
    """Results of its calls by their index; a call without one still has to run."""
    subagent_tokens: int
    """Output tokens of the agents among its tools."""
    calls_made: int
    """How many of its calls began to run."""
    is_open: bool
    """Whether its results still have to be added to the conversation."""


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
    """Under which the run is recorded, if it is."""
    earlier_transcripts: tuple[Transcript, ...] = ()
    """Those before `transcript`, where the conversation was made shorter on the way; what the
    model has written to sum it up is among them."""

    @property
    def usage(self) -> Usage:
        """Token counts of all steps together."""
        return sum((step.usage for step in self.steps), Usage())

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
            "usage": asdict(self.usage),
            "files": [str(path) for path in self.files],
            "steps": [step.to_json() for step in self.steps],
        }
