"""A conversation after a turn was stopped, and one whose last turn is taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from chat_server import ChatServer, chunk, hang, pieces, says
from scripted import ScriptedAgent, call

from qwen3_agent import Agent, events, tool
from qwen3_agent.messages import UNANSWERED
from qwen3_agent.models.chat_api.connect import connect

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"]),
]


@tool
async def wait_forever() -> None:
    """Never returns."""
    await anyio.sleep_forever()


async def stop_when(
    conversation: Any, text: str, is_time: Callable[[events.Event], bool]
) -> list[events.Event]:
    """Ask, and cancel the turn at the first event that is the right one."""
    seen: list[events.Event] = []
    async with conversation.stream(text) as stream:
        async for event in stream:
            seen.append(event)
            if is_time(event):
                return seen
    raise AssertionError(f"the turn ended before it was time: {seen}")


@pytest.mark.parametrize("keep_thoughts", [False, True])
async def test_a_call_that_was_stopped_is_answered_before_the_next_turn(
    keep_thoughts: bool,
) -> None:
    agent = ScriptedAgent(
        "Let me.\n" + call("wait_forever") + call("wait_forever"),
        "Well.",
        tools=[wait_forever],
        keep_thoughts=keep_thoughts,
        thinking="off",
    )
    async with agent.conversation() as conversation:
        await stop_when(conversation, "Wait", lambda e: isinstance(e, events.ToolCallStarted))
        result = await conversation.run("What happened?")
        roles = [message["role"] for message in conversation.messages]
    assert result.output == "Well."
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant"]
    last = agent.prompts_text[-1]
    assert last.count(f"<tool_response>\nError: {UNANSWERED}\n</tool_response>") == 2
    assert last.count("<|im_start|>") == last.count("<|im_end|>") + 1  # the one that it opens


@pytest.mark.parametrize("keep_thoughts", [False, True])
async def test_undo_leaves_the_prompt_as_if_the_turn_had_not_been(keep_thoughts: bool) -> None:
    script = ("<think>\nAda.\n</think>\n\nHello Ada.", "A lie.", "You are Ada.")
    agent = ScriptedAgent(*script, keep_thoughts=keep_thoughts)
    async with agent.conversation() as conversation:
        await conversation.run("I am Ada.")
        await conversation.run("Who am I?")
        assert conversation.undo() == "Who am I?"
        assert [message["role"] for message in conversation.messages] == ["user", "assistant"]
        result = await conversation.run("Who am I?")
    _, before, after = agent.prompts_text
    assert after == before
    assert ("Ada.\n</think>" in after) is keep_thoughts
    assert len(result.transcript.ids) == len(result.transcript.mask)


async def test_a_turn_that_was_stopped_in_a_thought_or_a_call_can_be_taken_back() -> None:
    script = ("<think>\nLet me see...", call("wait_forever"), "Hello.")
    agent = ScriptedAgent(*script, tools=[wait_forever])
    async with agent.conversation() as conversation:
        await stop_when(conversation, "One", lambda e: isinstance(e, events.ReasoningText))
        await stop_when(conversation, "Two", lambda e: isinstance(e, events.ToolCallStarted))
        assert (conversation.undo(), conversation.undo()) == ("Two", "One")
        assert conversation.messages == ()
        with pytest.raises(LookupError, match="no turn to undo"):
            conversation.undo()
        await conversation.run("One")
    first, _, last = agent.prompts_text
    assert last == first


async def test_undo_takes_a_soft_switch_back_too() -> None:
    agent = ScriptedAgent("One.", "Two.", thinking="on")
    async with agent.conversation() as conversation:
        result = await conversation.run("Hello /no_think")
        assert result.steps[0].thinking == "off"
        conversation.undo()
        result = await conversation.run("Hello")
    assert result.steps[0].thinking == "on"


async def test_undo_in_the_middle_of_a_turn_is_refused() -> None:
    agent = ScriptedAgent(call("wait_forever"), tools=[wait_forever])
    async with agent.conversation() as conversation, conversation.stream("One") as stream:
        await anext(stream)
        with pytest.raises(RuntimeError, match="one turn at a time"):
            conversation.undo()


async def test_thinking_can_be_changed_between_turns() -> None:
    agent = ScriptedAgent("One.", "Two.", "Three.", thinking="off")
    async with agent.conversation() as conversation:
        told = [(await conversation.run("Hello /no_think")).steps[0]]
        conversation.set_thinking(64)
        told.append((await conversation.run("Hello")).steps[0])
        conversation.set_thinking("off")
        told.append((await conversation.run("Hello")).steps[0])
        with pytest.raises(ValueError, match="thinking must be"):
            conversation.set_thinking("maybe")  # type: ignore[arg-type]
    assert [(step.thinking, step.budget) for step in told] == [
        ("off", None),
        ("on", 64),
        ("off", None),
    ]


async def test_a_chat_server_is_told_what_was_said_until_the_stop_and_not_what_was_undone() -> None:
    begun = pieces([b"data: " + json.dumps(chunk(content="Once upon")).encode() + b"\n\n"], hang)
    with ChatServer(begun, says({"content": "A king."}), says({"content": "A queen."})) as server:
        agent = Agent(connect(server.url, "scripted"), thinking="off")
        async with agent.conversation() as conversation:
            await stop_when(conversation, "A story", lambda e: isinstance(e, events.ContentText))
            await conversation.run("Of whom?")
            assert conversation.undo() == "Of whom?"
            await conversation.run("Of whom else?")
        await agent.model.aclose()  # type: ignore[union-attr]
        told = [[(m["role"], m["content"]) for m in body["messages"]] for body in server.requests]
    assert told[1] == [("user", "A story"), ("assistant", "Once upon"), ("user", "Of whom?")]
    assert told[2] == [*told[1][:2], ("user", "Of whom else?")]
