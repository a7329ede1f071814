"""Events of a run, in the order in which they occur.

    RunStarted
      StepStarted   ReasoningText* ContentText*   MessageFinished
        (ToolCallAsked (ToolCallApproved | ToolCallRefused) | ToolCallRefused)*
        ToolCallStarted* ToolCallProgress* SubagentEvent* ToolCallFinished*
      StepFinished
      ...
      LimitHit, usually followed by one last step
      ContextCompacted*, before any step
    RunFinished

A `Notice` may come anywhere. A run that fails ends with its exception in place of `RunFinished`.
Each event has a `type`, the name of its class in snake_case, and `to_json()`; a reader ignores
types that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from qwen3_tools.renamed import missing_name

from .approvals import Answer
from .limits import LimitName
from .result import Route, RunResult, StepReport
from .thinking import Plan

RENAMED = {"ContextShortened": "ContextCompacted"}
"""Names of earlier versions, and the names that replace them."""


def __getattr__(name: str) -> Any:
    raise missing_name(__name__, name, RENAMED)


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    type: ClassVar[str] = "event"
    """The name of the class in snake_case."""

    def __init_subclass__(cls) -> None:
        cls.type = re.sub(r"(?<=.)(?=[A-Z])", "_", cls.__name__).lower()

    def to_json(self) -> dict[str, Any]:
        """Return the event as a JSON object: its type, then its fields."""
        return {"type": self.type} | {
            field.name: _plain(getattr(self, field.name)) for field in fields(self)
        }


Emit = Callable[[Event], None]
"""Callback that receives each event as it occurs."""


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value.to_json() if isinstance(value, Event | Plan | RunResult | StepReport) else value


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """The run begins: the model and the tools are ready."""

    model: str
    tools: tuple[str, ...]
    route: Route = "engine"
    """How the model is reached."""
    steps_before: int = 0
    """Number of steps of this turn before the run was resumed."""
    run_id: str | None = None
    """Id of the run in the journal. None: the run is not recorded."""


@dataclass(frozen=True, slots=True)
class StepStarted(Event):
    """The model begins to write."""

    index: int
    thinking: Plan


@dataclass(frozen=True, slots=True)
class ReasoningText(Event):
    """A piece of a thought."""

    text: str


@dataclass(frozen=True, slots=True)
class ContentText(Event):
    """A piece of the text for the user."""

    text: str


@dataclass(frozen=True, slots=True)
class MessageFinished(Event):
    """The model has written the message of a step; none of its tool calls has begun."""

    report: StepReport
    """The report so far."""


@dataclass(frozen=True, slots=True)
class ToolCallAsked(Event):
    """A call waits for approval. No call of its step has begun."""

    id: str
    """Id of the call, the same in all its events."""
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallApproved(Event):
    """A person has approved a call."""

    id: str
    name: str
    answer: Answer


RefusedBy = Literal["person", "policy", "nobody", "hook", "tool"]
"""Who refused a call. nobody: the call needs approval, and there is no approver. tool: the call
needs approval, but its arguments are invalid, so nobody was asked."""


@dataclass(frozen=True, slots=True)
class ToolCallRefused(Event):
    """A call is refused. A `ToolCallFinished` without a `ToolCallStarted` follows."""

    id: str
    name: str
    arguments: dict[str, Any]
    by: RefusedBy
    reason: str
    """Sent to the model."""


@dataclass(frozen=True, slots=True)
class ToolCallStarted(Event):
    """A tool call begins."""

    id: str
    """Unique in the run."""
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallProgress(Event):
    """A tool reports its progress."""

    id: str
    name: str
    done: float
    """Grows from report to report, in a unit of the tool."""
    total: float | None
    """The final value of `done`. None: unknown."""
    message: str


@dataclass(frozen=True, slots=True)
class SubagentEvent(Event):
    """An event of an agent that was called as a tool."""

    id: str
    """Id of the call."""
    name: str
    event: Event


@dataclass(frozen=True, slots=True)
class ToolCallFinished(Event):
    """A tool call has its result, or was malformed or refused.

    A malformed call has no `ToolCallStarted`. Its name is empty, and its text is the error for the
    model.
    """

    id: str
    name: str
    text: str
    is_error: bool
    seconds: float
    files: tuple[Path, ...] = ()
    """Files that the call has written."""


@dataclass(frozen=True, slots=True)
class StepFinished(Event):
    """A step and its tool calls have finished."""

    report: StepReport


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Information for the user, such as a server that did not start."""

    text: str


Compacted = Literal["old_results", "earlier_turns", "earlier_steps", "new_results"]
"""The part of a conversation that was compacted; see `loop.compaction`."""


@dataclass(frozen=True, slots=True)
class ContextCompacted(Event):
    """The conversation was compacted so that it fits into the model's context.

    The full text of cut tool results is in the run's folder, in the file that the model is told
    of. A new transcript begins; the one before is in `RunResult.earlier_transcripts`.
    """

    what: Compacted
    before: int
    """Tokens of the conversation; an estimate with a chat server."""
    after: int
    text: str
    """A sentence that says the same."""
    summary: str | None = None
    """The summary that replaces turns or steps."""


@dataclass(frozen=True, slots=True)
class LimitHit(Event):
    """The run has reached a limit. The model gets one last step, without tools, to answer.

    There is no such step if the model was already answering, or if no tokens are left.
    """

    limit: LimitName
    text: str
    """A sentence that names the limit."""


@dataclass(frozen=True, slots=True)
class AnswerChanged(Event):
    """A hook has replaced the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """The run ends with an answer."""

    result: RunResult[Any]


__all__ = sorted({"Event", *(each.__name__ for each in Event.__subclasses__())})
