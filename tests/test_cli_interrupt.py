"""Ctrl-C: gone in under two seconds, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.terminal

PRELUDE = """
import subprocess, sys, threading, time
import anyio
from qwen3_agent.cli.terminal.interrupt import run_until_interrupted

def ready():
    print("ready", flush=True)
"""

WAITS = """
async def main():
    try:
        ready()
        await anyio.sleep_forever()
    finally:
        print("cleaned up", flush=True)
sys.exit(run_until_interrupted(main))
"""

THREAD_IS_BUSY = """
async def main():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: anyio.to_thread.run_sync(time.sleep, 60, abandon_on_cancel=True))
        await anyio.sleep(0.1)
        ready()
sys.exit(run_until_interrupted(main))
"""

CLEANUP_HANGS = """
async def main():
    try:
        ready()
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep_forever()
sys.exit(run_until_interrupted(main))
"""

LOOP_IS_BLOCKED = """
async def main():
    ready()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)
sys.exit(run_until_interrupted(main))
"""

INTERPRETER_IS_BUSY = """
import ctypes
async def main():
    # A C function that does not release the interpreter, as the import of a large library does
    hold = lambda: ctypes.PyDLL(None).usleep(1_000_000)
    async with anyio.create_task_group() as tasks:
        ready()
        threading.Timer(0.1, hold).start()
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep_forever()
sys.exit(run_until_interrupted(main))
"""

HAS_CHILDREN = """
async def main():
    subprocess.Popen(["sh", "-c", "sleep 61.25 & wait"], start_new_session=True)
    time.sleep(0.2)
    ready()
    time.sleep(60)
sys.exit(run_until_interrupted(main))
"""


def start(script: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


@pytest.mark.parametrize(
    "script",
    [WAITS, THREAD_IS_BUSY, CLEANUP_HANGS, LOOP_IS_BLOCKED, INTERPRETER_IS_BUSY],
    ids=["waits", "thread_is_busy", "cleanup_hangs", "loop_is_blocked", "interpreter_is_busy"],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_under_two_seconds(script: str, number: signal.Signals) -> None:
    process = start(script)
    time.sleep(0.2)
    began = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert time.monotonic() - began < 2
    assert process.returncode == 128 + number
    assert errors == b"Interrupted.\n"
    assert (b"cleaned up" in output) == (script is WAITS)


def test_the_second_signal_ends_it_at_once() -> None:
    process = start(CLEANUP_HANGS)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert time.monotonic() - began < 1
    assert process.returncode == 130


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_no_process_is_left_behind_when_cleaning_up_hangs() -> None:
    process = start(HAS_CHILDREN)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    time.sleep(0.1)
    left = [
        path
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"61.25" in _read(path) and os.getpid() != int(path.parent.name)
    ]
    assert left == []


def test_the_exit_code_is_what_the_work_returns() -> None:
    script = PRELUDE + "async def main(): return 7\nsys.exit(run_until_interrupted(main))"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 7


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
