"""A journal read back: turns, steps and calls, and what a resumed run begins with."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import JournalError
from ..messages import MalformedCall, Message, Part, ToolCall
from ..result import StepReport
from ..transcript import Segment
from .ledger import Ledger
from .writer import FORMAT_VERSION

Status = Literal["answered", "limit", "failed", "interrupted", "unfinished", "undone"]
"""How a turn ended. unfinished: its process ended without a word, or is at work still; undone: the
user took it back."""

_FORMER_TYPES = {
    "tool_asked": "tool_call_asked",
    "tool_approved": "tool_call_approved",
    "tool_refused": "tool_call_refused",
    "tool_call": "tool_call_started",
    "tool_result": "tool_call_finished",
    "subagent": "subagent_event",
    "context_shortened": "context_compacted",
}
"""Types of records that version 1 of the format names differently."""


@dataclass(slots=True)
class RecordedCall:
    """A tool call, as far as it came."""

    id: str
    """That of its events: step and place in the step."""
    name: str
    """Empty for a malformed call."""
    arguments: dict[str, Any]
    started: float | None = None
    """When it began to run; None: it never did."""
    finished: float | None = None
    """When its result came; None: none has come, and whether it did anything is not known."""
    text: str = ""
    """What it answered."""
    is_error: bool = False
    seconds: float = 0.0
    files: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    """Copies that were kept in the run's folder."""


@dataclass(slots=True)
class RecordedStep:
    """A step, as far as it came."""

    index: int
    plan: dict[str, Any]
    started: float
    report: StepReport | None = None
    """None: the model's message was never finished."""
    parts: tuple[Part, ...] = ()
    first_text: float | None = None
    thought_until: float | None = None
    said: float | None = None
    """When the message was finished."""
    finished: float | None = None
    """When its tools were done as well."""
    calls: list[RecordedCall] = field(default_factory=list)
    subagent_tokens: int = 0
    """Sampled by agents among its tools."""
    cut_off: dict[str, str] = field(default_factory=dict)
    """What the model had thought and said when it was cut off."""

    @property
    def tool_calls(self) -> tuple[ToolCall | MalformedCall, ...]:
        """The calls in the message, in their order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall | MalformedCall))


@dataclass(slots=True)
class RecordedTurn:
    """A user's message and all steps up to the next one."""

    index: int
    text: str
    started: float
    model: str = ""
    """That worked on it."""
    status: Status = "unfinished"
    steps: list[RecordedStep] = field(default_factory=list)
    is_closed: bool = False
    """Whether the conversation was changed after it: it can be asked again, not gone on with."""
    notes: list[tuple[float, str]] = field(default_factory=list)
    """What was told on the way: notices, resumptions."""
    result: dict[str, Any] | None = None
    """`RunResult.to_json()`, where there is an answer."""
    error: dict[str, str] | None = None
    """`type` and `message` of what ended it, where something did."""
    finished: float | None = None
    segments: list[Segment] = field(default_factory=list)
    """Its transcript; with `keep_thoughts`, that of the conversation up to its end."""
    earlier: list[list[Segment]] = field(default_factory=list)
    """The transcripts before it in the same turn: the conversation was made shorter then."""

    @property
    def said_steps(self) -> list[RecordedStep]:
        """Steps whose message was finished: what a resumed run keeps."""
        return [step for step in self.steps if step.report is not None]

    @property
    def output(self) -> str:
        """The answer, if there is one."""
        return str(self.result["output"]) if self.result else ""


