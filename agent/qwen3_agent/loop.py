"""The ReAct loop: the model writes, its tools run, what they answered is appended, and again.

Read `run_turn` first; all else here serves it.
"""

from __future__ import annotations

import time
from dataclasses import replace

import anyio

from qwen3_tools.toolbox import Toolbox

from . import events
from .calling import Emit, run_calls, text_for_model
from .errors import NoAnswer
from .gate import Gate
from .limits import Limits
from .models import Chat, Model, ModelStep
from .result import RunResult, StepReport
from .thinking import Plan, Policy, Switch
from .turn import Turn


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
) -> RunResult:
    """Let the model work, from the user's message that ends `chat`, until it answers.

    Raises:
        LimitReached: with the partial result.
        NoAnswer: the model ended its turn twice without saying anything.
        PromptTooLong: the conversation has outgrown the context.
        ThinkingUnavailable: the policy asked for what the model cannot do.
        EngineError: the engine failed.
    """
    turn = Turn(model, chat, toolbox, policy, limits, gate, switch, emit)
    tools = tuple(tool.name for tool in toolbox.tools)
    emit(events.RunStarted(model.name, tools, model.route))
    with anyio.move_on_after(limits.seconds) as gate.clock:
        for index in range(limits.steps):
            step = await _step(turn, index, turn.plan(index))
            if step.calls:
                continue
            if step.content.strip():
                result = turn.result()
                emit(events.RunFinished(result))
                return result
            turn.silent_steps += 1
            if turn.silent_steps > 1:
                raise NoAnswer("The model ended its turn twice without an answer or a tool call.")
        raise turn.limit_reached("steps", limits.steps)
    raise turn.limit_reached("seconds", limits.seconds or 0)


async def _step(turn: Turn, index: int, plan: Plan) -> ModelStep:
    """One generation, and the tool calls that it asked for."""
    turn.emit(events.StepStarted(index, plan))
    started = time.monotonic()
    turn.output = ""
    step = await turn.chat.step(plan, max_tokens=turn.tokens_left, on_delta=turn.pass_on)
    turn.output = step.content
    report = StepReport.of(step, index=index, plan=plan, seconds=time.monotonic() - started)
    turn.reports.append(report)
    if step.finish == "length":
        turn.emit(events.StepFinished(report))
        if turn.tokens_left == 0:
            raise turn.limit_reached("tokens", turn.limits.tokens or 0)
        raise turn.limit_reached("context", step.prompt_tokens + step.sampled_tokens)
    if step.calls:
        await _run_tools(turn, index, step)
    turn.emit(events.StepFinished(replace(report, seconds=time.monotonic() - started)))
    return step


async def _run_tools(turn: Turn, index: int, step: ModelStep) -> None:
    """Run the calls of a step, and append what they answered."""
    results = await run_calls(
        step.calls,
        turn.toolbox,
        turn.gate,
        step=index,
        emit=turn.tell,
        tokens_left=turn.tokens_left,
    )
    turn.chat.add_tool_results([text_for_model(result) for result in results])
    turn.add_results(step.calls, results)
