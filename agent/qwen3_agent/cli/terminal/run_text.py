"""Runs as text, for a terminal or a pipe."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from textwrap import indent
from typing import TYPE_CHECKING

from ...messages import Content, MalformedCall, Reasoning
from .printable import printable

if TYPE_CHECKING:
    from qwen3_tools import Tool

    from ...journal import RecordedRun, RecordedStep
    from ...result import StepReport

RESULT_LINES = 10
"""Maximum number of lines of a tool result without --verbose."""


def run_text(run: RecordedRun, *, verbose: bool) -> str:
    """Return the task, steps and answer of a run.

    Args:
        run: The recorded run.
        verbose: Show results in full.
    """
    return printable("\n".join(_lines(run, verbose))) + "\n"


def _lines(run: RecordedRun, verbose: bool) -> Iterator[str]:
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.started))
    yield f"{run.id} · {run.status} · {run.model or 'no model yet'} · {began}"
    if not run.turns:
        yield f"\n> {run.title}"
    for turn in run.turns:
        yield f"\n> {turn.text}"
        for step in turn.steps:
            yield ""
            yield from _step(step, verbose)
        for _, note in turn.notes:
            yield f"  {note}"
        if turn.status == "undone":
            yield "\nundone"
        elif turn.error:
            yield f"\n{turn.status}: {turn.error.message}"
        elif turn.result is None:
            yield f"\n{turn.status}"


def _step(step: RecordedStep, verbose: bool) -> Iterator[str]:
    report = step.report
    if report is None:
        yield f"step {step.index + 1}: interrupted"
        return
    yield usage_text(report)
    for part, call_id in step.parts_and_ids():
        if isinstance(part, Reasoning | Content):
            if part.text.strip():
                yield indent(part.text, "  ~ " if isinstance(part, Reasoning) else "  ")
            continue
        call = step.call(call_id)
        if isinstance(part, MalformedCall):
            yield "  → malformed tool call"
        else:
            yield f"  → {part.name}({json.dumps(part.arguments, ensure_ascii=False)})"
        if call is None:
            yield "    not started"
        elif call.finished is None:
            yield "    outcome unknown"
        else:
            first, *more = result_lines(call.text, verbose=verbose)
            yield f"  {'✗' if call.is_error else '←'} {first}"
            yield from (f"    {line}" for line in more)


def usage_text(report: StepReport) -> str:
    """Return what a step consumed and called."""
    usage = report.usage
    called = ", ".join(name or "(malformed)" for name in report.tool_calls)
    return (
        f"step {report.index + 1}: thinking {report.thinking}, {usage.input_tokens} prompt tokens "
        f"({usage.cached_tokens} cached), {usage.output_tokens} sampled "
        f"({usage.thinking_tokens} thinking), {report.seconds:.1f} s"
        f"{f', called {called}' if called else ''}"
    )


def result_lines(text: str, *, verbose: bool) -> list[str]:
    """Return the lines of a tool result; without `verbose`, the first ones and a note."""
    lines = text.strip("\n").split("\n")
    if verbose or len(lines) <= RESULT_LINES:
        return lines
    hidden = len(lines) - RESULT_LINES
    return [*lines[:RESULT_LINES], f"… {hidden} more lines; --verbose shows them"]


def tool_rows(tools: Sequence[Tool]) -> list[str]:
    """Return a row for each tool: its name, and the first line of its description."""
    width = max((len(tool.name) for tool in tools), default=0)
    return [
        f"{tool.name.ljust(width)}  {tool.description.strip().partition(chr(10))[0]}".rstrip()
        for tool in tools
    ]
