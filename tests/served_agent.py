"""An agent on a scripted engine, served over standard input and output: `python served_agent.py`.

Its first run answers, its second hits its limit.
"""

from __future__ import annotations

import sys
from pathlib import Path

import anyio

sys.path.insert(0, str(Path(__file__).parent))
from scripted import call, scripted_model

from qwen3_agent import Agent, Limits, serve_mcp, tool


@tool
async def double(number: int) -> int:
    """Twice."""
    print("this must not reach the wire")
    return 2 * number


script = [call("double", number=2), "Four.", *[call("double", number=3)] * 3]
limits = Limits(steps=3, at_limit="fail")
agent = Agent(scripted_model(*script), tools=[double], thinking="off", limits=limits)

if __name__ == "__main__":
    anyio.run(serve_mcp, agent)
