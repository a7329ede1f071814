"""How fast and how small the code interpreter is, beside an ipykernel where one is installed.

    python benchmarks/interpreter.py [--sandbox namespaces] [--sessions 100] [--cells 10000]
                                 [--kill-every 0.01]

The ipykernel runs in namespaces of its own as well (`unshare`), so the ratios are of one machine,
one run and the same backend. Two cores of a Xeon server, Python 3.11, otherwise idle, November 2026
(a second run gave 21 times for the start):

    what                                        here   ipykernel  times
    start to first answer                    0.023 s     0.529 s     23
    the same from a warm source             0.0063 s     0.529 s     84
    1+1                                      0.17 ms     4.55 ms     27
    memory idle                             10.9 MiB    41.6 MiB      4
    memory with numpy, pandas, matplotlib   91.1 MiB   108.7 MiB      1
    sessions a second, one after another        33.9
    100 sessions at once: all answered         2.0 s
    100 sessions at once: memory             950 MiB
    growth over 10000 cells                 0.08 MiB

Of 200 sessions whose worker was killed, 10 ms later each, in a cell of 2 s, all said so and kept
their files: with bubblewrap, namespaces and Landlock alike.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from rich.console import Console
from rich.table import Table

from qwen3_tools.code_interpreter import CodeInterpreter

WARM_SECONDS = 4.0  # for the waiting session to be ready, with its libraries
LIBRARIES = "import numpy, pandas, matplotlib.pyplot"
KILLED_CELL = """
import time
for n in range({steps}):
    with open(f'{{n}}.txt', 'w') as file:
        file.write(str(n))
    print(n, flush=True)
    time.sleep(0.02)
