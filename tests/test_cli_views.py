"""What a run shows: in a pipe, on a terminal, as JSON lines, and as the answer alone."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from qwen3_agent.cli.terminal.views import choose_view
from qwen3_agent.events import (
    ContentText,
    Event,
    Notice,
    ReasoningText,
    RunFinished,
    RunStarted,
    StepFinished,
    StepStarted,
    ToolCallFinished,
    ToolCallStarted,
)
from qwen3_agent.result import RunResult, StepReport, Usage
from qwen3_agent.thinking import Plan
from qwen3_agent.transcript import Transcript

REPORT = StepReport(
    index=0,
    thinking="on",
    reason="",
    budget=None,
    closed_by_force=False,
    usage=Usage(100, 12, 60, 4),
    seconds=0.5,
    tool_calls=("clock", "code_interpreter"),
)
RESULT = RunResult("It is **14:05**.", (REPORT, REPORT), Transcript(), 1.25, "a-model")
RUN: list[Event] = [
    RunStarted("a-model", ("clock", "code_interpreter")),
    Notice("fetch is not there: no such command"),
    StepStarted(0, Plan(on=True)),
    ReasoningText("I ask "),
    ReasoningText("the clock."),
    ContentText("Let me look."),
    ToolCallStarted("1", "clock", {"place": "東京"}),
    ToolCallStarted("2", "code_interpreter", {"code": "for i in range(2):\n    print(i)\n"}),
    ToolCallFinished("2", "code_interpreter", "\n".join(map(str, range(30))), False, 0.2),
    ToolCallFinished("1", "clock", "no such place", True, 0.4),
    StepFinished(REPORT),
    StepStarted(1, Plan(on=True)),
    ContentText("It is **14:"),
    ContentText("05**."),
    StepFinished(REPORT),
    RunFinished(RESULT),
]


def show(events: Iterable[Event], **options: bool) -> None:
    view = choose_view(**{"as_json": False, "quiet": False, "verbose": False} | options)
    for event in events:
        view.show(event)
    view.close()


def test_pipe__answer_on_standard_output_and_the_rest_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(RUN)
    shown = capsys.readouterr()
    assert shown.out == "It is **14:05**.\n"
    assert shown.err.splitlines() == [
        "a-model · clock, code_interpreter",
        "fetch is not there: no such command",
        "I ask the clock.",
        "Let me look.",
        '→ clock(place="東京")',
        "→ code_interpreter",
        "    for i in range(2):",
        "        print(i)",
        "← code_interpreter: 0",
        *(f"  {number}" for number in range(1, 10)),
        "  … 20 more lines; --verbose shows them  (0.2 s)",
        "✗ no such place  (0.4 s)",
        "2 steps · 24 tokens · 1.2 s",
    ]


def test_verbose__shows_whole_results_and_the_usage_of_each_step(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(RUN, verbose=True)
    lines = capsys.readouterr().err.splitlines()
    assert "  29  (0.2 s)" in lines
    assert (
        "step 1: thinking on, 100 prompt tokens (60 cached), 12 sampled (4 thinking), 0.5 s, "
        "called clock, code_interpreter"
    ) in lines


def test_quiet__prints_only_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    show(RUN, quiet=True)
    assert capsys.readouterr() == ("It is **14:05**.\n", "")


def test_json__prints_one_event_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(RUN, as_json=True)
    shown = capsys.readouterr()
    assert shown.err == ""
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        json.loads(json.dumps(event.to_json())) for event in RUN
    ]
    assert "東京" in shown.out


@pytest.mark.parametrize("options", [{}, {"quiet": True}])
def test_control_characters__never_reach_the_terminal(
    options: dict[str, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\rdone\ttab\n2nd"
    said = RunResult(evil, (), Transcript(), 0.1, "a-model")
    show(
        [
            RunStarted(evil, (evil,)),
            ReasoningText(evil),
            ContentText(evil),
            ToolCallStarted("1", evil, {evil: evil, "x": evil}),
            ToolCallFinished("1", evil, evil, False, 0.1),
            Notice(evil),
            RunFinished(said),
        ],
        **options,
    )
    shown = "".join(capsys.readouterr())
    assert not set(shown) & {"\x1b", "\x07", "\x9b", "\r"}
    assert "done\ttab\n" in shown


def on_a_terminal(tmp_path: Path, environment: dict[str, str]) -> str:
    """What the run above draws on a terminal of 80 columns."""
    script = tmp_path / "draw.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\n")
    with script.open("a") as file:
        file.write("from test_cli_views import RUN, show\nshow(RUN)\n")
    ours, theirs = pty.openpty()
    unwanted = {"NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"}
    inherited = {key: value for key, value in os.environ.items() if key not in unwanted}
    process = subprocess.Popen(
        [sys.executable, script],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | {"TERM": "xterm-256color", "COLUMNS": "80"} | environment,
    )
    os.close(theirs)
    drawn = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # How Linux tells that the other end is closed.
            break
        if not piece:
            break
        drawn += piece
    os.close(ours)
    assert process.wait(timeout=30) == 0
    return drawn.decode()


COLOR = re.compile(r"\x1b\[[0-9;]*\b(?:3[0-7]|38|9[0-7]|4[0-7]|48)[0-9;]*m")
ANY_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.terminal
def test_terminal__answer_is_markdown_and_the_cursor_is_restored(tmp_path: Path) -> None:
    drawn = on_a_terminal(tmp_path, {})
    assert COLOR.search(drawn)
    assert "\x1b[1m14:05\x1b[0m" in drawn
    plain = ANY_CODE.sub("", drawn)
    assert "**14:05**" not in plain.rpartition("It is")[2]
    assert "I ask the clock." in plain
    assert plain.rstrip().endswith("2 steps · 24 tokens · 1.2 s")
    assert drawn.rfind("\x1b[?25h") > drawn.rfind("\x1b[?25l")


@pytest.mark.terminal
def test_no_color__is_respected(tmp_path: Path) -> None:
    assert not COLOR.search(on_a_terminal(tmp_path, {"NO_COLOR": "1"}))
