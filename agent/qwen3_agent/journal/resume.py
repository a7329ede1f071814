"""Restores the state of recorded runs: session, steps, open calls, results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qwen3_tools.tool import Tool, ToolResult

from ..errors import InvalidAnswerError, JournalError
from ..loop.output import OutputType
from ..models.session import Model, ModelSession
from ..result import CallReport, ModelStep, PastStep, RunResult
from ..transcript import Transcript
from .recorded import RecordedCall, RecordedRun, RecordedStep, RecordedTurn

UNKNOWN = (
    "The run was interrupted while this call was running. Whether it took effect is unknown: find "
    "out before you make it again."
)
"""The error that the model receives for a call whose effect is unknown."""


def past_steps(turn: RecordedTurn, tools: Sequence[Tool]) -> list[PastStep]:
    """Return the steps that a resumed turn keeps.

    A call that was running is made again if its tool is read-only; otherwise its result is
    `UNKNOWN`.
    """
    read_only = {tool.name for tool in tools if tool.read_only}
    steps = turn.said_steps
    return [_past_step(step, read_only, is_last=step is steps[-1]) for step in steps]


def _past_step(step: RecordedStep, read_only: set[str], *, is_last: bool) -> PastStep:
    report = step.report
    assert report is not None, "only a finished message has one"
    calls = {place: step.call(step.call_id(place)) for place in range(len(step.tool_calls))}
    results = {
        place: _result(call)
        for place, call in calls.items()
        if call is not None and (call.finished is not None or call.name not in read_only)
    }
    return PastStep(
        report,
        ModelStep(step.parts, report.finish, report.usage, report.closed_by_force),
        results,
        step.subagent_tokens,
        calls_made=sum(
            call is not None and call.started is not None and place in results
            for place, call in calls.items()
        ),
        is_open=is_last and step.finished is None and report.finish == "stop",
    )


def _result(call: RecordedCall) -> ToolResult:
    if call.finished is None:
        return ToolResult(UNKNOWN, is_error=True)
    files = tuple(Path(file) for file in call.files)
    return ToolResult(call.text, is_error=call.is_error, files=files)


def restore(run: RecordedRun, model: Model, session: ModelSession) -> None:
    """Restore the session of a run.

    Raises:
        JournalError: The run was recorded with another model.
    """
    if run.model and (run.model, _by_ids(run.route)) != (model.name, _by_ids(model.route)):
        raise JournalError(
            f"Run {run.id} was recorded with {run.model} ({run.route}), not with {model.name} "
            f"({model.route}): a run can only be resumed with the same model."
        )
    if run.turns:
        earlier = run.turns[-1].earlier
        session.restore(run.messages, run.transcripts[-1], turn=run.turn_message, earlier=earlier)


def _by_ids(route: str) -> bool:
    return route != "server_chat"


def changed_tools(run: RecordedRun, tools: Sequence[Tool]) -> list[str]:
    """Return notices about tools that differ from those in the prompt of the run."""
    before = {tool["name"] for tool in run.tools}
    now = {tool.name for tool in tools}
    notices = []
    if gone := sorted(before - now):
        notices.append(f"Tools of the recorded run are missing: {', '.join(gone)}.")
    if new := sorted(now - before):
        notices.append(f"New tools are not in the prompt of the run: {', '.join(new)}.")
    return notices if run.turns else []


def recorded_result(run: RecordedRun, output_type: OutputType | None = None) -> RunResult[Any]:
    """Return the result of a run whose last turn was answered.

    Raises:
        InvalidAnswerError: The answer does not match the type.
    """
    turn = run.last_turn
    assert turn is not None, "only called for an answered run"
    assert turn.result is not None, "only called for an answered run"
    recorded: RunResult[Any] = replace(
        turn.result,
        transcript=Transcript(turn.segments),
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
        return replace(recorded, output=output_type.read(recorded.output_text))
    except ValueError as problem:
        raise InvalidAnswerError(str(problem), recorded) from None
