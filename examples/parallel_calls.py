"""Run the calls of one step concurrently: two slow calls take the time of one.

python examples/parallel_calls.py [model]
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from zoneinfo import ZoneInfo

import anyio

from qwen3_agent import Agent, tool


@tool
async def get_current_time(timezone: str) -> str:
    """Get current time in a specific timezone

    Args:
        timezone: IANA timezone name, such as Europe/London.
    """
    await anyio.sleep(1)  # a slow service
    now = datetime.now(ZoneInfo(timezone)).replace(microsecond=0)
    clock = {
        "timezone": timezone,
        "datetime": now.isoformat(),
        "day_of_week": now.strftime("%A"),
        "is_dst": bool(now.dst()),
    }
    return json.dumps(clock, indent=2)  # the format of the time server, which the demo model knows


def main(model: str | None) -> None:
    started = time.monotonic()
    result = Agent(model, tools=[get_current_time]).run_sync(
        "What time is it in Paris and in Tokyo?"
    )
    waited = time.monotonic() - started
    print(result.output)
    print(f"{len(result.calls)} calls of 1 s each took {waited:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
