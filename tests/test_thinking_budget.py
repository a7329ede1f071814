"""A thinking budget holds to the token, and touches nothing but the thought."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted import call, double, scripted_model

from qwen3_agent import Agent, RunResult, Thinking
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.models.local import LocalModel

CLOSING = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the "
    "thinking directly now.\n</think>\n\n"
)


def run(model: LocalModel, **options: Any) -> RunResult:
    agent = Agent(model, tools=[double], **options)
    return anyio.run(agent.run, "Twice 21?")


def text_of(model: LocalModel, ids: Any) -> str:
    return model.chat_format.decode(ids)


def test_a_thought_is_closed_when_its_budget_is_spent() -> None:
    model = scripted_model("<think>\n" + "on and on " * 50 + "...", "It is 42.")
    result = run(model, thinking=10)
    [report] = result.steps
    assert report.usage.thinking_tokens == 10
    assert report.closed_by_force
    assert report.budget == 10
    kinds = [segment.kind for segment in result.transcript.segments]
    assert kinds == ["head", "generation_prompt", "sampled", "forced", "sampled"]
    assert text_of(model, result.transcript.segments[3].ids) == CLOSING
    assert len(result.transcript.segments[2].ids) == 11, "ten tokens and the opening tag"
    assert result.output == "It is 42."


def test_the_step_goes_on_over_the_same_prefix() -> None:
    model = scripted_model("<think>\n" + "on and on " * 50 + "...", "It is 42.")
    run(model, thinking=10)
    engine: Any = model.engine
    first, second = engine.prompts
    assert second[: len(first)] == first
    assert text_of(model, second).endswith(CLOSING)


@pytest.mark.parametrize("chunk_size", [1, 3, 100])
def test_a_thought_that_ends_by_itself_costs_nothing_extra(chunk_size: int) -> None:
    said = "<think>\nShort.\n</think>\n\nIt is 42."
    free = scripted_model(said, chunk_size=chunk_size)
    spent = run(free, thinking="on").usage.thinking_tokens
    exact = scripted_model(said, chunk_size=chunk_size)
    result = run(exact, thinking=spent)
    assert not result.steps[0].closed_by_force
    assert result.transcript.ids == run(scripted_model(said)).transcript.ids
    assert len(exact.engine.prompts) == 1
    tight = scripted_model(said, "It is 42.", chunk_size=chunk_size)
    assert run(tight, thinking=spent - 1).steps[0].closed_by_force


def test_a_call_inside_a_thought_ends_the_thought_and_is_not_cut() -> None:
    said = "<think>\nI call it.\n" + call("double", number=21)
    free = run(scripted_model(said, "42."))
    spent = free.steps[0].usage.thinking_tokens
    result = run(scripted_model(said, "42."), thinking=spent)
    assert result.steps[0].tool_calls == ("double",)
    assert not any(step.closed_by_force for step in result.steps)
    assert result.transcript.ids == free.transcript.ids


def test_a_budget_does_not_touch_a_step_that_does_not_think() -> None:
    said = "No need to think. " * 5 + call("double", number=21)
    result = run(scripted_model(said, "42."), thinking=3)
    assert result.steps[0].tool_calls == ("double",)
    assert [step.usage.thinking_tokens for step in result.steps] == [0, 0]
    assert not any(step.closed_by_force for step in result.steps)


def test_a_budget_of_zero_is_the_prompt_without_thinking() -> None:
    off, zero = scripted_model("42."), scripted_model("42.")
    run(off, thinking="off")
    run(zero, thinking=0)
    assert zero.engine.prompts == off.engine.prompts


@pytest.mark.parametrize("budget", range(1, 16))
def test_what_only_looks_like_a_call_is_part_of_the_thought(budget: int) -> None:
    said = "<think>\nOne could write <tool_call> here, or <tool_call>\n\n twice. So what?"
    model = scripted_model(said + "...", "42.")
    [step] = run(model, thinking=budget).steps
    assert (step.usage.thinking_tokens, step.closed_by_force) == (budget, True)
    assert step.usage.output_tokens == 1 + budget + len(model.chat_format.encode_plain("42.")) + 1


words = st.lists(st.sampled_from(["so ", "wait, ", "東京 ", "é", "\n", "<", "x" * 9]), max_size=40)


@settings(max_examples=60, deadline=None)
@given(
    thoughts=st.lists(words, min_size=1, max_size=4),
    budget=st.integers(0, 60),
    chunk_size=st.sampled_from([1, 2, 5, 64]),
    total=st.none() | st.integers(1, 80),
)
def test_budgets_hold_and_calls_stay_whole(
    thoughts: list[list[str]], budget: int, chunk_size: int, total: int | None
) -> None:
    calls = [call("double", number=number) for number in range(len(thoughts))]
    script = []
    for thought, made in zip(thoughts, calls, strict=True):
        script.append(("<think>\n" + "".join(thought) + "\n</think>\n\n" + made, made))
    script.append(("<think>\nDone.\n</think>\n\n42.", "42."))
    model = StepScript.model(script, chunk_size)
    thinking = Thinking(budget, total=total)
    result = run(model, thinking=thinking)
    assert result.output == "42."
    for step in result.steps:
        assert step.usage.thinking_tokens <= (step.budget or 0)
        assert step.budget is None or step.budget <= budget
    assert [step.tool_calls for step in result.steps] == [("double",)] * len(calls) + [()]
    if total is not None:
        assert result.usage.thinking_tokens <= total
    forced = [segment for segment in result.transcript.segments if segment.kind == "forced"]
    assert len(forced) == sum(step.closed_by_force for step in result.steps)
    assert all(text_of(model, segment.ids) == CLOSING for segment in forced)


class StepScript:
    """Says a step's line; of one that was stopped, or that may not think, what follows."""

    @staticmethod
    def model(script: list[tuple[str, str]], chunk_size: int) -> LocalModel:
        model = scripted_model(chunk_size=chunk_size)
        engine: Any = model.engine
        qwen = model.chat_format
        generate = engine.generate

        def say(request: GenerationRequest) -> Any:
            text = qwen.decode(request.prompt_ids)
            step = text.count("<tool_response>\n") - text.split("user\n", 1)[0].count("<tool_resp")
            thinks = text.endswith("<|im_start|>assistant\n")
            engine.script = [*engine.script, script[step][0 if thinks else 1]]
            return generate(request)

        engine.generate = say
        return model
