"""Kill a run and resume it: completed steps and calls are not repeated.

python examples/resume.py [model]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from qwen3_agent import Agent, tool

RUNS = Path("runs")
DONE = Path("calls.txt")
TASK = "What time is it in Tokyo right now?"


@tool
def get_current_time(timezone: str) -> str:
    """Get current time in a specific timezone

    Args:
        timezone: IANA timezone name, such as Europe/London.
    """
    with DONE.open("a") as file:
        file.write(f"{timezone}\n")
    now = datetime.now(ZoneInfo(timezone)).replace(microsecond=0)
    clock: dict[str, object] = {"timezone": timezone, "datetime": now.isoformat()}
    clock |= {"day_of_week": f"{now:%A}", "is_dst": bool(now.dst())}
    return json.dumps(clock, indent=2)


def main(model: str | None) -> None:
    agent = Agent(model, tools=[get_current_time], journal=RUNS)
    if "--child" in sys.argv:
        for event in agent.stream_sync(TASK):
            if event.type == "step_finished":
                print("first step completed", flush=True)
                time.sleep(600)  # the parent kills this process here
        return
    child = subprocess.Popen([sys.executable, __file__, "--child"], stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        child.stdout.readline()
        child.kill()
    print("killed; resumed:", agent.resume_sync("latest").output)
    print("calls made:", len(DONE.read_text().splitlines()))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] != "--child" else None)
