"""What an agent costs by itself: the time of a model call less the time of whoever answers it.

    python benchmarks/overhead.py [--steps 10 100 1000] [--peers FOLDER]

A chat server on loopback, in a process of its own, answers K requests with one tool call each and
the last with an answer, every answer in 24 chunks that are sent one by one and without a pause.
It measures its own time, from the end of a request to the end of its answer. What is left of the
run's wall time is the agent's own: the protocol, the conversation, parsing, the (trivial) tool.
"in process" is the same over an engine that says its line at once.

For the peers, make an environment for each in one folder and name it:

    for peer in pydantic-ai-slim openai-agents smolagents; do
      python3 -m venv FOLDER/$peer && FOLDER/$peer/bin/python -m pip install "$peer[openai]"
    done

Each run is a process of its own, which does a short run first. The best of three is shown; a run
that took a minute is not repeated.

Own milliseconds a call, on a core of an AMD EPYC:

                        10 steps   100 steps   1,000 steps
    ours                     1.7         1.7           1.9
    ours, in process         0.8         0.8           0.9
    pydantic-ai-slim          11          28           197
    openai-agents              9          29           240
    smolagents                11          33           263
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

PEERS = ("pydantic-ai-slim", "openai-agents", "smolagents")
CHUNKS = 24
GOALS = {"over HTTP": 5.0, "in process": 2.0}
"""Milliseconds a call."""
LONG = 60.0
"""Seconds after which a run is not repeated."""
TASK = "Add up the numbers, one after the other."


# The server ------------------------------------------------------------------------------------


def _event(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "scripted",
        "choices": [choice],
    }


def _answer(number: int, *, call: bool) -> list[bytes]:
    """The chunks of one answer, each framed for HTTP."""
    events = [_event({"role": "assistant", "content": ""})]
    if call:
        arguments = json.dumps({"a": number, "b": 1, "note": "one after the other, and so on"})
        head = {"name": "add", "arguments": ""}
        call_head = {"index": 0, "id": f"call_{number}", "type": "function", "function": head}
        pieces = _cut(arguments, CHUNKS - 12)
        events += [_event({"content": f"word{index} "}) for index in range(8)]
        events += [_event({"tool_calls": [call_head]})]
        events += [
            _event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})
            for piece in pieces
        ]
        events += [_event({}, "tool_calls")]
    else:
        events += [_event({"content": f"word{index} "}) for index in range(CHUNKS - 3)]
        events += [_event({}, "stop")]
    usage = {"prompt_tokens": 100, "completion_tokens": CHUNKS, "total_tokens": 100 + CHUNKS}
    events.append(_event({}) | {"choices": [], "usage": usage})
    assert len(events) == CHUNKS
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    lines[-1] += b"data: [DONE]\n\n"
    return [b"%x\r\n%b\r\n" % (len(line), line) for line in lines]


def _cut(text: str, count: int) -> list[str]:
    """The text in `count` pieces."""
    bounds = [len(text) * index // count for index in range(count + 1)]
    return [text[start:end] for start, end in pairwise(bounds)]


class Server:
    """Answers requests, and counts its own time."""

    def __init__(self) -> None:
        self.steps = 0
        self.calls = 0
        self.busy = 0.0

    async def serve(self) -> None:
        """Tell the port on standard output, and serve until killed."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, _, fields = head.decode().partition("\r\n")
                lengths = [
                    int(field.partition(":")[2])
                    for field in fields.split("\r\n")
                    if field.lower().startswith("content-length:")
                ]
                await reader.readexactly(sum(lengths))
                started = time.perf_counter()
                await self._reply(line.split(" ")[1], writer)
                if "/chat/" in line:
                    self.busy += time.perf_counter() - started
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, path: str, writer: asyncio.StreamWriter) -> None:
        if not path.endswith("/chat/completions"):
            content: dict[str, Any] = {"data": [{"id": "scripted", "owned_by": "llamacpp"}]}
            if path.startswith("/reset/"):
                self.steps, self.calls, self.busy = int(path.rpartition("/")[2]), 0, 0.0
            elif path == "/busy":
                content = {"busy": self.busy, "calls": self.calls}
            body = json.dumps(content).encode()
            kind = "Content-Type: application/json"
            head = f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for piece in _answer(self.calls, call=self.calls < self.steps):
            writer.write(piece)
            await writer.drain()
        self.calls += 1
        writer.write(b"0\r\n\r\n")
        await writer.drain()


