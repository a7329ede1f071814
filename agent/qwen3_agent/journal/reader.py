"""Reads journals."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import JournalError
from ..messages import Content, Reasoning, ToolCall
from ..result import RunResult, StepReport
from ..thinking import Plan
from ..transcript import Transcript
from .format import FILE_NAME, FORMAT_VERSION
from .ledger import Ledger
from .recorded import (
    RecordedCall,
    RecordedError,
    RecordedRun,
    RecordedStep,
    RecordedTurn,
    RunSummary,
    Status,
)

_FORMER_TYPES = {
    "tool_asked": "tool_call_asked",
    "tool_approved": "tool_call_approved",
    "tool_refused": "tool_call_refused",
    "tool_call": "tool_call_started",
    "tool_result": "tool_call_finished",
    "subagent": "subagent_event",
    "context_shortened": "context_compacted",
}
"""The current names of record types that version 1 of the format names differently."""


def read_run(folder: Path) -> RecordedRun:
    """Read the journal in a run's folder.

    Raises:
        JournalError: It is missing, damaged, or of a newer version.
    """
    run: RecordedRun | None = None
    ledger = Ledger()
    path = folder / FILE_NAME
    for number, record in records(path):
        try:
            if run is None:
                run = _begin(record, folder)
            else:
                _apply(run, ledger, record)
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
    """Yield the records of a journal with their line numbers, without an incomplete last line.

    Raises:
        JournalError: The file cannot be read, or a complete line is not a JSON object.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error
    lines.pop()  # empty, or an incomplete line
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise JournalError(
                f"{path}:{number} is not a record of a journal; the file is damaged."
            )
        _update_type(record)
        yield number, record


def _update_type(record: dict[str, Any]) -> None:
    """Replace the type of a record of an earlier version, and of the event in it."""
    record["type"] = _FORMER_TYPES.get(record.get("type", ""), record.get("type"))
    if isinstance(record.get("event"), dict):
        _update_type(record["event"])


def _begin(record: Mapping[str, Any], folder: Path) -> RecordedRun:
    if record.get("type") != "journal":
        raise JournalError(
            f"{folder} does not contain a journal: it begins with {record.get('type')!r}."
        )
    if record["version"] > FORMAT_VERSION:
        raise JournalError(
            f"Run {folder.name} was written by {record.get('program', 'a newer qwen3-agent')} in "
            f"version {record['version']} of the format; this program reads versions up to "
            f"{FORMAT_VERSION}."
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


def _apply(run: RecordedRun, ledger: Ledger, record: Mapping[str, Any]) -> None:
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
            turn.steps.append(RecordedStep(record["index"], _plan(record["thinking"]), at))
        case "message_finished":
            step = turn.steps[-1]
            step.report = StepReport.from_json(record["report"])
            step.parts = ledger.segments[-1].parts if ledger.segments else ()
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
            turn.result, turn.status, turn.finished = _result(record["result"]), "answered", at
        case "turn_undone":
            if run.last_turn is not None:
                run.last_turn.status = "undone"
        case "ended":
            turn.status, turn.finished = record["how"], at
            if (error := record["error"]) is not None:
                turn.error = RecordedError(error["type"], error["message"])
            if turn.steps and turn.steps[-1].report is None:
                said = record["said"]
                turn.steps[-1].cut_off = (Reasoning(said["reasoning"]), Content(said["content"]))


def _between_turns(run: RecordedRun, record: Mapping[str, Any]) -> None:
    note = None
    if run.turns and record["type"] != "opened":
        run.turns[-1].is_closed = True
    match record["type"]:
        case "opened":
            run.model, run.route, run.tools = record["model"], record["route"], record["tools"]
            note = "The run was resumed." if record["resumed"] else None
        case "compacted":
            note = f"Compacted from {record['before']:,} to {record['after']:,} tokens."
        case "model_changed":
            run.model, run.route = record["model"], record["route"]
            run.model_source = record["source"]
            note = f"The model was changed to {run.model}."
    if note is not None and run.turns:
        run.turns[-1].notes.append((record["at"], note))


def _plan(written: Mapping[str, Any]) -> Plan:
    return Plan(written["on"], written["budget"], written["reason"])


def _result(written: Mapping[str, Any]) -> RunResult:
    return RunResult(
        output=written["output"],
        steps=tuple(StepReport.from_json(step) for step in written["steps"]),
        transcript=Transcript(),
        seconds=written["seconds"],
        model=written["model"],
        files=tuple(Path(file) for file in written["files"]),
        route=written["route"],
        limit=written.get("limit"),
        ended_by_hook=written.get("ended_by_hook", False),
    )


def _call(step: RecordedStep, record: Mapping[str, Any]) -> RecordedCall:
    """Return the call that a record is about, adding it to the step if it is new."""
    call = step.call(record["id"])
    if call is None:
        place = int(record["id"].rpartition(".")[2])
        arguments = record.get("arguments")
        if arguments is None:  # it never ran; its arguments are in the message
            meant = step.tool_calls[place] if place < len(step.tool_calls) else None
            arguments = meant.arguments if isinstance(meant, ToolCall) else {}
        call = RecordedCall(record["id"], record["name"], arguments)
        step.calls.append(call)
    return call


def summarize(path: Path) -> RunSummary:
    """Return what a list of runs shows of a journal, without reading all of it.

    Raises:
        JournalError: It cannot be read.
    """
    status: Status = "unfinished"
    title = model = ""
    started = 0.0
    turns = steps = 0
    for record in _light_records(path):
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


_IN_SUMMARY = re.compile(
    rb'{"type":"(journal|opened|model_changed|turn|turn_undone|run_started|step_finished'
    rb'|run_finished|ended)",'
)


def _light_records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                if _IN_SUMMARY.match(line) and line.endswith(b"\n"):
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise JournalError(f"{path} cannot be read: {error}.") from error
