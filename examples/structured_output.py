"""An answer that is data: of a type that you name, constrained while it is written, and validated.

python examples/structured_output.py Qwen/Qwen3-4B    # the bundled demo model cannot do this
"""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel, Field

from qwen3_agent import Agent, CodeInterpreter


class Factors(BaseModel):
    """A number and what it is made of."""

    number: int
    primes: list[int] = Field(description="Its prime factors, the smallest first.")


def main(model: Any) -> None:
    agent = Agent(model, tools=[CodeInterpreter()], output_type=Factors)
    result = agent.run_sync("Which prime factors does 1001 have?")
    factors = result.output
    print(f"{factors.number} = {' * '.join(map(str, factors.primes))}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