@dataclass(slots=True)
class RecordedRun:
    """A whole journal."""

    id: str
    folder: Path
    started: float
    program: str
    cwd: str
    task: str | None
    command: dict[str, Any] | None
    """The options of `qwen3-agent run`, where that made the run."""
    model: str = ""
    """The last one, if the user has changed it."""
    model_source: str | None = None
    """What the user named it by, if so."""
    route: str = ""
    tools: list[dict[str, Any]] = field(default_factory=list)
    turns: list[RecordedTurn] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    """The conversation after the last complete record."""
    turn_message: int = 0
    """Which of the messages began the last turn."""
    transcripts: list[list[Segment]] = field(default_factory=list)
    """Every transcript, the oldest first; the last one is the current one."""
    models: list[str] = field(default_factory=list)
    """The model of each of them."""
    granted: set[str] = field(default_factory=set)
    """Tools that were asked about, and may run as long as the run lasts."""
    last: float = 0.0
    """When the last record was written."""

    @property
    def status(self) -> Status:
        """How the last turn ended, of those that stand."""
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
        """The last turn that has not been undone."""
        return next((turn for turn in reversed(self.turns) if turn.status != "undone"), None)

    @property
    def title(self) -> str:
        """What the run was asked for first."""
        return self.turns[0].text if self.turns else self.task or ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list of runs shows of one."""

    id: str
    started: float
    title: str
    model: str
    status: Status | Literal["running", "unreadable"]
    turns: int
    steps: int


def read_run(folder: Path, file_name: str) -> RecordedRun:
    """Read the journal in a run's folder.

    Raises:
        JournalError: it is not there, damaged, or of a version that is not known.
    """
    run: RecordedRun | None = None
    ledger = Ledger()
    path = folder / file_name
    for number, record in records(path):
        try:
            if run is None:
                run = _begin(record, folder)
            else:
                _take(run, ledger, record)
        except JournalError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise JournalError(
                f"{path}:{number}: the {record.get('type')!r} record is damaged "
                f"({type(error).__name__}: {error})."
            ) from error
    if run is None:
        raise JournalError(f"{path} is empty: the run ended before it began.")
    run.messages, run.turn_message = ledger.messages, ledger.turn
    run.transcripts.append(ledger.segments)
    run.models.append(run.model)
    return run


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a journal with their line numbers; a last line that was cut off is left out.

    Raises:
        JournalError: the file cannot be read, or a line that is whole is not a JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error
    lines.pop()  # empty, or what a write that was cut off has left
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise JournalError(f"{path}:{number} is no record of a journal; the file is damaged.")
        _update_type(record)
        yield number, record


def _update_type(record: dict[str, Any]) -> None:
    """Give a record of an earlier version the type of today, and the event in it."""
    record["type"] = _FORMER_TYPES.get(record.get("type", ""), record.get("type"))
    if isinstance(record.get("event"), dict):
        _update_type(record["event"])


def _begin(record: Mapping[str, Any], folder: Path) -> RecordedRun:
    if record.get("type") != "journal":
        raise JournalError(f"{folder} holds no journal: it begins with {record.get('type')!r}.")
    if record["version"] > FORMAT_VERSION:
        raise JournalError(
            f"Run {folder.name} was written by {record.get('program', 'a newer qwen3-agent')} in "
            f"version {record['version']} of the format; this one reads up to {FORMAT_VERSION}."
        )
    return RecordedRun(
        id=folder.name,
        folder=folder,
        started=record["at"],
        program=record["program"],
        cwd=record["cwd"],
        task=record["task"],
        command=record["command"],
        last=record["at"],
    )


def _take(run: RecordedRun, ledger: Ledger, record: Mapping[str, Any]) -> None:
    kind, at = record["type"], record["at"]
    if (news := record.get("ledger")) is not None:
        ended = ledger.apply(news)
        if ended is not None:
            run.transcripts.append(ended)
            run.models.append(run.model)
            if kind not in ("turn", "turn_undone", "compacted", "model_changed"):
                run.turns[-1].earlier.append(ended)
    run.last = max(run.last, at)
    if kind in ("opened", "compacted", "model_changed"):
        _between_turns(run, record)
        return
    if kind == "turn":
        run.turns.append(RecordedTurn(record["index"], record["text"], at, run.model))
    if not run.turns:
        return
    turn = run.turns[-1]
    if news is not None:
        turn.segments = ledger.segments
    match kind:
        case "step_started":
            turn.steps.append(RecordedStep(record["index"], record["thinking"], at))
        case "message_finished":
            step = turn.steps[-1]
            step.report = StepReport.from_json(record["report"])
            step.parts = _message_parts(ledger.segments)
            step.first_text, step.thought_until = record["first_text"], record["thought_until"]
            step.said = at
        case "tool_call_approved" if record["answer"] in ("run", "always"):
            run.granted.add(record["name"])
        case "tool_call_started":
            call = _call(turn.steps[-1], record)
            call.started = at
        case "tool_call_finished":
            call = _call(turn.steps[-1], record)
            call.text, call.is_error = record["text"], record["is_error"]
            call.seconds, call.finished = record["seconds"], at
            call.files, call.images = tuple(record["files"]), tuple(record["images"])
        case "subagent_event":
            inner = record
            while inner["type"] == "subagent_event":
                inner = inner["event"]
            if inner["type"] == "step_finished":
                usage = StepReport.from_json(inner["report"]).usage
                turn.steps[-1].subagent_tokens += usage.output_tokens
        case "step_finished":
            step = turn.steps[-1]
            step.finished = at
            if step.said is not None:
                step.report = StepReport.from_json(record["report"])
        case "notice":
            turn.notes.append((at, record["text"]))
        case "run_started":
            turn.status, turn.error = "unfinished", None
        case "run_finished":
            turn.result, turn.status, turn.finished = record["result"], "answered", at
        case "turn_undone":
            if run.last_turn is not None:
                run.last_turn.status = "undone"
        case "ended":
            turn.status, turn.error, turn.finished = record["how"], record["error"], at
            if turn.steps and turn.steps[-1].report is None:
                turn.steps[-1].cut_off = record["said"]


def _between_turns(run: RecordedRun, record: Mapping[str, Any]) -> None:
    note = None
    if run.turns and record["type"] != "opened":
        run.turns[-1].is_closed = True
    match record["type"]:
        case "opened":
            run.model, run.route, run.tools = record["model"], record["route"], record["tools"]
            note = "The run was resumed." if record["resumed"] else None
        case "compacted":
            note = f"Made shorter: {record['before']:,} tokens became {record['after']:,}."
        case "model_changed":
            run.model, run.route = record["model"], record["route"]
            run.model_source = record["source"]
            note = f"From here on with {run.model}."
    if note is not None and run.turns:
        run.turns[-1].notes.append((record["at"], note))


def _message_parts(segments: Sequence[Segment]) -> tuple[Part, ...]:
    return segments[-1].parts if segments else ()


def _call(step: RecordedStep, record: Mapping[str, Any]) -> RecordedCall:
    """The call that a record is about; a new one where nothing was known of it."""
    for call in step.calls:
        if call.id == record["id"]:
            return call
    arguments = record.get("arguments")
    call = RecordedCall(record["id"], record["name"], {} if arguments is None else arguments)
    if arguments is None:  # It never ran: the message has what the model wrote
        place = int(record["id"].rpartition(".")[2])
        meant = step.tool_calls[place] if place < len(step.tool_calls) else None
        call.arguments = meant.arguments if isinstance(meant, ToolCall) else {}
    step.calls.append(call)
    return call


def summarize(path: Path) -> RunSummary:
    """What a list shows of a journal, without building all of it.

    Raises:
        JournalError: it cannot be read.
    """
    status: Status = "unfinished"
    title = model = ""
    started = 0.0
    turns = steps = 0
    for _, record in _light_records(path):
        match record["type"]:
            case "journal":
                started, title = record["at"], record.get("task") or ""
            case "opened" | "model_changed":
                model = record["model"]
            case "turn":
                title = title if turns else record["text"]
                turns += 1
                status = "unfinished"
            case "run_started":
                status = "unfinished"
            case "step_finished":
                steps += 1
            case "run_finished":
                status = "answered"
            case "ended":
                status = record["how"]
            case "turn_undone":
                status = "answered"
    return RunSummary(path.parent.name, started, title, model, status, turns, steps)


_IN_SUMMARY = tuple(
    f'{{"type":"{kind}",'.encode()
    for kind in (
        "turn_undone",
        "journal",
        "opened",
        "model_changed",
        "turn",
        "run_started",
        "step_finished",
        "run_finished",
        "ended",
    )
)


def _light_records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.startswith(_IN_SUMMARY) and line.endswith(b"\n"):
                    yield number, json.loads(line)
    except (OSError, ValueError) as error:
        raise JournalError(f"{path} cannot be read: {error}.") from error
