"""Compaction: keeps a conversation within the model's context.

    system message             stays
    earlier turns              may be summarized
    the newest user message    stays
    earlier steps of its turn  may be summarized
    the last calls             and their results, which the model has not seen: cut only if nothing
                               else makes the conversation fit

Old tool results are cut first; their full text stays in the run's folder. Then the model summarizes
earlier turns, then earlier steps of this turn. Within a turn the transcript only grows, so each
compaction begins a new one, keeps the one before and emits an event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen3_tools.artifacts import shortened

from .. import events
from ..errors import PromptTooLongError
from ..events import Emit
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
from ..models.session import Model, ModelSession
from ..thinking import Plan

LONGEST_SUMMARY = 1024
"""Maximum tokens of a summary."""

OLD_RESULT = 300
"""Maximum characters of an old tool result that stay."""

QUOTED = 1_000
"""Maximum characters of each message included in the summarization prompt."""

SUM_UP = """\
Below is a part of a conversation between a user and an assistant that has tools. It will be \
replaced by your summary, so write down all that is needed to go on: what the user wants, what \
was found out and decided, what is still open, and every name, number, path and file as it is \
written. Only the summary, in at most {words} words; do not answer the user.

<conversation>
{text}
</conversation>"""
SUMMARY_WANTED = "Sum up our conversation up to here."
GO_ON = "Go on with the task from there."


@dataclass(slots=True)
class Compaction:
    """Compacts one conversation.

    Args:
        model: Writes the summaries.
        session: The conversation.
        emit: Receives an event for each change.
        tokens: Maximum number of tokens that the summaries may cost. None: no limit.
    """

    model: Model
    session: ModelSession
    emit: Emit
    tokens: int | None = None
    sampled: int = 0
    """Tokens that the summaries have cost."""
    changes: int = 0

    async def make_room(self, *, force: bool = False) -> bool:
        """Compact if less than a quarter of the context is left for the next step.

        Args:
            force: Compact even if there seems to be room: a server has said that there is none.

        Returns:
            Whether anything has changed.

        Raises:
            PromptTooLongError: Not even the newest user message alone fits.
        """
        length = self.session.context_length
        needed = length // 4 if self.tokens is None else min(length // 4, self.tokens)
        if self.session.context_left >= needed and not force:
            return False
        self._check_that_it_can_fit()
        # More than is needed now, or the next step or two would have to compact again
        enough = length - needed - length // 8
        for compact_part in (self.old_results, self.earlier_turns, self.earlier_steps):
            await compact_part()
            if self.used <= enough:
                return self.changes > 0
        if self.session.context_left < needed // 2:
            self._newest_results()
        if self.session.context_left < needed // 2:
            await self.earlier_steps(last_calls_too=True)
        return self.changes > 0

    @property
    def used(self) -> int:
        """Tokens of the conversation."""
        return self.session.context_length - self.session.context_left

    async def old_results(self) -> None:
        """Cut all tool results that the model has seen."""
        layout = self._layout
        messages, count = _with_short_results(layout.messages, 0, layout.last_calls, OLD_RESULT)
        if count:
            results = "an old tool result" if count == 1 else f"{count} old tool results"
            self._replace(messages, layout.turn, "old_results", f"{results} shortened")

    async def earlier_turns(self) -> None:
        """Summarize the turns before the newest user message."""
        layout = self._layout
        summary = await self._summary(layout.earlier_turns, layout.turn)
        if summary is not None:
            messages, turn = layout.without_earlier_turns(summary)
            self._replace(messages, turn, "earlier_turns", "earlier turns summarized", summary)

    async def earlier_steps(self, *, last_calls_too: bool = False) -> None:
        """Summarize the steps since the newest user message."""
        layout = self._layout
        end = layout.notes if last_calls_too else layout.last_calls
        summary = await self._summary(layout.turn + 1, end)
        if summary is not None:
            messages = layout.without_steps(end, summary)
            text = "earlier steps summarized"
            self._replace(messages, layout.turn, "earlier_steps", text, summary)

    def _newest_results(self) -> None:
        """Cut the results of the last calls to the room that there is."""
        layout = self._layout
        begin, end = layout.last_calls, len(layout.messages)
        room = self.session.context_length - self.session.context_length // 4
        max_chars = 16_000
        messages, count = _with_short_results(layout.messages, begin, end, max_chars)
        while max_chars > 250 and (not count or self.session.count(messages) > room):
            max_chars //= 2
            messages, count = _with_short_results(layout.messages, begin, end, max_chars)
        if count:
            self._replace(messages, layout.turn, "new_results", "new tool results shortened")

    async def everything(self) -> None:
        """Compact all that can be, whether necessary or not, after the end of a turn."""
        await self.old_results()
        await self.earlier_turns()
        await self.earlier_steps()

    @property
    def _layout(self) -> _Layout:
        return _Layout(self.session.messages, self.session.turn)

    def _check_that_it_can_fit(self) -> None:
        if self.model.route == "server_chat":
            return  # the count is an estimate; only the server knows
        layout = self._layout
        system = layout.messages[: layout.earlier_turns]
        tokens = self.session.count([*system, *layout.messages[layout.turn : layout.turn + 1]])
        if tokens >= self.session.context_length:
            raise PromptTooLongError(tokens, self.session.context_length)

    async def _summary(self, begin: int, end: int) -> str | None:
        """Return a summary of some messages. None: there are too few to be worth it."""
        messages = self.session.messages
        replaced = messages[begin:end]
        if not replaced:
            return None
        length = self.session.context_length
        without = [*messages[:begin], *messages[end:]]
        cost = self.session.count(messages) - self.session.count(without)
        if cost < max(96, length // 32):
            return None
        most = min(LONGEST_SUMMARY, length // 8, cost // 2)
        can_afford = self.tokens is None or self.tokens > 2 * most
        summary = await self._write_summary(_as_text(replaced), most) if can_afford else ""
        # Better than nothing: the beginning and end of each message
        return summary or _both_ends(_as_text(replaced, quoted=120), 2 * most)

    async def _write_summary(self, text: str, most: int) -> str:
        while True:
            session = self.model.session()
            session.add_user(SUM_UP.format(words=most // 2, text=text))
            if session.context_left > most + 16 or len(text) < 200:
                break
            text = _both_ends(text, len(text) * 3 // 4)
        plan = Plan.without_thought("a summary", can_skip=self.model.can_skip_thinking)
        step = await session.step(
            plan, max_tokens=most, on_delta=lambda delta: None, tool_choice="none"
        )
        tokens = step.usage.output_tokens
        self.sampled += tokens
        if self.tokens is not None:
            self.tokens = max(0, self.tokens - tokens)
        self.session.earlier.append(session.transcript)
        return step.content.strip()

    def _replace(
        self,
        messages: Sequence[Message],
        turn: int,
        what: events.Compacted,
        in_words: str,
        summary: str | None = None,
    ) -> None:
        before = self.used
        self.session.restart(messages, turn=turn)
        self.changes += 1
        text = f"To make room: {in_words}, {before:,} tokens became {self.used:,}."
        self.emit(events.ContextCompacted(what, before, self.used, text, summary))


async def compact(model: Model, session: ModelSession, emit: Emit) -> int:
    """Compact a conversation between two turns. Return the number of tokens saved.

    The question and the answer of the last turn stay as they are.
    """
    compaction = Compaction(model, session, emit)
    before = compaction.used
    await compaction.everything()
    return before - compaction.used


@dataclass(frozen=True, slots=True)
class _Layout:
    """The places in a conversation at which its parts begin."""

    messages: Sequence[Message]
    turn: int
    """Place of the newest user message."""

    @property
    def earlier_turns(self) -> int:
        """Place of the first message after the system message."""
        others = (
            place for place, each in enumerate(self.messages) if not isinstance(each, SystemMessage)
        )
        return min(next(others, len(self.messages)), self.turn)

    @property
    def last_calls(self) -> int:
        """Place of the message with the last calls, if their results end the conversation.

        If an answer ends the conversation: its place. Otherwise the place after the last message
        of the model.
        """
        after = len(self.messages)
        last = self.messages[-1] if after > self.turn + 1 else None
        if isinstance(last, AssistantMessage) and _visible_text(last).strip():
            return after if any(isinstance(each, ToolCall) for each in last.calls) else after - 1
        while after > self.turn + 1 and not isinstance(self.messages[after - 1], AssistantMessage):
            after -= 1
        rest = self.messages[after:]
        has_results = any(isinstance(message, ToolResultMessage) for message in rest)
        return after - 1 if has_results and after > self.turn + 1 else after

    @property
    def notes(self) -> int:
        """Place of the first of the notes to the model that end the conversation."""
        after = len(self.messages)
        while after > self.turn + 1 and isinstance(self.messages[after - 1], UserMessage | Note):
            after -= 1
        return after

    def without_earlier_turns(self, summary: str) -> tuple[list[Message], int]:
        """Return the messages with a summary of the earlier turns, and the new `turn`."""
        before = [
            *self.messages[: self.earlier_turns],
            UserMessage(SUMMARY_WANTED),
            AssistantMessage((Content(summary),)),
        ]
        return [*before, *self.messages[self.turn :]], len(before)

    def without_steps(self, end: int, summary: str) -> list[Message]:
        """Return the messages with a summary of the steps from the user message to `end`."""
        rest = self.messages[end:]
        steps: list[Message] = [AssistantMessage((Content(summary),))]
        if not rest or isinstance(rest[0], AssistantMessage):
            steps.append(Note(GO_ON))
        return [*self.messages[: self.turn + 1], *steps, *rest]


def _with_short_results(
    messages: Sequence[Message], begin: int, end: int, max_chars: int
) -> tuple[list[Message], int]:
    """Return the messages with cut tool results between two places, and how many were cut.

    The full text of a result is saved in the run's folder, and the rest of it names the file.
    """
    result: list[Message] = []
    names: list[str] = []
    count = 0
    for place, message in enumerate(messages):
        if isinstance(message, AssistantMessage):
            names = [each.name if isinstance(each, ToolCall) else "" for each in message.calls]
        elif isinstance(message, ToolResultMessage):
            index = message.call_index
            name = (names[index] if index < len(names) else "") or "result"
            # A cut text is longer than `max_chars` by a note on what is left out
            if begin <= place < end and len(message.text) > max_chars + 200:
                text, _ = shortened(message.text, max_chars, name)
                message = replace(message, text=text)
                count += 1
        result.append(message)
    return result, count


def _as_text(messages: Sequence[Message], *, quoted: int = QUOTED) -> str:
    """Return the messages for the summarization prompt, without thoughts."""
    lines = []
    for message in messages:
        match message:
            case UserMessage(text) | Note(text):
                lines.append(f"User: {_both_ends(text, quoted)}")
            case ToolResultMessage():
                lines.append(f"Result: {_both_ends(message.text_for_model, quoted)}")
            case AssistantMessage():
                if text := _visible_text(message):
                    lines.append(f"Assistant: {_both_ends(text, quoted)}")
                for call in message.calls:
                    if isinstance(call, ToolCall):
                        arguments = json.dumps(call.arguments, ensure_ascii=False)
                        lines.append(f"Assistant calls {call.name}: {arguments[:quoted]}")
    return "\n".join(lines)


def _visible_text(message: AssistantMessage) -> str:
    """Return the text of a message besides its thought and calls; malformed calls are text."""
    return "".join(
        part.raw if isinstance(part, MalformedCall) else part.text
        for part in message.parts
        if isinstance(part, Content | MalformedCall)
    )


def _both_ends(text: str, max_chars: int) -> str:
    if len(text) <= max_chars:
        return text
    half = max(1, max_chars // 2)
    return f"{text[:half]} […] {text[-half:]}"
