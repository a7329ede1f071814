"""The tool calls of one step: run at once, answered in their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import anyio

from qwen3_tools.progress import Progress, progress_to
from qwen3_tools.tool import ToolResult
from qwen3_tools.toolbox import Toolbox

from . import events
from .parts import MalformedCall, ToolCall
from .subagent import Caller, called_by

Emit = Callable[[events.Event], None]


async def run_calls(
    calls: Sequence[ToolCall | MalformedCall],
    toolbox: Toolbox,
    *,
    step: int,
    emit: Emit,
    tokens_left: int | None = None,
) -> list[ToolResult]:
    """Run all calls of a step side by side; their results in the order of the calls.

    A malformed call is not run: its result is the error that tells the model what was wrong.
    Agents among the tools share `tokens_left`.
    """
    results: list[ToolResult] = [ToolResult("")] * len(calls)
    share = None if tokens_left is None else tokens_left // max(1, len(calls))

    async def answer(place: int, call: ToolCall | MalformedCall) -> None:
        results[place] = await _answer(
            call, toolbox, id=f"{step}.{place}", emit=emit, tokens_left=share
        )

    async with anyio.create_task_group() as group:
        for place, call in enumerate(calls):
            group.start_soon(answer, place, call)
    return results


async def _answer(
    call: ToolCall | MalformedCall,
    toolbox: Toolbox,
    *,
    id: str,
    emit: Emit,
    tokens_left: int | None,
) -> ToolResult:
    started = time.monotonic()
    if isinstance(call, MalformedCall):
        name, result = "", ToolResult(call.error, is_error=True)
    else:
        name = call.name
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
