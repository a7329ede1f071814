"""Approvals on the command line: asked in a real terminal, refused without one."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.terminal

COMMAND = Path(sys.executable).with_name("qwen3-agent")
AGENT = str(Path(__file__).parent / "asking_agent.py")


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """In a pipe: there is nobody to ask."""
    return subprocess.run(
        [COMMAND, "run", "Go", "--agent", AGENT, *options],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def answered(*dialogue: tuple[str, str], options: Sequence[str] = ()) -> tuple[str, int]:
    """What a terminal shows when each answer is typed after its cue, and the exit code."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "run", "Go", "--agent", AGENT, *options],
        pass_fds=[secondary],
        preexec_fn=partial(os.login_tty, secondary),  # So that Ctrl-C arrives
    )
    os.close(secondary)
    screen = ""
    try:
        for cue, typed in dialogue:
            screen += _until(primary, cue)
            os.write(primary, typed.encode())
        screen += _until(primary, None)
        return screen, process.wait(30)
    finally:
        process.kill()
        process.wait()
        os.close(primary)


def _until(terminal: int, cue: str | None) -> str:
    seen = ""
    deadline = time.monotonic() + 40
    while cue is None or cue not in seen:
        there, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert there, f"no {cue!r} in {seen}"
        try:
            seen += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # The other end is closed
            assert cue is None, seen
            break
    return seen


def test_the_question_stands_below_what_led_to_it_and_shows_the_exact_call() -> None:
    screen, code = answered(("\n> ", "y\n"), ("\n> ", "n Bob has moved\n"))
    assert code == 0
    before, _, after = screen.partition("Run this call? It may change things.")
    assert "I write to both." in before
    assert 'to="Ada\\u001b[2J"' in after
    assert "  │ Dear Ada,\r\n  │ all is well.\r\n" in after
    assert "mailed to Ada" in after
    assert "They say: Bob has moved" in after
    assert "Both are written." in after


def test_yes_for_this_run_is_asked_once_and_what_is_no_answer_is_asked_again() -> None:
    screen, code = answered(("\n> ", "\n"), ("> ", "yes please\n"), ("> ", "r\n"))
    assert code == 0
    assert screen.count("Run this call?") == 1
    assert "mailed to Bob" in screen


def test_what_was_typed_before_the_question_is_no_answer_to_it() -> None:
    screen, code = answered(("", "y\ny\n"), ("\n> ", "n\n"), ("\n> ", "n\n"))
    assert code == 0
    assert "mailed to" not in screen


def test_the_end_of_the_input_is_a_no_and_ctrl_c_leaves() -> None:
    screen, code = answered(("\n> ", "\x04"), ("\n> ", "\x04"))
    assert code == 0
    assert "mailed to" not in screen
    screen, code = answered(("\n> ", "\x03"))
    assert code == 130
    assert "mailed to" not in screen


def test_without_a_terminal_it_is_refused_and_the_user_is_told_how_to_allow_it() -> None:
    done = run()
    assert done.returncode == 0
    assert "nobody is there to give it" in done.stderr
    assert "use --allow NAME or --yes." in done.stderr
    assert "mailed to" not in done.stderr
    assert done.stdout == "Both are written.\n"


@pytest.mark.parametrize("options", [["--yes"], ["--allow", "send"], ["--allow", "s*:writes"]])
def test_options_allow_what_would_be_asked_about(options: list[str]) -> None:
    assert run(*options).stderr.count("mailed to") == 2


def test_denied_is_denied_whatever_else_is_said() -> None:
    done = run("--yes", "--allow", "*", "--deny", "send")
    assert "mailed to" not in done.stderr
    assert "send may not be used here" in done.stderr


def test_a_pattern_that_is_none_is_wrong_usage() -> None:
    done = run("--allow", "send:reads")
    assert done.returncode == 2
    assert "'send:reads' is not a pattern of tools" in done.stderr.replace("\n", " ")
