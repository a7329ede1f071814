"""Compare thinking policies and their cost in tokens.

python examples/thinking_per_step.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, Thinking

TASK = "What is 48213 * 12?"
POLICIES = {
    "always": Thinking("on"),
    "in the first step and after errors": Thinking.adaptive(),
    "3 tokens per step": Thinking(3),
    "never": Thinking("off"),
}


def main(model: str | None) -> None:
    for name, policy in POLICIES.items():
        result = Agent(model, tools=[CodeInterpreter()], thinking=policy).run_sync(TASK)
        per_step = [step.usage.thinking_tokens for step in result.steps]
        print(f"{name}: {result.usage.thinking_tokens} thinking tokens {per_step}: {result.output}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
