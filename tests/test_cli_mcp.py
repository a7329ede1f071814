"""`qwen3-agent mcp ...` and `qwen3-agent tools ...`, as people run them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.command

COMMAND = Path(sys.executable).with_name("qwen3-agent")
TOOLS = Path(__file__).parent / "tools"
TIME = {"command": "mcp-server-time"}
ASKING = {"command": sys.executable, "args": ["-I", str(TOOLS / "asking_mcp_server.py")]}
BROKEN = str(TOOLS / "broken_mcp_server.py")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder to work in, with a config."""
    write(tmp_path / "mcp_servers.json", time=TIME, s=ASKING)
    return tmp_path


def write(path: Path, **servers: object) -> Path:
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"XDG_STATE_HOME": str(cwd / "state")}
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_list__shows_the_status_of_each_server(here: Path) -> None:
    config = json.loads((here / "mcp_servers.json").read_text())
    config["mcpServers"] |= {"gone": {"command": "no-such"}, "off": TIME | {"disabled": True}}
    (here / "mcp_servers.json").write_text(json.dumps(config))
    done = run("mcp", "list", cwd=here)
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert list(rows) == ["NAME", "time", "s", "gone", "off"]
    assert "ready" in rows["time"]
    assert "convert_time, get_current_time" in rows["time"]
    assert "2026-07-28 stateless" in rows["s"]
    assert "failed" in rows["gone"]
    assert "'no-such' was not found" in rows["gone"]
    assert rows["off"].split() == ["off", "disabled"]


def test_check__fails_with_a_server_and_shows_why(here: Path) -> None:
    fine = run("mcp", "check", cwd=here)
    assert fine.returncode == 0, fine.stderr
    assert "time: ready in" in fine.stdout
    crash = {"command": sys.executable, "args": ["-I", BROKEN, "exits"], "comand": "x"}
    bad = run("mcp", "check", "--mcp", write(here / "bad.json", b=crash), cwd=here)
    assert bad.returncode == 1
    assert "cannot start: no license" in bad.stdout
    assert "did you mean 'command'?" in bad.stdout


def test_add_and_remove__create_and_edit_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mcp_servers.json"
    added = run(
        "mcp", "add", "clock", "--env", "A=b=c", "--", "mcp-server-time", "-x", cwd=tmp_path
    )
    assert added.returncode == 0, added.stderr
    assert "it replaces the bundled servers time and fetch." in added.stdout
    url = ("--url", "https://example.org/mcp", "--header", "X-Key: a:b")
    added = run("mcp", "add", "far", *url, cwd=tmp_path)
    assert (added.returncode, "Created" in added.stdout) == (0, False)
    assert json.loads(path.read_text()) == {
        "mcpServers": {
            "clock": {"command": "mcp-server-time", "args": ["-x"], "env": {"A": "b=c"}},
            "far": {"url": "https://example.org/mcp", "headers": {"X-Key": "a:b"}},
        }
    }
    again = run("mcp", "add", "far", *url, cwd=tmp_path)
    assert (again.returncode, "already has a server 'far'" in again.stderr) == (1, True)
    assert run("mcp", "remove", "far", cwd=tmp_path).returncode == 0
    assert list(json.loads(path.read_text())["mcpServers"]) == ["clock"]
    gone = run("mcp", "remove", "far", cwd=tmp_path)
    assert gone.returncode == 1
    assert gone.stderr == "Error: mcp_servers.json has no server 'far'; its servers: clock\n"


def test_add__keeps_other_entries_and_the_mode_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text(json.dumps({"inputs": [1], "servers": {"time": TIME}}))
    path.chmod(0o600)
    run("mcp", "add", "b", "--mcp", path, "--", "x", cwd=tmp_path)
    assert json.loads(path.read_text()) == {
        "inputs": [1],
        "servers": {"time": TIME, "b": {"command": "x"}},
    }
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mcp", "add", "a"], "either a command"),
        (["mcp", "add", "a", "--url", "x", "--", "y"], "either a command"),
        (["mcp", "add", "a", "--env", "A", "--", "y"], "expected NAME=VALUE, not 'A'"),
        (["mcp", "list", "--mcp", "nowhere.json"], "nowhere.json"),
        (["tools", "call", "x", "{"], "not valid JSON"),
        (["tools", "call", "x", "[]"], "expected an object"),
        (["tools", "list", "--agent", "nowhere.py"], "there is no file nowhere.py"),
    ],
)
def test_wrong_usage__is_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_schema__accepts_the_default_config(tmp_path: Path) -> None:
    import jsonschema

    schema = json.loads(run("mcp", "schema", cwd=tmp_path).stdout)
    default = Path(__file__).parents[1] / "mcp_servers.json"
    jsonschema.validate(json.loads(default.read_text()), schema)


