"""The ledger of a run: token ids, who wrote them, and the parts that they spell.

It only grows. What the engine sampled stays as it was sampled; what the runtime adds is encoded
once. So the prompt of each step begins with the whole prompt and output of the step before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from .messages import Part

Kind = Literal["head", "generation_prompt", "sampled", "forced", "tool_results", "user"]
"""What a segment is.

head: system message, tools and the conversation up to the first step. generation_prompt: what
opens an assistant message. sampled: written by the model. forced: put into the model's message by
the runtime (the end of a thought, a missing end of message). tool_results and user: whole turns.
"""

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids that were appended at once, by one writer."""

    kind: Kind
    ids: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    """On the last segment of a step's message: what the whole message says."""
    logprobs: tuple[float, ...] | None = None
    """One for each id of a sampled segment, when they were asked for."""

    @property
    def sampled(self) -> bool:
        """Whether the model wrote it."""
        return self.kind == "sampled"


class Transcript:
    """An append-only ledger of token ids.

    A transcript of a chat server, whose tokens nobody sees, has segments without ids.
    """

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self._segments = list(segments)
        self._ids = [each for segment in self._segments for each in segment.ids]

    def __len__(self) -> int:
        return len(self._ids)

    def __repr__(self) -> str:
        return f"<Transcript of {len(self._ids)} tokens in {len(self._segments)} segments>"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, the oldest first."""
        return tuple(self._segments)

    @property
    def ids(self) -> list[int]:
        """All token ids, a copy."""
        return list(self._ids)

    @property
    def mask(self) -> list[bool]:
        """For each id, whether the model sampled it: what a loss is taken on."""
        return [segment.sampled for segment in self._segments for _ in segment.ids]

    @property
    def logprobs(self) -> list[float | None]:
        """For each id its log-probability; None where it was not sampled or not asked for."""
        return [
            value
            for segment in self._segments
            for value in (segment.logprobs or [None] * len(segment.ids))
        ]

    def first(self, count: int) -> Transcript:
        """A ledger of its own that holds the first `count` segments."""
        return Transcript(self._segments[:count])

    def append(
        self,
        kind: Kind,
        ids: Iterable[int],
        *,
        logprobs: Sequence[float] | None = None,
    ) -> None:
        """Add what was written next."""
        segment = Segment(kind, tuple(ids), logprobs=None if logprobs is None else tuple(logprobs))
        if segment.logprobs is not None and len(segment.logprobs) != len(segment.ids):
            raise ValueError("A segment needs one log-probability for each id.")
        self._segments.append(segment)
        self._ids.extend(segment.ids)

    def name_parts(self, parts: Sequence[Part]) -> None:
        """Say what the message spells whose last segment is the latest."""
        if self._segments:
            self._segments[-1] = replace(self._segments[-1], parts=tuple(parts))

    def to_record(self) -> dict[str, Any]:
        """A training record, ready for JSON.

        `input_ids` and `mask` are lists of one length; `mask` is 1 where the model sampled.
        `segments` tells the same by writer, with the parts that the model's messages spell.
        """
        record: dict[str, Any] = {
            "version": RECORD_VERSION,
            "input_ids": self.ids,
            "mask": [int(sampled) for sampled in self.mask],
            "segments": [
                {
                    "kind": segment.kind,
                    "length": len(segment.ids),
                    "parts": [{"type": _part_type(part)} | asdict(part) for part in segment.parts],
                }
                for segment in self._segments
            ],
        }
        if any(segment.logprobs is not None for segment in self._segments):
            record["logprobs"] = self.logprobs
        return record


def _part_type(part: Part) -> str:
    return {"ToolCall": "tool_call", "MalformedCall": "malformed_call"}.get(
        type(part).__name__, type(part).__name__.lower()
    )