"""
Row = tuple[str, float, float | None, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sandbox", default="auto")
    parser.add_argument("--sessions", type=int, default=100, help="open at once")
    parser.add_argument("--cells", type=int, default=10_000, help="run in one session")
    parser.add_argument("--kill-every", type=float, default=0.01, help="seconds; 0 for not at all")
    options = parser.parse_args()
    rows, isolation = anyio.run(measure, options.sandbox, options.sessions, options.cells)
    table = Table(title=f"Code interpreter: {isolation}")
    for heading in ("what", "here", "ipykernel", "times"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, ours, theirs, unit in rows:
        ratio = f"{theirs / ours:.0f}" if theirs and ours else ""
        table.add_row(what, f"{ours:.4g} {unit}", f"{theirs:.4g} {unit}" if theirs else "-", ratio)
    Console().print(table)
    if options.kill_every:
        print(f"A cell of 2 s, its worker killed every {options.kill_every:g} s later:")
        print(anyio.run(killed, options.sandbox, options.kill_every, 2.0))


async def measure(sandbox: Any, sessions: int, cells: int) -> tuple[list[Row], str]:
    theirs = ipykernel() if importlib.util.find_spec("ipykernel") else {}
    starts, whole = [], []
    for _ in range(30):
        began = time.perf_counter()
        async with CodeInterpreter(sandbox=sandbox) as interpreter:
            await interpreter.run("1+1")
            starts.append(time.perf_counter() - began)
        whole.append(time.perf_counter() - began)
    from_warm = await warm_starts(sandbox)
    async with CodeInterpreter(sandbox=sandbox) as interpreter:
        await interpreter.run("1+1")
        isolation = interpreter.isolation
        idle = memory_mib(descendants())
        await interpreter.run(LIBRARIES)
        with_libraries = memory_mib(descendants())
    async with CodeInterpreter(sandbox=sandbox) as interpreter:
        await interpreter.run("1+1")
        answers = []
        for _ in range(1000):
            began = time.perf_counter()
            await interpreter.run("1+1")
            answers.append(time.perf_counter() - began)
        before = memory_mib(descendants())
        for _ in range(cells):
            await interpreter.run("1+1")
        growth = memory_mib(descendants()) - before
    began = time.perf_counter()
    at_once = await many(sandbox, sessions)
    rows: list[Row] = [
        ("start to first answer", statistics.median(starts), theirs.get("start"), "s"),
        ("the same from a warm source", statistics.median(from_warm), theirs.get("start"), "s"),
        ("1+1", statistics.median(answers) * 1000, theirs.get("answer"), "ms"),
        ("memory idle", idle, theirs.get("memory"), "MiB"),
        ("memory with numpy, pandas, matplotlib", with_libraries, theirs.get("libraries"), "MiB"),
        ("sessions a second, one after another", 1 / statistics.mean(whole), None, ""),
        (f"{sessions} sessions at once: all answered", time.perf_counter() - began, None, "s"),
        (f"{sessions} sessions at once: memory", at_once, None, "MiB"),
        (f"growth over {cells} cells", growth, None, "MiB"),
    ]
    return rows, isolation


async def warm_starts(sandbox: Any) -> list[float]:
    """Seconds to the first answer where a session waits, as it does while an agent is open."""
    source = CodeInterpreter(sandbox=sandbox)
    seconds = []
    async with source.warm():
        for _ in range(5):
            await anyio.sleep(WARM_SECONDS)
            began = time.perf_counter()
            async with source.open() as (tool,):
                await tool.run({"code": "1+1"})
                seconds.append(time.perf_counter() - began)
    return seconds


async def many(sandbox: Any, sessions: int) -> float:
    """MiB that this many sessions use, all of them open and after their first answer."""
    answered = 0
    all_answered = anyio.Event()
    done = anyio.Event()

    async def one() -> None:
        nonlocal answered
        async with CodeInterpreter(sandbox=sandbox) as interpreter:
            await interpreter.run("1+1")
            answered += 1
            if answered == sessions:
                all_answered.set()
            await done.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(sessions):
            tasks.start_soon(one)
        await all_answered.wait()
        used = memory_mib(descendants())
        done.set()
    return used


def ipykernel() -> dict[str, float]:
    """Seconds to the first answer, milliseconds for `1+1`, and MiB, of a kernel in namespaces."""
    jupyter: Any = importlib.import_module("jupyter_client.manager")
    manager = jupyter.KernelManager(transport="ipc")
    manager.kernel_cmd = ["unshare", "-Urmniupf", "--kill-child", sys.executable]
    manager.kernel_cmd += ["-m", "ipykernel_launcher"]
    manager.kernel_cmd += ["-f", "{connection_file}"]
    began = time.perf_counter()
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    ask: Callable[[], object] = lambda: client.execute_interactive(  # noqa: E731
        "1+1", output_hook=lambda _: None
    )
    ask()
    start = time.perf_counter() - began
    answers = []
    for _ in range(100):
        began = time.perf_counter()
        ask()
        answers.append(time.perf_counter() - began)
    used = memory_mib(descendants())
    client.execute_interactive(LIBRARIES, output_hook=lambda _: None)
    with_libraries = memory_mib(descendants())
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return {
        "start": start,
        "answer": statistics.median(answers) * 1000,
        "memory": used,
        "libraries": with_libraries,
    }


async def killed(sandbox: Any, every: float, seconds: float) -> str:
    """A cell of so many seconds, its worker killed after 0, `every`, 2 * `every`, ... seconds."""
    outcomes: Counter[str] = Counter()
    cell = KILLED_CELL.format(steps=round(seconds / 0.02))
    async with CodeInterpreter(sandbox=sandbox, preload=()) as interpreter:
        for moment in range(round(seconds / every)):
            await interpreter.run("import glob\nfor name in glob.glob('*.txt'): os.remove(name)")
            worker = descendants()[-1]

            async def kill(worker: int = worker, after: float = moment * every) -> None:
                await anyio.sleep(after)
                os.kill(worker, signal.SIGKILL)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(kill)
                result = await interpreter.run(cell)
            kept = all(
                (interpreter.work_dir / f"{n}.txt").read_text() == n for n in result.stdout.split()
            )
            files = "files stayed" if kept else "FILES LOST"
            outcomes[f"{result.status}, {result.error or 'no error'} ({files})"] += 1
    return "\n".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common())


def descendants() -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat[1])
    found = {os.getpid()}
    while new := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= new
    return sorted(found - {os.getpid()})


def memory_mib(pids: list[int]) -> float:
    """Proportional set size: pages that processes share are counted once."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


if __name__ == "__main__":
    main()
