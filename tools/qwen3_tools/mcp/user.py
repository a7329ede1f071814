"""Interfaces for answering requests of MCP servers, by the user or by a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class UserPrompter(Protocol):
    """Puts requests of servers to the user. All text of a request comes from the server.

    Requests arrive one at a time. Timeouts of starts and calls are paused while one is open.
    """

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Ask for the fields in `schema["properties"]`. Return None to decline."""
        ...

    async def open_page(self, server: str, message: str, url: str) -> bool:
        """Offer to open a web page, such as a sign-in form. Return False to decline."""
        ...

    async def confirm(self, server: str, question: str) -> bool:
        """Ask a yes-or-no question."""
        ...


@dataclass(frozen=True, slots=True)
class SamplingResult:
    """A model's answer to a server."""

    text: str
    model: str
    """The model's name."""
    finished: bool
    """False if the answer was cut off at the token limit."""


SamplingHandler = Callable[[Sequence[dict[str, str]], int], Awaitable[SamplingResult]]
"""Answers `{"role": ..., "content": ...}` messages, the last one a user's, within a number of
tokens."""
