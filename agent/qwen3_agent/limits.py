"""How much a run may spend."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one turn of a run may spend before `LimitReached` is raised.

    Args:
        steps: generations by the model.
        tokens: sampled tokens, thoughts included, over all steps. None: no limit.
        seconds: wall time. None: no limit.

    Raises:
        ValueError: a limit is not positive.
    """

    steps: int = 20
    tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "tokens", "seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"Limits: {name} must be more than 0, not {value!r}.")
