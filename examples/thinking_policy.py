"""A thinking policy of your own: a function from the state of a step to how it may think.

python examples/thinking_policy.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, Plan, StepState


def think_while_there_is_room(state: StepState) -> Plan:
    """Long thoughts early in a run, short ones when the context fills, none after plain results."""
    if state.last == "tool_result":
        return Plan(on=False, reason="the result speaks for itself")
    return Plan(on=True, budget=state.context_left // 4, reason="a quarter of what is left")


def main(model: str | None) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], thinking=think_while_there_is_room)
    result = agent.run_sync("What is 48213 * 12?")
    for step in result.steps:
        print(f"step {step.index + 1}: thinking {step.thinking}, {step.reason}")
    print(result.output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
