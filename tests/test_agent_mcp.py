"""Agents and MCP: the files of a run, progress, a model that is lent, and an agent as a server."""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from scripted import call, scripted_model

from qwen3_agent import (
    Agent,
    CodeInterpreter,
    Limits,
    ToolResult,
    events,
    mcp_servers,
    serve_mcp,
    tool,
)
from qwen3_tools.artifacts import save_artifact
from qwen3_tools.progress import report_progress

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
TOOLS = Path(__file__).parent / "tools"
PROPER = {"command": sys.executable, "args": [str(TOOLS / "proper_mcp_server.py"), "stdio"]}
ASKING = {"command": sys.executable, "args": ["-I", str(TOOLS / "asking_mcp_server.py")]}
SERVED = str(Path(__file__).parent / "served_agent.py")


def servers(**entries: dict[str, Any]) -> Any:
    """Servers whose tools run unasked."""
    trusted = {name: {"trust": True} | entry for name, entry in entries.items()}
    return mcp_servers({"mcpServers": trusted})


async def results_of(agent: Agent, task: str = "Go on") -> list[events.ToolCallFinished]:
    async with agent.stream(task) as stream:
        return [each async for each in stream if isinstance(each, events.ToolCallFinished)]


async def test_what_an_mcp_server_sends_is_where_the_code_interpreter_works() -> None:
    agent = Agent(
        scripted_model(
            call("s__picture"),
            call("code_interpreter", code="import os; os.path.getsize('picture.png')"),
            "Done.",
        ),
        tools=[servers(s=PROPER), CodeInterpreter()],
    )
    picture, size = await results_of(agent)
    assert picture.text == "[image saved as picture.png: image/png, 70 bytes]"
    assert "70" in size.text


async def test_a_long_result_of_any_tool_is_saved_whole_for_the_code_interpreter() -> None:
    @tool
    async def page() -> str:
        """Much text."""
        return "word " * 10_000

    agent = Agent(
        scripted_model(
            call("page"),
            call("code_interpreter", code="len(open('page.txt').read())"),
            "Done.",
            context_length=20_000,
        ),
        tools=[page, CodeInterpreter()],
    )
    cut, length = await results_of(agent)
    assert "the whole text is in page.txt" in cut.text
    assert "50000" in length.text


async def test_each_run_has_a_folder_of_its_own_though_runs_share_tools() -> None:
    seen: list[Path] = []

    @tool
    async def save() -> ToolResult:
        """Save something."""
        path = save_artifact("a.txt", b"a")
        assert path is not None
        seen.append(path)
        return ToolResult("saved", files=(path,))

    agent = Agent(scripted_model(call("save"), "One.", call("save"), "Two."), tools=[save])
    await agent.run("Once")
    await agent.run("Again")
    assert [path.name for path in seen] == ["a.txt", "a.txt"]
    assert seen[0].parent != seen[1].parent
    assert not seen[0].parent.exists()


@both_backends
async def test_what_a_tool_says_of_its_progress_is_an_event() -> None:
    @tool
    def climb() -> str:
        """In a thread."""
        report_progress(1, 2, "halfway")
        return "up"

    agent = Agent(
        scripted_model(call("climb"), call("s__progress"), "Done."),
        tools=[climb, servers(s=ASKING)],
    )
    async with agent.stream("Climb") as stream:
        told = [each async for each in stream if isinstance(each, events.ToolCallProgress)]
    assert [(each.name, each.done, each.total, each.message) for each in told] == [
        ("climb", 1, 2, "halfway"),
        ("s__progress", 1, 2, "half"),
        ("s__progress", 2, 2, "half"),
    ]


class Willing:
    async def fill_in(self, server: str, message: str, schema: dict[str, Any]) -> None: ...

    async def open_page(self, server: str, message: str, url: str) -> bool:
        return False

    async def confirm(self, server: str, question: str) -> bool:
        return True


@both_backends
async def test_a_server_that_asks_for_a_model_gets_the_agents_own() -> None:
    asking = mcp_servers({"mcpServers": {"s": ASKING | {"trust": True}}}, user=Willing())
    model = scripted_model(call("s__sample"), "Hi from the model.", "Done.")
    [result] = await results_of(Agent(model, tools=[asking]))
    answer = json.loads(result.text)
    assert answer["content"]["text"] == "Hi from the model."
    assert answer["model"] == "scripted"


