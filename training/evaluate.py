"""Held-out tasks, run through the agent loop with the real servers and the real interpreter.

Wordings, wordings of places, addresses, titles and numbers are those of the split `held_out`, of
which training saw none. A task is right when its answer holds what the task wants, and nothing else
counts: how the model got there is its own affair, except that two calls of a parallel task have to
be made in one step, and that a question which needs no tool must not call one.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import anyio

from qwen3_agent import Agent, CodeInterpreter, Limits, Tool, ToolResult, mcp_servers
from qwen3_agent.errors import Qwen3AgentError
from qwen3_agent.models.local import LocalModel
from training import families, smalltalk
from training.dialogues import Dialogue
from training.families import Context
from training.tool_schemas import CUSTOM, CustomTool, ToolList

FAMILIES: dict[str, Callable[[Context], Dialogue]] = {
    "time": families.current_time,
    "convert": families.convert,
    "title": families.page_title,
    "compute": families.compute,
    "parallel": families.two_at_once,
    "chain": families.chain,
    "error": families.tool_error,
    "no_tool": smalltalk.no_tool,
    "follow_up": families.follow_up,
}
SERVER_NAMES = (("time", "fetch"), ("clock", "web"))


class Pages(BaseHTTPRequestHandler):
    """Serves what tasks put into `documents`: path -> (content type, body), or a status alone."""

    documents: ClassVar[dict[str, tuple[str, str]]] = {}

    def do_GET(self) -> None:
        kind, body = self.documents.get(self.path, ("status", "404"))
        if kind == "status":
            self.send_error(int(body))
            return
        payload = body.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""


@contextmanager
def page_server() -> Iterator[str]:
    """host:port of a server of `Pages.documents`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def real_tools() -> AsyncIterator[list[list[Tool]]]:
    """The time and fetch servers' tools, under several names."""
    async with AsyncExitStack() as stack:
        lists = []
        for clock, web in SERVER_NAMES:
            arguments = ["--allow-private-ips", "--ignore-robots-txt"]
            config = {
                clock: {"command": "mcp-server-time"},
                web: {"command": "mcp-server-fetch", "args": arguments},
            }
            servers = await stack.enter_async_context(mcp_servers({"mcpServers": config}))
            if servers.failures:
                raise SystemExit(f"The servers did not start: {servers.failures}")
            lists.append(list(servers.tools))
        yield lists


def unrelated(tool: CustomTool, rng: random.Random) -> Tool:
    """A tool that has nothing to do with the task, and fails if it is called all the same."""

    async def run(arguments: dict[str, Any]) -> ToolResult:
        return ToolResult("not available", is_error=True)

    schema = tool.schema(rng)
    return Tool(schema["name"], schema["description"], schema["parameters"], run)


@dataclass(frozen=True, slots=True)
class Task:
    """A dialogue to have, how, and with which tools."""

    dialogue: Dialogue
    thinking: bool
    tools: list[Any]


