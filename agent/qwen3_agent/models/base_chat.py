"""What every chat keeps: messages, the transcript, and where each turn begins in both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..events import Notice
from ..messages import (
    Message,
    Note,
    ToolResultMessage,
    UserMessage,
    unanswered,
)
from ..sampling import Sampling
from ..thinking import Plan
from ..transcript import Segment, Transcript
from .session import ModelStep, OnDelta, last_user

__all__ = ["BaseChat"]


class BaseChat(ABC):
    """One conversation; see `Chat`. What the model is given of it is a subclass's business.

    Args:
        messages: that it begins with.
        tools: their schemas.
        keep_thoughts: whether the thoughts of earlier turns stay in the prompt.
        sampling: None follows the thinking mode.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        tools: list[dict[str, Any]],
        *,
        keep_thoughts: bool,
        sampling: Sampling | None,
    ) -> None:
        self.transcript = Transcript()
        self.earlier: list[Transcript] = []
        self.unfinished: ModelStep | None = None
        self._messages = list(messages)
        self._tools = tools
        self._keep_thoughts = keep_thoughts
        self._sampling = sampling
        self._turns: list[tuple[int, int]] = []
        """Where each turn begins: so many messages and segments were there before."""
        self._told: set[str] = set()

    @property
    def messages(self) -> Sequence[Message]:
        """See `Chat.messages`."""
        return tuple(self._messages)

    @property
    def turn(self) -> int:
        """See `Chat.turn`."""
        return self._turns[-1][0] if self._turns else last_user(self._messages)

    def restore(
        self,
        messages: Sequence[Message],
        segments: Sequence[Segment],
        *,
        turn: int,
        earlier: Sequence[Sequence[Segment]] = (),
    ) -> None:
        """See `Chat.restore`."""
        self._messages = list(messages)
        self.transcript = Transcript(segments)
        self.earlier = [Transcript(each) for each in earlier]
        self._turns = [(turn, 0)]

    def restart(self, messages: Sequence[Message], *, turn: int) -> None:
        """See `Chat.restart`."""
        if any(segment.sampled for segment in self.transcript.segments):
            self.earlier.append(self.transcript)
        self._messages = list(messages)
        self._turns = [(turn, 0)]
        self._begin_transcript()

    def add_user(self, text: str) -> None:
        """See `Chat.add_user`; the thoughts of earlier turns go unless they are to be kept."""
        self._answer_the_unanswered()
        segments = len(self.transcript.segments) if self._keep_thoughts else 0
        self._turns.append((len(self._messages), segments))
        if not self._keep_thoughts:
            self._forget_thoughts()
        self._messages.append(UserMessage(text))
        if self._keep_thoughts and self.transcript.segments:
            self._append_user(text)
        else:
            self.earlier = []
            self._begin_transcript()

    def add_note(self, text: str) -> None:
        """See `Chat.add_note`."""
        self._answer_the_unanswered()
        self._messages.append(Note(text))
        self._append_user(text)

    def take_back_turn(self) -> None:
        """See `Chat.take_back_turn`."""
        if not self._turns:
            raise LookupError("No turn is left to take back.")
        messages, segments = self._turns.pop()
        del self._messages[messages:]
        self.transcript = self.transcript.first(segments)

    @abstractmethod
    def add_tool_results(self, results: Sequence[ToolResultMessage]) -> None:
        """See `Chat.add_tool_results`."""

    @abstractmethod
    def _begin_transcript(self) -> None:
        """Put the messages that there are into a new transcript."""

    @abstractmethod
    def _append_user(self, text: str) -> None:
        """Add a user's message to the transcript, in the middle of a turn or as the next one."""

    @abstractmethod
    def _forget_thoughts(self) -> None:
        """A turn begins: see to it that the model is not given the thoughts of earlier ones."""

    def _answer_the_unanswered(self) -> None:
        """Each call is followed by a result, or a server refuses, and a template may stumble."""
        if results := unanswered(self._messages):
            self.add_tool_results(results)

    def _sampling_for(self, plan: Plan) -> Sampling:
        return self._sampling or (Sampling.thinking() if plan.on else Sampling.not_thinking())

    def _tell(self, on_delta: OnDelta, text: str) -> None:
        """Tell the user, once in a conversation."""
        if text not in self._told:
            self._told.add(text)
            on_delta(Notice(text))
