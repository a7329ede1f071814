"""The interface of a model: `Model`, and `ModelSession`, one conversation with it.

To connect a model of your own, subclass both. A session must define `context_length` and `step`;
the base class keeps the messages and a transcript without token ids. A session that sees the
token ids overrides the methods that append to the transcript.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import Notice
from ..messages import (
    AssistantMessage,
    Message,
    Note,
    ToolResultMessage,
    UserMessage,
    unanswered,
    without_thoughts,
)
from ..messages.encoding import for_chat_api
from ..result import ModelStep, Route
from ..sampling import Sampling
from ..thinking import Plan
from ..transcript import Segment, Transcript

if TYPE_CHECKING:
    from ..formats.chat_format import ChatFormat
    from ..grammar.tool_grammar import ToolChoice
    from ..parsing.parser import Delta

OnDelta = Callable[["Delta | Notice"], None]
"""Callback that receives each piece of a message as the model writes it, and notices."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """The settings of one conversation with a model."""

    tools: Sequence[Mapping[str, Any]] = ()
    """The schemas of the tools, as OpenAI has them."""
    keep_thoughts: bool = False
    """Whether thoughts of earlier turns stay in the prompt."""
    sampling: Sampling | None = None
    """None: each step is sampled as suits its thinking mode."""
    logprobs: bool = False
    """Whether the transcript records log-probabilities."""
    constrain: bool = True
    """Whether calls and answers are kept well-formed while they are sampled, if possible."""
    output: Mapping[str, Any] | None = None
    """The JSON Schema of the answer."""


class Model(ABC):
    """A language model: sessions that turn messages into parts."""

    name: str = ""
    """The name that is shown and recorded. The name of the class if it is not set."""
    route: Route = "server_chat"
    """How the model is reached. The other routes see token ids."""
    can_think: bool = True
    can_skip_thinking: bool = True
    thinks_by_default: bool = False
    notices: Sequence[str] = ()
    """What the user should know about how the model was set up."""
    chat_format: ChatFormat | None = None
    """The chat format, if the tokenizer is on this machine."""
    fills_memory: bool = False
    """Whether no other model fits beside it on this machine."""
    why_chat: str = ""
    """The reason why a model on a server is reached by messages instead of token ids."""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.name = cls.name or cls.__name__

    @abstractmethod
    def session(
        self, messages: Sequence[Message] = (), options: SessionOptions | None = None
    ) -> ModelSession:
        """Open a conversation.

        Args:
            messages: the messages that it begins with, such as a system message.
            options: None: the defaults.

        Raises:
            EngineError: the model does not support an option or a message.
        """

    async def aclose(self) -> None:  # noqa: B027 - most models have nothing to release
        """Release what the model holds. Safe to call twice."""


class ModelSession(ABC):
    """One conversation with a model. Used by one task at a time.

    Args:
        messages: the messages that it begins with.
        options: the settings.

    Attributes:
        transcript: that of the current turn; with `keep_thoughts`, of the whole conversation.
        earlier: transcripts that ended before it when the conversation was compacted, and those
            of the summaries.
        unfinished: the part of the last step that was written before it was canceled or failed.
    """

    def __init__(self, messages: Iterable[Message], options: SessionOptions) -> None:
        self.transcript = Transcript()
        self.earlier: list[Transcript] = []
        self.unfinished: ModelStep | None = None
        self.options = options
        self._messages = list(messages)
        self._turns: list[tuple[int, int]] = []
        """For each turn, the number of messages and of segments before it."""
        self._noticed: set[str] = set()

    @property
    @abstractmethod
    def context_length(self) -> int:
        """The number of tokens that prompt and answer may have together."""

    @abstractmethod
    async def step(
        self,
        plan: Plan,
        *,
        max_tokens: int | None,
        on_delta: OnDelta,
        tool_choice: ToolChoice = "auto",
    ) -> ModelStep:
        """Let the model write one message, and add it with `add_message`.

        With `tool_choice` "none" the message ends where a tool call would begin, unless the model
        can be constrained to write none.

        Raises:
            ToolChoiceUnavailableError: the model cannot be constrained to `tool_choice`.
            PromptTooLongError: the prompt does not fit into the context.
            ThinkingUnavailableError: the model does not support the plan.
            EngineError: the engine failed.
        """

    @property
    def context_left(self) -> int:
        """The number of tokens that still fit into the context."""
        return max(0, self.context_length - self.count(self._messages))

    def count(self, messages: Sequence[Message]) -> int:
        """Return the number of tokens of a prompt with these messages, or an estimate."""
        return len(json.dumps([*self.options.tools, *for_chat_api(messages)])) // 3

    @property
    def messages(self) -> Sequence[Message]:
        """The messages, the oldest first."""
        return tuple(self._messages)

    @property
    def turn(self) -> int:
        """The place of the newest user message; the number of messages if there is none."""
        if self._turns:
            return self._turns[-1][0]
        places = [n for n, each in enumerate(self._messages) if isinstance(each, UserMessage)]
        return places[-1] if places else len(self._messages)

    def restore(
        self,
        messages: Iterable[Message],
        segments: Iterable[Segment],
        *,
        turn: int,
        earlier: Iterable[Iterable[Segment]] = (),
    ) -> None:
        """Continue where another session stopped.

        Args:
            messages: its messages.
            segments: those of its transcript.
            turn: the place of its newest user message.
            earlier: the segments of its earlier transcripts.
        """
        self._messages = list(messages)
        self.transcript = Transcript(segments)
        self.earlier = [Transcript(each) for each in earlier]
        self._turns = [(turn, 0)]

    def restart(self, messages: Iterable[Message], *, turn: int) -> None:
        """Continue with other messages and a new transcript.

        Args:
            messages: all of them.
            turn: the place of the newest user message. Earlier turns cannot be undone any more.
        """
        if any(segment.sampled for segment in self.transcript.segments):
            self.earlier.append(self.transcript)
        self._messages = list(messages)
        self._turns = [(turn, 0)]
        self._start_transcript()

    def add_user(self, text: str) -> None:
        """Begin a turn. Calls without a result are answered as stopped."""
        self._answer_open_calls()
        keep = self.options.keep_thoughts
        self._turns.append((len(self._messages), len(self.transcript.segments) if keep else 0))
        if not keep:
            self._drop_thoughts()
        self._messages.append(UserMessage(text))
        if keep and self.transcript.segments:
            self._append_user(text)
        else:
            self.earlier = []
            self._start_transcript()

    def add_note(self, text: str) -> None:
        """Tell the model something in the middle of a turn, in the user's place."""
        self._answer_open_calls()
        self._messages.append(Note(text))
        self._append_user(text)

    def add_tool_results(self, results: Sequence[ToolResultMessage]) -> None:
        """Add the results of the latest calls, in the order of the calls."""
        self._messages.extend(results)
        self._append_results(results)

    def add_message(self, message: AssistantMessage) -> None:
        """Add a message of the model."""
        self._messages.append(message)
        self._append_message()
        self.transcript.name_parts(message.parts)

    def undo_turn(self) -> None:
        """Remove the newest user message and all messages after it.

        Raises:
            LookupError: no turn can be undone.
        """
        if not self._turns:
            raise LookupError("There is no turn to undo.")
        messages, segments = self._turns.pop()
        del self._messages[messages:]
        self.transcript = self.transcript.first(segments)

    def _start_transcript(self) -> None:
        """Begin a new transcript with all messages."""
        self.transcript = Transcript()
        self.transcript.append("head", ())

    def _append_user(self, text: str) -> None:
        """Append a user's message or a note to the transcript."""
        self.transcript.append("user", ())

    def _append_message(self) -> None:
        """Append a message of the model to the transcript."""
        self.transcript.append("sampled", ())

    def _append_results(self, results: Sequence[ToolResultMessage]) -> None:
        """Append tool results to the transcript."""
        self.transcript.append("tool_results", ())

    def _drop_thoughts(self) -> None:
        """Keep thoughts of earlier turns from the prompt of the turn that begins."""
        self._messages = without_thoughts(self._messages)

    def _answer_open_calls(self) -> None:
        """Templates and servers refuse a call without a result."""
        results = unanswered(self._messages)
        if results and self.transcript.segments:
            self.add_tool_results(results)
        else:  # a transcript that has not begun will begin with all messages
            self._messages.extend(results)

    def _sampling_for(self, plan: Plan) -> Sampling:
        own = self.options.sampling
        return own or (Sampling.thinking() if plan.on else Sampling.not_thinking())

    def _notify(self, on_delta: OnDelta, text: str) -> None:
        """Give the user a notice, once in a conversation."""
        if text not in self._noticed:
            self._noticed.add(text)
            on_delta(Notice(text))
