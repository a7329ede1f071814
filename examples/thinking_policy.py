"""Write a thinking policy: a function from the state of a run to the plan of the next step.

python examples/thinking_policy.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, Plan, StepState


def think_less_and_less(state: StepState) -> Plan:
    """Allow shorter thoughts as the context fills up, and none after tool results."""
    if state.last == "tool_result":
        return Plan(on=False, reason="the result is enough")
    return Plan(
        on=True, budget=state.context_left // 4, reason="a quarter of the context that is left"
    )


def main(model: str | None) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], thinking=think_less_and_less)
    result = agent.run_sync("What is 48213 * 12?")
    for step in result.steps:
        print(f"step {step.index + 1}: thinking {step.thinking}, {step.reason}")
    print(result.output)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
