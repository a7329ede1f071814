"""Who answers when a server asks: a person, and a model with that person's consent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Person(Protocol):
    """Someone to put a server's questions to. All text of the questions is the server's own.

    One question comes at a time. While it is open, no bound on a start or a call runs.
    """

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Fill in a form whose fields are `schema["properties"]`; None to decline."""
        ...

    async def open_page(self, server: str, message: str, url: str) -> bool:
        """Go to a web page, to sign in or to give what should not pass through us; or decline."""
        ...

    async def agree(self, server: str, question: str) -> bool:
        """Say yes or no."""
        ...


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a model answered to a server."""

    text: str
    model: str
    """Its name."""
    finished: bool
    """False: it ran out of tokens."""


Sampler = Callable[[Sequence[dict[str, str]], int], Awaitable[Sampled]]
"""Answers messages (`{"role": ..., "content": ...}`, the last one a user's) in at most so many
tokens."""
