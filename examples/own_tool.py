"""Give an agent your own tool and the sandboxed code interpreter.

python examples/own_tool.py [model]
"""

from __future__ import annotations

import sys

from qwen3_agent import Agent, CodeInterpreter, tool

RATES = {"EUR": 1.0, "USD": 1.09, "JPY": 171.3}


@tool
def exchange_rate(base: str, quote: str) -> float:
    """Return the exchange rate between two currencies.

    Args:
        base: ISO 4217 code of the currency to sell, such as EUR.
        quote: ISO 4217 code of the currency to buy.
    """
    return RATES[quote] / RATES[base]


agent = Agent(
    sys.argv[1] if len(sys.argv) > 1 else None,
    tools=[exchange_rate, CodeInterpreter()],
)

if __name__ == "__main__":
    print(agent.run_sync("What is 48213 * 977?").output)
