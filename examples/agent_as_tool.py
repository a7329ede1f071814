"""Use an agent as a tool of another agent, with its own limits, and receive its events.

python examples/agent_as_tool.py Qwen/Qwen3-8B    # too hard for the bundled demo model
"""

from __future__ import annotations

import sys
from typing import Any

import anyio

from qwen3_agent import Agent, CodeInterpreter, Limits
from qwen3_agent.events import RunFinished, SubagentEvent, ToolCallStarted

TASK = "Ask the mathematician for the 30th Fibonacci number, and say whether it is even."


async def main(model: Any, helper_model: Any = None) -> None:
    mathematician = Agent(
        helper_model,  # None: the same model as the calling agent
        instructions="Answer by running Python.",
        tools=[CodeInterpreter()],
        limits=Limits(steps=5),
    )
    agent = Agent(model, tools=[mathematician.as_tool("mathematician", "Computes anything.")])
    async with agent.stream(TASK) as events:
        async for event in events:
            match event:
                case SubagentEvent(event=ToolCallStarted(name=name)):
                    print(f"{event.name} calls {name}")
                case RunFinished():
                    print(event.result.output)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else None)
