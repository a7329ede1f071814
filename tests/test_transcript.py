"""The ledger: it only grows, and tells of every id who wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen3_agent.messages import Content, MalformedCall, Reasoning, ToolCall
from qwen3_agent.transcript import Transcript

kinds = st.sampled_from(["head", "generation_prompt", "sampled", "forced", "tool_results", "user"])
entries = st.lists(st.tuples(kinds, st.lists(st.integers(0, 1000), max_size=8)), max_size=20)


@given(entries)
def test_it_only_grows_and_the_mask_tells_who_wrote(entries: list[tuple[Any, list[int]]]) -> None:
    transcript = Transcript()
    for kind, ids in entries:
        before, mask = transcript.ids, transcript.mask
        transcript.append(kind, ids)
        assert transcript.ids == before + ids
        assert transcript.mask == mask + [kind == "sampled"] * len(ids)
        assert len(transcript) == len(transcript.ids) == len(transcript.logprobs)


def test_what_is_handed_out_is_a_copy() -> None:
    transcript = Transcript()
    transcript.append("head", [1, 2])
    transcript.ids.append(3)
    assert transcript.ids == [1, 2]


def test_the_training_record() -> None:
    transcript = Transcript()
    transcript.append("head", [1, 2])
    transcript.append("generation_prompt", [3])
    transcript.append("sampled", [4, 5], logprobs=[-0.5, -1.0])
    transcript.append("forced", [6])
    transcript.append("sampled", [7], logprobs=[-2.0])
    transcript.name_parts(
        [
            Reasoning("Hm.", raw="<think>\nHm.\n</think>\n\n"),
            Content("Let me see.", raw="Let me see.\n"),
            ToolCall("look", {"where": "there"}, raw="<tool_call>...</tool_call>"),
            MalformedCall(raw="<tool_call>{</tool_call>", error="It is not JSON."),
        ]
    )
    record = json.loads(json.dumps(transcript.to_record()))
    assert record["input_ids"] == [1, 2, 3, 4, 5, 6, 7]
    assert record["mask"] == [0, 0, 0, 1, 1, 0, 1]
    assert record["logprobs"] == [None, None, None, -0.5, -1.0, None, -2.0]
    assert [(s["kind"], s["length"]) for s in record["segments"]] == [
        ("head", 2),
        ("generation_prompt", 1),
        ("sampled", 2),
        ("forced", 1),
        ("sampled", 1),
    ]
    parts = record["segments"][-1]["parts"]
    assert [part["type"] for part in parts] == [
        "reasoning",
        "content",
        "tool_call",
        "malformed_call",
    ]
    assert parts[2]["arguments"] == {"where": "there"}


def test_log_probabilities_must_match_the_ids() -> None:
    with pytest.raises(ValueError, match="one log-probability for each id"):
        Transcript().append("sampled", [1, 2], logprobs=[-1.0])
