"""Use MCP servers without an agent: list their tools, and call one.

python examples/mcp_alone.py
"""

from __future__ import annotations

from pathlib import Path

import anyio

from qwen3_agent import mcp_servers

CONFIG = Path(__file__).parents[1] / "mcp_servers.json"


async def main() -> None:
    async with mcp_servers(CONFIG) as servers:
        for tool in servers.tools:
            print(tool.name)
        for name, reason in servers.failures.items():
            print(f"{name} failed to start: {reason}")
        result = await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})
        print(result.text)


if __name__ == "__main__":
    anyio.run(main)
