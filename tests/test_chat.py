"""`qwen3-agent chat` in a real pseudo-terminal, as a person sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripted_chat import WORDS
from terminal import Terminal, matches

from qwen3_agent.models.choose import DEMO_FOLDER

pytestmark = pytest.mark.terminal

COMMAND = Path(sys.executable).with_name("qwen3-agent")
SCRIPTED = Path(__file__).with_name("scripted_chat.py")

COLOR = re.compile(rb"\x1b\[[0-9;]*\b(?:3[0-7]|38|9[0-7]|4[0-7]|48)[0-9;]*m")
IN_SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])


@contextmanager
def chat(
    folder: Path,
    *options: str,
    mcp: Path | None = None,
    columns: int = 80,
    rows: int = 24,
    **environment: str,
) -> Iterator[Terminal]:
    """A chat that has come up."""
    servers = f"--mcp={mcp}" if mcp else "--no-mcp"
    command = [str(COMMAND), "chat", servers, *options]
    state = {"XDG_STATE_HOME": str(folder / "state")}
    with Terminal(
        command, columns=columns, rows=rows, environment=state | environment, folder=folder
    ) as terminal:
        terminal.wait_for("tokens left")
        yield terminal


def asked(screen: str) -> bool:
    """Whether a question waits for its answer."""
    return "[y] yes" in screen and screen.endswith("\n>")


@IN_SIZES
def test_chat__calls_stops_in_a_thought_and_continues(
    tmp_path: Path, columns: int, rows: int
) -> None:
    size = f"{columns}x{rows}"
    with chat(tmp_path, f"--agent={SCRIPTED}", columns=columns, rows=rows) as terminal:
        terminal.type("Which rooms are free on Monday?\r")
        assert matches(terminal.wait_for("2 of 3 floor 2"), f"chat-{size}-call")
        terminal.wait_for(lambda screen: "2 steps" in screen and "tokens left" in screen)
        assert matches(terminal.screen, f"chat-{size}-answer")

        terminal.type("And on Tuesday?\r")
        terminal.wait_for("look at room 40,")
        terminal.type("\x03")
        terminal.wait_for("tokens left")
        assert matches(terminal.screen, f"chat-{size}-stopped")
        terminal.type("What happened?\r")
        terminal.wait_for("Well, then not.")
        terminal.wait_for("tokens left")
        assert matches(terminal.screen, f"chat-{size}-after")

        terminal.type("Book Ada, with an open window.\r")
        assert matches(terminal.wait_for(asked), f"chat-{size}-question")
        terminal.type("maybe\r")
        terminal.wait_for(lambda screen: screen.endswith("> maybe\n>"))
        terminal.type("n Too small.\r")
        terminal.wait_for("Then not Ada.")
        assert matches(terminal.wait_for("tokens left"), f"chat-{size}-refused")
        terminal.type("Book Grace.\r")
        terminal.wait_for(asked)
        terminal.type("\x03")
        terminal.wait_for("Stopped.")
        terminal.wait_for("tokens left")
        terminal.type("Do book Grace.\r")
        terminal.wait_for(asked)
        terminal.type("y\r")
        terminal.wait_for("Grace is yours.")
        assert matches(terminal.wait_for("tokens left"), f"chat-{size}-approved")

        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
        assert not terminal.cursor_hidden
    goes_on = re.search(r"To continue: qwen3-agent chat (--resume \S+)", terminal.screen)
    assert goes_on, terminal.screen
    with chat(tmp_path, *goes_on[1].split(), columns=columns, rows=rows) as terminal:
        assert "6 messages so far.\n\n> Do book Grace.\n\nGrace is yours.\n" in terminal.screen


def test_resized_window__shows_nothing_twice(
    tmp_path: Path,
) -> None:
    with chat(tmp_path, f"--agent={SCRIPTED}:talker", columns=80, rows=24) as terminal:
        terminal.type("Tell me something long.\r")
        terminal.wait_for("word60")
        for columns, rows, until in [(50, 24, "word90"), (120, 30, "word120"), (40, 12, "word150")]:
            terminal.resize(columns, rows)
            screen = terminal.wait_for(until)
            assert screen.count("word40 ") <= 1
            assert screen.count("Answering") == 1
        screen = terminal.wait_for("tokens left")
        shown = f"{terminal.history}\n{screen}"
        assert [word for word in shown.split() if word.startswith("word")] == WORDS
        assert matches(screen, "chat-40x12-resized")

        terminal.type("And then?\r")
        terminal.wait_for("That was all.")
        left = int(terminal.wait_for("tokens left").split("· ")[-1].split()[0])
        terminal.type("/compact\r")
        terminal.wait_for("Saved ")
        now = terminal.wait_for("tokens left").split("· ")[-1].split()[0]
        assert int(now) > left + 500


def test_no_color__is_respected(tmp_path: Path) -> None:
    servers = tmp_path / "servers.json"
    servers.write_text('{"mcpServers": {"gone": {"command": "no-such-command"}}}')
    with chat(tmp_path, f"--agent={SCRIPTED}", mcp=servers, NO_COLOR="1") as terminal:
        assert "MCP server 'gone' failed to start: the command 'no-such-command'" in terminal.screen
        terminal.type("Which rooms are free on Monday?\r")
        terminal.wait_for(lambda screen: "2 steps" in screen and "tokens left" in screen)
        assert b"rooms" in terminal.drawn
        assert not COLOR.search(terminal.drawn)


def test_input_during_a_turn__waits_for_the_next_prompt(tmp_path: Path) -> None:
    with chat(tmp_path, f"--agent={SCRIPTED}", columns=40) as terminal:
        terminal.type("Which rooms are free on Monday?\r")
        terminal.wait_for("free_rooms …")
        terminal.type("/usage\r")
        assert "/usage" not in terminal.wait(0.5)
        terminal.wait_for("1 turn, 2 steps, 1 tool call")


def test_bundled_model__commands_and_several_lines(tmp_path: Path) -> None:
    with chat(tmp_path, "--think=off") as terminal:
        terminal.type("What is\n48213 * 12?\r")
        terminal.wait_for("2 steps")
        terminal.wait_for("tokens left")
        assert "> What is\n  48213 * 12?\n" in terminal.screen
        assert "578556" in terminal.screen
        for command in ("/think 64", "/usage", "/save talk.md", "/undo", "/undo", "/nod"):
            terminal.type(f"{command}\r")
            terminal.wait_for(f"> {command}\n")
            terminal.wait_for("tokens left")
        terminal.resize(80, 50)
        assert matches(terminal.wait(1), "chat-80x50-commands")
        terminal.type("/files\r")
        terminal.wait_for("no files")
        terminal.wait_for("tokens left")
        terminal.type("\x1b[A\x1b[A\x1b[A\x1b[A\x1b[A")
        terminal.wait_for("> /save talk.md")
        assert len(list((tmp_path / "state/qwen3-agent/runs").iterdir())) == 1
        terminal.type("\x03")
        terminal.wait_for("Ctrl-D exits.\n")
        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
    saved = (tmp_path / "talk.md").read_text()
    assert "## User\n\nWhat is\n48213 * 12?\n" in saved
    assert "578556" in saved
    history = tmp_path / "state" / "qwen3-agent" / "chat_history"
    assert history.stat().st_mode & 0o077 == 0


def test_switch_of_model__continues_the_chat_and_changes_nothing_on_failure(
    tmp_path: Path,
) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "twin")
    (tmp_path / "empty").mkdir()
    with chat(tmp_path, "--think=off") as terminal:
        terminal.type("What is 48213 * 12?\r")
        terminal.wait_for("578556")
        terminal.wait_for("tokens left")
        for wrong, says in (
            ("no-such-model", "There is no model"),
            ("empty", "has no config.json"),
        ):
            terminal.type(f"/model {wrong}\r")
            terminal.wait_for(says)
            terminal.wait_for("The chat continues with qwen3-tiny.")
            terminal.wait_for("tokens left")
        terminal.type("/model twin\r")
        terminal.wait_for("twin · can think")
        assert "twin · thinking off" in terminal.wait_for("tokens left")
        terminal.type("What is 1234 * 5678?\r")
        terminal.wait_for(lambda screen: "tokens · " in screen.split("1234 * 5678?")[-1])
        terminal.wait_for("tokens left")
        terminal.type("/usage\r")
        terminal.wait_for("2 turns")
        terminal.type("\x04")
        assert terminal.wait_for_end() == 0
    goes_on = re.search(r"To continue: qwen3-agent chat (--resume \S+)", terminal.screen)
    assert goes_on, terminal.screen
    with chat(tmp_path, *goes_on[1].split()) as terminal:
        assert "twin · " in terminal.screen
        assert "2 messages so far." in terminal.screen


def test_chat_without_a_terminal__names_the_alternative(tmp_path: Path) -> None:
    done = subprocess.run([COMMAND, "chat"], capture_output=True, input=b"", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == b"Error: chat requires a terminal. In a pipe, use: qwen3-agent run -\n"
