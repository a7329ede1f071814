"""The tool calls of one step: authorized one by one, run side by side, answered in order."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

import anyio

from qwen3_tools.context import call_context, current_context
from qwen3_tools.progress import Progress, progress_to
from qwen3_tools.tool import ToolResult

from .. import events
from ..hooks import Call, Refuse
from ..messages import UNANSWERED, MalformedCall
from .caller import Caller, called_by
from .turn import CallResults, Turn

TOO_MANY = "The call was not made: no more tool calls are allowed in this run."


async def run_calls(turn: Turn, calls: CallResults) -> None:
    """Run the pending calls of a step and add all results to the conversation.

    First each call is authorized in turn, so that questions come one at a time and no tool runs
    while one is open. A call that is malformed or refused does not run: its result is the reason.
    If the turn is canceled, the calls that have not finished have an error as their result.
    """
    try:
        await _run(turn, calls)
    finally:
        turn.add_results(calls)


async def _run(turn: Turn, calls: CallResults) -> None:
    ready = [(index, *await _authorized(turn, calls, index)) for index in calls.pending]
    failures: list[Exception] = []
    tokens = turn.budget.tokens_before_last_step
    share = None if tokens is None else tokens // max(1, len(calls.calls))

    async def run(index: int, call: Call, refusal: str | None) -> None:
        try:
            result = await _result(turn, call, refusal, tokens_left=share)
        except Exception as error:  # not of the tool, but of a journal or a caller of ours
            failures.append(error)
            group.cancel_scope.cancel()
        else:
            calls.put(index, result)

    async with anyio.create_task_group() as group:
        for each in ready:
            group.start_soon(run, *each)
    if failures:
        raise failures[0]  # by itself, not in a group
    turn.hooks.after_calls()


async def _authorized(turn: Turn, calls: CallResults, index: int) -> tuple[Call, str | None]:
    """Return a call as it is to be made, and the reason why it must not be made, if any.

    Raises:
        RunEndedError: A hook ends the run.
    """
    meant = calls.calls[index]
    call_id = f"{len(turn.reports) - 1}.{index}"
    if isinstance(meant, MalformedCall):
        return Call(call_id, "", {}), meant.error
    tool = next((tool for tool in turn.toolbox.tools if tool.name == meant.name), None)
    call = Call(call_id, meant.name, meant.arguments, tool)
    at_most = turn.budget.calls_left
    if at_most is not None and calls.made >= at_most:
        return call, TOO_MANY
    answer = await turn.hooks.before_call(call)
    if isinstance(answer, Refuse):
        refused = events.ToolCallRefused(call_id, call.name, call.arguments, "hook", answer.reason)
        turn.emit(refused)
        return call, answer.reason
    call, refusal = answer, None
    if call.tool is not None:  # the toolbox answers calls of tools that do not exist
        paused = turn.budget.paused
        refusal = await turn.authorizer.refusal(call, call.tool, turn.emit, paused)
    calls.made += refusal is None
    return call, refusal


async def _result(
    turn: Turn, call: Call, refusal: str | None, *, tokens_left: int | None
) -> ToolResult:
    """Make a call, unless it is refused, and emit its events."""
    emit = turn.pass_on_from_tool
    started = time.monotonic()
    result = ToolResult(refusal or UNANSWERED, is_error=True)

    def pass_on_progress(now: Progress) -> None:
        emit(events.ToolCallProgress(call.id, call.name, now.done, now.total, now.message))

    def pass_on_event(event: events.Event) -> None:
        emit(events.SubagentEvent(call.id, call.name, event))

    try:
        if refusal is None:
            emit(events.ToolCallStarted(call.id, call.name, call.arguments))
            policy_over = partial(turn.authorizer.policy_over, paused=turn.budget.paused)
            caller = Caller(pass_on_event, tokens_left, policy_over)
            context = replace(current_context(), call_id=call.id, usage=turn.usage)
            with called_by(caller), call_context(context), progress_to(pass_on_progress):
                result = await turn.toolbox.call(call.name, call.arguments)
            result = await turn.hooks.after_call(call, result)
    finally:
        seconds = time.monotonic() - started
        emit(
            events.ToolCallFinished(
                call.id, call.name, result.text, result.is_error, seconds, result.files
            )
        )
    return result
