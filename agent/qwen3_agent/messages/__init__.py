"""The messages of a conversation, and the typed parts of what a model said.

Every part keeps `raw`, the sampled text that it was read from, tags and blank lines included. The
raw texts of a message's parts, joined, are the message as it was sampled. `raw` is empty in a
message that was not sampled here, such as one of a given history.

`encoding` turns messages into the dictionaries that templates and chat servers take, and
`reading` turns such dictionaries into messages. Everywhere else they have these types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

UNANSWERED = "the call was stopped before it answered. What it had done is unknown."
"""The result of a call whose turn was cancelled or reached a limit while the call was running."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """A thought, without its tags and without blank lines around it."""

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """Text for the user, without blank lines around it."""

    text: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A well-formed call. The tool may not exist."""

    name: str
    arguments: dict[str, Any]
    raw: str = ""


@dataclass(frozen=True, slots=True)
class MalformedCall:
    """Text that was meant as a call and cannot be run."""

    raw: str
    error: str
    """What is wrong and what would be right, in words for the model."""


Part = Reasoning | Content | ToolCall | MalformedCall

PART_TYPES: dict[type[Part], str] = {
    Reasoning: "reasoning",
    Content: "content",
    ToolCall: "tool_call",
    MalformedCall: "malformed_call",
}
"""The names of the parts in journals and training records."""


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """The instructions that a conversation begins with."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image in a user's message."""

    url: str
    """An http(s) or data URL."""
    detail: str | None = None
    """The resolution at which the server should look at it, in the server's own words."""


@dataclass(frozen=True, slots=True)
class UserMessage:
    """A message by the user. It begins a turn."""

    text: str
    images: tuple[ImagePart, ...] = ()


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """A message by the model."""

    parts: tuple[Part, ...]
    call_ids: tuple[str | None, ...] = ()
    """The ids of `calls`, in their order; None for a malformed call. Empty: none has an id yet."""
    reasoning_field: str | None = "reasoning_content"
    """The field in which the chat protocol carries its thought. None: in the content, in tags."""

    @property
    def calls(self) -> tuple[ToolCall | MalformedCall, ...]:
        """Its calls in the order in which the model made them."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall | MalformedCall))

    @property
    def text(self) -> str:
        """The words for the user."""
        return "".join(part.text for part in self.parts if isinstance(part, Content))

    @property
    def thought(self) -> str:
        """The thought, or an empty string."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    def without_thought(self) -> AssistantMessage:
        """Return the message as it stands in the prompt of a later turn."""
        kept = tuple(part for part in self.parts if not isinstance(part, Reasoning))
        return self if kept == self.parts else replace(self, parts=kept)


@dataclass(frozen=True, slots=True)
class ToolResultMessage:
    """The result of one call of the model's latest message."""

    call_index: int
    """The place of the call among the calls of that message."""
    text: str
    is_error: bool = False

    @property
    def text_for_model(self) -> str:
        """The text that the model is shown."""
        return f"Error: {self.text}" if self.is_error else self.text

    @classmethod
    def unanswered(cls, call_index: int) -> ToolResultMessage:
        """Return the result of a call that was stopped before it answered."""
        return cls(call_index, UNANSWERED, is_error=True)


@dataclass(frozen=True, slots=True)
class Note:
    """Words of the runtime to the model in the middle of a turn, in the user's place."""

    text: str


Message = SystemMessage | UserMessage | AssistantMessage | ToolResultMessage | Note


def without_thoughts(messages: Iterable[Message]) -> list[Message]:
    """Return the messages as another turn, or another model, is told them."""
    return [m.without_thought() if isinstance(m, AssistantMessage) else m for m in messages]


def unanswered(messages: Sequence[Message]) -> list[ToolResultMessage]:
    """Return the missing results of the calls in the message that ends a conversation, if any.

    Templates and servers refuse a call that no result follows.
    """
    last = messages[-1] if messages else None
    calls = last.calls if isinstance(last, AssistantMessage) else ()
    return [ToolResultMessage.unanswered(place) for place in range(len(calls))]
