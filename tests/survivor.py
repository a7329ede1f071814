"""An agent for runs that are killed: five tools that write down when they begin and when they end.

What its model says depends on nothing but how many messages it has written already, so that a
resumed run has to come to the same end. `qwen3-agent run --agent tests/survivor.py go` runs it; the
tools write to the file that the environment variable SURVIVOR_LOG names,
and take as long as SURVIVOR_PAUSE says.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
from scripted import STOP, ScriptedEngine, bundled, call, encode

from qwen3_agent import Agent, tool
from qwen3_agent.engines.request import Chunk, GenerationRequest
from qwen3_agent.models.local import LocalModel
from qwen3_tools.tool import Tool

SCRIPT = (
    "<think>\nI look first.\n</think>\n\n" + call("look", at="door"),
    "Two at once.\n" + call("open_door", key=1) + "\n" + call("look", at="window"),
    "<tool_call>\n{no json}\n</tool_call>\n" + call("write_down", text="the door is open"),
    "<think>\nNow the rest.\n</think>\n\n" + call("send", to="Ada") + "\n" + call("pay", euro=3),
    call("pay", euro=4),
    "All five are done.",
)
PAUSE = float(os.environ.get("SURVIVOR_PAUSE", "0"))
"""Seconds that a tool takes, and ten tokens."""


class CountingEngine(ScriptedEngine):
    """Says the line that comes after as many messages as the prompt holds already."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        prompt = list(request.prompt_ids)
        opening = self.encode("<|im_start|>assistant\n")
        said = sum(prompt[at : at + len(opening)] == opening for at in range(len(prompt)))
        self.prompts = [[]] * (said - 1)
        async for chunk in super().generate(request):
            await anyio.sleep(PAUSE / 10)
            yield chunk


def note(what: str) -> None:
    """Write a line to the log, all of it or nothing."""
    log = os.open(os.environ["SURVIVOR_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{what}\n".encode())
    os.close(log)


def _slow(name: str) -> str:
    note(f"begin {name}")
    time.sleep(PAUSE)
    note(f"end {name}")
    return f"{name}: done"


@tool(read_only=True)
def look(at: str) -> str:
    """Look at something."""
    return _slow(f"look {at}")


@tool
def open_door(key: int) -> str:
    """Open the door."""
    return _slow(f"open_door {key}")


@tool
def write_down(text: str) -> str:
    """Write something down."""
    return _slow(f"write_down {text}")


@tool
def send(to: str) -> str:
    """Send a letter."""
    return _slow(f"send {to}")


@tool
def pay(euro: int) -> str:
    """Pay."""
    return _slow(f"pay {euro}")


TOOLS: list[Tool] = [look, open_door, write_down, send, pay]


def survivor(runs: Path | None = None) -> Agent:
    """The agent, journalling in `runs`."""
    _, chat_format = bundled()
    model = LocalModel(CountingEngine(SCRIPT, encode, STOP), chat_format, name="survivor")
    return Agent(model, tools=TOOLS, journal=runs or False)


def run_to_its_end(runs: Path, log: Path, resume: bool, pause: float) -> None:
    """Do all five, or go on with that."""
    global PAUSE
    PAUSE = pause
    os.environ["SURVIVOR_LOG"] = str(log)
    agent = survivor(runs)
    result = agent.resume_sync("latest") if resume else agent.run_sync("Do all five.")
    assert result.output == "All five are done."


agent = survivor()
