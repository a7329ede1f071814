"""Limits say what they allow, and refuse what makes no sense."""

from __future__ import annotations

import pytest

from qwen3_agent import Limits


def test_steps_are_bounded_by_default_and_nothing_else_is() -> None:
    assert Limits() == Limits(steps=20, tokens=None, seconds=None)


@pytest.mark.parametrize("name", ["steps", "tokens", "seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_limit_must_be_positive(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"Limits: {name} must be more than 0"):
        Limits(**{name: value})  # type: ignore[arg-type]
