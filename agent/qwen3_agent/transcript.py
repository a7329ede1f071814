"""The transcript of a run: its token ids, their origin, and the parts that they decode to.

It is append-only. Sampled tokens are kept exactly as sampled, and text from the runtime is encoded
once. So the prompt of each step starts with the whole prompt and output of the step before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from .messages import Part
from .messages.encoding import part_to_json

Kind = Literal["head", "generation_prompt", "sampled", "forced", "tool_results", "user"]
"""The kind of a segment.

head: system message, tools and the conversation up to the first step. generation_prompt: the
opening of an assistant message. sampled: written by the model. forced: inserted into the model's
message by the runtime (the end of a thought, a missing end of message). tool_results and user:
whole turns.
"""

RECORD_VERSION = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """Ids of one origin that were appended together."""

    kind: Kind
    ids: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    """On the last segment of a step's message: the parts of the whole message."""
    logprobs: tuple[float, ...] | None = None
    """One for each id of a sampled segment; None if not requested."""

    @property
    def sampled(self) -> bool:
        """Whether the model sampled the segment."""
        return self.kind == "sampled"


class Transcript:
    """An append-only sequence of token ids.

    With a chat server, whose tokens are not visible, the segments have no ids.
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
        """All segments, oldest first."""
        return tuple(self._segments)

    @property
    def ids(self) -> list[int]:
        """A copy of all token ids."""
        return list(self._ids)

    @property
    def mask(self) -> list[bool]:
        """For each id, whether the model sampled it; a training loss applies to these."""
        return [segment.sampled for segment in self._segments for _ in segment.ids]

    @property
    def logprobs(self) -> list[float | None]:
        """The log-probability of each id; None if it was not sampled or not requested."""
        return [
            value
            for segment in self._segments
            for value in (segment.logprobs or [None] * len(segment.ids))
        ]

    def first(self, count: int) -> Transcript:
        """Return a new transcript with the first `count` segments."""
        return Transcript(self._segments[:count])

    def append(
        self, kind: Kind, ids: Iterable[int], *, logprobs: Sequence[float] | None = None
    ) -> None:
        """Append a segment."""
        segment = Segment(kind, tuple(ids), logprobs=None if logprobs is None else tuple(logprobs))
        if segment.logprobs is not None and len(segment.logprobs) != len(segment.ids):
            raise ValueError("A segment needs one log-probability for each id.")
        self._segments.append(segment)
        self._ids.extend(segment.ids)

    def name_parts(self, parts: Sequence[Part]) -> None:
        """Set the parts of the message that ends with the last segment."""
        if self._segments:
            self._segments[-1] = replace(self._segments[-1], parts=tuple(parts))

    def to_record(self) -> dict[str, Any]:
        """Return a training record that can be serialized as JSON.

        `input_ids` and `mask` have the same length; `mask` is 1 where the model sampled. `segments`
        groups the ids by origin, with the parts of the model's messages.
        """
        record: dict[str, Any] = {
            "version": RECORD_VERSION,
            "input_ids": self.ids,
            "mask": [int(sampled) for sampled in self.mask],
            "segments": [
                {
                    "kind": segment.kind,
                    "length": len(segment.ids),
                    "parts": [part_to_json(part) for part in segment.parts],
                }
                for segment in self._segments
            ],
        }
        if any(segment.logprobs is not None for segment in self._segments):
            record["logprobs"] = self.logprobs
        return record
