"""The agent loop: the model writes, its tools run, their results are added, and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio

from .. import events
from ..errors import NoAnswerError, PromptTooLongError
from ..grammar.tool_grammar import ToolChoice
from ..hooks import RunEndedError
from ..limits import Stop
from ..result import ModelStep, PastStep, RunResult
from ..thinking import Plan
from .compaction import Compaction
from .tool_calls import run_calls
from .turn import CallResults, Turn

LAST_STEP = (
    "{why} No tool can be called any more. Answer now, with what you have found out so far, and "
    "say what is missing."
)


async def run_turn(turn: Turn, past: Sequence[PastStep] = ()) -> RunResult[Any]:
    """Let the model work, from the user's message that ends its conversation, until it answers.

    Args:
        turn: A turn that has not begun.
        past: The steps of a turn that is resumed. The conversation contains their messages.

    Raises:
        LimitExceededError: With the partial result.
        NoAnswerError: The model has ended its turn twice without saying anything.
        InvalidAnswerError: The answer was not of the output type twice.
        PromptTooLongError: The conversation does not fit into the context.
        ThinkingUnavailableError: The model does not support what the thinking policy asks for.
        EngineError: The engine has failed.
    """
    tools = tuple(tool.name for tool in turn.toolbox.tools)
    turn.emit(events.RunStarted(turn.model.name, tools, turn.model.route, len(past)))
    try:
        stop = await _run_until_answered(turn, past)
        return turn.finish() if stop is None else await _answer_at_limit(turn, stop)
    except RunEndedError as ended:
        return turn.finish_by_hook(ended.output)


async def _run_until_answered(turn: Turn, past: Sequence[PastStep]) -> Stop | None:
    """Take steps until the model has answered. Return the limit that ends them before, if any."""
    with turn.budget.start_clock(spent=sum(step.report.seconds for step in past)):
        for before in past:
            await _resume_step(turn, before)
        answered = bool(past) and past[-1].said.is_answer and await _is_accepted(turn)
        while not answered:
            if (stop := turn.stop()) is not None:
                return stop
            step = await _step(turn, turn.next_plan(), turn.output.choice(first=not turn.reports))
            if step.finish == "length":
                return turn.stop_at("tokens" if turn.budget.tokens_left == 0 else "context")
            if turn.silent_steps > 1:
                raise NoAnswerError(
                    "The model ended its turn twice without an answer or a tool call."
                )
            answered = step.is_answer and await _is_accepted(turn)
        return None
    return turn.stop_at("seconds")


async def _step(turn: Turn, plan: Plan, tool_choice: ToolChoice) -> ModelStep:
    """Take one step: the model writes a message, then the tools that it calls run."""
    plan = await turn.hooks.before_step(turn.result, plan)
    turn.begin_step(plan, tool_choice)
    try:
        step = await _run_tools(turn, await _model_step(turn))
    finally:
        turn.end_step()
    await turn.hooks.after_step(turn.reports[-1])
    return step


async def _model_step(turn: Turn) -> ModelStep:
    """Let the model write a message, after compacting the conversation if necessary."""
    compaction = Compaction(turn.model, turn.session, turn.emit, turn.budget.tokens_left)
    try:
        await compaction.make_room()
        step = await _write(turn, compaction)
    finally:
        turn.budget.tokens += compaction.sampled
    turn.add_step(step)
    turn.emit(events.MessageFinished(turn.reports[-1]))
    return step


async def _write(turn: Turn, compaction: Compaction) -> ModelStep:
    try:
        return await turn.session.step(
            turn.plan,
            max_tokens=compaction.tokens,
            on_delta=turn.pass_on,
            tool_choice=turn.tool_choice,
        )
    except PromptTooLongError:  # by the count of a server, which is not known before
        if compaction.changes or not await compaction.make_room(force=True):
            raise
        return await _write(turn, compaction)


async def _run_tools(turn: Turn, step: ModelStep) -> ModelStep:
    """Run the tools that a step calls, unless it was cut off or must not call any."""
    if step.calls and step.finish == "stop" and turn.tool_choice != "none":
        await run_calls(turn, CallResults(step.calls))
    return step


async def _resume_step(turn: Turn, before: PastStep) -> None:
    """Add a step from before the run was resumed, and make its calls that have no result."""
    results = turn.add_past_step(before)
    if before.is_open:
        try:
            if results.calls:
                await run_calls(turn, results)
        finally:
            turn.end_step()


async def _is_accepted(turn: Turn) -> bool:
    """Check the answer. If it is not accepted, the model gets the reason."""
    refusal = await turn.refusal()
    if refusal is not None:
        turn.session.add_note(refusal)
    return refusal is None


async def _answer_at_limit(turn: Turn, stop: Stop) -> RunResult[Any]:
    """End the turn with an answer from what the model has found out so far."""
    if turn.budget.limits.at_limit == "fail":
        raise turn.limit_exceeded(stop)
    turn.emit(events.LimitHit(stop.limit, str(stop)))
    if not turn.was_answering:
        if turn.budget.tokens_left == 0:
            raise turn.limit_exceeded(stop)
        await _last_step(turn, stop)
    elif await turn.refusal_by_hook() is not None:
        raise turn.limit_exceeded(stop)
    return turn.finish(stop)


async def _last_step(turn: Turn, stop: Stop) -> None:
    """Let the model answer without tools, within what is left of the limits."""
    turn.session.add_note(LAST_STEP.format(why=stop))
    with anyio.move_on_after(turn.budget.seconds_left):
        await _step(turn, turn.without_thought("a limit was reached"), "none")
        if turn.text.strip() and await turn.refusal_by_hook() is None:
            return
        raise turn.limit_exceeded(stop)
    raise turn.limit_exceeded(turn.stop_at("seconds", also_for=stop.waited_for))
