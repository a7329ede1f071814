"""`qwen3-agent.toml`: which file counts, what is in it, and what is said of a wrong one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qwen3_agent import Limits, Tool, ToolResult
from qwen3_agent.cli.config.agent_options import AgentOptions
from qwen3_agent.cli.config.build import build_agent
from qwen3_agent.cli.config.saved_approvals import save_approval, saved_file
from qwen3_agent.cli.config.settings import SettingsError, load_settings, user_file
from qwen3_agent.cli.config.trusted_folders import trust
from qwen3_agent.errors import Qwen3AgentError
from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.mcp import MCPServers

COMMAND = Path(sys.executable).with_name("qwen3-agent")


def the_user_says(text: str) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text(text)


def the_project_says(text: str) -> None:
    Path("qwen3-agent.toml").write_text(text)


def built(agent: str | None = None, **options: Any) -> Any:
    """The agent that `qwen3-agent run` would run."""
    return build_agent(AgentOptions(**{"agent": agent, "no_mcp": True} | options))


def decision(name: str, agent: Any, *, requires_approval: bool = True) -> str:
    async def run(arguments: dict[str, Any]) -> ToolResult:
        raise AssertionError("only decided on")

    return agent.spec.approvals.decide(Tool(name, "", {}, run, requires_approval=requires_approval))  # type: ignore[no-any-return]


def test_project_file__overrides_the_users_which_overrides_the_defaults(project: Path) -> None:
    the_user_says("think = 'off'\nthink_total = 9\nlimits = {steps = 7, seconds = 8}\n")
    the_project_says("think = 256\n[limits]\nsteps = 5\n")
    settings = load_settings()
    assert [
        settings[key] for key in ("think", "think_total", "limits.steps", "limits.seconds")
    ] == [
        256,
        9,
        5,
        8,
    ]
    assert settings["limits.tokens"] is None
    agent = built()
    assert agent.spec.limits == Limits(steps=5, seconds=8)
    assert (agent.spec.thinking.first, agent.spec.thinking.total) == (256, 9)


def test_options__override_a_toml_agent_which_overrides_the_project(
    project: Path,
) -> None:
    the_project_says('think = "off"\nmodel = "qwen3-tiny"\n[limits]\nsteps = 5\n')
    Path("analyst.toml").write_text('instructions = "You analyze."\n[limits]\nsteps = 3\n')
    agent = built("analyst.toml", think="on")
    assert (agent.spec.instructions, agent.spec.limits.steps) == ("You analyze.", 3)
    assert (agent.spec.thinking, agent.spec.model) == ("on", "qwen3-tiny")
    assert built("analyst.toml", max_steps=2).spec.limits.steps == 2


def test_python_agent__keeps_its_own_options_and_takes_the_rest_from_files(
    project: Path,
) -> None:
    the_project_says("think = 64\nmodel = 'qwen3-tiny'\n[limits]\nsteps = 5\n")
    Path("own.py").write_text(
        "from qwen3_agent import Agent, Limits\nagent = Agent(limits=Limits(steps=9))\n"
    )
    agent = built("own.py")
    assert (agent.spec.model, agent.spec.limits.steps, agent.tools) == ("qwen3-tiny", 9, ())
    assert agent.spec.thinking == 64


def test_toml_agent__has_the_interpreter_functions_and_servers_that_it_names(
    project: Path,
) -> None:
    inner = project / "agents"
    inner.mkdir()
    (inner / "rates.py").write_text(
        'def rate(base: str) -> float:\n    """A rate."""\n    return 1\n'
    )
    (inner / "servers.json").write_text('{"mcpServers": {"clock": {"command": "mcp-server-time"}}}')
    (inner / "analyst.toml").write_text(
        'mcp = ["servers.json"]\nwork_dir = "work"\n'
        "[tools]\nfunctions = ['rates.py:rate']\ncode_interpreter = {timeout = 5}\n"
    )
    function, interpreter, servers = sorted(
        built("agents/analyst.toml", no_mcp=False).tools,
        key=lambda each: type(each).__name__ != "Tool",
    )
    assert function.name == "rate"
    assert isinstance(servers, MCPServers)
    assert list(servers.config.servers) == ["clock"]
    assert interpreter.arguments["work_dir"] == str(inner / "work")
    assert interpreter.arguments["timeout"] == 5
    Path("qwen3-agent.toml").write_text("mcp = []\n[tools]\ncode_interpreter = false\n")
    (only_servers,) = built(no_mcp=False).tools
    assert list(only_servers.config.servers) == []


def test_engine__comes_from_files_unless_a_server_runs_the_model(project: Path) -> None:
    the_user_says('engine = "vllm"\nhub = "modelscope"\n')
    the_project_says("[engine_options]\nmax_model_len = 8192\n")
    agent = built()
    assert (agent.spec.engine, agent.spec.engine_options, agent.spec.hub) == (
        "vllm",
        {"max_model_len": 8192},
        "modelscope",
    )
    served = built(base_url="http://localhost:8000/v1")
    assert (served.spec.engine, served.spec.engine_options) == ("auto", {})
    Path("own.py").write_text("from qwen3_agent import Agent\nagent = Agent()\n")
    assert built("own.py").spec.engine == "vllm"


def test_denial_of_any_file__is_lifted_only_by_an_option(project: Path) -> None:
    the_user_says('[approvals]\ndeny = ["*__delete"]\nask = ["files__*"]\n')
    the_project_says('[approvals]\nallow = ["files__*"]\ndefault = "deny"\n')
    trust(project)
    agent = built()
    assert [decision(name, agent) for name in ("files__delete", "files__put", "x")] == [
        "deny",
        "allow",
        "deny",
    ]

    assert decision("files__delete", built(allow=["files__delete"])) == "allow"


def test_saved_approval__applies_in_its_folder_only_and_not_over_a_denial(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built().spec.approvals.save("files__put")
    save_approval(project, "files__put")
    save_approval(project, "files__delete")
    assert json.loads(saved_file().read_text()) == {str(project): ["files__put", "files__delete"]}
    the_project_says('[approvals]\nask = ["*"]\ndeny = ["*__delete"]\n')
    assert decision("files__put", built()) == "allow"
    assert decision("files__get", built()) == "ask"
    assert decision("files__delete", built()) == "deny"
    monkeypatch.chdir(project.parent)
    assert decision("files__put", built()) == "ask"
    saved_file().write_text("{")
    with pytest.raises(Qwen3AgentError, match=r"approvals.json must be .*[Rr]emove it"):
        built()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model = ", "qwen3-agent.toml is not valid TOML: Invalid value (at"),
        (
            "modle = 'x'",
            "qwen3-agent.toml:1: unknown setting 'modle'; did you mean 'model'?",
        ),
        (
            "\n[limits]\nstep = 3",
            "qwen3-agent.toml:3: limits: unknown setting 'step'; did",
        ),
        ("[limits]\nsteps = 0", "limits: steps must be more than 0, not 0."),
        ("[limits]\nsteps = 'x'", "limits.steps: Input should be a valid integer"),
        ("think = 'maybe'", "qwen3-agent.toml:1: think: Input should be 'auto', 'on' or 'off'"),
        ("[approvals]\nallow = ['a', 'b:c']", "qwen3-agent.toml:2: approvals.allow.1: 'b:c' is no"),
        ("[approvals]\ndefault = 'yes'", "qwen3-agent.toml:2: approvals.default: Input should be"),
        (
            "[tools.code_interpreter]\ntimeout = 0",
            "qwen3-agent.toml:2: tools.code_interpreter.timeout",
        ),
        (
            "[tools]\nfunctions = ['x']",
            "qwen3-agent.toml:2: tools.functions.0: String should match",
        ),
        (
            "[engine_options]\nmax_model_len = 0",
            ":1: engine_options: Engine option max_model_len=0: input should",
        ),
        ("mcp = 'x.json'", "qwen3-agent.toml:1: mcp: Input should be a valid list"),
    ],
)
def test_invalid_file__is_reported_with_line_and_key(project: Path, text: str, says: str) -> None:
    the_project_says(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert says in str(caught.value)


def test_config__shows_each_value_and_its_source(project: Path) -> None:
    the_user_says('think = "off"\n[approvals]\ndeny = ["*__delete"]\n')
    the_project_says('[limits]\nsteps = 5\n[approvals]\ndeny = ["shell"]\n')
    save_approval(project, "files__put")
    shown = subprocess.run([COMMAND, "config"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in shown.splitlines()]
    assert ["think", '"off"', str(user_file())] in rows
    assert ["limits.steps", "5", "qwen3-agent.toml"] in rows
    assert ["limits.seconds", "default"] in rows
    assert ["approvals.deny", '["shell"]', "qwen3-agent.toml"] in rows
    assert ["approvals.deny", '["*__delete"]', str(user_file())] in rows
    assert ["approvals.saved", '["files__put"]', str(saved_file())] in rows
    done = subprocess.run([COMMAND, "config", "--json"], capture_output=True, check=True)
    assert {"key": "think", "value": "off", "source": str(user_file())} in json.loads(done.stdout)


def test_no_file__is_the_default_agent(project: Path) -> None:
    agent = built(no_mcp=False)
    interpreter, servers = agent.tools
    assert isinstance(interpreter, CodeInterpreter)
    assert list(servers.config.servers) == ["time", "fetch"]
    assert (agent.spec.model, agent.spec.limits, agent.spec.thinking) == (None, Limits(), None)
