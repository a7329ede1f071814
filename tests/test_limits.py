"""Limits say what they allow, and refuse what makes no sense."""

from __future__ import annotations

import pytest

from qwen3_agent import Limits
from qwen3_agent.limits import Stop


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
