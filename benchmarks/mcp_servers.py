"""What the MCP manager costs: `python benchmarks/mcp_servers.py`.

Start: 1, 5 and 20 servers at once, against the time that the slowest of them takes alone and
against starting them one after another. Calls: one at a time and 50 at a time, against the bare
SDK's client over the SDK's own stdio transport. All of it is the bundled time server, in one
process and one run, so that the ratios hold on any machine; the SDK has been imported before.

Two quiet cores of a Xeon:

    servers   ready in   against one alone   against one after another
          1     0.48 s             1.00 x                   1.00 x
          5     1.29 s             2.71 x                   0.54 x
         20     5.74 s            11.82 x                   0.59 x

    calls                    ours   bare SDK   ratio
    one after another     1.48 ms    1.20 ms    1.23
    50 at once, all      65.42 ms   51.55 ms    1.27

What bounds the start of many is the processor: each of the servers is a Python that imports the
SDK for 0.45 s, so that two cores can start no more than four in a second.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import mcp
from mcp.client.stdio import StdioServerParameters

from qwen3_tools.mcp import MCPServers, mcp_servers

COMMAND = str(Path(sys.executable).with_name("mcp-server-time"))
TOOL, ARGUMENTS = "get_current_time", {"timezone": "Asia/Tokyo"}
ROUNDS = 3
CALLS = 200
AT_ONCE = 50


def servers(count: int) -> MCPServers:
    entry: dict[str, Any] = {"command": COMMAND, "startTimeout": 120}
    return mcp_servers({"mcpServers": {f"time{number}": entry for number in range(count)}})


async def seconds_to_start(count: int) -> float:
    started = time.perf_counter()
    async with servers(count) as running:
        took = time.perf_counter() - started
        assert not running.failures, running.failures
    return took


async def per_call(call: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one call, of many made one after another."""
    await call()
    started = time.perf_counter()
    for _ in range(CALLS):
        await call()
    return (time.perf_counter() - started) / CALLS


async def at_once(call: Callable[[], Coroutine[Any, Any, object]]) -> float:
    """Seconds until 50 calls that were made at once have been answered."""
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(call)
    return time.perf_counter() - started


async def main() -> None:
    await seconds_to_start(1)  # imports, byte code, file caches
    print("servers   ready in   against one alone   against one after another")
    for count in (1, 5, 20):
        # In turns, so that a machine that slows down slows both.
        pairs = [(await seconds_to_start(1), await seconds_to_start(count)) for _ in range(ROUNDS)]
        ratio = statistics.median(took / alone for alone, took in pairs)
        took = statistics.median(took for _, took in pairs)
        print(f"{count:7}   {took:6.2f} s   {ratio:14.2f} x   {ratio / count:20.2f} x", flush=True)

    async with servers(1) as running, mcp.Client(StdioServerParameters(command=COMMAND)) as bare:

        async def ours() -> None:
            result = await running.call(f"time0__{TOOL}", ARGUMENTS)
            assert not result.is_error

        async def theirs() -> None:
            result = await bare.call_tool(TOOL, ARGUMENTS)
            assert not result.is_error

        pairs = [(await per_call(ours), await per_call(theirs)) for _ in range(ROUNDS)]
        bursts = [(await at_once(ours), await at_once(theirs)) for _ in range(ROUNDS)]
    print("\ncalls                    ours   bare SDK   ratio")
    for name, measured, scale, unit in (
        ("one after another", pairs, 1000, "ms"),
        (f"{AT_ONCE} at once, all", bursts, 1000, "ms"),
    ):
        mine, bares = (statistics.median(side) for side in zip(*measured, strict=True))
        print(
            f"{name:18} {mine * scale:8.2f} {unit} {bares * scale:7.2f} {unit} {mine / bares:7.2f}"
        )


if __name__ == "__main__":
    anyio.run(main)
