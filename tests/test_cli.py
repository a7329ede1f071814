"""The command line before a model comes into it: help, wrong usage, files that cannot be used."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qwen3_agent import Thinking
from qwen3_agent.cli.config.settings_agent import thinking_of
from qwen3_agent.cli.outcome import exit_code_of
from qwen3_agent.errors import ModelNotFoundError, Qwen3AgentError
from qwen3_agent.models.choose import resolve
from qwen3_tools.state import state_folder

pytestmark = pytest.mark.command

COMMAND = Path(sys.executable).with_name("qwen3-agent")


def qwen3_agent(
    *arguments: str | bytes, stdin: bytes = b"", cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, *arguments], input=stdin, cwd=cwd, capture_output=True, timeout=120
    )


def test_help__uses_little_cpu_time() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = qwen3_agent("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert b"run" in done.stdout
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert used < 0.3, f"{used:.2f} s of CPU"


@pytest.mark.parametrize("group", [[], ["mcp"], ["runs"], ["tools"]])
def test_help_of_groups__cuts_off_no_description(group: list[str]) -> None:
    done = subprocess.run(
        [COMMAND, *group, "--help"], capture_output=True, env=os.environ | {"COLUMNS": "80"}
    )
    assert b"..." not in done.stdout.partition(b"Commands:")[2]


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", ""]])
def test_help_and_wrong_usage__import_no_heavy_package(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['qwen3-agent', *{arguments!r}]\n"
        "try:\n    from qwen3_agent.cli import main; main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'mcp', 'httpx2', 'jinja2', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stderr.splitlines()[-1] == b"[]"


def test_python_dash_m__is_the_same_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "qwen3_agent", "--version"], capture_output=True, check=True
    )
    assert done.stdout == qwen3_agent("--version").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run"], "TASK"),
        (["run", "  \n"], "empty"),
        (["run", b"\xff\xfe"], "not valid UTF-8"),
        (
            ["run", "hello", "--think", "maybe"],
            "expected auto, on, off or a number of tokens, not 'maybe'",
        ),
        (["run", "hello", "--think", "off", "--think-total", "9"], "cannot be used together"),
        (["run", "hello", "--max-steps", "0"], "--max-steps"),
        (["run", "hello", "--timeout", "0"], "--timeout"),
        (["run", "hello", "--timeout", "nan"], "--timeout"),
        (["run", "hello", "--mcp", "nowhere.json"], "nowhere.json"),
        (["run", "hello", "--agent", "nowhere.py"], "there is no file nowhere.py"),
        (["run", "hello", "--agent", "agent.txt"], "FILE.py:name"),
        (["run", "hello", "--agent", "agent.py:a-b"], "FILE.py:name"),
        (["run", "hello", "--json", "--quiet"], "cannot be used together"),
        (["run", "hello", "--base-url", "localhost:8000"], "expected e.g. http://localhost"),
        (["run", "hello", "--no-such-option"], "--no-such-option"),
        (["tools", "call", "f", "{"], "not valid JSON: Expecting property name"),
        (["tools", "call", "f", "[" * 100_000], "not valid JSON: nested too deeply"),
        (["walk", "hello"], "walk"),
    ],
)
def test_wrong_usage__is_one_sentence_and_exit_code_2(
    arguments: list[str | bytes], says: str
) -> None:
    done = qwen3_agent(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    last = done.stderr.decode().strip().splitlines()[-1]
    assert says in last
    assert b"Traceback" not in done.stderr


def test_task_on_standard_input__empty_or_not_utf_8__is_wrong_usage() -> None:
    for garbage, says in ((b" \n", b"empty"), (b"\xff\xfe\x00", b"not valid UTF-8")):
        done = qwen3_agent("run", "-", stdin=garbage)
        assert done.returncode == 2
        assert says in done.stderr


@pytest.mark.parametrize(
    ("source", "spec", "says"),
    [
        ("agent = 1", "agent.py", "agent is of type int, not Agent"),
        ("x = 1", "agent.py:helper", "agent.py defines no helper"),
        ("import no_such_module", "agent.py", "agent.py:1: ModuleNotFoundError"),
        ("x = 1\nprint(y)", "agent.py", "agent.py:2: NameError: name 'y'"),
        ("x = 1\ndef f(:\n", "agent.py", "agent.py:2: "),
        ("raise SystemExit(3)", "agent.py", "agent.py:1: SystemExit: 3"),
        (
            "from qwen3_agent import tool\n\n@tool\ndef f(*args): ...\n",
            "agent.py",
            "agent.py:3: ToolDefinitionError: ",
        ),
    ],
)
def test_invalid_agent_file__is_one_sentence_with_file_and_line(
    tmp_path: Path, source: str, spec: str, says: str
) -> None:
    (tmp_path / "agent.py").write_text(source)
    done = qwen3_agent("run", "hello", "--agent", spec, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == b""
    (sentence,) = done.stderr.decode().splitlines()
    assert sentence.startswith("Error: ")
    assert says in sentence


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ('{"mcpServers": {\n  "time": {"command": "x",}\n}}', "mcp_servers.json:2: not valid JSON"),
        ("[]", "mcp_servers.json:1: must be an object"),
        ('{"mcpServers": {\n\n"time": {"cmd": "x"}}}', "mcp_servers.json:3: server 'time'"),
        ("[" * 100_000, "mcp_servers.json: not valid JSON: nested too deeply"),
        ("1" * 5_000, "mcp_servers.json: not valid JSON: a number is too long"),
    ],
)
def test_invalid_mcp_config__is_one_sentence_with_file_and_line(
    tmp_path: Path, config: str, says: str
) -> None:
    (tmp_path / "mcp_servers.json").write_text(config)
    done = qwen3_agent("run", "hello", cwd=tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.decode().splitlines()
    assert sentence.startswith(f"Error: {says}")


def test_unknown_model__is_reported_before_anything_starts(tmp_path: Path) -> None:
    done = qwen3_agent("run", "hello", "--model", "nowhere", cwd=tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.decode().splitlines()
    assert "'nowhere'" in sentence
    assert "Qwen/Qwen3-4B" in sentence


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("~nobody-here/model", "There is no model '~nobody-here/model'"),
        ("a" * 300, "cannot be read: File name too long."),
    ],
)
def test_model_with_an_impossible_file_name__is_reported(name: str, says: str) -> None:
    with pytest.raises(ModelNotFoundError, match=says):
        resolve(name)


def test_verbose__adds_the_traceback(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text("1 / 0")
    done = qwen3_agent("run", "hello", "--agent", "agent.py", "-v", cwd=tmp_path)
    assert b"Traceback" in done.stderr
    assert b"ZeroDivisionError" in done.stderr.splitlines()[-1]


def shell(command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[bytes]:
    environ = {**os.environ, "XDG_STATE_HOME": str(cwd / "state"), **environ}
    line = ["sh", "-c", f'command="{COMMAND}"; {command}']
    return subprocess.run(line, cwd=cwd, env=environ, capture_output=True, timeout=120)


@pytest.mark.parametrize("arguments", ["--help", "--version", "mcp schema", "config"])
def test_full_disk_behind_standard_output__is_reported(arguments: str, tmp_path: Path) -> None:
    done = shell(f"$command {arguments} > /dev/full", tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.decode().splitlines()
    assert re.fullmatch("Error: .*: No space left on device.", sentence)


def test_reader_that_exits_early__is_not_an_error(tmp_path: Path) -> None:
    done = shell("$command mcp schema | head -n 1", tmp_path)
    assert (done.stdout, done.stderr) == (b"{\n", b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_standard_streams__command_works_and_no_file_takes_their_place(
    closed: str, tmp_path: Path
) -> None:
    (tmp_path / "mcp_servers.json").write_text('{"mcpServers": {}}')
    done = shell(f"$command runs list {closed}", tmp_path)
    assert done.returncode == 0
    assert b"Error" not in done.stderr
    numbers = "import os, sys; from qwen3_agent.cli import _open_closed_streams as repair; repair()"
    script = f"{numbers}; sys.exit(os.open('there', os.O_CREAT) < 3)"
    done = shell(f'{sys.executable} -c "{script}" {closed}', tmp_path)
    assert done.returncode == 0, done.stderr


def test_deleted_current_directory__is_reported(tmp_path: Path) -> None:
    done = shell("mkdir gone && cd gone && rmdir ../gone && $command config", tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"Error: The current directory was deleted; change to another one.\n"


def test_file_that_cannot_be_opened__is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_of(lambda: len(Path("/no/such").read_text()), verbose=False) == 1
    said = "Error: The operating system reported: No such file or directory: /no/such.\n"
    assert capsys.readouterr().err == said


def test_missing_home_folder__is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(Qwen3AgentError, match="set HOME or XDG_STATE_HOME"):
        state_folder()


def test_closed_standard_output__prints_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([COMMAND, "--help"], stdout=write, stderr=subprocess.PIPE, timeout=60)
    os.close(write)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("defined", "mode", "total", "meant"),
    [
        (None, None, None, None),
        ("off", None, None, "off"),
        ("off", 200, None, 200),
        (None, "adaptive", 300, Thinking.adaptive(total=300)),
        (None, None, 300, Thinking("on", total=300)),
        ("off", 100, 300, Thinking(100, total=300)),
        (Thinking(50, after_tool=20), None, 300, Thinking(50, after_tool=20, total=300)),
    ],
)
def test_thinking_options__change_the_agents_policy(
    defined: Any, mode: Any, total: int | None, meant: Any
) -> None:
    assert thinking_of(defined, mode, total) == meant


def test_think_total__does_not_apply_to_a_custom_policy() -> None:
    with pytest.raises(Qwen3AgentError, match="policy"):
        thinking_of(lambda state: "on", None, 300)
