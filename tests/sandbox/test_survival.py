"""Killed at any moment: the result says so, and files that were written stay."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter

from .conftest import MARKER, left_behind

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]

LEAVE_SOMETHING = f"""
import subprocess
subprocess.Popen(['sleep', '{MARKER}'], start_new_session=True)
"""
CELL = """
import time
for n in range(20):
    with open(f'{n}.txt', 'w') as file:
        file.write(str(n))
    print(n, flush=True)
    time.sleep(0.02)
'finished'
"""
VICTIMS = {"the worker": -1, "the supervisor": -2, "the launcher": 0}
"""Where they stand in the line of processes from the first to the last."""
EVERY = 0.05
"""Seconds between the moments; benchmarks/interpreter.py has more of them."""


def children_of(parent: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{parent}/task").iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def processes_of(folder: Path) -> list[int]:
    """A session's, from the launcher down to the worker, found by the work folder it was given."""
    for launcher in children_of(os.getpid()):
        if str(folder).encode() in Path(f"/proc/{launcher}/cmdline").read_bytes():
            found = [launcher]
            while below := [pid for pid in children_of(found[-1]) if name_of(pid) != "sleep"]:
                found.append(below[0])
            return found
    raise AssertionError(f"no session in {folder}")


async def kill_later(victim: int, seconds: float) -> None:
    await anyio.sleep(seconds)
    os.kill(victim, signal.SIGKILL)


@pytest.mark.parametrize("who", VICTIMS)
async def test_a_session_killed_at_any_moment(who: str, backend: str, tmp_path: Path) -> None:
    async with anyio.create_task_group() as tasks:
        for moment in range(12):
            folder = tmp_path / f"moment-{moment}-"
            tasks.start_soon(killed_after, moment * EVERY, who, backend, folder)
    assert left_behind() == []


async def killed_after(seconds: float, who: str, backend: str, folder: Path) -> None:
    async with CodeInterpreter(
        folder,
        sandbox=backend,  # type: ignore[arg-type]
        preload=(),
    ) as interpreter:
        await interpreter.run(LEAVE_SOMETHING)
        victim = processes_of(folder)[VICTIMS[who]]
        written: list[str] = []

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(kill_later, victim, seconds)
            result = await interpreter.run(CELL, lambda _, text: written.append(text))
        printed = result.stdout.split()
        await anyio.sleep(0.2)  # a launcher's death takes a moment to reach the worker
        again = await interpreter.run("1+1")
        if result.status == "ok" and again.status == "killed":  # it was between two cells
            result, again = again, await interpreter.run("1+1")
        assert (again.status, again.result) == ("ok", "2")
    if result.status == "ok":
        assert result.result == "'finished'"
        assert result.state_lost or again.state_lost
    else:
        assert result.status == "killed"
        assert result.state_lost
        assert "ended by SIGKILL" in str(result.error) or "killed from outside" in str(result.error)
    assert printed == "".join(written).split()
    for n in printed:
        assert (folder / f"{n}.txt").read_text() == n
