"""A third party's source of tools, written from the docstring of ToolSource alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import call, events_of, scripted_model

from qwen3_agent import Agent, Runs, Tool, ToolSource, events, tool
from qwen3_agent.errors import ToolDefinitionError
from qwen3_agent.tools import RunResources

pytestmark = pytest.mark.anyio


class Notes(ToolSource):
    """Only `open` is defined."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        notes: list[str] = []

        @tool
        def note(text: str) -> str:
            """Write a note."""
            notes.append(text)
            return f"{len(notes)} notes"

        yield [note]


class Diary(Notes):
    """All of it is defined."""

    shared = True
    notices = ("The diary is locked.",)

    def __init__(self) -> None:
        self.bound: list[RunResources] = []

    def bind(self, resources: RunResources) -> Diary:
        self.bound.append(resources)
        return self

    def secrets(self) -> Sequence[str]:
        return ["open-sesame"]


async def test_source__with_open_alone_is_enough() -> None:
    agent = Agent(scripted_model(call("note", text="a"), "Done."), tools=[Notes()])
    assert [e.text for e in await events_of(agent) if isinstance(e, events.ToolCallFinished)] == [
        "1 notes"
    ]
    assert "tools: Notes" in repr(agent)


async def test_source__notices_model_and_secrets_reach_where_they_belong(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    diary, runs = Diary(), Runs(tmp_path_factory.mktemp("runs"))
    model = scripted_model(call("note", text="open-sesame"), "Done.")
    found = await events_of(Agent(model, tools=[diary], journal=runs))
    assert [e.text for e in found if isinstance(e, events.Notice)] == ["The diary is locked."]
    assert [each.model for each in diary.bound] == [model, None]
    assert all("open-sesame" not in path.read_text() for path in runs.folder.rglob("*.jsonl"))


async def test_source__open_that_cannot_be_entered_is_an_error() -> None:
    class Plain(ToolSource):
        def __init__(self, shared: bool) -> None:
            self.shared = shared

        def open(self) -> Any:
            return []

    for shared in (False, True):
        agent = Agent(scripted_model("Well."), tools=[Plain(shared)])
        with pytest.raises(ToolDefinitionError, match=r"^Plain: open\(\) must return an async con"):
            await agent.run("Go")
