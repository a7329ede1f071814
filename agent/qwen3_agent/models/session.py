"""Models: a conversation in, parts out.

A `Model` is an engine plus a chat format (`local.py`), or a chat server. What the loop talks to is
a `Chat`: one conversation with a model, to which messages are added and steps are asked of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..events import Notice
from ..messages import Message, ToolResultMessage, UserMessage
from ..result import ModelStep, Route
from ..sampling import Sampling

if TYPE_CHECKING:
    from ..grammar.tool_grammar import ToolChoice
    from ..parsing.parser import Delta
    from ..thinking import Plan
    from ..transcript import Segment, Transcript

__all__ = ["Chat", "Model", "ModelStep", "OnDelta", "Route", "last_user"]


OnDelta = Callable[["Delta | Notice"], None]


class Chat(Protocol):
    """One conversation with a model. Used by one task at a time."""

    transcript: Transcript
    """Of the current turn; with `keep_thoughts`, of the whole conversation."""

    earlier: list[Transcript]
    """Those that ended before it when the conversation was made shorter, and of the summaries."""
    unfinished: ModelStep | None
    """What there is of the last step, if it was cancelled or failed."""

    @property
    def context_length(self) -> int:
        """Tokens that prompt and answer may have together."""
        ...

    @property
    def context_left(self) -> int:
        """Tokens that still fit into the context."""
        ...

    @property
    def messages(self) -> Sequence[Message]:
        """The messages, the oldest first."""
        ...

    def restore(
        self,
        messages: Sequence[Message],
        segments: Sequence[Segment],
        *,
        turn: int,
        earlier: Sequence[Sequence[Segment]] = (),
    ) -> None:
        """Go on where another chat was.

        Args:
            messages: that it had come to.
            segments: of its transcript.
            turn: which of the messages began the last turn.
            earlier: the segments of `earlier`.
        """
        ...

    @property
    def turn(self) -> int:
        """Place of the newest user message in `messages`."""
        ...

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens that a prompt of these messages would have; an estimate where nobody can tell."""
        ...

    def restart(self, messages: Sequence[Message], *, turn: int) -> None:
        """Go on from other messages, with a new transcript.

        Args:
            messages: the new ones.
            turn: place of the newest user message. The turns before it can't be taken back any
                more.
        """
        ...

    def add_user(self, text: str) -> None:
        """Begin a turn. Calls that the turn before left open are answered as such."""
        ...

    def take_back_turn(self) -> None:
        """Forget the last user message and all that came after it.

        Raises:
            LookupError: there is none.
        """
        ...

    def add_tool_results(self, results: Sequence[ToolResultMessage]) -> None:
        """Answer the calls of the last step, in their order."""
        ...

    def add_note(self, text: str) -> None:
        """Tell the model something in the middle of a turn, in the user's place."""
        ...

    async def step(
        self,
        plan: Plan,
        *,
        max_tokens: int | None,
        on_delta: OnDelta,
        tool_choice: ToolChoice = "auto",
    ) -> ModelStep:
        """Let the model write one message, at most `max_tokens` tokens of it.

        With `tool_choice` "none" it ends where a tool call would begin, if it cannot be held to
        saying something else.

        Raises:
            ToolChoiceUnavailableError: the model cannot be held to `tool_choice`.
            PromptTooLongError: the context has no room.
            ThinkingUnavailableError: the model cannot do what the plan asks.
            EngineError: the engine failed.
        """
        ...


class Model(Protocol):
    """A conversation in, parts out."""

    name: str
    route: Route
    can_think: bool
    can_skip_thinking: bool
    thinks_by_default: bool

    def chat(
        self,
        messages: Sequence[Message],
        tools: Sequence[Mapping[str, Any]],
        *,
        keep_thoughts: bool = False,
        sampling: Sampling | None = None,
        logprobs: bool = False,
        constrain: bool = True,
        output: Mapping[str, Any] | None = None,
    ) -> Chat:
        """A conversation that begins with `messages` (a system message or none).

        Without `sampling`, each step is sampled as suits its thinking mode. With `constrain`,
        tool calls and an answer by the JSON Schema `output` cannot be malformed, where the model
        can be held to that.
        """
        ...

    async def aclose(self) -> None:
        """Let go of what the model holds. Safe to call twice."""
        ...


def last_user(messages: Sequence[Message]) -> int:
    """Place of the last message of a user; as many as there are messages if there is none."""
    places = (place for place in reversed(range(len(messages))))
    return next((each for each in places if isinstance(messages[each], UserMessage)), len(messages))
