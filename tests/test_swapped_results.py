"""Each result stays with its own call, whichever model or program is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from chat_server import ChatServer, says
from scripted import call, scripted_model

from qwen3_agent import Agent, Runs, tool
from qwen3_agent.errors import ToolError
from qwen3_agent.journal.exports import chat_json
from qwen3_agent.models.chat_api.connect import connect

pytestmark = pytest.mark.anyio

MALFORMED = "<tool_call>\n{no}\n</tool_call>\n"


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    if city == "Atlantis":
        raise ToolError("It rains.")
    return f"Sunny in {city}."


def answers(messages: list[dict[str, Any]]) -> dict[str, str]:
    """What each call of the first step was answered, by its city, or by "malformed"."""
    places = {
        each["id"]: each["function"]["arguments"].split('"')[3]
        for each in messages[1]["tool_calls"]
    }
    found = {}
    for message in messages[2 : 2 + len(places) + 1]:
        if message["role"] == "tool":
            found[places[message["tool_call_id"]]] = message["content"]
        else:
            assert message["content"].startswith("<tool_response>\n")
            found["malformed"] = message["content"].split("\n")[1]
    return found


FAILS = call("weather", city="Atlantis") + "\n"
WORKS = call("weather", city="Rome") + "\n"


@pytest.mark.parametrize(
    "said",
    [
        FAILS + MALFORMED,
        MALFORMED + FAILS,
        FAILS + MALFORMED + WORKS,
        WORKS + MALFORMED + FAILS,
    ],
)
async def test_results_beside_a_malformed_call__stay_with_their_own_call(
    tmp_path: Path, said: str
) -> None:
    agent = Agent(scripted_model(said, "So."), tools=[weather], journal=tmp_path)
    with ChatServer(says({"content": "Well."})) as server:
        there = await anyio.to_thread.run_sync(connect, server.url)
        async with agent.conversation() as conversation:
            await conversation.run("How is the weather?")
            conversation.switch_model(there)
            await conversation.run("Really?")
        sent = server.requests[-1]["messages"]
        await there.aclose()
    exported = chat_json(Runs(tmp_path).read("latest"))["messages"]
    for messages in (exported, sent):
        found = answers(messages)
        assert found["Atlantis"] == "Error: It rains."
        assert found["malformed"].startswith("Error: The tool call is not valid JSON")
        assert found.get("Rome", "Sunny in Rome.") == "Sunny in Rome."


async def test_results_in_an_export_of_a_run_by_one_model__stay_with_their_own_call(
    tmp_path: Path,
) -> None:
    agent = Agent(scripted_model(FAILS + MALFORMED, "So."), tools=[weather], journal=tmp_path)
    await agent.run("How is the weather?")
    found = answers(chat_json(Runs(tmp_path).read("latest"))["messages"])
    assert found["Atlantis"] == "Error: It rains."
    assert found["malformed"].startswith("Error: The tool call is not valid JSON")
