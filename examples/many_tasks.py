"""Many tasks at once over one engine: results as they come, one failure never the others'.

python examples/many_tasks.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, Limits

TASKS = ["What is 12 * 12?", "What is 7 + 8?", " ", "What is 100 - 1?"]


def main(model: str | None) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], limits=Limits(seconds=120))
    for outcome in agent.map_sync(TASKS, concurrency=2):
        said = outcome.error or outcome.output
        print(f"{outcome.index}: {said}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
