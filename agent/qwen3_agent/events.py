"""What a run streams out, in the order in which it happens.

    RunStarted
      StepStarted   ReasoningText* ContentText*   MessageFinished
        (ToolCallAsked (ToolCallApproved | ToolCallRefused) | ToolCallRefused)*
        ToolCallStarted* ToolCallProgress* SubagentEvent* ToolCallFinished*
      StepFinished
      ...
      LimitHit, and mostly one last step
      ContextCompacted*, before any step
    RunFinished

A `Notice` may come anywhere. A run that fails ends with its exception in place of `RunFinished`.
Each event has a `type` and `to_json()`; a reader ignores types that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from .approvals import Answer
from .limits import LimitName
from .result import Route, RunResult, StepReport
from .thinking import Plan

__all__ = [
    "AnswerChanged",
    "ContentText",
    "ContextCompacted",
    "Event",
    "LimitHit",
    "MessageFinished",
    "Notice",
    "ReasoningText",
    "RunFinished",
    "RunStarted",
    "StepFinished",
    "StepStarted",
    "SubagentEvent",
    "ToolCallApproved",
    "ToolCallAsked",
    "ToolCallFinished",
    "ToolCallProgress",
    "ToolCallRefused",
    "ToolCallStarted",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    type: ClassVar[str] = "event"

    def to_json(self) -> dict[str, Any]:
        """The event as a JSON object: its type, then its fields."""
        return {"type": self.type} | {
            field.name: _plain(getattr(self, field.name)) for field in fields(self)
        }


Emit = Callable[[Event], None]
"""Is told what happens, as it happens."""


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value.to_json() if hasattr(value, "to_json") else value


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The prompt is built and the tools are there."""

    type = "run_started"
    model: str
    tools: tuple[str, ...]
    route: Route = "engine"
    """How the model is reached."""
    steps_before: int = 0
    """Of a resumed run: steps of this turn that were done before."""
    run_id: str | None = None
    """Under which the run is recorded, if it is."""


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """The model is about to generate."""

    type = "step_started"
    index: int
    thinking: Plan


@dataclass(frozen=True, slots=True)
class ReasoningText(Event):
    """A piece of a thought, as it is sampled."""

    type = "reasoning"
    text: str


@dataclass(frozen=True, slots=True)
class ContentText(Event):
    """A piece of what the model says to the user, as it is sampled."""

    type = "content"
    text: str


@dataclass(frozen=True, slots=True)
class MessageFinished(Event):
    """The model has written the message of a step; none of its tools has begun to run."""

    type = "message_finished"
    report: StepReport
    """As far as the step has come."""


@dataclass(frozen=True, slots=True)
class ToolCallAsked(Event):
    """A call waits for a person's yes or no. None of its step has begun to run."""

    type = "tool_asked"
    id: str
    """That of the events of the call."""
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallApproved(Event):
    """The person has said yes."""

    type = "tool_approved"
    id: str
    name: str
    answer: Answer


RefusedBy = Literal["person", "policy", "nobody", "hook", "tool"]
"""Who refused a call; nobody: it needed a person, and none was there; tool: it needed a person, who
was not asked since the tool does not take such arguments."""


@dataclass(frozen=True, slots=True)
class ToolCallRefused(Event):
    """A call will not be made. A `ToolCallFinished` follows, with no `ToolCallStarted`."""

    type = "tool_refused"
    id: str
    name: str
    arguments: dict[str, Any]
    by: RefusedBy
    reason: str
    """As the model is told."""


@dataclass(frozen=True, slots=True)
class ToolCallStarted(Event):
    """A tool begins to run."""

    type = "tool_call"
    id: str
    """Unique in the run."""
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallProgress(Event):
    """A tool says how far it has come."""

    type = "tool_progress"
    id: str
    name: str
    done: float
    """Grows from report to report; in whatever unit the tool counts."""
    total: float | None
    """What `done` will be at the end, where the tool knows."""
    message: str


@dataclass(frozen=True, slots=True)
class SubagentEvent(Event):
    """Something happened in the run of an agent that was called as a tool."""

    type = "subagent"
    id: str
    """Of the call."""
    name: str
    event: Event


@dataclass(frozen=True, slots=True)
class ToolCallFinished(Event):
    """A tool has answered, or a call could not be read, or was refused.

    A malformed call has no `ToolCallStarted`, its name is empty and its text is the error that
    goes back to the model.
    """

    type = "tool_result"
    id: str
    name: str
    text: str
    is_error: bool
    seconds: float
    files: tuple[Path, ...] = ()
    """What the call left on disk."""


@dataclass(frozen=True, slots=True)
class StepFinished(Event):
    """The step's generation and its tools are done."""

    type = "step_finished"
    report: StepReport


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something that the user should know, such as a server that did not start."""

    type = "notice"
    text: str


Compacted = Literal["old_results", "earlier_turns", "earlier_steps", "new_results"]
"""What of a conversation was made shorter; see `context`."""


@dataclass(frozen=True, slots=True)
class ContextCompacted(Event):
    """The conversation was made shorter, or it would not have fitted into the model's context.

    The full text of shortened tool results is in the run's folder, under the name that the model
    is given. A new transcript begins; the one before is in `RunResult.earlier_transcripts`.
    """

    type = "context_shortened"
    what: Compacted
    before: int
    """Tokens of the conversation; with a chat server an estimate."""
    after: int
    text: str
    """The same in a sentence."""
    summary: str | None = None
    """What stands for the turns or steps that were summed up."""


@dataclass(frozen=True, slots=True)
class LimitHit(Event):
    """The run is at a limit. The model gets one last step, without tools, to answer.

    There is no such step when the limit came while it was answering, or left no room for one.
    """

    type = "limit_hit"
    limit: LimitName
    text: str
    """Which limit it is and how it was reached, in a sentence."""


@dataclass(frozen=True, slots=True)
class AnswerChanged(Event):
    """A hook has put another answer in the place of what the model said last."""

    type = "answer_changed"
    text: str


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """There is an answer."""

    type = "run_finished"
    result: RunResult
