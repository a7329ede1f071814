"""The server that the official MCP conformance suite talks to: `python server.py PORT`.

An agent on the bundled model's chat format. What it would say is written here, since the suite
looks at the protocol and not at the answers.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parents[1]))
from scripted import scripted_model

from qwen3_agent import Agent, serve_mcp


async def main(port: int) -> None:
    agent = Agent(scripted_model(*["An answer."] * 1000), thinking="off")
    await serve_mcp(agent, port=port)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]))
