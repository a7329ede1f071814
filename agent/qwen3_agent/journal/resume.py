"""What a run begins with that was recorded before: its chat, its steps, its open calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3_tools.tool import Tool, ToolResult

from ..errors import InvalidAnswerError, JournalError
from ..loop.output import OutputType
from ..models.session import Model, ModelSession
from ..result import CallReport, ModelStep, PastStep, RunResult, StepReport
from ..transcript import Transcript
from .reader import RecordedCall, RecordedRun, RecordedStep, RecordedTurn

UNKNOWN = (
    "The run was interrupted while this call was running. Whether it took effect is unknown: find "
    "out before you make it again."
)
"""What the model is told of a call that may or may not have done something."""


def past_steps(turn: RecordedTurn, tools: Sequence[Tool]) -> list[PastStep]:
    """The steps that a resumed turn keeps.

    A call that had begun and not ended is made again where its tool only reads; elsewhere its
    result is `UNKNOWN`.
    """
    read_only = {tool.name for tool in tools if tool.read_only}
    steps = turn.said_steps
    return [_past_step(step, read_only, is_last=step is steps[-1]) for step in steps if step.report]


def _past_step(step: RecordedStep, read_only: set[str], *, is_last: bool) -> PastStep:
    report = step.report
    assert report is not None, "only a finished message has one"
    known = {call.id: call for call in step.calls}
    results = {
        place: result
        for place in range(len(step.tool_calls))
        if (result := _result(known.get(f"{step.index}.{place}"), read_only)) is not None
    }
    said = ModelStep(step.parts, report.finish, report.usage, report.closed_by_force)
    return PastStep(
        report,
        said,
        results,
        step.subagent_tokens,
        calls_made=sum(
            call.started is not None and results.get(int(call.id.rpartition(".")[2])) is not None
            for call in step.calls
        ),
        is_open=is_last and step.finished is None and report.finish == "stop",
    )


def _result(call: RecordedCall | None, read_only: set[str]) -> ToolResult | None:
    if call is None:
        return None
    if call.finished is not None:
        files = tuple(Path(file) for file in call.files)
        return ToolResult(call.text, is_error=call.is_error, files=files)
    return None if call.name in read_only else ToolResult(UNKNOWN, is_error=True)


def restore(run: RecordedRun, model: Model, session: ModelSession) -> None:
    """Put a chat where the run's was.

    Raises:
        JournalError: the model is not the one of the run.
    """
    if run.model and (run.model, _by_ids(run.route)) != (model.name, _by_ids(model.route)):
        raise JournalError(
            f"Run {run.id} was done with {run.model} ({run.route}), and this is {model.name} "
            f"({model.route}): a run is resumed with the model that it began with."
        )
    if run.turns:
        session.restore(
            run.messages,
            run.transcripts[-1],
            turn=run.turn_message,
            earlier=run.turns[-1].earlier,
        )


def _by_ids(route: str) -> bool:
    return route != "server_chat"


def changed_tools(run: RecordedRun, tools: Sequence[Tool]) -> list[str]:
    """What to tell of tools that are not those of the run's prompt any more."""
    before = {tool["name"] for tool in run.tools}
    now = {tool.name for tool in tools}
    said = []
    if gone := sorted(before - now):
        said.append(f"Tools that the run began with are not there: {', '.join(gone)}.")
    if new := sorted(now - before):
        said.append(f"Tools that are new are not in the run's prompt: {', '.join(new)}.")
    return said if run.turns else []


def recorded_result(run: RecordedRun, output_type: OutputType | None = None) -> RunResult[Any]:
    """Return the result of a run whose last turn has an answer.

    Raises:
        InvalidAnswerError: the answer is not of the type.
    """
    turn = run.last_turn
    result = turn.result if turn else None
    assert turn is not None, "only asked of a run that has an answer"
    assert result is not None, "only asked of a run that has an answer"
    text = result["output"]
    recorded: RunResult[Any] = RunResult(
        output=text,
        steps=tuple(StepReport.from_json(step) for step in result["steps"]),
        transcript=Transcript(turn.segments),
        seconds=result["seconds"],
        model=result["model"],
        files=tuple(Path(file) for file in result["files"]),
        route=result["route"],
        limit=result.get("limit"),
        run_id=run.id,
        earlier_transcripts=tuple(Transcript(each) for each in turn.earlier),
        calls=tuple(
            CallReport(call.name, call.arguments, call.text, call.is_error)
            for step in turn.said_steps
            for call in step.calls
        ),
        conversation=tuple(run.messages),
    )
    if output_type is None:
        return recorded
    try:
        return replace(recorded, output=output_type.read(text))
    except ValueError as problem:
        raise InvalidAnswerError(str(problem), recorded) from None
