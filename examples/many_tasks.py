"""Run many tasks on one engine: results arrive one by one, and failures are isolated.

python examples/many_tasks.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, Limits

TASKS = ["What is 12 * 12?", "What is 7 + 8?", " ", "What is 100 - 1?"]


def main(model: str | None) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], limits=Limits(seconds=120))
    for each in agent.map_sync(TASKS, concurrency=2):
        print(f"{each.index}: {each.error or each.output}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
