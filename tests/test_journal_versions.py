"""Journals of earlier versions: they are read, shown, exported and resumed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from scripted import ScriptedAgent, call

from qwen3_agent import tool
from qwen3_agent.events import Event
from qwen3_agent.journal import RecordedRun, Runs
from qwen3_agent.journal.exports import chat_json, training_records
from qwen3_agent.journal.page import html_page
from qwen3_agent.journal.telemetry import otlp_json
from qwen3_agent.messages import MalformedCall, ToolCall
from qwen3_agent.result import Usage

VERSION_1 = Path(__file__).parent / "fixtures" / "journal-0.1-approved"
"""Two finished turns with an approved call, an invalid one and an agent as a tool, and a third that
was killed while one of two calls was running. Written by commit 476584c."""


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    shutil.copytree(VERSION_1, tmp_path / "20261127-165949-01a0")
    return Runs(tmp_path)


@pytest.fixture
def run(runs: Runs) -> RecordedRun:
    return runs.read("latest")


def subclasses(kind: type[Event]) -> set[type[Event]]:
    return {kind}.union(*(subclasses(each) for each in kind.__subclasses__()))


def test_event_type__is_the_name_of_the_class() -> None:
    types = {kind.__name__: kind.type for kind in subclasses(Event)}
    assert types["ToolCallStarted"] == "tool_call_started"
    assert types["Notice"] == "notice"
    assert len(set(types.values())) == len(types)


def test_version_1__is_read(run: RecordedRun) -> None:
    assert [turn.status for turn in run.turns] == ["answered", "answered", "unfinished"]
    assert [turn.output for turn in run.turns] == ["All is sent.", "You are welcome.", ""]
    assert run.granted == {"send"}
    sent, invalid = run.turns[0].steps[0].calls
    assert (sent.text, sent.started is not None, sent.is_error) == ("sent to Ada", True, False)
    assert invalid.is_error
    assert run.turns[0].steps[1].subagent_tokens > 0
    assert all(
        isinstance(each, ToolCall | MalformedCall) for each in run.turns[0].steps[0].tool_calls
    )


def test_version_1__counts_of_tokens_are_usage(run: RecordedRun) -> None:
    reports = [step.report for turn in run.turns for step in turn.steps if step.report]
    usage = sum((report.usage for report in reports), Usage())
    assert len(reports) == 5
    assert usage.input_tokens > usage.output_tokens > usage.thinking_tokens > 0


def test_version_1__is_listed_shown_and_exported(runs: Runs, run: RecordedRun) -> None:
    (summary,) = runs.summaries()
    assert (summary.turns, summary.status) == (3, "unfinished")
    assert "You are welcome." in html_page(run)
    assert chat_json(run)["messages"][-1]["role"] == "assistant"
    assert list(training_records(run))
    assert otlp_json(run)


@pytest.mark.anyio
async def test_version_1__is_resumed_with_the_call_that_was_running(
    tmp_path: Path, runs: Runs
) -> None:
    looked: list[str] = []

    @tool(read_only=True)
    def look(place: str) -> str:
        """Look somewhere."""
        looked.append(place)
        return f"a cat in {place}"

    @tool
    def double(number: int) -> int:
        """Twice a number."""
        raise AssertionError("its result is in the journal")

    agent = ScriptedAgent(
        "A cat, and 8.",
        tools=[look, double],
        instructions="Be brief.",
        journal=tmp_path,
    )
    result = await agent.resume("latest")
    assert (result.output, looked, len(result.steps)) == ("A cat, and 8.", ["Rome"], 2)
    assert call("double", number=4) in agent.prompts_text[0]
    assert runs.read("latest").status == "answered"
