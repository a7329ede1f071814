"""The tool calls of one step: run at once, answered in their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import anyio

from qwen3_tools.progress import Progress, progress_to
from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from . import events
from .models import UNANSWERED
from .parts import MalformedCall, ToolCall

Emit = Callable[[events.Event], None]


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

    def __post_init__(self) -> None:
        self.results = [ToolResult(STOPPED, is_error=True)] * len(self.calls)
        self.unanswered = {place: _name(call) for place, call in enumerate(self.calls)}


async def run_calls(
    answers: Answers, toolbox: Toolbox, *, step: int, at_most: int | None, emit: Emit
) -> None:
    """Run all calls of a step side by side.

    A malformed call is not run: its result is the error that tells the model what was wrong.

    Args:
        answers: gets the results.
        toolbox: makes the calls.
        step: for the ids of the calls.
        at_most: so many calls are made, and no more. None: all.
        emit: is told.
    """
    made = 0

    async def answer(place: int, refusal: str | None) -> None:
        call, id = answers.calls[place], f"{step}.{place}"
        answers.results[place] = await _answer(call, refusal, toolbox, id=id, emit=emit)
        del answers.unanswered[place]

    async with anyio.create_task_group() as group:
        for place, call in enumerate(answers.calls):
            refusal = call.error if isinstance(call, MalformedCall) else None
            if refusal is None:
                made += 1
                refusal = TOO_MANY if at_most is not None and made > at_most else None
            group.start_soon(answer, place, refusal)


async def _answer(
    call: ToolCall | MalformedCall, refusal: str | None, toolbox: Toolbox, *, id: str, emit: Emit
) -> ToolResult:
    started = time.monotonic()
    name = _name(call)
    result = ToolResult(refusal or STOPPED, is_error=True)
    try:
        if refusal is None and isinstance(call, ToolCall):
            emit(events.ToolCallStarted(id, name, call.arguments))

            def pass_on(now: Progress) -> None:
                emit(events.ToolCallProgress(id, name, now.done, now.total, now.message))

            with progress_to(pass_on):
                result = await toolbox.call(name, call.arguments)
    finally:
        seconds = time.monotonic() - started
        emit(events.ToolCallFinished(id, name, result.text, result.is_error, seconds))
    return result


def _name(call: ToolCall | MalformedCall) -> str:
    return call.name if isinstance(call, ToolCall) else ""


def text_for_model(result: ToolResult) -> str:
    """What the model is shown of a result."""
    return f"Error: {result.text}" if result.is_error else result.text
