"""Limits, the budget that counts against them, and the sentence at a limit."""

from __future__ import annotations

import math

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_agent import Limits
from qwen3_agent.limits import Budget, Stop

NUMBER = st.integers(1, 500)
LIMITS = st.builds(
    Limits,
    steps=NUMBER,
    tokens=st.none() | NUMBER,
    calls=st.none() | NUMBER,
    thinking_tokens=st.none() | NUMBER,
    at_limit=st.sampled_from(["answer", "fail"]),
)
STEPS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 3)))
"""Tokens of each step, thinking tokens among them, and calls."""


def test_steps_are_bounded_by_default_and_nothing_else_is() -> None:
    assert Limits() == Limits(
        steps=20, tokens=None, seconds=None, calls=None, thinking_tokens=None, at_limit="answer"
    )


@pytest.mark.parametrize("name", ["steps", "tokens", "seconds", "calls", "thinking_tokens"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_must_be_positive(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Limits: {name} must be more than 0"):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_what_happens_at_a_limit_is_one_of_two() -> None:
    with pytest.raises(ValueError, match=r'at_limit must be "answer" or "fail", not \'stop\''):
        Limits(at_limit="stop")  # type: ignore[arg-type]


def test_an_eighth_of_tokens_and_seconds_is_kept_for_the_last_step() -> None:
    limits = Limits(tokens=800, seconds=80)
    assert (limits.last_tokens, limits.working_seconds, limits.last_seconds) == (100, 70, 10)
    limits = Limits(tokens=800, seconds=80, at_limit="fail")
    assert (limits.last_tokens, limits.working_seconds, limits.last_seconds) == (0, 80, 0)


@pytest.mark.parametrize(
    ("stop", "sentence"),
    [
        (Stop("steps", 1), "The run reached its limit of 1 step."),
        (Stop("calls", 3), "The run reached its limit of 3 tool calls."),
        (Stop("thinking_tokens", 900), "The run reached its limit of 900 thinking tokens."),
        (
            Stop("seconds", 2.5, ("look", "the model")),
            "The run reached its limit of 2.5 seconds while it waited for look and the model.",
        ),
        (Stop("repeated_calls", 4), "The run made the same call 4 times with the same result."),
    ],
)
def test_a_stop_says_why(stop: Stop, sentence: str) -> None:
    assert str(stop) == sentence


def spend(budget: Budget, step: tuple[int, int, int]) -> None:
    tokens, thinking_tokens, calls = step
    budget.spend_step(max(tokens, thinking_tokens), thinking_tokens)
    budget.calls += calls


def left(budget: Budget) -> list[float]:
    all_left = (
        budget.steps_left,
        budget.calls_left,
        budget.tokens_left,
        budget.tokens_before_last_step,
        budget.thinking_left,
    )
    return [math.inf if each is None else each for each in all_left]


@given(LIMITS, STEPS)
def test_budget__what_is_left_never_grows(
    limits: Limits, steps: list[tuple[int, int, int]]
) -> None:
    budget = Budget(limits)
    before = left(budget)
    for step in steps:
        spend(budget, step)
        after = left(budget)
        assert all(new <= old for new, old in zip(after, before, strict=True))
        before = after


@given(LIMITS, STEPS)
def test_budget__a_limit_that_is_reached_stays_reached(
    limits: Limits, steps: list[tuple[int, int, int]]
) -> None:
    budget = Budget(limits)
    reached = budget.reached()
    for step in steps:
        spend(budget, step)
        assert reached is None or budget.reached() is not None
        reached = budget.reached()
    assert (reached is None) == all(each > 0 for each in left(budget))


@given(LIMITS)
def test_budget__an_unspent_one_allows_a_step(limits: Limits) -> None:
    assert Budget(limits).reached() is None


@given(LIMITS, STEPS)
def test_budget__tokens_for_the_last_step_remain(
    limits: Limits, steps: list[tuple[int, int, int]]
) -> None:
    budget = Budget(limits)
    for tokens, _, _ in steps:
        if budget.reached() is None:
            most = budget.tokens_before_last_step
            budget.spend_step(tokens if most is None else min(tokens, most), 0)
    assert budget.tokens_left is None or budget.tokens_left >= limits.last_tokens


def test_budget__names_the_limit_that_is_reached() -> None:
    budget = Budget(Limits(steps=2, tokens=80, calls=3, thinking_tokens=20))
    budget.spend_step(tokens=30, thinking_tokens=20)
    assert budget.reached() == "thinking_tokens"
    budget.spend_step(tokens=40, thinking_tokens=0)
    assert (budget.reached(), budget.tokens_left) == ("steps", 10)


@pytest.mark.anyio
async def test_budget__the_clock_ends_the_steps_before_the_last() -> None:
    budget = Budget(Limits(seconds=0.08))
    with budget.start_clock():
        await anyio.sleep(5)
    assert budget.seconds_left == pytest.approx(0.01)


@pytest.mark.anyio
async def test_budget__unused_time_is_for_the_last_step() -> None:
    budget = Budget(Limits(seconds=80))
    with budget.start_clock(spent=30):
        pass
    assert 49 < budget.seconds_left <= 50


@pytest.mark.anyio
async def test_budget__no_time_passes_while_the_clock_is_paused() -> None:
    budget = Budget(Limits(seconds=0.08))
    with budget.start_clock() as clock:
        with budget.paused():
            await anyio.sleep(0.1)
        assert not clock.cancel_called
        assert budget.seconds_left > 0.05


def test_budget__without_a_limit_there_is_always_time() -> None:
    budget = Budget(Limits())
    with budget.paused():
        assert budget.seconds_left == math.inf
