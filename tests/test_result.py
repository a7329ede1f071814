"""What steps and runs report, and what of it goes on the wire."""

from __future__ import annotations

from qwen3_agent.result import StepReport, Usage

REPORT = StepReport(
    index=0,
    thinking="on",
    reason="the first step",
    budget=256,
    closed_by_force=False,
    usage=Usage(input_tokens=100, output_tokens=12, cached_tokens=60, thinking_tokens=4),
    seconds=1.5,
    tool_calls=("add", ""),
)
WRITTEN_BY_VERSION_1 = {
    "index": 0,
    "thinking": "on",
    "reason": "the first step",
    "budget": 256,
    "thinking_tokens": 4,
    "closed_by_force": False,
    "prompt_tokens": 100,
    "cached_tokens": 60,
    "sampled_tokens": 12,
    "seconds": 1.5,
    "tool_calls": ["add", ""],
    "finish": "stop",
}


def test_usage__adds_up() -> None:
    assert sum([Usage(1, 2, 3, 4), Usage(10, 20, 30, 40)], Usage()) == Usage(11, 22, 33, 44)


def test_step_report__is_read_as_it_was_written() -> None:
    assert REPORT.to_json()["usage"]["output_tokens"] == 12
    assert StepReport.from_json(REPORT.to_json()) == REPORT


def test_step_report__of_an_earlier_version_is_read() -> None:
    assert StepReport.from_json(WRITTEN_BY_VERSION_1) == REPORT


def test_step_report__unknown_fields_are_ignored() -> None:
    assert StepReport.from_json({**REPORT.to_json(), "mood": "good"}) == REPORT
