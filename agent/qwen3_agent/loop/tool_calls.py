"""The tool calls of one step: decided on one by one, run at once, answered in their order."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from qwen3_tools.progress import Progress, progress_to
from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from .. import events
from ..events import Emit
from ..hooks import Call
from ..messages import MalformedCall, ToolCall
from ..models.session import UNANSWERED
from .caller import Caller, called_by
from .gate import Gate

TOO_MANY = "The call was not made: no more tool calls are allowed in this run."
STOPPED = UNANSWERED.removeprefix("Error: ")


@dataclass(slots=True)
class Answers:
    """What the calls of a step have got; filled as they answer, and whole even when cancelled."""

    calls: Sequence[ToolCall | MalformedCall]
    results: list[ToolResult] = field(init=False)
    """In the order of the calls."""
    unanswered: dict[int, str] = field(init=False)
    """By their place, the names of those that have not answered."""
    made: int = 0
    """How many were neither malformed nor refused."""

    def __post_init__(self) -> None:
        self.results = [ToolResult(STOPPED, is_error=True)] * len(self.calls)
        self.unanswered = {place: _name(call) for place, call in enumerate(self.calls)}

    def put(self, place: int, result: ToolResult) -> None:
        """A call has answered."""
        self.results[place] = result
        del self.unanswered[place]


async def run_calls(
    answers: Answers,
    toolbox: Toolbox,
    gate: Gate,
    *,
    step: int,
    emit: Emit,
    at_most: int | None = None,
    tokens_left: int | None = None,
) -> None:
    """Run all calls of a step side by side.

    First the gate decides on each in turn, so that questions come one at a time and nothing runs
    while one is open. A malformed call is not run: its result is the error that tells the model
    what was wrong. Nor is one that was refused, or that has its answer from before the run was
    resumed.

    Args:
        answers: gets the results.
        toolbox: makes the calls.
        gate: decides on them.
        step: for the ids of the calls.
        emit: is told.
        at_most: so many calls are made, and no more. None: all.
        tokens_left: agents among the tools share them. None: no limit.
    """
    share = None if tokens_left is None else tokens_left // max(1, len(answers.calls))
    refusals: dict[int, str | None] = {}
    admitted: dict[int, Call] = {}
    for place in answers.unanswered:
        call = answers.calls[place]
        if isinstance(call, MalformedCall):
            refusals[place] = call.error
        elif at_most is not None and answers.made >= at_most:
            refusals[place] = TOO_MANY
        else:
            id = f"{step}.{place}"
            admitted[place], refusals[place] = await gate.admit(id, call.name, call.arguments, emit)
            answers.made += refusals[place] is None

    failures: list[Exception] = []

    async def answer(place: int, refusal: str | None) -> None:
        try:
            result = await _answer(
                admitted.get(place),
                refusal,
                toolbox,
                gate,
                id=f"{step}.{place}",
                emit=emit,
                tokens_left=share,
            )
        except Exception as error:  # not the tool's: such as a journal that cannot be written
            failures.append(error)
            group.cancel_scope.cancel()
        else:
            answers.put(place, result)

    async with anyio.create_task_group() as group:
        for place, refusal in refusals.items():
            group.start_soon(answer, place, refusal)
    if failures:
        raise failures[0]  # as it is, and not in a group
    gate.joints.after_calls()


async def _answer(
    call: Call | None,
    refusal: str | None,
    toolbox: Toolbox,
    gate: Gate,
    *,
    id: str,
    emit: Emit,
    tokens_left: int | None,
) -> ToolResult:
    started = time.monotonic()
    name = call.name if call else ""
    result = ToolResult(refusal or STOPPED, is_error=True)
    try:
        if refusal is None and call is not None:
            emit(events.ToolCallStarted(id, name, call.arguments))

            def pass_on(now: Progress) -> None:
                emit(events.ToolCallProgress(id, name, now.done, now.total, now.message))

            def pass_on_event(event: events.Event) -> None:
                emit(events.SubagentEvent(id, name, event))

            caller = Caller(pass_on_event, tokens_left, gate.policy_over)
            with progress_to(pass_on), called_by(caller):
                result = await toolbox.call(name, call.arguments)
            result = await gate.joints.after_call(call, result)
    finally:
        seconds = time.monotonic() - started
        emit(events.ToolCallFinished(id, name, result.text, result.is_error, seconds, result.files))
    return result


def _name(call: ToolCall | MalformedCall) -> str:
    return call.name if isinstance(call, ToolCall) else ""


def text_for_model(result: ToolResult) -> str:
    """What the model is shown of a result."""
    return f"Error: {result.text}" if result.is_error else result.text
