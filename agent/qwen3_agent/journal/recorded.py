"""A recorded run: its turns, steps and calls, as far as they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

from ..messages import Content, MalformedCall, Message, Part, Reasoning, ToolCall
from ..result import RunResult, StepReport
from ..thinking import Plan
from ..transcript import Segment

Status = Literal["answered", "limit", "failed", "interrupted", "unfinished", "undone"]
"""How a turn ended. unfinished: its process was killed, or is still running."""


@dataclass(slots=True)
class RecordedCall:
    """A tool call."""

    id: str
    """The id in its events: the step and the place in the step."""
    name: str
    """Empty for a malformed call."""
    arguments: dict[str, Any]
    started: float | None = None
    """None: it never began to run."""
    finished: float | None = None
    """None: it has no result, and its effect is unknown."""
    text: str = ""
    """The result as the model read it."""
    is_error: bool = False
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    """Names of the copies in the run's folder."""


@dataclass(frozen=True, slots=True)
class RecordedError:
    """The error that ended a turn."""

    type: str
    message: str


@dataclass(slots=True)
class RecordedStep:
    """A step."""

    index: int
    plan: Plan
    started: float
    report: StepReport | None = None
    """None: the model's message was not finished."""
    parts: tuple[Part, ...] = ()
    first_text: float | None = None
    thought_until: float | None = None
    said: float | None = None
    """The end of the model's message."""
    finished: float | None = None
    """The end of the step, including its tools."""
    calls: list[RecordedCall] = field(default_factory=list)
    subagent_tokens: int = 0
    """Output tokens of the agents among its tools."""
    cut_off: tuple[Reasoning | Content, ...] = ()
    """The beginning of a message that was not finished."""

    @property
    def tool_calls(self) -> tuple[ToolCall | MalformedCall, ...]:
        """The calls of the message, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall | MalformedCall))

    def call_id(self, place: int) -> str:
        """Return the id, in events, of the call at `place` among the calls of the message."""
        return f"{self.index}.{place}"

    def call(self, call_id: str) -> RecordedCall | None:
        """Return the call with an id, if its record got that far."""
        return next((call for call in self.calls if call.id == call_id), None)

    def parts_and_ids(self) -> Iterator[tuple[Part, str]]:
        """Yield each part of the message with the id of the call; "" if it is not a call."""
        places = count()
        for part in self.parts:
            is_text = isinstance(part, Reasoning | Content)
            yield part, "" if is_text else self.call_id(next(places))


@dataclass(slots=True)
class RecordedTurn:
    """A user's message and the steps up to the next one."""

    index: int
    text: str
    started: float
    model: str = ""
    status: Status = "unfinished"
    steps: list[RecordedStep] = field(default_factory=list)
    is_closed: bool = False
    """Whether the conversation was changed after it: it can be retried but not resumed."""
    notes: list[tuple[float, str]] = field(default_factory=list)
    """Notices to the user and resumptions, with their times."""
    result: RunResult | None = None
    """The result of an answered turn, without its transcript, calls and messages."""
    error: RecordedError | None = None
    finished: float | None = None
    segments: list[Segment] = field(default_factory=list)
    """Its transcript; with `keep_thoughts`, that of the conversation up to its end."""
    earlier: list[list[Segment]] = field(default_factory=list)
    """The transcripts before it in the same turn, if the conversation was compacted."""

    @property
    def said_steps(self) -> list[RecordedStep]:
        """The steps whose message was finished, which a resumed run keeps."""
        return [step for step in self.steps if step.report is not None]

    @property
    def output(self) -> str:
        """The answer, or an empty string."""
        return self.result.output if self.result else ""


@dataclass(slots=True)
class RecordedRun:
    """The content of a journal."""

    id: str
    folder: Path
    started: float
    program: str
    cwd: str
    task: str | None
    command: dict[str, Any] | None
    """The options of `qwen3-agent run`, if it began the run."""
    model: str = ""
    """The latest model."""
    model_source: str | None = None
    """The name by which the user chose the latest model, if the model was changed."""
    route: str = ""
    tools: list[dict[str, Any]] = field(default_factory=list)
    turns: list[RecordedTurn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """The conversation after the last complete record."""
    turn_message: int = 0
    """The place of the message that began the last turn."""
    transcripts: list[list[Segment]] = field(default_factory=list)
    """All transcripts, oldest first, including the current one."""
    models: list[str] = field(default_factory=list)
    """The model of each transcript."""
    granted: set[str] = field(default_factory=set)
    """Names of the tools that were approved for the rest of the run."""
    last: float = 0.0
    """The time of the latest record."""

    @property
    def status(self) -> Status:
        """The status of the last turn that was not undone."""
        if self.last_turn is not None:
            return self.last_turn.status
        return "answered" if self.turns else "unfinished"

    @property
    def tools_used(self) -> frozenset[str]:
        """Names of the tools of which a call was started."""
        return frozenset(
            call.name
            for turn in self.turns
            for step in turn.steps
            for call in step.calls
            if call.started is not None
        )

    @property
    def last_turn(self) -> RecordedTurn | None:
        """The last turn that was not undone."""
        return next((turn for turn in reversed(self.turns) if turn.status != "undone"), None)

    @property
    def title(self) -> str:
        """The first message of the user."""
        return self.turns[0].text if self.turns else self.task or ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run in the list of runs."""

    id: str
    started: float
    title: str
    model: str
    status: Status | Literal["running", "unreadable"]
    turns: int
    steps: int
