"""Thinking policies: pure functions from the state of a step to a plan."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_agent import Thinking
from qwen3_agent.thinking import Plan, StepState, as_policy, decide, latest_switch

FIRST = StepState(index=0, last="user", thinking_tokens=0, context_left=4000, steps_left=20)
AFTER_TOOL = replace(FIRST, index=1, last="tool_result", steps_left=19)
AFTER_ERROR = replace(AFTER_TOOL, last="tool_error")

modes = st.sampled_from(["on", "off"]) | st.integers(0, 5000)
states = st.builds(
    StepState,
    index=st.integers(0, 20),
    last=st.sampled_from(["user", "tool_result", "tool_error", "malformed_call", "repeated_call"]),
    thinking_tokens=st.integers(0, 10_000),
    context_left=st.integers(0, 10_000),
    steps_left=st.integers(1, 20),
    switch=st.sampled_from([None, "/think", "/no_think"]),
)
policies = st.builds(
    Thinking,
    first=modes,
    after_tool=st.none() | modes,
    after_error=st.none() | modes,
    total=st.none() | st.integers(1, 10_000),
)


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [
        (Thinking(), ["on", "on", "on"]),
        (Thinking("off"), ["off", "off", "off"]),
        (Thinking(256), ["256", "256", "256"]),
        (Thinking.adaptive(), ["on", "off", "on"]),
        (Thinking.adaptive(100), ["100", "off", "100"]),
        (Thinking(first=2048, after_tool=512), ["2048", "512", "2048"]),
        (Thinking(first="off", after_error=64), ["off", "off", "64"]),
        (Thinking(total=8000), ["7000", "7000", "7000"]),
    ],
)
def test_what_the_built_in_policies_plan(thinking: Thinking, expected: list[str]) -> None:
    plans = [thinking(state) for state in (FIRST, AFTER_TOOL, AFTER_ERROR)]
    assert [plan.mode for plan in plans] == expected
    assert all(plan.reason for plan in plans)


@pytest.mark.parametrize("last", ["tool_error", "malformed_call", "repeated_call"])
def test_adaptive_thinks_again_when_something_went_wrong(last: Any) -> None:
    plan = Thinking.adaptive()(replace(AFTER_TOOL, last=last))
    assert plan.on
    assert last.replace("_", " ") in plan.reason


@given(policies, st.lists(states, min_size=1, max_size=5), st.randoms())
def test_policy__plans_a_step_from_its_state_alone(
    thinking: Thinking, asked: list[StepState], random: Random
) -> None:
    alone = {state: replace(thinking)(state) for state in asked}
    random.shuffle(asked)
    assert {state: thinking(state) for state in asked} == alone


@given(policies, st.lists(st.integers(0, 6000), min_size=1, max_size=20))
def test_the_total_holds_whatever_the_steps_spend(thinking: Thinking, wishes: list[int]) -> None:
    spent = 0
    for index, wish in enumerate(wishes):
        state = replace(
            FIRST,
            index=index,
            last="user" if index == 0 else "tool_result",
            thinking_tokens=spent,
            steps_left=len(wishes) - index,
        )
        plan = thinking(state)
        if plan.on:
            allowed = wish if plan.budget is None else plan.budget
            spent += min(wish, allowed)
    if thinking.total is not None:
        assert spent <= thinking.total


def test_what_a_step_does_not_spend_is_left_for_later_ones() -> None:
    thinking = Thinking(total=800)
    assert thinking(replace(AFTER_TOOL, thinking_tokens=50)).budget == 650


def test_the_reserve_is_left_for_the_answer() -> None:
    thinking = Thinking(total=800)
    assert thinking(FIRST).budget == 700
    assert thinking(replace(AFTER_TOOL, thinking_tokens=700)).budget == 50
    assert thinking(replace(AFTER_TOOL, thinking_tokens=750)).budget == 25
    last = replace(AFTER_TOOL, thinking_tokens=750, steps_left=1)
    assert thinking(last).budget == 50, "nothing is to be kept for later than the last step"
    spent = thinking(replace(AFTER_TOOL, thinking_tokens=800))
    assert spent == Plan(on=True, budget=0, reason="the total is spent")


@given(policies, states)
def test_no_think_turns_it_off(thinking: Thinking, state: StepState) -> None:
    assert not thinking(replace(state, switch="/no_think")).on


def test_think_turns_it_on_unless_thinking_is_off_altogether() -> None:
    asked = replace(AFTER_TOOL, switch="/think")
    assert Thinking.adaptive()(asked).mode == "on"
    assert Thinking.adaptive(300)(asked).mode == "300"
    assert Thinking(512)(asked).mode == "512"
    assert not Thinking("off")(asked).on
    assert Thinking(0)(asked).mode == "0"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["What time is it?"], None),
        (["Quick. /no_think"], "/no_think"),
        (["/no_think", "Now with care /think"], "/think"),
        (["/think hard, no: /no_think"], "/no_think"),
        (["/no_think", "And now?"], "/no_think"),
        (["see https://example.com/think and ./think, /thinking, /no_thinking"], None),
    ],
)
def test_the_latest_switch_wins(texts: list[str], expected: str | None) -> None:
    assert latest_switch(texts) == expected


@pytest.mark.parametrize(
    ("answer", "mode"),
    [
        ("on", "on"),
        ("off", "off"),
        (12, "12"),
        (0, "off"),
        (True, "on"),
        (False, "off"),
        (Plan(on=True, budget=3), "3"),
    ],
)
def test_any_function_is_a_policy(answer: Any, mode: str) -> None:
    assert decide(lambda state: answer, FIRST).mode == mode


def test_a_budget_of_zero_is_off_where_the_model_can() -> None:
    assert decide(Thinking(0), FIRST).mode == "off"
    assert decide(Thinking(0), FIRST, can_skip=False).mode == "0"


def test_an_answer_that_is_no_plan_is_refused() -> None:
    with pytest.raises(TypeError, match="'maybe'"):
        decide(lambda state: "maybe", FIRST)  # type: ignore[arg-type, return-value]


def test_names_of_policies() -> None:
    assert as_policy("on") == Thinking()
    assert as_policy("off") == Thinking("off")
    assert as_policy("adaptive") == Thinking.adaptive()
    assert as_policy(512) == Thinking(512)
    assert as_policy(None) is None
    with pytest.raises(ValueError, match="'maybe'"):
        as_policy("maybe")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"first": -1},
        {"first": None},
        {"after_tool": "sometimes"},
        {"first": True},
        {"total": 0},
    ],
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        Thinking(**wrong)
