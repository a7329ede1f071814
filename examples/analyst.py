"""Analyze data: upload a CSV file, let the model compute and plot, and keep the plot.

python examples/analyst.py Qwen/Qwen3-8B    # too hard for the bundled demo model
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio

from qwen3_agent import Agent, CodeInterpreter

SALES = b"month,units\nJanuary,120\nFebruary,95\nMarch,143\n"
TASK = "sales.csv holds units by month. Plot them as bars, and say which month sold the most."


async def main(model: Any, folder: Path) -> None:
    interpreter = CodeInterpreter(work_dir=folder)
    async with interpreter:
        await interpreter.upload(SALES, "sales.csv")
        result = await Agent(model, tools=[interpreter]).run(TASK)
    print(result.output)
    for file in result.files:
        print("See", file.name)


if __name__ == "__main__":
    anyio.run(main, sys.argv[1] if len(sys.argv) > 1 else None, Path("analysis"))
