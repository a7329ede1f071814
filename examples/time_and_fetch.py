"""Give an agent the MCP servers of a JSON file, one for the time and one for web pages.

python examples/time_and_fetch.py [model]
"""

from __future__ import annotations

import sys
from pathlib import Path

from qwen3_agent import Agent, mcp_servers

CONFIG = Path(__file__).parents[1] / "mcp_servers.json"


def main(model: str | None) -> None:
    with Agent(model, tools=[mcp_servers(CONFIG)]) as agent:  # keeps model and servers loaded
        for task in ("What time is it in Tokyo?", "What is the title of https://example.com?"):
            print(agent.run_sync(task).output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
