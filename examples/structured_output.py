"""Get the answer as a typed object, constrained during sampling and validated.

python examples/structured_output.py Qwen/Qwen3-4B    # too hard for the bundled demo model
"""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel, Field

from qwen3_agent import Agent, CodeInterpreter


class Factors(BaseModel):
    """A number and its prime factors."""

    number: int
    primes: list[int] = Field(description="The prime factors in ascending order.")


def main(model: Any) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], output_type=Factors)
    result = agent.run_sync("What are the prime factors of 1001?")
    factors = result.output
    print(f"{factors.number} = {' * '.join(map(str, factors.primes))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
