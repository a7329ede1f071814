"""Many tasks over one agent, and agents as tools of agents."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import anyio
import pytest
from scripted import ScriptedEngine, call, double, events_of, scripted_model

from qwen3_agent import Agent, LimitExceededError, Limits, tool
from qwen3_agent.errors import ToolDefinitionError
from qwen3_agent.events import (
    Event,
    RunFinished,
    StepFinished,
    SubagentEvent,
    ToolCallFinished,
)
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.tools import Toolbox

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def demo() -> LocalModel:
    return LocalModel.load(DEMO_FOLDER)


def calling(name: str, answer: str, **arguments: object) -> tuple[str, str]:
    return f"<think>\n\n</think>\n\n{call(name, **arguments)}", answer


# --- map ------------------------------------------------------------------------------------------


@pytest.mark.model
async def test_each_task_gets_its_outcome_and_a_failure_is_that_tasks_own(demo: LocalModel) -> None:
    tasks = ["Hello!", " ", "Thanks a lot!", "Good night."]
    outcomes = {each.index: each async for each in Agent(demo).map(tasks, concurrency=2)}
    assert [outcomes[index].task for index in range(4)] == tasks
    assert [outcomes[index].error is None for index in range(4)] == [True, False, True, True]
    assert "Hello" in outcomes[0].output
    assert "welcome" in outcomes[2].output
    with pytest.raises(ValueError, match="The task is empty"):
        _ = outcomes[1].output


@pytest.mark.model
def test_map_has_a_sync_door(demo: LocalModel) -> None:
    assert sorted(each.index for each in Agent(demo).map_sync(["Hello!", "Bye!"])) == [0, 1]


async def test_no_more_than_concurrency_tasks_are_worked_on_at_a_time() -> None:
    running = peak = 0

    @tool
    async def work() -> str:
        """Takes a moment."""
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        await anyio.sleep(0.02)
        running -= 1
        return "done"

    model = scripted_model(*[call("work")] * 2, *["Done.", call("work")] * 4, *["Done."] * 2)
    async for outcome in Agent(model, tools=[work]).map(["Go."] * 6, concurrency=2):
        assert outcome.error is None
    assert peak == 2


@pytest.mark.model
async def test_what_goes_wrong_with_the_tasks_themselves_is_raised(demo: LocalModel) -> None:
    def tasks() -> Iterator[str]:
        yield "Hello!"
        raise OSError("the file of tasks cannot be read")

    with pytest.raises(OSError, match="cannot be read"):
        [each async for each in Agent(demo).map(tasks())]


async def test_a_map_that_is_left_early_ends_its_runs() -> None:
    started: list[int] = []
    ended: list[int] = []
    all_started = anyio.Event()

    @tool
    async def wait(number: int) -> str:
        """Never answers."""
        started.append(number)
        if len(started) == 3:
            all_started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append(number)
        return ""

    model = scripted_model("Hello.", *[calling("wait", "", number=1)[0]] * 3)
    async with Agent(model, tools=[wait]).map(["a", "b", "c", "d"], concurrency=4) as outcomes:
        first = await anext(outcomes)
        assert first.output == "Hello."
        with anyio.fail_after(10):
            await all_started.wait()
    assert len(ended) == 3


@pytest.mark.model
def test_a_concurrency_of_none_is_an_error(demo: LocalModel) -> None:
    with pytest.raises(ValueError, match="concurrency must be 1 or more, not 0"):
        Agent(demo).map([], concurrency=0)


# --- as_tool --------------------------------------------------------------------------------------


async def test_an_agent_answers_another_and_its_events_are_told_nested() -> None:
    inner = Agent(scripted_model(*calling("double", "It is 42.", number=21)), tools=[double])
    outer = Agent(
        scripted_model(*calling("mathematician", "42, I am told.", task="Twice 21?")),
        tools=[inner.as_tool("mathematician", "Computes.")],
    )
    events = await events_of(outer, "What is twice 21?")
    nested = [each for each in events if isinstance(each, SubagentEvent)]
    assert {each.name for each in nested} == {"mathematician"}
    assert [e.event.text for e in nested if isinstance(e.event, ToolCallFinished)] == ["42"]
    assert [e.text for e in events if isinstance(e, ToolCallFinished)] == ["It is 42."]
    assert nested[0].to_json()["event"]["type"] == "run_started"


@pytest.mark.model
async def test_an_agent_without_a_model_works_with_its_callers(demo: LocalModel) -> None:
    outer = Agent(demo, tools=[Agent().as_tool("greeter", "Greets.")])
    async with outer, outer.conversation() as conversation:
        toolbox = Toolbox(conversation.tools)
        result = await toolbox.call("greeter", {"task": "Hello!"})
    assert "Hello" in result.text


async def test_what_a_called_agent_samples_counts_for_its_caller() -> None:
    def outer(limits: Limits | None) -> Agent:
        inner = Agent(scripted_model("One two three."))
        model = scripted_model(*calling("talker", "Done.", task="Talk."))
        return Agent(model, tools=[inner.as_tool("talker", "Talks.")], limits=limits)

    events = await events_of(outer(None), "Let it talk.")
    reports = [e.report for e in map(innermost, events) if isinstance(e, StepFinished)]
    all_tokens = sum(report.usage.output_tokens for report in reports)
    assert len(reports) == 3
    await outer(Limits(tokens=all_tokens)).run("Let it talk.")
    with pytest.raises(LimitExceededError):
        await outer(Limits(tokens=all_tokens - 1, at_limit="fail")).run("Let it talk.")


def innermost(event: Event) -> Event:
    return innermost(event.event) if isinstance(event, SubagentEvent) else event


async def test_a_called_agent_is_held_to_what_its_caller_has_left() -> None:
    inner = Agent(scripted_model("word..."))
    model = scripted_model(*calling("talker", "It stopped.", task="Talk."))
    outer = Agent(model, tools=[inner.as_tool("talker", "Talks.")], limits=Limits(tokens=100))
    told = await events_of(outer, "Let it talk.")
    finished = told[-1]
    assert isinstance(finished, RunFinished)
    assert (finished.result.output, finished.result.limit) == ("It stopped.", "tokens")
    nested = [each.event for each in told if isinstance(each, SubagentEvent)]
    sampled = sum(e.report.usage.output_tokens for e in nested if isinstance(e, StepFinished))
    assert 0 < sampled < 100


async def test_the_limit_of_a_called_agent_is_an_error_for_the_caller() -> None:
    looping = [calling("double", "", number=n)[0] for n in range(5)]
    inner = Agent(scripted_model(*looping), tools=[double], limits=Limits(steps=2, at_limit="fail"))
    outer = Agent(
        scripted_model(*calling("looper", "It failed.", task="Go.")),
        tools=[inner.as_tool("looper", "Loops.")],
    )
    events = await events_of(outer, "Go.")
    [finished] = [each for each in events if isinstance(each, ToolCallFinished)]
    assert finished.is_error
    assert "limit of 2 steps" in finished.text


async def test_cancelling_the_caller_cancels_the_called() -> None:
    left = anyio.Event()

    @tool
    async def wait() -> str:
        """Never answers."""
        try:
            await anyio.sleep_forever()
        finally:
            left.set()
        return ""

    inner = Agent(scripted_model(*calling("wait", "")), tools=[wait])
    outer = Agent(
        scripted_model(*calling("waiter", "", task="Wait.")),
        tools=[inner.as_tool("waiter", "Waits.")],
        limits=Limits(seconds=0.5, at_limit="fail"),
    )
    with pytest.raises(LimitExceededError):
        await outer.run("Wait.")
    assert left.is_set()
    gc.collect()


async def test_a_picture_of_the_called_agent_reaches_its_caller(tmp_path: object) -> None:
    from qwen3_tools.artifacts import save_artifact
    from qwen3_tools.tool import Tool, ToolResult

    async def draw(arguments: dict[str, object]) -> ToolResult:
        path = save_artifact("plot.png", b"picture")
        assert path is not None
        return ToolResult("plot.png", files=(path,))

    plot = Tool("plot", "Draws.", {"type": "object", "properties": {}}, draw)
    inner = Agent(scripted_model(*calling("plot", "Drawn.")), tools=[plot])
    outer = Agent(
        scripted_model(*calling("artist", "Here it is.", task="Draw.")),
        tools=[inner.as_tool("artist", "Draws.")],
    )
    async with outer.conversation() as conversation:
        result = await conversation.run("Draw.")
        [file] = result.files
        assert file.read_bytes() == b"picture"


def test_a_name_that_no_tool_can_have_is_told_at_once() -> None:
    with pytest.raises(ToolDefinitionError):
        Agent().as_tool("not a name", "")


def test_scripted_engines_are_closed_by_nobody_but_their_owner() -> None:
    model = scripted_model("Hi.")
    Agent(scripted_model("x"), tools=[Agent(model).as_tool("a", "A.")]).run_sync("Hello")
    assert isinstance(model.engine, ScriptedEngine)
    assert not model.engine.closed