async def test_the_next_conversation_has_the_tools_of_an_edited_config(tmp_path: Path) -> None:
    path = tmp_path / "mcp_servers.json"
    path.write_text(json.dumps({"mcpServers": {"s": ASKING}}))
    async with Agent(scripted_model("One.", "Two."), tools=[mcp_servers(path)]) as agent:
        before = await tools_of(agent)
        path.write_text(json.dumps({"mcpServers": {"s": ASKING | {"includeTools": ["log"]}}}))
        with anyio.fail_after(20):
            while (now := await tools_of(agent)) == before:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        # There was no moment in between in which the server had no tools.
        assert now == {"s__log"}


async def tools_of(agent: Agent) -> set[str]:
    async with agent.conversation() as conversation:
        return {tool.name for tool in conversation.tools}


async def test_a_running_conversation_reaches_the_server_that_took_the_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mcp_servers.json"
    path.write_text(json.dumps({"mcpServers": {"s": ASKING}}))
    async with mcp_servers(path) as running, running.open() as tools:
        [log] = [each for each in tools if each.name == "s__log"]
        before = running.config
        path.write_text(json.dumps({"mcpServers": {"s": ASKING | {"callTimeout": 9}}}))
        with anyio.fail_after(20):
            while running.config is before:  # noqa: ASYNC110
                await anyio.sleep(0.05)
            assert (await log.run({})).text == "logged"


def test_servers_through_the_sync_door_from_any_thread() -> None:
    model = scripted_model(*[call("s__log"), "Done."] * 3)
    agent = Agent(model, tools=[servers(s=ASKING)])
    assert agent.run_sync("Log").output == "Done."
    with agent:
        outputs = [agent.run_sync("Log").output]
        thread = threading.Thread(target=lambda: outputs.append(agent.run_sync("Log").output))
        thread.start()
        thread.join()
    assert outputs == ["Done.", "Done."]


@both_backends
async def test_a_cancelled_run_cancels_its_call_on_the_wire_and_the_next_run_works(
    tmp_path: Path,
) -> None:
    told = tmp_path / "told"
    broken = str(TOOLS / "broken_mcp_server.py")
    entry = {"command": sys.executable, "args": ["-I", broken, "never_answers_calls"]}
    model = scripted_model(call("s__hang"), call("s__act"), "Done.")
    async with Agent(model, tools=[servers(s=entry | {"env": {"CALLS": str(told)}})]) as agent:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(agent.run, "Hang")
            await until_it_says(told, "called\n")
            tasks.cancel_scope.cancel()
        await until_it_says(told, "called\ncancelled\n")
        [result] = await results_of(agent)
    assert result.text == "fine"


async def until_it_says(path: Path, text: str) -> None:
    """Wait for what another process writes."""

    def says() -> bool:
        return path.exists() and path.read_text() == text

    with anyio.fail_after(20):
        while not says():  # noqa: ASYNC110
            await anyio.sleep(0.02)


# An agent as an MCP server


async def test_an_agent_is_served_over_standard_input_and_output() -> None:
    served = {"command": sys.executable, "args": [SERVED]}
    async with servers(helper=served) as running:
        [offered] = running.tools
        assert offered.name == "helper__agent"
        assert offered.parameters["required"] == ["task"]
        answer = await running.call("helper__agent", {"task": "Say it"})
        assert (answer.text, answer.is_error) == ("Four.", False)
        limited = await running.call("helper__agent", {"task": "Never ends"})
        assert limited.is_error
        assert limited.text == "The run reached its limit of 3 steps."
        empty = await running.call("helper__agent", {"task": " "})
        assert "say what to do" in empty.text


async def test_an_agent_is_served_over_http_and_tells_its_steps() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    @tool
    async def double(number: int) -> int:
        """Twice."""
        return 2 * number

    agent = Agent(
        scripted_model(call("double", number=2), "Four."), tools=[double], limits=Limits(steps=3)
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve_mcp(agent, name="adder", port=port))
        await listening(port)
        outer = Agent(
            scripted_model(call("s__adder", task="Twice two?"), "It says four."),
            tools=[servers(s={"url": f"http://127.0.0.1:{port}/mcp"})],
        )
        async with outer.stream("Ask it") as stream:
            seen = [each async for each in stream]
        tasks.cancel_scope.cancel()
    told = [each.message for each in seen if isinstance(each, events.ToolCallProgress)]
    assert told == ["step 1", "calling double", "step 2"]
    [answer] = [each for each in seen if isinstance(each, events.ToolCallFinished)]
    assert answer.text == "Four."


async def listening(port: int) -> None:
    with anyio.fail_after(20):
        while True:
            try:
                await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
                return
            except OSError:
                await anyio.sleep(0.05)
