"""Writes and reads the `ledger` of records: the changes of a transcript and its conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..formats.chat_format import ChatFormat
from ..messages import AssistantMessage, Content, MalformedCall, Message, Part, ToolCall
from ..messages.encoding import chat_api_message, part_to_json, template_message, with_call_ids
from ..messages.reading import part_from_json, read_message
from ..models.session import ModelSession
from ..transcript import Segment
from .redaction import Redactor


class LedgerWriter:
    """Describes what is new in a session since the last record.

    It compares object by object with the state at that record, so it needs no notification of
    changes: a new transcript and rewritten messages are found as well.

    Args:
        session: The session to follow.
        redactor: Removes secrets.
        chat_format: Converts ids to text and back. None: the session does not have ids.
        with_ids: Whether to write messages in the form of the chat protocol, with ids of calls.
    """

    def __init__(
        self,
        session: ModelSession,
        redactor: Redactor,
        chat_format: ChatFormat | None,
        *,
        with_ids: bool,
    ) -> None:
        self._session = session
        self._redactor = redactor
        self._format = chat_format
        self._with_ids = with_ids
        self._segments: list[Segment] = []
        self._written: list[int] = []
        """For each segment, the number of its pieces on disk: redaction can split it."""
        self._messages: list[Message] = []

    def news(self) -> dict[str, Any]:
        """Return what the next record contains about the session."""
        segments, messages = self._session.transcript.segments, self._session.messages
        same = _same(self._segments, segments)
        same_messages = _same(self._messages, messages)
        new = [self._written_as(segment) for segment in segments[same:]]
        self._written[same:] = [len(each) for each in new]
        self._segments[same:] = segments[same:]
        self._messages[same_messages:] = messages[same_messages:]
        return {
            "kept": [sum(self._written[:same]), same_messages],
            "segments": [segment_to_json(each) for pieces in new for each in pieces],
            "messages": self._redactor.json(
                messages_to_json(messages, with_ids=self._with_ids, start=same_messages)
            ),
            "turn": self._session.turn,
        }

    def seen(self) -> None:
        """Treat the current state as written: a resumed run continues from there."""
        self._segments = list(self._session.transcript.segments)
        self._written = [1] * len(self._segments)
        self._messages = list(self._session.messages)

    def _written_as(self, segment: Segment) -> list[Segment]:
        if self._format is None or not segment.ids:
            return [segment]
        runs = self._redactor.ids(segment.ids, self._format.decode, self._format.encode_plain)
        if len(runs) == 1 and tuple(runs[0][1]) == segment.ids:
            return [segment]
        pieces: list[Segment] = []
        done = 0
        for length, ids in runs:
            untouched = tuple(ids) == segment.ids[done : done + length]
            # The replacement of a secret was not sampled
            kind = segment.kind if untouched or not segment.sampled else "forced"
            scores = segment.logprobs[done : done + length] if segment.logprobs else None
            pieces.append(Segment(kind, tuple(ids), logprobs=scores if untouched else None))
            done += length
        parts = [part_from_json(self._redactor.json(part_to_json(each))) for each in segment.parts]
        return [*pieces[:-1], replace(pieces[-1], parts=tuple(parts))]


def _same(before: Sequence[object], now: Sequence[object]) -> int:
    """Return the number of identical objects at the beginning."""
    count = 0
    for old, new in zip(before, now, strict=False):
        if old is not new:
            break
        count += 1
    return count


class Ledger:
    """The state of a session according to the records so far."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.messages: list[Message] = []
        self.turn = 0
        """The place of the latest user message."""
        self._said: dict[str, tuple[Part, ...]] = {}
        """The parts of sampled messages, by their words and calls."""

    def apply(self, news: Mapping[str, Any]) -> list[Segment] | None:
        """Apply a record. Return the transcript that it ends, if any.

        Raises:
            KeyError, TypeError, ValueError: The record is damaged.
        """
        kept, kept_messages = news["kept"]
        self.turn = news.get("turn", self.turn)
        if kept > len(self.segments) or kept_messages > len(self.messages):
            raise ValueError("it refers to missing records")
        ended = self.segments if kept < len(self.segments) else None
        segments = [segment_from_json(each) for each in news["segments"]]
        self._said |= {_key(each.parts): each.parts for each in segments if each.parts}
        self.segments = self.segments[:kept] + segments
        del self.messages[kept_messages:]
        for each in news["messages"]:
            self.messages.append(self._read(each))
        return ended

    def _read(self, written: Mapping[str, Any]) -> Message:
        message = message_from_json(written, self.messages)
        if isinstance(message, AssistantMessage) and "parts" not in written:
            found = self._said.get(_key(message.parts))
            if found is not None:
                whole = _with_parts(message, found)
                return whole if message.thought else whole.without_thought()
        return message


def _key(parts: Sequence[Part]) -> str:
    """Return the words and calls of a message, without its thought and white space."""
    words = "".join(
        part.raw if isinstance(part, MalformedCall) else part.text
        for part in parts
        if isinstance(part, Content | MalformedCall)
    )
    calls = [[part.name, part.arguments] for part in parts if isinstance(part, ToolCall)]
    return json.dumps(["".join(words.split()), calls])


def messages_to_json(
    messages: Sequence[Message], *, with_ids: bool, start: int = 0
) -> list[dict[str, Any]]:
    """Return messages from place `start` on as JSON objects.

    Args:
        messages: The whole conversation.
        with_ids: Whether to use the form of the chat protocol, with ids of calls, instead of the
            form of templates.
        start: The place of the first message to return.
    """
    written = []
    for message, ids in with_call_ids(messages, start=start):
        line = chat_api_message(message, ids) if with_ids else template_message(message)
        if isinstance(message, AssistantMessage) and any(
            isinstance(call, MalformedCall) for call in message.calls
        ):
            # Neither form has the place of a malformed call among the calls
            line["parts"] = [part_to_json(part) for part in message.parts]
        written.append(line)
    return written


def message_from_json(written: Mapping[str, Any], before: Sequence[Message]) -> Message:
    """Return a message that `messages_to_json` wrote; `before` are the messages before it."""
    message = read_message(written, before)
    if isinstance(message, AssistantMessage) and "parts" in written:
        return _with_parts(message, [part_from_json(part) for part in written["parts"]])
    return message


def _with_parts(message: AssistantMessage, parts: Sequence[Part]) -> AssistantMessage:
    whole = replace(message, parts=tuple(parts))
    ids = iter(message.call_ids)
    known = [next(ids, None) if isinstance(call, ToolCall) else None for call in whole.calls]
    return replace(whole, call_ids=tuple(known) if message.call_ids else ())


def segment_to_json(segment: Segment) -> dict[str, Any]:
    """Return a segment as a JSON object."""
    written: dict[str, Any] = {"kind": segment.kind, "ids": list(segment.ids)}
    if segment.logprobs is not None:
        written["logprobs"] = list(segment.logprobs)
    if segment.parts:
        written["parts"] = [part_to_json(part) for part in segment.parts]
    return written


def segment_from_json(written: Mapping[str, Any]) -> Segment:
    """Return the segment that `segment_to_json` wrote."""
    logprobs = written.get("logprobs")
    return Segment(
        written["kind"],
        tuple(written["ids"]),
        tuple(part_from_json(part) for part in written.get("parts", ())),
        None if logprobs is None else tuple(logprobs),
    )