def make_task(family: str, number: int, server: str, real: list[list[Tool]], seed: int) -> Task:
    """Task `number` of a family: language and thinking mode take turns, tools come in any order."""
    rng = random.Random(f"{seed}/{family}/{number}")
    tools: list[Any] = [*rng.choice(real), CodeInterpreter()]
    tools += [unrelated(tool, rng) for tool in rng.sample(CUSTOM, rng.choice((0, 0, 1, 2)))]
    rng.shuffle(tools)
    names = {t.name.split("__")[-1]: t.name for t in tools if isinstance(t, Tool)}
    listed = ToolList((), names | {"code_interpreter": "code_interpreter"}, ())
    language = "en" if number % 2 else "zh"
    dialogue = FAMILIES[family](Context(rng, "held_out", language, listed, server))
    for address, document in dialogue.pages.items():
        Pages.documents["/" + address.split("/", 3)[3]] = document
    return Task(dialogue, number // 2 % 2 == 0, tools)


def _minutes(zone: str, start: datetime, end: datetime) -> set[str]:
    span = int((end - start).total_seconds()) + 1
    return {
        (start + timedelta(seconds=s)).astimezone(ZoneInfo(zone)).strftime("%H:%M")
        for s in range(span + 1)
    }


def holds(answer: str, wanted: str | dict[str, Any], start: datetime, end: datetime) -> bool:
    """Whether an answer holds what is wanted."""
    if isinstance(wanted, dict):
        if zone := wanted.get("now"):
            return any(minute in answer for minute in _minutes(zone, start, end))
        source, said, target = wanted["convert"]
        hour, minute = map(int, said.split(":"))
        local = datetime.now(ZoneInfo(source)).replace(hour=hour, minute=minute)
        return local.astimezone(ZoneInfo(target)).strftime("%H:%M") in answer
    if re.fullmatch(r"-?\d+\.\d+", wanted):  # nine digits of a fraction will do
        found = re.findall(r"-?\d+\.\d+", answer)
        return any(math.isclose(float(each), float(wanted), rel_tol=1e-9) for each in found)
    if re.fullmatch(r"-?\d+", wanted):
        return re.search(rf"(?<![\d.-]){wanted}(?!\.?\d)", answer) is not None
    return wanted.casefold() in answer.casefold()


async def attempt(model: LocalModel, task: Task) -> tuple[bool, list[dict[str, Any]]]:
    """Have the dialogue. Whether every turn was right, and what was said."""
    agent = Agent(
        model,
        tools=task.tools,
        thinking="on" if task.thinking else "off",
        limits=Limits(steps=6, tokens=1500, seconds=90),
    )
    log: list[dict[str, Any]] = []
    async with agent.conversation() as conversation:
        for turn in task.dialogue.turns:
            start = datetime.now(ZoneInfo("UTC"))
            try:
                result = await conversation.run(turn.user)
            except Qwen3AgentError as error:
                log.append({"user": turn.user, "error": str(error)})
                return False, log
            end = datetime.now(ZoneInfo("UTC"))
            calls = [list(step.tool_calls) for step in result.steps]
            right = all(holds(result.output, wanted, start, end) for wanted in turn.expect)
            right &= task.dialogue.family != "parallel" or len(calls[0]) == 2
            right &= task.dialogue.family != "no_tool" or calls == [[]]
            wanted = [str(each) for each in turn.expect]
            text = model.chat_format.decode(result.transcript.ids[-600:])
            log.append(
                {"user": turn.user, "wanted": wanted, "got": result.output, "transcript": text}
            )
            if not right:
                return False, log
    return True, log


def record(file: Path, family: str, log: list[dict[str, Any]]) -> None:
    """Add a failed task to `file`."""
    with file.open("a") as failures:
        failures.write(json.dumps({"family": family, "turns": log}, ensure_ascii=False) + "\n")


async def run(options: argparse.Namespace) -> bool:
    """Evaluate and print the table. Whether every family is good enough."""
    random.seed(options.seed)
    model = LocalModel.load(options.model)
    right: Counter[tuple[str, str]] = Counter()
    count: Counter[tuple[str, str]] = Counter()
    columns = ("all", "en", "zh", "thinking", "not thinking")
    print(
        f"| family | tasks | {' | '.join('right' if c == 'all' else c for c in columns)} | seconds |"
    )
    print("| --- " * (len(columns) + 3) + "|", flush=True)
    good = True
    options.failures.parent.mkdir(parents=True, exist_ok=True)
    options.failures.write_text("")
    with page_server() as server:
        async with real_tools() as real:
            for family in options.families.split(","):
                began = time.monotonic()
                for number in range(options.tasks):
                    task = make_task(family, number, server, real, options.seed)
                    ok, log = await attempt(model, task)
                    mode = "thinking" if task.thinking else "not thinking"
                    for key in ("all", task.dialogue.language, mode):
                        count[family, key] += 1
                        right[family, key] += ok
                    if not ok:
                        record(options.failures, family, log)
                shares = [right[family, c] / max(1, count[family, c]) for c in columns]
                good &= shares[0] >= options.wanted
                cells = " | ".join(f"{share:.1%}" for share in shares)
                seconds = (time.monotonic() - began) / options.tasks
                print(f"| {family} | {options.tasks} | {cells} | {seconds:.2f} |", flush=True)
    await model.aclose()
    return good


def main() -> None:
    folder = Path(__file__).parents[1] / "agent" / "qwen3_agent" / "qwen3_tiny"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=folder, help="folder of a checkpoint")
    parser.add_argument("--tasks", type=int, default=100, help="tasks a family")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--wanted", type=float, default=0.95, help="least share of right answers")
    parser.add_argument(
        "--failures",
        type=Path,
        default=Path("build/eval-failures.jsonl"),
        help="where failed tasks go",
    )
    if not anyio.run(run, parser.parse_args()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
