"""`run --work-dir` and `--upload`, and an interpreter that a warm agent has ready."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from scripted import call, scripted_model

from qwen3_agent import Agent, CodeInterpreter, events
from qwen3_agent.cli.config.work_folder import with_work_folder
from qwen3_agent.errors import Qwen3AgentError
from qwen3_tools import Tool, ToolSource

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]


async def result_of(code: str, tools: Sequence[Tool | ToolSource]) -> str:
    """What the interpreter answered to a model that ran `code`."""
    model = scripted_model(call("code_interpreter", code=code), "Done.")
    return await first_result(Agent(model, tools=tools))


async def first_result(agent: Agent) -> str:
    async with agent.stream("Go on") as stream:
        found = [each.text async for each in stream if isinstance(each, events.ToolCallFinished)]
    return found[0]


async def test_uploads_are_where_the_code_runs_and_its_files_stay(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("6,7")
    tools = with_work_folder([CodeInterpreter()], tmp_path / "work", [tmp_path / "table.csv"])
    code = "a, b = open('table.csv').read().split(',')\nopen('out.txt', 'w').write(a * 2)"
    await result_of(code, tools)
    assert (tmp_path / "work" / "out.txt").read_text() == "66"
    assert (tmp_path / "work" / "table.csv").read_text() == "6,7"


async def test_uploads_need_no_work_dir_and_leave_the_users_interpreter_as_it_was(
    tmp_path: Path,
) -> None:
    (tmp_path / "table.csv").write_text("6,7")
    given = CodeInterpreter(max_output_chars=30)
    tools = with_work_folder([given], None, [tmp_path / "table.csv"])
    said = await result_of("print('x' * 100, open('table.csv').read())", tools)
    assert "characters left out" in said
    assert "6,7" in said
    assert "[]" in await result_of("os.listdir()", [given])


def test_without_the_options_nothing_changes() -> None:
    interpreter = CodeInterpreter()
    assert with_work_folder([interpreter], None, []) == [interpreter]


def test_upload__without_interpreter_or_with_a_name_twice__is_an_error() -> None:
    with pytest.raises(Qwen3AgentError, match="this agent does not have"):
        with_work_folder([], Path("here"), [])
    with pytest.raises(Qwen3AgentError, match=r"Two uploads are named a\.csv"):
        with_work_folder([CodeInterpreter()], None, [Path("x/a.csv"), Path("y/a.csv")])


@pytest.mark.parametrize("option", ["--upload", "--work-dir"])
def test_a_path_that_cannot_be_used_is_wrong_usage(option: str, tmp_path: Path) -> None:
    wrong = tmp_path / "nowhere.csv" if option == "--upload" else Path(__file__)
    command = Path(sys.executable).with_name("qwen3-agent")
    done = subprocess.run([command, "run", "hi", option, str(wrong)], capture_output=True)
    assert done.returncode == 2
    assert option.encode() in done.stderr


async def test_a_warm_agent_starts_an_interpreter_ahead() -> None:
    interpreter = CodeInterpreter(preload=["colorsys"])
    code = "import sys; 'ready' if 'colorsys' in sys.modules else 'late'"
    model = scripted_model(*[call("code_interpreter", code=code), "Done."] * 2)
    async with Agent(model, tools=[interpreter]) as agent:
        for _ in range(2):
            assert "'ready'" in await first_result(agent)
