"""Print the events of a run: each tool call, each result, then the answer.

python examples/events.py [model]
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

from qwen3_agent import Agent, mcp_servers
from qwen3_agent.events import RunFinished, ToolCallFinished, ToolCallStarted

CONFIG = Path(__file__).parents[1] / "mcp_servers.json"


async def main() -> None:
    agent = Agent(sys.argv[1] if len(sys.argv) > 1 else None, tools=[mcp_servers(CONFIG)])
    async with agent.stream("What time is it in Tokyo and in London?") as events:
        async for event in events:
            match event:
                case ToolCallStarted():
                    print("->", event.name, event.arguments)
                case ToolCallFinished():
                    print("<-", event.text)
                case RunFinished():
                    print(event.result.output)


if __name__ == "__main__":
    anyio.run(main)
