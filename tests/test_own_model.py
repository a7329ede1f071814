"""A model of one's own: two classes, and everything that an agent does works with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripted import scripted_model

from qwen3_agent import Agent, Runs, tool
from qwen3_agent.journal.exports import chat_json
from qwen3_agent.messages import AssistantMessage, Content, Message, ToolCall, ToolResultMessage
from qwen3_agent.models.session import Model, ModelSession, SessionOptions
from qwen3_agent.result import ModelStep, Usage

pytestmark = pytest.mark.anyio


class Doubler(Model):
    """Calls `double` once, and then tells what it returned."""

    name = "doubler"

    def session(self, messages: Any = (), options: SessionOptions | None = None) -> ModelSession:
        return DoublerSession(messages, options or SessionOptions())


class DoublerSession(ModelSession):
    context_length = 4096

    async def step(self, plan: Any, **options: Any) -> ModelStep:
        last: Message = self.messages[-1]
        said: Content | ToolCall = ToolCall("double", {"number": 4})
        if isinstance(last, ToolResultMessage):
            said = Content(f"It is {last.text}.")
        self.add_message(AssistantMessage((said,)))
        return ModelStep((said,), "stop", Usage(10, 2))


@tool
def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


async def test_own_model__runs_is_recorded_resumed_and_exported(tmp_path: Path) -> None:
    agent = Agent(Doubler(), tools=[double], journal=tmp_path)
    async with agent.conversation() as conversation:
        assert (await conversation.run("Twice four?")).output == "It is 8."
        assert conversation.context_left < 4096
        await conversation.run("Again?")
        assert conversation.undo() == "Again?"
    async with agent.conversation(resume="latest") as conversation:
        await conversation.run("Once more?")
        messages = list(conversation.messages)
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "assistant"] * 2
    assert chat_json(Runs(tmp_path).read("latest"))["messages"] == messages


async def test_own_model__hands_a_conversation_to_another_model() -> None:
    there = scripted_model("Eight, it says.")
    async with Agent(Doubler(), tools=[double]).conversation() as conversation:
        await conversation.run("Twice four?")
        conversation.switch_model(there)
        assert (await conversation.run("Really?")).output == "Eight, it says."


async def test_own_model__has_the_name_of_its_class_without_one_of_its_own() -> None:
    class Nameless(Model):
        def session(self, messages: Any = (), options: Any = None) -> ModelSession:
            return DoublerSession(messages, options or SessionOptions())

    result = await Agent(Nameless(), tools=[double]).run("Twice four?")
    assert (result.model, result.output) == ("Nameless", "It is 8.")
    assert Doubler().name == "doubler"