@contextmanager
def serving() -> Iterator[str]:
    """The root of a server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


# Ours ------------------------------------------------------------------------------------------


def add(a: int, b: int, note: str) -> int:
    """Add two numbers.

    Args:
        a: The first number.
        b: The second number.
        note: A remark.
    """
    return a + b


async def ours_over_http(root: str, steps: int) -> None:
    """One run against the server."""
    from qwen3_agent import Agent, Limits

    agent = Agent(base_url=f"{root}/v1", tools=[_async_add()], limits=Limits(steps=steps + 1))
    async with agent:
        await timed(root, steps, lambda: agent.run(TASK))


async def ours_in_process(root: str, steps: int) -> None:
    """One run over an engine that says its lines at once."""
    sys.path.append(str(Path(__file__).parent))  # last, so that no module here hides a peer's
    from instant_engine import InstantEngine

    from qwen3_agent import Agent, Limits
    from qwen3_agent.formats.chat_format import ChatFormat
    from qwen3_agent.models.choose import DEMO_FOLDER
    from qwen3_agent.models.local import LocalModel

    chat_format = ChatFormat.from_folder(DEMO_FOLDER)
    engine = InstantEngine(chat_format, CHUNKS)
    model = LocalModel(engine, chat_format, name="scripted")
    agent = Agent(model, tools=[_async_add()], limits=Limits(steps=steps + 1), thinking="off")

    async def work() -> None:
        await agent.run(TASK)

    await timed(None, steps, work, engine=engine)


def _async_add() -> Any:
    async def same(a: int, b: int, note: str) -> int:
        return add(a, b, note)

    same.__name__, same.__doc__ = "add", add.__doc__
    return same


# The peers -------------------------------------------------------------------------------------


async def pydantic_ai(root: str, steps: int) -> None:
    """One run of pydantic-ai, streamed."""
    from pydantic_ai import Agent, UsageLimits
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=f"{root}/v1", api_key="none")
    agent = Agent(OpenAIChatModel("scripted", provider=provider), tools=[add])
    limits = UsageLimits(request_limit=None)

    async def work() -> None:
        async with agent.iter(TASK, usage_limits=limits) as run:
            async for node in run:
                if Agent.is_model_request_node(node):
                    async with node.stream(run.ctx) as stream:
                        async for _ in stream:
                            pass

    await timed(root, steps, work)


async def openai_agents(root: str, steps: int) -> None:
    """One run of the OpenAI Agents SDK, streamed."""
    from agents import (
        Agent,
        OpenAIChatCompletionsModel,
        Runner,
        function_tool,
        set_tracing_disabled,
    )
    from openai import AsyncOpenAI

    set_tracing_disabled(True)
    client = AsyncOpenAI(base_url=f"{root}/v1", api_key="none")
    model = OpenAIChatCompletionsModel("scripted", client)
    agent = Agent(name="adder", model=model, tools=[function_tool(add)])

    async def work() -> None:
        run = Runner.run_streamed(agent, TASK, max_turns=steps + 2)
        async for _ in run.stream_events():
            pass

    await timed(root, steps, work)


async def smolagents(root: str, steps: int) -> None:
    """One run of smolagents, streamed."""
    from smolagents import LogLevel, OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel("scripted", api_base=f"{root}/v1", api_key="none")
    agent = ToolCallingAgent(
        tools=[tool(add)],
        model=model,
        stream_outputs=True,
        verbosity_level=LogLevel.OFF,
        max_steps=steps + 1,
    )

    async def work() -> None:
        for _ in agent.run(TASK, stream=True):
            pass

    await timed(root, steps, work)


RUNS = {
    "ours": ours_over_http,
    "ours, in process": ours_in_process,
    "pydantic-ai-slim": pydantic_ai,
    "openai-agents": openai_agents,
    "smolagents": smolagents,
}


# Measuring -------------------------------------------------------------------------------------


async def timed(root: str | None, steps: int, work: Any, *, engine: Any = None) -> None:
    """Do the work, a short one first, and print its own milliseconds a call."""
    for count in (2, steps):
        if root is not None:
            _get(f"{root}/reset/{count}")
        if engine is not None:
            engine.reset(count)
        started, cpu_started = time.perf_counter(), time.process_time()
        await work()
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    if engine is not None:
        busy, calls = 0.0, engine.calls
    else:
        told = _get(f"{root}/busy")
        busy, calls = told["busy"], told["calls"]
    if calls <= steps:
        raise SystemExit(f"The run ended after {calls} calls of {steps}.")
    own = {"own_ms": 1000 * (wall - busy) / calls, "cpu_ms": 1000 * cpu / calls, "calls": calls}
    # On a line of its own, whatever a peer has left on the last one
    print(f"\n{json.dumps(own)}")


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def measure(name: str, python: Path, root: str, steps: int) -> tuple[float, float] | None:
    """The best of three runs, own and CPU milliseconds a call; None when it fails."""
    best: tuple[float, float] | None = None
    began = time.perf_counter()
    for _ in range(3):
        # -P: a script beside this one must not be taken for a package of the same name
        command = [str(python), "-P", __file__, "--run", name, root, str(steps)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{name} at {steps} steps: {done.stderr.strip().splitlines()[-1]}")
            return None
        told = json.loads(done.stdout.splitlines()[-1])
        own = (float(told["own_ms"]), float(told["cpu_ms"]))
        best = own if best is None else min(best, own)
        if time.perf_counter() - began > LONG:
            break
    return best


def main() -> int:
    """Measure all and print the table; 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--peers", type=Path, help="folder with an environment for each peer")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(Server().serve())
        return 0
    if options.run:
        name, root, steps = options.run
        asyncio.run(RUNS[name](root, int(steps)))
        return 0

    from rich.console import Console
    from rich.table import Table

    pythons = {"ours": Path(sys.executable), "ours, in process": Path(sys.executable)}
    for peer in PEERS if options.peers else ():
        if (python := options.peers / peer / "bin" / "python").exists():
            pythons[peer] = python
        else:
            print(f"No {peer} in {options.peers}: left out.")
    own: dict[str, list[tuple[float, float] | None]] = {}
    with serving() as root:
        for name, python in pythons.items():
            print(f"{name} ...", file=sys.stderr)
            own[name] = [measure(name, python, root, steps) for steps in options.steps]
    console = Console()
    table = Table(
        "own ms a call (of CPU)", *(f"{steps} steps" for steps in options.steps), "growth"
    )
    for name, values in own.items():
        cells = []
        for value, base in zip(values, own["ours"], strict=True):
            ratio = f" {value[0] / base[0]:.1f}x" if value and base and name != "ours" else ""
            cells.append(f"{value[0]:.2f} ({value[1]:.2f}){ratio}" if value else "failed")
        first, last = values[0], values[-1]
        table.add_row(name, *cells, f"{last[0] / first[0]:.2f}" if first and last else "")
    console.print(table)
    console.print(
        f"{CHUNKS} chunks a call. x: against ours over HTTP. growth: the last against the first. "
        "On a busy machine the time of CPU tells more."
    )
    missed = 0
    for name, goal in (("ours", GOALS["over HTTP"]), ("ours, in process", GOALS["in process"])):
        for steps, value in zip(options.steps, own[name], strict=True):
            if value is None or value[0] > goal:
                missed += 1
                console.print(f"{name}: over {goal:g} ms a call at {steps} steps")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
