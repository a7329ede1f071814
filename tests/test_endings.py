"""A run that goes wrong ends well: within its limits, with what it has, and it says why."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from chat_server import ChatServer
from chat_server import hang as silence
from scripted import (
    ScriptedAgent,
    call,
    double,
    doubles,
    encode,
    events_of,
    result_of,
    scripted_model,
)

from qwen3_agent import Agent, Limits, ToolError, events, mcp_servers, tool
from qwen3_agent.errors import LimitExceededError, PromptTooLongError
from qwen3_agent.models.chat_api.connect import connect
from qwen3_tools.progress import report_progress

pytestmark = pytest.mark.anyio


@tool
async def hang() -> None:
    """Never returns."""
    await anyio.sleep_forever()


def agent_that_says(
    *script: str, tools: Sequence[Any] = (double,), **options: Any
) -> ScriptedAgent:
    return ScriptedAgent(*script, tools=tools, **options)


# The last step ------------------------------------------------------------------------------------


async def test_at_a_limit_the_model_answers_with_what_it_has() -> None:
    agent = agent_that_says(*doubles(1, 2), "Two and four.", limits=Limits(steps=2))
    seen = await events_of(agent, "Double 1, 2 and 3")
    result = result_of(seen)
    assert result.output == "Two and four."
    assert result.limit == "steps"
    assert result.to_json()["limit"] == "steps"
    assert [step.thinking for step in result.steps] == ["on", "on", "off"]
    [hit] = [event for event in seen if isinstance(event, events.LimitHit)]
    assert hit.text == "The run reached its limit of 2 steps."
    assert hit.text in agent.prompts_text[-1]
    assert "No tool can be called any more." in agent.prompts_text[-1]


async def test_a_run_that_answers_by_itself_has_reached_no_limit() -> None:
    agent = agent_that_says(*doubles(1), "Two.", limits=Limits(steps=2))
    result = await agent.run("Double 1")
    assert result.limit is None
    assert result.to_json()["limit"] is None


async def test_the_last_step_stays_on_the_same_prefix() -> None:
    agent = agent_that_says(*doubles(1), "Two.", limits=Limits(steps=1))
    result = await agent.run("Double 1")
    before, after = agent.engine.prompts
    sampled = next(s.ids for s in result.transcript.segments if s.kind == "sampled")
    assert after[: len(before) + len(sampled)] == [*before, *sampled]
    assert "</tool_response><|im_end|>\n<|im_start|>user\n" in agent.prompts_text[-1]


async def test_the_last_step_ends_where_a_call_would_begin() -> None:
    said = "Two, I think.\n" + call("double", number=9)
    agent = agent_that_says(*doubles(1), said, limits=Limits(steps=1))
    result = await agent.run("Double 1")
    assert result.output == "Two, I think."
    assert result.steps[-1].tool_calls == ()


async def test_a_last_step_without_an_answer_is_a_limit_reached() -> None:
    agent = agent_that_says(*doubles(1, 2), limits=Limits(steps=1))
    with pytest.raises(LimitExceededError, match=r"limit of 1 step\.") as caught:
        await agent.run("Double 1")
    assert caught.value.limit == "steps"
    assert len(caught.value.result.steps) == 2


async def test_the_conversation_goes_on_after_a_limit() -> None:
    agent = agent_that_says(*doubles(1), "Two.", "Four.", limits=Limits(steps=1))
    async with agent.conversation() as conversation:
        await conversation.run("Double 1")
        assert (await conversation.run("And 2?")).output == "Four."


# Tokens, thinking tokens, calls -------------------------------------------------------------------


async def test_an_answer_that_is_cut_off_is_the_answer() -> None:
    agent = agent_that_says("one two three...", limits=Limits(tokens=20))
    result = await agent.run("Count")
    assert result.output.startswith("one two three")
    assert (result.limit, result.usage.output_tokens) == ("tokens", 20)


async def test_tokens_are_kept_for_the_last_step_and_the_limit_holds() -> None:
    cost = len(encode(call("double", number=1))) + 1
    limits = Limits(tokens=2 * cost + cost // 4)
    agent = agent_that_says(*doubles(1, 2), "Two and four, and so on...", limits=limits)
    result = await agent.run("Double 1 and 2")
    assert result.output.startswith("Two and")
    assert (result.limit, result.usage.output_tokens) == ("tokens", limits.tokens)


async def test_a_thought_leaves_tokens_for_the_answer() -> None:
    agent = agent_that_says(
        "<think>\nand so on and on...", "Enough.", limits=Limits(tokens=1024), thinking="on"
    )
    result = await agent.run("Think")
    assert result.output == "Enough."
    [report] = result.steps
    assert report.closed_by_force
    assert report.usage.thinking_tokens <= 1024 - 1024 // 8
    assert result.limit is None


async def test_a_thought_does_not_fill_the_context() -> None:
    agent = agent_that_says("<think>\nand so on and on...", "Enough.", thinking="on")
    result = await agent.run("Think")
    assert result.output == "Enough."
    assert len(result.transcript) < 4096


async def test_thinking_tokens_are_a_limit() -> None:
    agent = agent_that_says(
        "<think>\nand so on and on...",
        call("double", number=1),
        "Two.",
        limits=Limits(thinking_tokens=50),
        thinking="on",
    )
    result = await agent.run("Double 1")
    assert (result.output, result.limit) == ("Two.", "thinking_tokens")
    assert result.usage.thinking_tokens == 50


async def test_no_more_calls_are_made_than_the_limit_allows() -> None:
    made = []

    @tool
    async def note(text: str) -> str:
        """Note something."""
        made.append(text)
        return "noted"

    three = "\n".join(call("note", text=text) for text in "abc")
    agent = agent_that_says(three, "Noted a and b.", tools=[note], limits=Limits(calls=2))
    result = await agent.run("Note a, b and c")
    assert sorted(made) == ["a", "b"]
    assert (result.output, result.limit) == ("Noted a and b.", "calls")
    assert "The call was not made: no more tool calls are allowed" in agent.prompts_text[-1]


# Going round in circles ---------------------------------------------------------------------------


async def test_the_same_call_again_and_again_is_told_once_and_then_ends_the_run() -> None:
    agent = agent_that_says(*doubles(1, 1, 1, 1), "Two, as I said.")
    result = await agent.run("Double 1")
    assert (result.output, result.limit) == ("Two, as I said.", "repeated_calls")
    assert len(result.steps) == 5
    told = [text for text in tool_results(agent) if "You have made this very call 3 times" in text]
    assert len(told) == 1


async def test_it_fails_where_that_is_asked_for() -> None:
    agent = agent_that_says(*doubles(1, 1, 1, 1), limits=Limits(at_limit="fail"))
    with pytest.raises(
        LimitExceededError, match=r"the same call 4 times with the same result"
    ) as caught:
        await agent.run("Double 1")
    assert caught.value.limit == "repeated_calls"


async def test_a_circle_of_several_calls_is_one_too() -> None:
    agent = agent_that_says(*doubles(1, 2, 1, 2, 1, 2, 1), "Two and four.")
    result = await agent.run("Double 1 and 2")
    assert result.limit == "repeated_calls"
    assert result.output == "Two and four."


async def test_the_same_error_again_and_again_is_a_circle() -> None:
    @tool
    async def fails() -> None:
        """Never works."""
        raise ToolError("It rains.")

    agent = agent_that_says(*[call("fails")] * 4, "It rains.", tools=[fails])
    assert (await agent.run("Try")).limit == "repeated_calls"


async def test_a_call_whose_result_changes_is_no_circle() -> None:
    tries = 0

    @tool
    async def ready() -> str:
        """Whether it is ready."""
        nonlocal tries
        tries += 1
        return f"{tries * 10} %"

    agent = agent_that_says(*[call("ready")] * 6, "Ready.", tools=[ready])
    result = await agent.run("Wait")
    assert (result.output, result.limit) == ("Ready.", None)
    assert not any("very call" in text for text in tool_results(agent))


async def test_the_same_test_after_each_change_is_no_circle() -> None:
    script = []
    for number in range(5):
        script += [call("double", number=number), call("double", number=100)]
    agent = agent_that_says(*script, "Done.", limits=Limits(steps=30))
    assert (await agent.run("Go on")).limit is None


async def test_a_long_result_that_is_saved_each_time_is_the_same_result() -> None:
    @tool
    async def page() -> str:
        """A long page."""
        return "word " * 5000

    model = scripted_model(*[call("page")] * 4, "Words.", context_length=100_000)
    result = await Agent(model, tools=[page]).run("Read")
    assert result.limit == "repeated_calls"
    assert len(set(result.files)) == 1


def tool_results(agent: ScriptedAgent) -> list[str]:
    pieces = agent.prompts_text[-1].split("<tool_response>\n")[1:]
    return [piece.split("\n</tool_response>")[0] for piece in pieces]


# Time ---------------------------------------------------------------------------------------------


async def test_a_tool_that_never_returns_is_stopped_and_the_model_answers() -> None:
    agent = agent_that_says(
        "Wait.\n" + call("hang") + "\n" + call("double", number=2),
        "Four; the other did not come.",
        tools=[hang, double],
        limits=Limits(seconds=2),
    )
    started = time.monotonic()
    seen = await events_of(agent, "Both")
    assert time.monotonic() - started < 10
    result = result_of(seen)
    assert (result.output, result.limit) == ("Four; the other did not come.", "seconds")
    assert result.seconds < 2
    hung, doubled = tool_results(agent)
    assert "the call was stopped before it answered" in hung
    assert doubled == "4"
    [hit] = [event for event in seen if isinstance(event, events.LimitHit)]
    assert hit.text == "The run reached its limit of 2 seconds while it waited for hang."


async def test_what_a_step_has_written_when_it_is_stopped_counts() -> None:
    agent = ScriptedAgent("Word by word...", "So far, word by word...", limits=Limits(seconds=1))
    agent.engine.stalls_after = 20
    with pytest.raises(LimitExceededError, match="while it waited for the model") as caught:
        await agent.run("Go")
    first, last = caught.value.result.steps
    assert (first.finish, first.usage.output_tokens) == ("cut", 20)
    assert last.finish == "cut"
    assert caught.value.result.seconds < 5


async def test_a_plain_function_that_never_returns_holds_nothing() -> None:
    release = threading.Event()

    @tool(timeout=0.3)
    def stuck() -> None:
        """Never returns."""
        release.wait()

    agent = agent_that_says(call("stuck"), "It did not come.", tools=[stuck])
    try:
        started = time.monotonic()
        result = await agent.run("Try")
        assert time.monotonic() - started < 10
    finally:
        release.set()
    assert result.output == "It did not come."
    assert "stuck did not answer within 0.3 seconds" in agent.prompts_text[-1]


@pytest.mark.command
async def test_a_stuck_thread_does_not_hold_the_end_of_the_process(tmp_path: Path) -> None:
    program = tmp_path / "stuck.py"
    program.write_text(
        "import time\n"
        "from scripted import call, scripted_model\n"
        "from qwen3_agent import Agent, tool\n"
        "@tool(timeout=0.3)\n"
        "def stuck() -> None:\n"
        "    time.sleep(600)\n"
        "agent = Agent(scripted_model(call('stuck'), 'It did not come.'), tools=[stuck])\n"
        "print(agent.run_sync('Try').output)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    with anyio.fail_after(120):
        done = await anyio.run_process([sys.executable, str(program)], env=environment, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"It did not come.\n", b"", 0)


# Servers that never answer, and everything at once -------------------------------------------


def servers_that_never_answer() -> Any:
    entry = {"command": sys.executable, "args": [str(SILENT_SERVER)], "autoApprove": ["*"]}
    return mcp_servers({"mcpServers": {"silent": entry}})


SILENT_SERVER = Path(__file__).parent / "tools" / "silent_mcp_server.py"


@pytest.mark.servers
async def test_an_mcp_server_that_never_answers() -> None:
    agent = agent_that_says(
        call("silent__wait"),
        "The server did not answer.",
        tools=[servers_that_never_answer()],
        limits=Limits(seconds=3),
    )
    async with agent:
        result = await agent.run("Try")
    assert (result.output, result.limit) == ("The server did not answer.", "seconds")
    assert result.seconds < 3


async def test_a_chat_server_that_never_answers() -> None:
    with ChatServer(silence) as server:
        model = connect(server.url, "scripted")
        with pytest.raises(LimitExceededError, match="2 seconds while it waited for the model"):
            await Agent(model, limits=Limits(seconds=2)).run("Try")
        await model.aclose()


@pytest.mark.servers
async def test_a_tool_a_server_and_the_engine_at_once() -> None:
    @tool
    def stuck() -> None:
        """Never returns."""
        release.wait()

    release = threading.Event()
    calls = "\n".join([call("stuck"), call("hang"), call("silent__wait")])
    agent = agent_that_says(
        calls,
        "So far, word by word...",
        tools=[stuck, hang, servers_that_never_answer()],
        limits=Limits(seconds=4),
    )
    agent.engine.stalls_after = len(encode(calls)) + 1
    async with agent:
        started = time.monotonic()
        try:
            with pytest.raises(LimitExceededError) as caught:
                await agent.run("All of it")
        finally:
            release.set()
        assert time.monotonic() - started < 4 + 5  # the bound is 4; the rest is a busy machine
    assert str(caught.value) == (
        "The run reached its limit of 4 seconds while it waited for stuck, hang, silent__wait "
        "and the model."
    )


@pytest.mark.servers
async def test_a_cancellation_arrives_within_a_second() -> None:
    @tool
    def stuck() -> None:
        """Never returns."""
        release.wait()

    release = threading.Event()
    names = ("stuck", "hang", "silent__wait")
    agent = agent_that_says(*map(call, names), tools=[stuck, hang, servers_that_never_answer()])
    seconds = {}
    async with agent:
        for name in names:
            async with agent.stream("Try") as stream:
                async for event in stream:
                    if isinstance(event, events.ToolCallStarted):
                        break
                started = time.monotonic()
            seconds[name] = time.monotonic() - started
    release.set()
    assert max(seconds.values()) < 1, seconds


async def test_what_was_cut_off_in_one_turn_does_not_count_in_the_next() -> None:
    agent = ScriptedAgent("Word by word...", limits=Limits(seconds=0.5, at_limit="fail"))
    agent.engine.stalls_after = 5
    async with agent.conversation() as talk:
        with pytest.raises(LimitExceededError):
            await talk.run("Go")
        seen: list[str] = []
        with pytest.raises(PromptTooLongError):  # noqa: PT012 - raised by the iteration
            async for event in talk.stream("word " * 5000):
                seen.append(event.type)
    assert seen == ["run_started", "step_started"]


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_plain_function_reports_and_returns_on_trio_too() -> None:
    @tool
    def count(number: int) -> int:
        """Count."""
        report_progress(1, number)
        return number

    agent = agent_that_says(call("count", number=3), "Three.", tools=[count])
    seen = [event async for event in agent.stream("Count to 3")]
    assert any(isinstance(event, events.ToolCallProgress) for event in seen)
    assert tool_results(agent) == ["3"]
