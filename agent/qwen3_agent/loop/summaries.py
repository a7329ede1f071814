"""Conversations made shorter: what is cut, what is summed up, and what is left alone.

Pure functions on messages. A conversation is seen as

    system message
    earlier turns              may be summed up
    the newest user message    is never touched
    earlier steps of its turn  may be summed up
    calls in flight            the last calls and their results, which the model has not seen yet
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen3_tools.artifacts import shortened

from ..messages import (
    AssistantMessage,
    Content,
    MalformedCall,
    Message,
    Note,
    SystemMessage,
    ToolCall,
    ToolResultMessage,
    UserMessage,
)

__all__ = ["GO_ON", "SUMMARY_WANTED", "Layout", "as_text", "both_ends", "old_results_shortened"]

OLD_RESULT = 300
"""Characters of an old tool result that stay."""

QUOTED = 1_000
"""Characters of one message that whoever sums up is shown."""

SUMMARY_WANTED = "Sum up our conversation up to here."
GO_ON = "Go on with the task from there."


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a conversation begin.

    Args:
        messages: all of them.
        turn: place of the newest user message.
    """

    messages: Sequence[Message]
    turn: int

    @property
    def earlier_turns(self) -> int:
        """Place of the first message behind the system message."""
        said = (
            place for place, each in enumerate(self.messages) if not isinstance(each, SystemMessage)
        )
        return min(next(said, len(self.messages)), self.turn)

    @property
    def in_flight(self) -> int:
        """Place of the message with the last calls, if their results end the conversation.

        Of an answer that ends it, that of the answer. Without either, that of what comes behind
        the last thing that the model said.
        """
        after = len(self.messages)
        last = self.messages[-1] if after > self.turn + 1 else None
        if isinstance(last, AssistantMessage) and _words(last).strip():
            return after if any(isinstance(each, ToolCall) for each in last.calls) else after - 1
        while after > self.turn + 1 and not isinstance(self.messages[after - 1], AssistantMessage):
            after -= 1
        behind = self.messages[after:]
        has_results = any(isinstance(message, ToolResultMessage) for message in behind)
        return after - 1 if has_results and after > self.turn + 1 else after

    @property
    def notes(self) -> int:
        """Place of the first of the runtime's words to the model that end the conversation."""
        after = len(self.messages)
        while after > self.turn + 1 and isinstance(self.messages[after - 1], UserMessage | Note):
            after -= 1
        return after

    def without_earlier_turns(self, summary: str) -> tuple[list[Message], int]:
        """The conversation with a summary for the earlier turns, and the new place of the turn."""
        before = [*self.messages[: self.earlier_turns], *_summed_up(SUMMARY_WANTED, summary)]
        return [*before, *self.messages[self.turn :]], len(before)

    def without_steps(self, end: int, summary: str) -> list[Message]:
        """The conversation with a summary for the steps from the user's message to place `end`."""
        rest = self.messages[end:]
        said: list[Message] = [AssistantMessage((Content(summary),))]
        if not rest or isinstance(rest[0], AssistantMessage):
            said.append(Note(GO_ON))
        return [*self.messages[: self.turn + 1], *said, *rest]


def old_results_shortened(messages: Sequence[Message], end: int) -> tuple[list[Message], int]:
    """The conversation with short results up to `end`, and how many were cut.

    The full text of each is saved in the run's folder, and what is left names the file.
    """
    return results_shortened(messages, 0, end, OLD_RESULT)


def results_shortened(
    messages: Sequence[Message], begin: int, end: int, max_chars: int
) -> tuple[list[Message], int]:
    """The same, from `begin` to `end`, with at most so many characters of each result."""
    result: list[Message] = []
    names: list[str] = []
    count = 0
    for place, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            names = [each.name if isinstance(each, ToolCall) else "" for each in message.calls]
        elif isinstance(message, ToolResultMessage):
            index = message.call_index
            name = (names[index] if index < len(names) else "") or "result"
            # What is left of a long text is longer than that by a note on what is left out
            if begin <= place < end and len(message.text) > max_chars + 200:
                text, _ = shortened(message.text, max_chars, name)
                message = replace(message, text=text)
                count += 1
        result.append(message)
    return result, count


def as_text(messages: Sequence[Message], *, quoted: int = QUOTED) -> str:
    """What was said and done, for whoever sums it up. Thoughts are left out."""
    lines = []
    for message in messages:
        match message:
            case UserMessage(text) | Note(text):
                lines.append(f"User: {both_ends(text, quoted)}")
            case ToolResultMessage():
                lines.append(f"Result: {both_ends(message.text_for_model, quoted)}")
            case AssistantMessage():
                if words := _words(message):
                    lines.append(f"Assistant: {both_ends(words, quoted)}")
                for call in message.calls:
                    if isinstance(call, ToolCall):
                        arguments = json.dumps(call.arguments, ensure_ascii=False)
                        lines.append(f"Assistant calls {call.name}: {arguments[:quoted]}")
    return "\n".join(lines)


def _words(message: AssistantMessage) -> str:
    """What a message says beside its thought and its calls; a malformed call is text."""
    return "".join(
        part.raw if isinstance(part, MalformedCall) else part.text
        for part in message.parts
        if isinstance(part, Content | MalformedCall)
    )


def both_ends(text: str, max_chars: int) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= max_chars:
        return text
    half = max(1, max_chars // 2)
    return f"{text[:half]} […] {text[-half:]}"


def _summed_up(wanted: str, summary: str) -> list[Message]:
    return [UserMessage(wanted), AssistantMessage((Content(summary),))]
