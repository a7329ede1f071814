"""The results of steps and runs, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, Self

from typing_extensions import TypeVar

from qwen3_tools.renamed import missing_attribute
from qwen3_tools.tool import ToolResult
from qwen3_tools.usage import Usage as Usage

from .limits import LimitName
from .messages import Content, MalformedCall, Message, Part, ToolCall
from .messages.encoding import for_chat_api
from .thinking import Plan
from .transcript import Transcript

OutputT = TypeVar("OutputT", default=str)
"""The type of the answer of a run."""

Route = Literal["engine", "server_tokens", "server_chat"]
"""How a model is reached: token ids to an engine in this process, token ids to a server, or
messages to a chat server."""

StepFinish = Literal["stop", "length", "cut"]
"""Why the model stopped writing. length: no more tokens were allowed, or fitted into the context.
cut: the step was cancelled or failed."""

_FORMER_NAMES = {"prompt_tokens": "input_tokens", "sampled_tokens": "output_tokens"}
"""Token counts as journals of version 1 name them."""

_COUNTS_IN_USAGE = {
    "prompt_tokens": "usage.input_tokens",
    "sampled_tokens": "usage.output_tokens",
    "cached_tokens": "usage.cached_tokens",
    "thinking_tokens": "usage.thinking_tokens",
}
"""The attributes that hold what these held in version 0.1."""


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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name, _COUNTS_IN_USAGE)

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
class CallReport:
    """One tool call of a run and its result."""

    name: str
    """The name of the tool; "" for a malformed call."""
    arguments: Mapping[str, Any]
    result: str
    """The text that the model received."""
    is_error: bool


@dataclass(frozen=True, slots=True)
class RunResult(Generic[OutputT]):
    """The result of a run."""

    output: OutputT
    """The answer: a value of the `output_type`, or text without one. In an error's partial result:
    the text of the last step."""
    steps: tuple[StepReport, ...]
    transcript: Transcript
    """Every token of the run, and who wrote it."""
    seconds: float
    model: str
    files: tuple[Path, ...] = field(default=())
    """Files made by tools, in the order in which they came."""
    route: Route = "engine"
    limit: LimitName | None = None
    """The limit that ended the run, with an answer from its last step or without one."""
    ended_by_hook: bool = False
    """Whether a hook ended the run and set the answer."""
    run_id: str | None = None
    """The id of the recorded run. None: the run is not recorded."""
    earlier_transcripts: tuple[Transcript, ...] = ()
    """Those before `transcript`, if the conversation was compacted; they include the summaries that
    the model wrote."""
    output_text: str = ""
    """The answer as text."""
    calls: tuple[CallReport, ...] = ()
    """Every tool call, in order."""
    conversation: tuple[Message, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.output, str) and not self.output_text:
            object.__setattr__(self, "output_text", self.output)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name, {"parsed": "output", **_COUNTS_IN_USAGE})

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        """The conversation, oldest message first, in the form of the chat completions protocol.

        It can be passed as `history=` to another run.
        """
        return for_chat_api(self.conversation)

    @property
    def usage(self) -> Usage:
        """Token counts of all steps together."""
        return sum((step.usage for step in self.steps), Usage())

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object, without transcript (see `Transcript.to_record`)."""
        return {
            "output": self.output_text,
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
