"""What holds code in on this machine, tried now: for `qwen3-agent doctor`, and for people."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from qwen3_tools.code_interpreter import sandbox
from qwen3_tools.code_interpreter.backends import cgroup
from qwen3_tools.code_interpreter.jail import kernel, landlock
from qwen3_tools.code_interpreter.jail.plan import Backend


@dataclass(frozen=True, slots=True)
class SelfTest:
    """The outcome."""

    backend: Backend | None
    """What the interpreter uses here; None: nothing holds, and no code is run."""
    isolation: str
    """That in words, or the lines that would mend it."""
    tried: dict[Backend, str | None]
    """Each kind of walls, strongest first: None where it holds, else what failed."""
    limits: dict[str, str]
    """What is bounded, and by what."""
    facts: dict[str, str]
    """What the choice rests on: the kernel, Landlock's version, the Python inside."""


async def self_test() -> SelfTest:
    """Start each kind of sandbox and try to get out of it. Takes a second or so."""
    tried = await sandbox.survey()
    backend = next((name for name, failure in tried.items() if failure is None), None)
    group = cgroup.make(1 << 30, 64)
    if group:
        group.remove()
    failures = {name: failure for name, failure in tried.items() if failure is not None}
    together = "kernel (control group)" if group else "watchdog, every 50 ms while a cell runs"
    return SelfTest(
        backend=backend,
        isolation=sandbox.ISOLATION[backend] if backend else sandbox.explain(failures),
        tried=tried,
        limits={
            "time": "interrupted, then killed after a second",
            "memory": f"each process: kernel (RLIMIT_AS); together: {together}",
            "processes": "kernel (RLIMIT_NPROC)" + (" and control group" if group else ""),
            "disk": "each file: kernel (RLIMIT_FSIZE); together: watchdog, within 500 ms",
            "network": "none; with allow_domains a proxy, where the sandbox has its own network",
        },
        facts={
            "kernel": f"{os.uname().sysname} {os.uname().release} {kernel.architecture()}",
            "Landlock": f"ABI {landlock.abi() if sys.platform == 'linux' else 0}",
            "user": "root; code runs as a user to spare" if os.geteuid() == 0 else "ordinary",
            "python": sys.executable,
        },
    )
