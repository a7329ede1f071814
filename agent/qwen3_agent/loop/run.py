"""The ReAct loop: the model writes, its tools run, what they answered is appended, and again.

Read `run_turn` first; all else here serves it.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from qwen3_tools.toolbox import Toolbox

from .. import events
from ..errors import NoAnswerError, PromptTooLongError
from ..events import Emit
from ..grammar.tool_grammar import ToolChoice
from ..hooks import EndedByHookError
from ..limits import Limits, Stop
from ..models.session import Chat, Model
from ..result import ModelStep, PastStep, RunResult
from ..thinking import Plan, Policy, Switch
from .context import Shortening
from .gate import Gate
from .output import Wanted
from .tool_calls import Answers, run_calls
from .turn import Turn

LAST_STEP = (
    "{why} No tool can be called any more. Answer now, with what you have found out so far, and "
    "say what is missing."
)


async def run_turn(
    model: Model,
    chat: Chat,
    toolbox: Toolbox,
    policy: Policy,
    limits: Limits,
    *,
    gate: Gate,
    switch: Switch | None,
    emit: Emit,
    past: Sequence[PastStep] = (),
    wanted: Wanted | None = None,
) -> RunResult:
    """Let the model work, from the user's message that ends `chat`, until it answers.

    `past` are the steps of a turn that is resumed; `chat` holds what they have said already.

    Raises:
        LimitExceededError: with the partial result.
        NoAnswerError: the model ended its turn twice without saying anything.
        InvalidAnswerError: its answer was twice not of the type that is wanted.
        PromptTooLongError: the conversation has outgrown the context.
        ThinkingUnavailableError: the policy asked for what the model cannot do.
        EngineError: the engine failed.
    """
    turn = Turn(model, chat, toolbox, policy, limits, gate, switch, emit, wanted or Wanted())
    tools = tuple(tool.name for tool in toolbox.tools)
    emit(events.RunStarted(model.name, tools, model.route, steps_before=len(past)))
    try:
        return await _to_the_end(turn, past)
    except EndedByHookError as ended:
        return turn.ended(ended.output)


async def _to_the_end(turn: Turn, past: Sequence[PastStep]) -> RunResult:
    """Work, and at a limit answer with what there is."""
    stop = await _work(turn, past)
    if stop is None:
        return turn.answered()
    if turn.limits.at_limit == "fail":
        raise turn.limit_reached(stop)
    turn.emit(events.LimitHit(stop.limit, str(stop)))
    if turn.was_answering:
        return await _answered_at(turn, stop)
    if turn.tokens_left == 0:
        raise turn.limit_reached(stop)
    return await _last_step(turn, stop)


async def _work(turn: Turn, past: Sequence[PastStep]) -> Stop | None:
    """Step after step: None once the model has answered, or what ends the turn before that."""
    turn.clock.deadline = anyio.current_time() + turn.limits.working_seconds
    with turn.clock as turn.gate.clock:
        for before in past:
            await _take_up(turn, before)
        if past and past[-1].is_answer and await _accepted(turn):
            return None
        while (stop := turn.stop()) is None:
            choice = turn.wanted.choice(first=not turn.reports)
            step = await _step(turn, turn.plan(), tool_choice=choice)
            if step.finish == "length":
                return turn.stop_at("tokens" if turn.tokens_left == 0 else "context")
            if step.calls:
                continue
            if step.content.strip():
                if await _accepted(turn):
                    return None
                continue
            turn.silent_steps += 1
            if turn.silent_steps > 1:
                raise NoAnswerError(
                    "The model ended its turn twice without an answer or a tool call."
                )
        return stop
    return turn.stop_at("seconds")


async def _last_step(turn: Turn, stop: Stop) -> RunResult:
    """Let the model answer with what it has, without tools, in what is left of the limits."""
    turn.chat.add_note(LAST_STEP.format(why=stop))
    with anyio.move_on_after(turn.seconds_left):
        plan = turn.without_thought("a limit was reached")
        await _step(turn, plan, tool_choice="none")
        if turn.output.strip():
            return await _answered_at(turn, stop)
        raise turn.limit_reached(stop)
    raise turn.limit_reached(turn.stop_at("seconds", also_for=stop.waited_for))


async def _accepted(turn: Turn) -> bool:
    """Whether the answer has its type and the hook takes it; else the model is told why not."""
    refusal = turn.complaint() or await turn.refused()
    if refusal is not None:
        turn.chat.add_note(refusal)
    return refusal is None


async def _answered_at(turn: Turn, stop: Stop) -> RunResult:
    """End the turn at a limit with the answer that there is, unless a hook refuses it."""
    if await turn.refused() is not None:
        raise turn.limit_reached(stop)
    return turn.answered(stop)


async def _step(turn: Turn, plan: Plan, *, tool_choice: ToolChoice = "auto") -> ModelStep:
    """One generation, and the tool calls that it asked for."""
    joints = turn.gate.joints
    plan = await joints.before_step(len(turn.reports), plan, turn.result)
    turn.begin_step(plan)
    try:
        step = await _write(turn, plan, tool_choice)
        turn.add_step(step)
        turn.emit(events.MessageFinished(turn.reports[-1]))
        if step.calls and step.finish == "stop" and tool_choice != "none":
            await _run_tools(turn, Answers(step.calls))
    finally:
        turn.end_step()
    await joints.after_step(turn.reports[-1])
    return step


async def _write(turn: Turn, plan: Plan, tool_choice: ToolChoice) -> ModelStep:
    """Make room in the context if need be, and let the model write."""
    shortening = Shortening(turn.model, turn.chat, turn.emit, turn.tokens_left)
    try:
        await shortening.make_room()
        while True:
            try:
                return await turn.chat.step(
                    plan,
                    max_tokens=shortening.tokens,
                    on_delta=turn.pass_on,
                    tool_choice=tool_choice,
                )
            except PromptTooLongError:  # A server counts for itself
                if shortening.changes or not await shortening.make_room(even_so=True):
                    raise
    finally:
        turn.other_tokens += shortening.sampled


async def _take_up(turn: Turn, before: PastStep) -> None:
    """Take in a step from before the run was resumed, and make its calls that are still open."""
    answers = turn.add_past_step(before)
    if before.is_open:
        try:
            if answers.calls:
                await _run_tools(turn, answers)
        finally:
            turn.end_step()


async def _run_tools(turn: Turn, answers: Answers) -> None:
    """Run the calls of a step, and append what they answered: all, even if time runs out."""
    try:
        await run_calls(
            answers,
            turn.toolbox,
            turn.gate,
            step=len(turn.reports) - 1,
            emit=turn.tell,
            at_most=turn.calls_left,
            tokens_left=turn.tokens_before_last_step,
        )
    finally:
        turn.add_answers(answers)
