"""The tools of one conversation: no call of a model's may ever raise."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import pytest

from qwen3_tools import Toolbox, ToolDefinitionError, ToolError, ToolResult, tool

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@tool
async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


async def test_it_calls_by_name() -> None:
    assert await Toolbox([add]).call("add", {"a": 1, "b": 2}) == ToolResult("3", structured=3)


async def test_schemas_keep_the_order_in_which_tools_were_given() -> None:
    async def other() -> None: ...

    names = ["zeta", "alpha", "mid"]
    toolbox = Toolbox([tool(name=name)(other) for name in names])
    assert [schema["function"]["name"] for schema in toolbox.schemas()] == names


async def test_an_unknown_tool_is_answered_with_those_there_are() -> None:
    assert await Toolbox([add]).call("ad", {}) == ToolResult(
        'There is no tool named "ad". Did you mean "add"? The tools are: add.', is_error=True
    )
    assert (await Toolbox([]).call("x", {})).text == (
        'There is no tool named "x". There are no tools.'
    )


async def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="two tools are named 'add'"):
        Toolbox([add, add])


async def test_a_call_that_takes_too_long_is_stopped() -> None:
    stopped = anyio.Event()

    @tool(timeout=0.05)
    async def slow() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    assert await Toolbox([slow]).call("slow", {}) == ToolResult(
        "slow did not answer within 0.05 seconds and was stopped.", is_error=True
    )
    assert stopped.is_set()


async def test_a_blocking_function_does_not_outlast_its_timeout() -> None:
    import threading

    release = threading.Event()

    @tool(timeout=0.05)
    def stuck() -> None:
        release.wait(10)

    with anyio.fail_after(5):
        result = await Toolbox([stuck]).call("stuck", {})
    release.set()
    assert result.is_error


async def test_a_timeout_of_the_tools_own_is_told_from_ours() -> None:
    @tool(timeout=30)
    async def own() -> None:
        raise TimeoutError("the station did not answer")

    result = await Toolbox([own]).call("own", {})
    assert result.text == "own failed: TimeoutError: the station did not answer"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such\n  currency"), "ValueError: no such currency"),
        (KeyError(), "KeyError."),
        (
            FileNotFoundError(2, "No such file", "/home/me/secret/data.csv"),
            "FileNotFoundError: [Errno 2] No such file: 'data.csv'",
        ),
        (
            ValueError("GET https://example.com/a/b?c=/d failed, see ~/logs/x.txt"),
            "ValueError: GET https://example.com/a/b?c=/d failed, see x.txt",
        ),
        (ExceptionGroup("tasks", [ValueError("inner")]), "ValueError: inner"),
    ],
)
async def test_an_exception_is_logged_whole_and_told_without_traces_or_folders(
    error: Exception, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    @tool
    async def fails() -> None:
        raise error

    with caplog.at_level(logging.ERROR, logger="qwen3_tools"):
        result = await Toolbox([fails]).call("fails", {})
    assert result == ToolResult(f"fails failed: {text}", is_error=True)
    assert "Traceback" in caplog.text


async def test_a_tool_error_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    @tool
    async def refuses() -> None:
        raise ToolError("Give a city.")

    assert (await Toolbox([refuses]).call("refuses", {})).text == "Give a city."
    assert not caplog.records


async def test_cancellation_arrives() -> None:
    @tool
    async def slow() -> None:
        await anyio.sleep_forever()

    with anyio.move_on_after(0.05) as scope:
        await Toolbox([slow]).call("slow", {})
    assert scope.cancelled_caught


async def test_calls_may_run_at_once() -> None:
    both = anyio.Event()
    waiting: list[Any] = []

    @tool
    async def meet(name: str) -> str:
        waiting.append(name)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return name

    toolbox = Toolbox([meet])
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(toolbox.call, "meet", {"name": "a"})
            tasks.start_soon(toolbox.call, "meet", {"name": "b"})
    assert sorted(waiting) == ["a", "b"]