def test_tools_list__has_tools_of_all_files_and_the_interpreter(here: Path) -> None:
    other = write(here / "other.json", clock=TIME)
    done = run("tools", "list", "--mcp", here / "mcp_servers.json", "--mcp", other, cwd=here)
    assert done.returncode == 0, done.stderr
    names = {line.split()[0] for line in done.stdout.splitlines()}
    assert {"code_interpreter", "time__convert_time", "clock__convert_time", "s__log"} <= names


def test_two_files_with_the_same_server_name__are_an_error(here: Path) -> None:
    other = write(here / "other.json", time=TIME)
    done = run("tools", "list", "--mcp", here / "mcp_servers.json", "--mcp", other, cwd=here)
    assert done.returncode == 1
    assert "server 'time' is in both" in done.stderr


def test_tools_call__starts_only_the_server_of_the_tool(here: Path) -> None:
    marker = here / "started"
    touch = {"command": "touch", "args": [str(marker)]}
    path = write(here / "mcp_servers.json", time=TIME, other=touch)
    arguments = '{"timezone": "Asia/Tokyo"}'
    done = run("tools", "call", "time__get_current_time", arguments, "--mcp", path, cwd=here)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["timezone"] == "Asia/Tokyo"
    assert not marker.exists()


def test_tools_call__error_is_exit_code_1_on_standard_error(here: Path) -> None:
    wrong = run("tools", "call", "time__get_current_time", "{}", cwd=here)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "'timezone' is a required property" in wrong.stderr
    unknown = run("tools", "call", "time__get_curent_time", cwd=here)
    assert unknown.returncode == 1
    assert 'Did you mean "time__get_current_time"?' in unknown.stderr


def test_tools_call__calls_the_interpreter_and_an_agents_own_tools(here: Path) -> None:
    one = run("tools", "call", "code_interpreter", '{"code": "6 * 7"}', cwd=here)
    assert one.returncode == 0, one.stderr
    assert "42" in one.stdout
    (here / "mine.py").write_text(
        "from qwen3_agent import Agent, tool\n"
        "@tool\ndef double(number: int) -> int:\n    '''Twice.'''\n    return 2 * number\n"
        "agent = Agent(tools=[double])\n"
    )
    two = run("tools", "call", "double", '{"number": 21}', "--agent", "mine.py", cwd=here)
    assert (two.returncode, two.stdout) == (0, "42\n")


def test_tools_call__saves_images_in_the_current_folder(here: Path) -> None:
    proper = {"command": sys.executable, "args": [str(TOOLS / "proper_mcp_server.py"), "stdio"]}
    path = write(here / "p.json", p=proper)
    done = run("tools", "call", "p__picture", "--mcp", path, cwd=here)
    assert "[image saved as picture.png: image/png, 70 bytes]" in done.stdout
    assert (here / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_resources_and_prompts__are_listed_and_printed(here: Path) -> None:
    assert "note://{day}" in run("mcp", "resources", "s", cwd=here).stdout
    assert run("mcp", "read", "s", "note://today", cwd=here).stdout == "at note://today\n"
    assert "greet  who how?  A greeting." in run("mcp", "prompts", "s", cwd=here).stdout
    done = run("mcp", "prompt", "s", "greet", "who=Ada", "how=Hi", cwd=here)
    assert done.stdout == "user: Hi, Ada!\n"
    wrong = run("mcp", "read", "x", "note://today", cwd=here)
    assert wrong.returncode == 1
    assert "no MCP server is named 'x'; the servers are: time, s" in wrong.stderr


def test_server_log__goes_to_a_file_and_not_to_the_terminal(here: Path) -> None:
    done = run("tools", "call", "s__log", "--verbose", cwd=here)
    assert done.stdout == "logged\n"
    assert "disk" not in done.stderr
    log = here / "state/qwen3-agent/mcp.log"
    assert "CRITICAL MCP server 's' says: the disk is full" in log.read_text()


def test_elicitation__asks_the_user_at_the_terminal(here: Path) -> None:
    """In a real pseudo-terminal: the form comes up, is filled in, and the server gets it."""
    primary, secondary = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "tools", "call", "s__fill_in"],
        cwd=here,
        env=os.environ | {"XDG_STATE_HOME": str(here / "state")},
        stdin=secondary,
        stdout=secondary,
        stderr=secondary,
        close_fds=True,
    )
    os.close(secondary)
    try:
        screen = b""
        for cue, typed in ((b"[Y/n]", b"\n"), (b"Your name", b"Ada\n"), (b"[3]", b"5\n")):
            screen += read_until(primary, cue)
            os.write(primary, typed)
        screen += read_until(primary, b'"size": 5')
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(primary)
    assert b"The MCP server s asks: Who?" in screen


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen = b""
    deadline = time.monotonic() + 60
    while wanted not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 4096)
    return seen
