"""Tests which sandbox backends work on this machine, for `qwen3-agent doctor` and for users."""

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
    """The outcome of a self test."""

    backend: Backend | None
    """The backend that the interpreter uses; None if none is available."""
    isolation: str
    """Description of the backend, or how to make one available."""
    tried: dict[Backend, str | None]
    """Every backend, strongest first: None if it passed, else the reason."""
    limits: dict[str, str]
    """Each limit and how it is enforced."""
    facts: dict[str, str]
    """Facts about the machine: kernel, Landlock version, Python."""


async def self_test() -> SelfTest:
    """Start each backend and try to escape from it. Takes about a second."""
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
            "network": "none; with allow_domains a proxy, if the backend has a network namespace",
        },
        facts={
            "kernel": f"{os.uname().sysname} {os.uname().release} {kernel.architecture()}",
            "Landlock": f"ABI {landlock.abi() if sys.platform == 'linux' else 0}",
            "user": "root; code runs as an unused user" if os.geteuid() == 0 else "ordinary",
            "python": sys.executable,
        },
    )
