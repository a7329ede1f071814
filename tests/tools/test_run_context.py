"""The run that a tool sees as its first parameter."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from scripted import call, scripted_model

from qwen3_agent import Agent
from qwen3_tools import RunContext, Tool, Toolbox, ToolDefinitionError, tool
from qwen3_tools.context import call_context
from qwen3_tools.progress import Progress, progress_to

pytestmark = pytest.mark.anyio


@dataclass
class Shop:
    user: str


RUN = RunContext(Shop("Ada"), run_id="r1", call_id="0.0", work_folder=Path("/work"))


async def answer(tool: Tool, **arguments: Any) -> str:
    with call_context(RUN):
        return (await Toolbox([tool]).call(tool.name, arguments)).text


def plain(run: RunContext[Shop], text: str = "Hello") -> str:
    """Greet the user."""
    return f"{text}, {run.context.user}!"


async def awaited(run: "RunContext[Shop]", text: str = "Hello") -> str:  # noqa: UP037
    """Greet the user."""
    return plain(run, text)


def bare(run: RunContext, /, text: str = "Hello") -> str:  # type: ignore[type-arg]
    """Greet the user."""
    return plain(run, text)


def annotated(run: Annotated[RunContext[Shop], "ours"], text: str = "Hello") -> str:
    """Greet the user."""
    return plain(run, text)


class Greeter:
    def method(self, run: RunContext[Shop], text: str = "Hello") -> str:
        """Greet the user."""
        return plain(run, text)

    def __call__(self, run: RunContext[Shop], text: str = "Hello") -> str:
        """Greet the user."""
        return plain(run, text)


@pytest.mark.parametrize(
    "function",
    [
        plain,
        awaited,
        bare,
        annotated,
        Greeter().method,
        Greeter(),
        functools.partial(plain, text="Good morning"),
    ],
)
async def test_context__is_passed_and_is_not_in_the_schema(function: Any) -> None:
    made = tool(name="greet", description="Greet the user.")(function)
    assert list(made.parameters["properties"]) == ["text"]
    assert (await answer(made, text="Hi")) == "Hi, Ada!"
    assert "run: No such argument (the arguments are: text)" in await answer(made, run={})


async def test_context__can_be_described_in_the_docstring() -> None:
    def greet(run: RunContext[Shop], text: str) -> str:
        """Greet.

        Args:
            run: the run.
            text: the greeting.
        """
        return plain(run, text)

    assert tool(greet).parameters["properties"]["text"]["description"] == "the greeting."


async def test_context__has_ids_folder_and_progress() -> None:
    @tool
    def look(run: RunContext[Shop]) -> str:
        """Look."""
        run.report_progress(1, 2, "halfway")
        return f"{run.run_id} {run.call_id} {run.work_folder} {run.usage.output_tokens}"

    heard: list[Progress] = []
    with call_context(RUN), progress_to(heard.append):
        result = await Toolbox([look]).call("look", {})
    assert result.text == "r1 0.0 /work 0"
    assert heard == [Progress(1, 2, "halfway")]


async def test_context__outside_of_a_run_is_empty() -> None:
    @tool
    def look(run: RunContext[None]) -> str:
        """Look."""
        run.report_progress(1)
        return f"{run.context} {run.run_id}"

    assert (await look.run({})).text == "None None"


def test_context__elsewhere_than_first_is_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="'run' is a RunContext: make it the first"):

        @tool
        def greet(text: str, run: RunContext[Shop]) -> str:
            """Greet."""
            return plain(run, text)


def test_context__function_can_still_be_called() -> None:
    assert tool(plain)(RUN, "Hi") == "Hi, Ada!"


async def test_context__of_an_agent_reaches_its_tools_and_those_of_its_subagents() -> None:
    seen: list[RunContext[Shop]] = []

    @tool
    def look(run: RunContext[Shop]) -> str:
        """Look."""
        seen.append(run)
        return run.context.user

    below = Agent(scripted_model(call("look"), "Done."), tools=[look])
    tools: list[Any] = [look, below.as_tool("ask", "Ask it.")]
    agent = Agent(scripted_model(call("look"), call("ask", task="Look."), "Done."), tools=tools)
    await agent.run("Look twice.", context=Shop("Ada"))
    assert [run.context.user for run in seen] == ["Ada", "Ada"]
    assert seen[0].call_id == "0.0"
    assert seen[0].usage.output_tokens > 0
    assert seen[0].work_folder is not None


async def test_context__reaches_the_tools_of_each_task_of_a_map() -> None:
    @tool
    def owner(run: RunContext[str]) -> str:
        """The owner."""
        return run.context

    agent = Agent(scripted_model(call("owner"), "Done."), tools=[owner])
    (done,) = [each async for each in agent.map(["Whose?"], context="Ada")]
    assert done.result is not None
    assert done.result.calls[0].result == "Ada"
    assert [each.output for each in Agent(scripted_model("Yes.")).map_sync(["?"])] == ["Yes."]
