"""MCP servers that misbehave, each in a way of its own: `python broken_mcp_server.py WAY`.

Plain JSON-RPC over standard input and output with the standard library alone, because what is
wrong here is what a proper server library would not let happen. Protocol version 2025-06-18.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OBJECT: dict[str, Any] = {"type": "object", "properties": {}}
PAGES, TOOLS_A_PAGE = 30, 10


def tool(name: str, schema: Any = OBJECT, **more: Any) -> dict[str, Any]:
    return {"name": name, "description": name, "inputSchema": schema, **more}


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(words: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": words}]}


def serve(
    call: Callable[[str, dict[str, Any]], Any],
    tools: list[dict[str, Any]] | None = None,
    listing: Callable[[str | None], Any] | None = None,
) -> None:
    """Serve properly, but for what `call` and `listing` do. A result of None is no answer."""
    for line in sys.stdin:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params") or {}
        if method == "notifications/cancelled":
            note("cancelled")
        if "id" not in message:
            continue
        result: Any
        if method == "initialize":
            capabilities = {"tools": {"listChanged": True}}
            result = {"protocolVersion": "2025-06-18", "capabilities": capabilities}
            result["serverInfo"] = {"name": "broken", "version": "1"}
        elif method == "tools/list":
            result = listing(params.get("cursor")) if listing else {"tools": tools or [tool("act")]}
        elif method == "tools/call":
            result = call(params["name"], params.get("arguments") or {})
        else:
            send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})
            continue
        if result is not None:
            send({"id": message["id"], "result": result})


def note(word: str) -> None:
    """For a test that asks."""
    if "CALLS" in os.environ:
        with Path(os.environ["CALLS"]).open("a") as calls:
            calls.write(f"{word}\n")


def fine(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return text("fine")


def silent() -> None:
    time.sleep(600)


def discovery_only() -> None:
    serve(fine, listing=lambda cursor: None)


def speaks_in_tongues() -> None:
    """Answers the handshake with a version that nobody has."""
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "initialize":
            result = {"protocolVersion": "1999-01-01", "capabilities": {}}
            result["serverInfo"] = {"name": "broken", "version": "1"}
            send({"id": message["id"], "result": result})
        elif "id" in message:
            send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})


def exits() -> None:
    print("cannot start: no license", file=sys.stderr)
    sys.exit(7)


def dies_in_call() -> None:
    def die(name: str, arguments: dict[str, Any]) -> None:
        note("called")
        os._exit(9)

    hints = {"readOnlyHint": True}
    serve(die, [tool("act"), tool("read", annotations=hints)])


def dies_once() -> None:
    """Dies in the first call of all; a later process answers."""
    calls = Path(os.environ["CALLS"])

    def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        first = not calls.exists()
        note("called")
        if first:
            os._exit(9)
        return text("fine")

    serve(call, [tool("act"), tool("read", annotations={"readOnlyHint": True})])


def dies_idle() -> None:
    """Dies of its own accord as soon as its tools have been listed."""
    threading.Timer(0.3, os._exit, [4]).start()
    serve(fine)


def never_answers_calls() -> None:
    def call(name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        if name == "act":
            return text("fine")
        note("called")
        return None

    serve(call, [tool("act"), tool("hang")])


def stops_reading() -> None:
    serve(lambda name, arguments: time.sleep(600))


def floods() -> None:
    print("starting up\n" * 50_000)
    print("{\n[]\n\n\x00\xff" * 1_000)

    def call(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        print("working " * 10_000)
        print("noise\n" * 100_000, file=sys.stderr)
        return text("fine")

    serve(call)


def big_line() -> None:
    serve(lambda name, arguments: text("x" * arguments["size"]))


def invalid_schema() -> None:
    tools = [
        tool("wrong_type", {"type": "objekt"}),
        tool("wrong_place", {"type": "object", "properties": []}),
        tool("no_schema", None),
        {"description": "no name", "inputSchema": OBJECT},
        "not even an object",
        tool("typeless", {"properties": {"n": {"type": "integer"}}}),
        tool("act"),
    ]
    serve(fine, tools)  # type: ignore[arg-type]


def invalid_result() -> None:
    serve(lambda name, arguments: {"content": 5})


def stubborn() -> None:
    """Ignores everything but KILL, and so do its children, one of them in a session of its own.

    All pids are left in a file.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    children = [subprocess.Popen(sleep, start_new_session=away) for away in (False, True)]
    leave_pids(*children)
    serve(fine)
    time.sleep(600)


def leave_pids(*children: subprocess.Popen[bytes]) -> None:
    with Path(os.environ["PIDS"]).open("a") as pids:
        print(os.getpid(), *(child.pid for child in children), file=pids)


def hangs_on_close() -> None:
    """Takes no notice of the end of its stdin."""
    serve(fine)
    time.sleep(600)


def leaves_a_child() -> None:
    """Exits in a call, while its child holds the pipes open."""

    def die(name: str, arguments: dict[str, Any]) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        leave_pids(child)
        os._exit(0)

    serve(die)


def many_pages() -> None:
    def page(cursor: str | None) -> dict[str, Any]:
        number = int(cursor or 0)
        start = number * TOOLS_A_PAGE
        listed = {"tools": [tool(f"tool_{start + n:03}") for n in range(TOOLS_A_PAGE)]}
        return listed | ({"nextCursor": str(number + 1)} if number + 1 < PAGES else {})

    serve(fine, listing=page)


def endless_pages() -> None:
    serve(fine, listing=lambda cursor: {"tools": [], "nextCursor": "again"})


def grows() -> None:
    """Has one tool more after each call, and says so."""
    tools = [tool("act")]

    def grow(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        tools.append(tool("grown"))
        send({"method": "notifications/tools/list_changed"})
        return text("fine")

    serve(grow, tools)


def demands_tasks() -> None:
    serve(fine, [tool("act"), tool("slow", execution={"taskSupport": "required"})])


def odd_names() -> None:
    long = "n" * 100
    serve(
        lambda name, arguments: text(name),
        [tool(name) for name in ("get.file", "get/file", "größe", long + "1", long + "2")],
    )


if __name__ == "__main__":
    globals()[sys.argv[1]]()
