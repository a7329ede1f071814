"""The tool calls of one step: decided on one by one, run at once, answered in their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import anyio

from qwen3_tools.progress import Progress, progress_to
from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from . import events
from .gate import Gate
from .parts import MalformedCall, ToolCall
from .subagent import Caller, called_by

Emit = Callable[[events.Event], None]


async def run_calls(
    calls: Sequence[ToolCall | MalformedCall],
    toolbox: Toolbox,
    gate: Gate,
    *,
    step: int,
    emit: Emit,
    tokens_left: int | None = None,
) -> list[ToolResult]:
    """Run all calls of a step side by side; their results in the order of the calls.

    First the gate decides on each in turn, so that questions come one at a time and nothing runs
    while one is open. A malformed call is not run: its result is the error that tells the model
    what was wrong. Nor is one that was refused.

    Agents among the tools share `tokens_left`.
    """
    results: list[ToolResult] = [ToolResult("")] * len(calls)
    share = None if tokens_left is None else tokens_left // max(1, len(calls))

    refusals = [
        await gate.refusal(f"{step}.{place}", call.name, call.arguments, emit)
        if isinstance(call, ToolCall)
        else call.error
        for place, call in enumerate(calls)
    ]

    async def answer(place: int, call: ToolCall | MalformedCall, refusal: str | None) -> None:
        results[place] = await _answer(
            call, refusal, toolbox, id=f"{step}.{place}", emit=emit, tokens_left=share
        )

    async with anyio.create_task_group() as group:
        for place, (call, refusal) in enumerate(zip(calls, refusals, strict=True)):
            group.start_soon(answer, place, call, refusal)
    return results


async def _answer(
    call: ToolCall | MalformedCall,
    refusal: str | None,
    toolbox: Toolbox,
    *,
    id: str,
    emit: Emit,
    tokens_left: int | None,
) -> ToolResult:
    started = time.monotonic()
    name = call.name if isinstance(call, ToolCall) else ""
    if refusal is not None or isinstance(call, MalformedCall):
        result = ToolResult(refusal or "", is_error=True)
    else:
        emit(events.ToolCallStarted(id, name, call.arguments))

        def pass_on(now: Progress) -> None:
            emit(events.ToolCallProgress(id, name, now.done, now.total, now.message))

        def pass_on_event(event: events.Event) -> None:
            emit(events.SubagentEvent(id, name, event))

        with progress_to(pass_on), called_by(Caller(pass_on_event, tokens_left)):
            result = await toolbox.call(name, call.arguments)
    seconds = time.monotonic() - started
    emit(events.ToolCallFinished(id, name, result.text, result.is_error, seconds))
    return result


def text_for_model(result: ToolResult) -> str:
    """What the model is shown of a result."""
    return f"Error: {result.text}" if result.is_error else result.text
