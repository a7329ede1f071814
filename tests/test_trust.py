"""What the files of a folder say that its user has not agreed to: what counts, what is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from terminal import Terminal

from qwen3_agent import Tool, ToolResult
from qwen3_agent.cli.config.agent_options import AgentOptions
from qwen3_agent.cli.config.build import build_agent
from qwen3_agent.cli.config.settings import Settings, load_settings, user_file
from qwen3_agent.cli.config.trusted_folders import trust, trusted_file, trusts

pytestmark = pytest.mark.terminal

COMMAND = Path(sys.executable).with_name("qwen3-agent")
TIME = {"command": "mcp-server-time"}


def it_says(text: str) -> None:
    Path("qwen3-agent.toml").write_text(text)


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """In a pipe: there is nobody to ask."""
    return subprocess.run(
        [COMMAND, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
    )


def at_terminal(*command: str, folder: Path) -> Terminal:
    """With somebody there."""
    state = {"XDG_STATE_HOME": str(folder.parent / "state")}
    return Terminal(
        [str(COMMAND), *command], folder=folder, environment=state, columns=200, rows=40
    )


def decision(name: str) -> str:
    async def call(arguments: dict[str, Any]) -> ToolResult:
        raise AssertionError("only decided on")

    agent = build_agent(AgentOptions(no_mcp=True))
    return agent.spec.approvals.decide(Tool(name, "", {}, call, requires_approval=True))


def test_project_file__cannot_allow_before_trust_but_can_deny(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    it_says('[approvals]\nallow = ["files__*"]\nask = ["notes__*"]\ndeny = ["*__delete"]\n')
    names = ("files__put", "notes__put", "files__delete")
    assert [decision(name) for name in names] == ["ask", "ask", "deny"]
    assert capsys.readouterr().err.splitlines()[0] == (
        "Warning: qwen3-agent.toml sets approvals.allow, which is ignored until you trust "
        "this folder: qwen3-agent trust"
    )
    trust(project)
    assert [decision(name) for name in names] == ["allow", "ask", "deny"]
    assert capsys.readouterr().err == ""
    trust(project, no_more=True)
    assert decision("files__put") == "ask"


def test_user_file_and_named_file__need_no_trust(project: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text('[approvals]\nallow = ["files__*"]\n')
    assert decision("files__put") == "allow"
    Path("mine.toml").write_text('[approvals]\nallow = ["notes__*"]\n')
    named = build_agent(AgentOptions(agent="mine.toml", no_mcp=True))
    assert "notes__*" in str(named.spec.approvals)


@pytest.mark.parametrize(
    ("says", "waits"),
    [
        ("[approvals]\ndefault = 'allow'", ["approvals.default"]),
        ("[approvals]\ndefault = 'deny'", []),
        ("[tools]\nfunctions = ['own.py:steal']", ["tools.functions"]),
        ("[tools]\ncode_interpreter = false", []),
        ("[tools.code_interpreter]\ntimeout = 5", []),
        ("[tools.code_interpreter]\nallow_domains = ['evil.org']", ["tools.code_interpreter"]),
        ("[tools.code_interpreter]\nsandbox = 'landlock'", ["tools.code_interpreter"]),
        ("work_dir = 'inside'", []),
        ("work_dir = '..'", ["work_dir"]),
        ("work_dir = '~'", ["work_dir"]),
        ("work_dir = 'out'", ["work_dir"]),
        ("base_url = 'http://localhost:8000/v1'", []),
        ("base_url = 'http://[::1]:8000/v1'", []),
        ("base_url = 'http://localhost.evil.org/v1'", ["base_url"]),
        ("base_url = 'http://localhost@evil.org/v1'", ["base_url"]),
        ("engine_options = {max_model_len = 8192}", []),
        ("engine_options = {trust_remote_code = true}", ["engine_options"]),
        ("model = 'Qwen/Qwen3-8B'\nthink = 64\n[limits]\nsteps = 3", []),
    ],
)
def test_settings_that_give_permissions__wait_for_trust(
    project: Path, says: str, waits: list[str]
) -> None:
    Path("out").symlink_to("/")
    it_says(says)
    assert list(load_settings().waiting) == waits
    settings = load_settings()
    default = Settings().model_dump()
    for key in waits:
        value = default
        for step in key.split("."):
            value = value[step]
        assert settings[key] == value
    trust(project)
    assert list(load_settings().waiting) == []


def test_default_looser_than_the_users__waits_for_trust(project: Path) -> None:
    user_file().parent.mkdir(parents=True)
    user_file().write_text("[approvals]\ndefault = 'deny'\n")
    it_says("[approvals]\ndefault = 'ask'\n")
    assert decision("files__put") == "deny"
    trust(project)
    assert decision("files__put") == "ask"


def test_code_of_the_folder__does_not_run_before_trust(project: Path) -> None:
    Path("own.py").write_text("open('ran', 'w')\ndef own() -> str:\n    'Own.'\n    return ''\n")
    it_says("[tools]\nfunctions = ['own.py:own']\n")
    assert "own" not in run("tools", "list").stdout.split()
    assert not Path("ran").exists()
    assert run("trust").stdout == f"{project} is trusted.\n"
    assert "own" in run("tools", "list").stdout.split()
    assert run("trust", "--no-more").stdout == f"{project} is no longer trusted.\n"
    assert "own" not in run("tools", "list").stdout.split()


def test_config__shows_ignored_settings(project: Path) -> None:
    it_says('[approvals]\nallow = ["files__*"]\n')
    shown = run("config")
    (row,) = [line for line in shown.stdout.splitlines() if "files__*" in line]
    assert row.endswith("qwen3-agent.toml (ignored until you run: qwen3-agent trust)")
    assert shown.stderr == ""


def test_servers_of_the_folder__start_without_a_terminal(project: Path) -> None:
    Path("mcp_servers.json").write_text(json.dumps({"mcpServers": {"clock": TIME}}))
    done = run("tools", "list")
    assert "clock__get_current_time" in done.stdout
    assert done.stderr == ""


def test_invalid_list_of_folders__is_reported(project: Path) -> None:
    it_says('[approvals]\nallow = ["files__*"]\n')
    trust(project)
    trusted_file().write_text("{}")
    done = run("tools", "list")
    assert done.returncode == 1
    assert 'trusted_folders.json must be ["folder", ...]. Fix or remove it' in done.stderr


def test_terminal__asks_for_trust_and_end_of_input_means_no(project: Path) -> None:
    it_says('[approvals]\nallow = ["notes__\\u001b[2J*"]\n')
    for typed, says in (("\x04", False), ("perhaps\ry\r", True)):
        with at_terminal("tools", "list", folder=project) as terminal:
            screen = terminal.wait_for("\n>")
            assert 'qwen3-agent.toml sets approvals.allow = ["notes__\\u001b[2J*"]' in screen
            terminal.type(typed)
            assert terminal.wait_for_end() == 0
        assert trusts(project) is says
    with at_terminal("tools", "list", folder=project) as terminal:
        assert terminal.wait_for_end() == 0
        assert "trust" not in terminal.screen


@pytest.mark.parametrize("answer", ["n", "y"])
def test_run__asks_before_it_starts_the_servers_of_the_folder(project: Path, answer: str) -> None:
    server = Path(__file__).parent / "tools/writing_mcp_server.py"
    code = f"open('ran', 'w');\nimport runpy; runpy.run_path({str(server)!r}, run_name='__main__')"
    notes = {"command": sys.executable, "args": ["-c", code]}
    Path("mcp_servers.json").write_text(json.dumps({"mcpServers": {"notes": notes}}))
    with at_terminal("run", "What is 12 * 12?", "--think=off", folder=project) as terminal:
        screen = terminal.wait_for("\n>")
        assert "mcp_servers.json starts notes: " in screen
        assert r"open('ran', 'w');\nimport runpy" in screen
        assert not Path("ran").exists()
        terminal.type(f"{answer}\r")
        assert terminal.wait_for_end() == 0
        assert ("notes__put" in terminal.screen) is (answer == "y")
        assert ("time__get_current_time" in terminal.screen) is (answer == "n")
    assert Path("ran").exists() is (answer == "y")
    assert trusts(project) is (answer == "y")


def test_bundled_servers__need_no_trust(project: Path) -> None:
    bundled = Path(__file__).parents[1] / "mcp_servers.json"
    Path("mcp_servers.json").write_text(bundled.read_text())
    with at_terminal("run", "What is 12 * 12?", "--think=off", folder=project) as terminal:
        assert terminal.wait_for_end() == 0
        assert "trust" not in terminal.screen
