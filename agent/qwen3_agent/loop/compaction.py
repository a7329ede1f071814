"""Context that fits: a conversation is made shorter before the model's context is full.

First old tool results, whose full text stays in the run's folder; then earlier turns, which the
model sums up; then earlier steps of this turn. The newest user message is never touched, and what
the last calls have answered only if nothing else would let it fit. Within a turn the transcript
only grows, so each time a new one begins and the one before is kept; and an event says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import events
from ..errors import PromptTooLongError
from ..events import Emit
from ..messages import Message
from ..models.session import Chat, Model
from ..thinking import Plan
from .summaries import Layout, as_text, both_ends, old_results_shortened, results_shortened

__all__ = ["Compaction", "compact"]

LONGEST_SUMMARY = 1024
"""Tokens."""

SUM_UP = """\
Below is a part of a conversation between a user and an assistant that has tools. It will be \
replaced by your summary, so write down all that is needed to go on: what the user wants, what \
was found out and decided, what is still open, and every name, number, path and file as it is \
written. Only the summary, in at most {words} words; do not answer the user.

<conversation>
{text}
</conversation>"""


@dataclass(slots=True)
class Compaction:
    """Makes one conversation shorter.

    Args:
        model: sums up.
        chat: is made shorter.
        emit: is told.
        tokens: that a summary may cost. None: no limit.
    """

    model: Model
    session: Chat
    emit: Emit
    tokens: int | None = None
    sampled: int = 0
    """Tokens that the summaries have cost."""
    changes: int = 0

    async def make_room(self, *, force: bool = False) -> bool:
        """Shorten, if a quarter of the context is not left for the next step.

        Args:
            force: begin although there seems to be room: a server has said that there is none.

        Returns:
            Whether anything became shorter.

        Raises:
            PromptTooLongError: not even the newest user message alone fits.
        """
        length = self.session.context_length
        wanted = length // 4 if self.tokens is None else min(length // 4, self.tokens)
        if self.session.context_left >= wanted and not force:
            return False
        self._check_that_it_can_fit()
        # More than is wanted now, or it would have to be done again after a step or two
        enough = length - wanted - length // 8
        for shorten in (self.old_results, self.earlier_turns, self.earlier_steps):
            await shorten()
            if self.used <= enough:
                return self.changes > 0
        if self.session.context_left < wanted // 2:
            self._newest_results()
        if self.session.context_left < wanted // 2:
            await self.earlier_steps(in_flight_too=True)
        return self.changes > 0

    @property
    def used(self) -> int:
        """Tokens of the conversation as it is."""
        return self.session.context_length - self.session.context_left

    async def old_results(self) -> None:
        """Shorten all tool results that the model has seen."""
        messages = self.session.messages
        shorter, count = old_results_shortened(messages, self._layout.in_flight)
        if count:
            results = "an old tool result" if count == 1 else f"{count} old tool results"
            self._go_on_with(shorter, self.session.turn, "old_results", f"{results} shortened")

    async def earlier_turns(self) -> None:
        """Let the model sum up what was said before the newest user message."""
        layout = self._layout
        summary = await self._summary(layout.earlier_turns, layout.turn)
        if summary is not None:
            shorter, turn = layout.without_earlier_turns(summary)
            self._go_on_with(shorter, turn, "earlier_turns", "earlier turns summed up", summary)

    async def earlier_steps(self, *, in_flight_too: bool = False) -> None:
        """Let the model sum up what it has done since the newest user message."""
        layout = self._layout
        end = layout.notes if in_flight_too else layout.in_flight
        summary = await self._summary(layout.turn + 1, end)
        if summary is not None:
            shorter = layout.without_steps(end, summary)
            what = "earlier steps summed up"
            self._go_on_with(shorter, layout.turn, "earlier_steps", what, summary)

    def _newest_results(self) -> None:
        """Cut what the last calls have answered to what there is room for."""
        layout = self._layout
        begin, end = layout.in_flight, len(layout.messages)
        room = self.session.context_length - self.session.context_length // 4
        max_chars = 16_000
        while max_chars >= 250:
            shorter, count = results_shortened(layout.messages, begin, end, max_chars)
            if count and self.session.count(shorter) <= room:
                break
            max_chars //= 2
        else:
            shorter, count = results_shortened(layout.messages, begin, end, 250)
        if count:
            self._go_on_with(shorter, layout.turn, "new_results", "new tool results shortened")

    async def everything(self) -> None:
        """Shorten all that can be, room or not, of a conversation whose last turn is over."""
        await self.old_results()
        await self.earlier_turns()
        await self.earlier_steps()

    @property
    def _layout(self) -> Layout:
        return Layout(self.session.messages, self.session.turn)

    def _check_that_it_can_fit(self) -> None:
        if self.model.route == "server_chat":
            return  # Its tokens are a guess; the server itself knows
        messages = self.session.messages
        layout = self._layout
        system = messages[: layout.earlier_turns]
        tokens = self.session.count([*system, *messages[layout.turn : layout.turn + 1]])
        if tokens >= self.session.context_length:
            raise PromptTooLongError(tokens, self.session.context_length)

    async def _summary(self, begin: int, end: int) -> str | None:
        """A summary of some messages. None: there are none, or too few to be worth it."""
        messages = self.session.messages
        replaced = messages[begin:end]
        if not replaced:
            return None
        length = self.session.context_length
        cost = self.session.count(messages) - self.session.count(
            [*messages[:begin], *messages[end:]]
        )
        if cost < max(96, length // 32):
            return None
        most = min(LONGEST_SUMMARY, length // 8, cost // 2)
        can_afford = self.tokens is None or self.tokens > 2 * most
        said = await self._sum_up(as_text(replaced), most) if can_afford else ""
        # Better than nothing: the beginning of each message
        return said or both_ends(as_text(replaced, quoted=120), 2 * most)

    async def _sum_up(self, text: str, most: int) -> str:
        while True:
            chat = self.model.chat([], [])
            chat.add_user(SUM_UP.format(words=most // 2, text=text))
            if chat.context_left > most + 16 or len(text) < 200:
                break
            text = both_ends(text, len(text) * 3 // 4)
        plan = Plan.without_thought("a summary", can_skip=self.model.can_skip_thinking)
        step = await chat.step(
            plan, max_tokens=most, on_delta=lambda delta: None, tool_choice="none"
        )
        self.sampled += step.usage.output_tokens
        if self.tokens is not None:
            self.tokens = max(0, self.tokens - step.usage.output_tokens)
        self.session.earlier.append(chat.transcript)
        return step.content.strip()

    def _go_on_with(
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


async def compact(model: Model, session: Chat, emit: Emit) -> int:
    """Make a conversation shorter between two turns; by how many tokens.

    The question and the answer of the last turn stay as they are.
    """
    compaction = Compaction(model, session, emit)
    before = compaction.used
    await compaction.everything()
    return before - compaction.used
