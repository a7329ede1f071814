"""Files that version 0.1 wrote are read: journals, settings, trusted folders, saved approvals.

The files in `fixtures/journals-0.1` were written by that version with scripted models, and only
paths and ids were replaced.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, says
from scripted import scripted_model

from qwen3_agent import Agent, Runs, tool
from qwen3_agent.cli.config.agent_options import AgentOptions
from qwen3_agent.cli.config.build import build_agent
from qwen3_agent.cli.config.saved_approvals import saved_approvals
from qwen3_agent.cli.config.settings import load_settings
from qwen3_agent.cli.config.trusted_folders import trusts
from qwen3_agent.journal.exports import chat_json, training_records
from qwen3_agent.journal.resume import UNKNOWN
from qwen3_agent.messages import AssistantMessage, MalformedCall, ToolResultMessage

pytestmark = pytest.mark.anyio

OLD = Path(__file__).parent / "fixtures" / "journals-0.1"
COMMAND = Path(sys.executable).with_name("qwen3-agent")
RUNS = ("local", "server", "compacted", "killed")


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"Sunny in {city}."


@tool
def book(room: str) -> str:
    """Book a room."""
    return f"{room} is booked."


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A copy of the old runs, which a test may go on with."""
    folder = tmp_path / "runs"
    for name in RUNS:
        shutil.copytree(OLD / name, folder / name)
    return folder


def command(*arguments: str, runs: Path) -> str:
    done = subprocess.run(
        [COMMAND, *arguments, "--runs", str(runs)],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"XDG_STATE_HOME": str(runs.parent / "state")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def chat_of(runs: Path, name: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = chat_json(Runs(runs).read(name))["messages"]
    return messages


@pytest.mark.command
def test_old_journals__are_listed_shown_and_exported(runs: Path) -> None:
    listed = command("runs", "list", runs=runs)
    assert all(f"{name} " in listed for name in RUNS)
    shown = {name: command("runs", "show", name, runs=runs) for name in RUNS}
    assert "It rains." in shown["local"]
    assert "Sunny in Rome." in shown["server"]
    assert "undone" in shown["compacted"]
    assert "unfinished" in shown["killed"]
    for name in RUNS:
        page = runs.parent / f"{name}.html"
        command("runs", "show", name, "--html", "-o", str(page), runs=runs)
        assert "<html" in page.read_text("utf-8")
        assert json.loads(command("runs", "export", name, "--as", "otlp", runs=runs))
        assert json.loads(command("runs", "export", name, "--as", "chat", runs=runs))


def test_old_journal__keeps_each_result_with_its_own_call(runs: Path) -> None:
    _, asked, said, failed, malformed, answer = chat_of(runs, "local")
    assert (asked["role"], answer["content"]) == ("user", "It rains.")
    assert said["reasoning_content"] == "I ask twice."
    assert failed["tool_call_id"] == said["tool_calls"][0]["id"]
    assert failed["content"] == "Error: It rains."
    assert malformed["role"] == "user"
    assert "The tool call is not valid JSON" in malformed["content"]


def test_old_journal_of_a_chat_server__keeps_ids_and_malformed_calls(runs: Path) -> None:
    run = Runs(runs).read("server")
    said, *results = run.messages[1:4]
    assert isinstance(said, AssistantMessage)
    assert [isinstance(call, MalformedCall) for call in said.calls] == [False, True]
    assert said.call_ids == ("a", None)
    assert [each.is_error for each in results if isinstance(each, ToolResultMessage)] == [
        False,
        True,
    ]
    with_thought = [step.parts[0].text for turn in run.turns for step in turn.steps[:1]]  # type: ignore[union-attr]
    assert with_thought[0] == "I ask."


def test_old_journal__knows_every_token_and_who_wrote_it(runs: Path) -> None:
    for name in ("local", "compacted", "killed"):
        for record in training_records(Runs(runs).read(name)):
            assert len(record["input_ids"]) == len(record["mask"])
            assert any(record["mask"])


async def test_old_journal_of_a_killed_run__is_resumed(runs: Path) -> None:
    agent = Agent(scripted_model("So be it."), tools=[book], journal=runs, thinking="off")
    result = await agent.resume("killed")
    assert result.output == "So be it."
    model: Any = agent.model
    (prompt,) = model.engine.prompts
    assert result.transcript.ids[: len(prompt)] == prompt
    assert f"<tool_response>\nError: {UNKNOWN}\n</tool_response>" in model.chat_format.decode(
        prompt
    )
    assert "Ada is booked." in model.chat_format.decode(prompt)


async def test_old_journal_of_an_answered_run__gives_its_answer(runs: Path) -> None:
    result = await Agent(scripted_model(), tools=[weather], journal=runs).resume("local")
    assert result.output == "It rains."


async def test_old_conversation__goes_on_where_it_was(runs: Path) -> None:
    agent = Agent(scripted_model("Five."), tools=[weather], journal=runs, thinking="off")
    async with agent.conversation(resume="compacted") as conversation:
        before = list(conversation.messages)
        assert before[-1]["content"] == "Three."
        await conversation.run("Fifth")
    model: Any = agent.model
    prompt = model.prompts_text[0]
    assert prompt.count("They told stories.") == 1
    assert "Fourth" not in prompt
    assert [turn.status for turn in Runs(runs).read("compacted").turns] == [
        "answered",
        "answered",
        "answered",
        "undone",
        "answered",
    ]


async def test_old_conversation_with_a_chat_server__sends_what_it_sent_before(runs: Path) -> None:
    told: list[dict[str, Any]] = []
    for line in (runs / "server" / "journal.jsonl").read_text("utf-8").splitlines():
        if ledger := json.loads(line).get("ledger"):
            told = told[: ledger["kept"][1]] + ledger["messages"]
    with ChatServer(says({"content": "Sure."})) as server:
        agent = Agent(base_url=server.url, tools=[weather], journal=runs)
        async with agent.conversation(resume="server") as conversation:
            await conversation.run("Sure?")
        sent = server.requests[-1]["messages"]
    assert sent == [*told, {"role": "user", "content": "Sure?"}]


def test_old_settings__are_read(project: Path) -> None:
    shutil.copy(OLD / "qwen3-agent.toml", project)
    state = project.parent / "state" / "qwen3-agent"
    state.mkdir(parents=True)
    for file in (OLD / "state").iterdir():
        text = file.read_text("utf-8").replace("/home/ada/project", str(project.resolve()))
        (state / file.name).write_text(text, "utf-8")
    assert trusts(project)
    assert saved_approvals(project) == ["notes__put", "weather"]
    settings = load_settings()
    assert settings["limits.steps"] == 5
    assert settings["approvals.allow"] == ["files__*"]
    agent = build_agent(AgentOptions(no_mcp=True))
    assert (agent.spec.limits.tokens, agent.spec.limits.at_limit) == (4000, "fail")
    assert agent.spec.instructions == "Be brief."
