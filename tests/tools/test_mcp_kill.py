"""Our own process is killed: no server is left, nor anything that a server started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers

# Ignores TERM and the end of its stdin, and has three children that ignore TERM as well: one in
# its group, one in a session of its own, as browsers are started, and one whose parent has gone.
STUBBORN = """
import os, signal, subprocess, sys, time

def note():
    with open(os.environ["PIDS"], "a") as pids:
        pids.write(f"{os.getpid()}\\n")

signal.signal(signal.SIGTERM, signal.SIG_IGN)
note()
if os.fork() == 0:
    note()
elif os.fork() == 0:
    os.setsid()
    note()
elif os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    note()
else:
    os.wait()
time.sleep(600)
"""
AGENT = """
import anyio, os, sys
from qwen3_tools.mcp import mcp_servers

async def main():
    config = {
        "time": {"command": "mcp-server-time"},
        "stubborn": {"command": sys.executable, "args": ["-c", os.environ["STUBBORN"]],
                     "startTimeout": float(sys.argv[1]), "env": {"PIDS": os.environ["PIDS"]}},
    }
    async with mcp_servers({"mcpServers": config}):
        print("ready", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_server_outlives_us_by_more_than_a_second(number: int, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    # The server that never answers is still starting when we are killed.
    agent = subprocess.Popen(
        [sys.executable, "-c", AGENT, "600"],
        env={"PIDS": str(pids), "STUBBORN": STUBBORN, "XDG_STATE_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not pids.exists() or len(noted(pids)) < 4 or len(children_of(agent.pid)) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    left = [*noted(pids), *children_of(agent.pid)]
    assert all(map(is_running, left))
    agent.send_signal(number)
    agent.wait()
    killed = time.monotonic()
    while any(map(is_running, left)):
        assert time.monotonic() < killed + 10, "something is still there"
        time.sleep(0.005)
    assert time.monotonic() - killed < 1


def noted(pids: Path) -> list[int]:
    return [int(line) for line in pids.read_text().split()]


def children_of(pid: int) -> list[int]:
    """Servers, and whoever watches over them."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
