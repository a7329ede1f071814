"""An untrained model, which says anything at all, held to the grammar of its tools."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from grammars import xgrammar
from oracles import chat_format
from scripted import call, scripted_model
from test_call_grammar import CLOCK, ODD, TOOLS, WEATHER
from untrained import untrained_model

from qwen3_agent.errors import ToolChoiceUnavailableError
from qwen3_agent.events import Notice
from qwen3_agent.messages import ToolCall, ToolResultMessage
from qwen3_agent.models.session import SessionOptions
from qwen3_agent.result import ModelStep
from qwen3_agent.thinking import Plan

pytestmark = [pytest.mark.anyio, pytest.mark.model]

OFF = Plan(on=False)
SCHEMAS = {each["name"]: each["parameters"] for each in (WEATHER, CLOCK)}
assert xgrammar


async def step_of(
    plan: Plan = OFF, *, template: str = "bundled", seed: int = 0, max_tokens: int = 150, **how: Any
) -> tuple[ModelStep, list[str]]:
    """One step, and the remarks on it."""
    choice = how.pop("tool_choice", "auto")
    session = untrained_model(chat_format(template), seed=seed).session(
        options=SessionOptions(tools=how.pop("tools", TOOLS), **how)
    )
    session.add_user("Weather in Rome?")
    told: list[str] = []

    def listen(delta: object) -> None:
        if isinstance(delta, Notice):
            told.append(delta.text)

    step = await session.step(plan, max_tokens=max_tokens, on_delta=listen, tool_choice=choice)
    return step, told


def assert_calls_are_well_formed(step: ModelStep) -> int:
    """How many there are. The last of a message that was cut off may be cut off, too."""
    calls = list(step.calls)
    if step.finish == "length" and calls and not isinstance(calls[-1], ToolCall):
        calls.pop()
    for made in calls:
        assert isinstance(made, ToolCall)
        jsonschema.validate(made.arguments, SCHEMAS[made.name])
    return len(calls)


async def test_required_calls_are_well_formed() -> None:
    made = 0
    for seed in range(3):
        step, _ = await step_of(tool_choice="required", seed=seed)
        made += assert_calls_are_well_formed(step)
    assert made


async def test_without_a_constraint_there_is_none() -> None:
    for seed in range(2):
        step, _ = await step_of(constrain=False, seed=seed)
        assert not [made for made in step.calls if isinstance(made, ToolCall)]


async def test_the_tool_that_was_named_is_called() -> None:
    step, _ = await step_of(tool_choice="get_time")
    assert [made.name for made in step.calls if isinstance(made, ToolCall)] == ["get_time"]


async def test_no_call_is_made_where_none_may_be() -> None:
    step, _ = await step_of(tool_choice="none", max_tokens=150)
    assert not step.calls


@pytest.mark.parametrize("budget", [0, 9])
@pytest.mark.parametrize("template", ["bundled", "qwen3_thinking_2507", "qwen3_5_think"])
async def test_a_thought_that_was_closed_by_force_is_followed_by_a_call(
    budget: int, template: str
) -> None:
    """The engine goes on after the closing sentence with a matcher that stands behind it."""
    forced = 0
    for seed in range(2):
        step, _ = await step_of(
            Plan(on=True, budget=budget), template=template, seed=seed, tool_choice="get_time"
        )
        forced += step.closed_by_force
        assert step.usage.thinking_tokens <= budget
        assert assert_calls_are_well_formed(step) == 1
    # The hybrid may do without a thought, and an untrained one does
    assert forced or template == "bundled"


async def test_an_answer_is_of_its_type() -> None:
    answer = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "grade": {"enum": ["a", "b"]}},
        "required": ["ok", "grade"],
    }
    for seed in range(2):
        step, _ = await step_of(tools=[], output=answer, seed=seed)
        jsonschema.validate(json.loads(step.content), answer)


async def test_a_tool_whose_schema_has_no_grammar_is_named_once() -> None:
    tools: list[dict[str, Any]] = [*TOOLS, {"function": ODD}]
    model = untrained_model()
    told: list[str] = []
    session = model.session(options=SessionOptions(tools=tools))
    session.add_user("Go")
    for _ in range(2):
        await session.step(
            OFF,
            max_tokens=5,
            on_delta=lambda delta: told.append(delta.text) if isinstance(delta, Notice) else None,
            tool_choice="required",
        )
        session.add_tool_results([ToolResultMessage(0, "")])
    assert [text for text in told if "odd" in text] == told
    assert len(told) == 1


async def test_a_list_of_tools_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained_model()
    compiled = []
    build = xgrammar.GrammarCompiler.compile_structural_tag

    def counted(compiler: Any, tag: str) -> Any:
        compiled.append(tag)
        return build(compiler, tag)

    monkeypatch.setattr(xgrammar.GrammarCompiler, "compile_structural_tag", counted)
    for _ in range(3):
        session = model.session(options=SessionOptions(tools=TOOLS))
        session.add_user("Go")
        await session.step(OFF, max_tokens=5, on_delta=lambda delta: None, tool_choice="required")
    assert len(compiled) == 1


async def test_log_probabilities_are_the_models_own() -> None:
    """They are what training works with; the constraint is no part of the model."""
    model = untrained_model()
    session = model.session(options=SessionOptions(tools=TOOLS, logprobs=True))
    session.add_user("Go")
    await session.step(OFF, max_tokens=20, on_delta=lambda delta: None, tool_choice="required")
    sampled = session.transcript.segments[-1]
    assert sampled.kind == "sampled"
    first, *_ = sampled.logprobs or ()
    assert -12 < first < -4, "about 1 in 4,000, though no other token was allowed"


async def test_an_engine_that_cannot_constrain_says_so() -> None:
    session = scripted_model(call("get_time")).session(options=SessionOptions(tools=TOOLS))
    session.add_user("Go")
    with pytest.raises(ToolChoiceUnavailableError, match='held to tool_choice="required"'):
        await session.step(OFF, max_tokens=5, on_delta=lambda delta: None, tool_choice="required")
