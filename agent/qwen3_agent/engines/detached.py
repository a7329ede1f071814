"""Isolation for child processes that a library starts on its own.

Children spawned by multiprocessing import the caller's `__main__` module again, write to the
caller's standard output, receive the terminal's Ctrl-C, and outlive a caller that is killed. An
engine must do none of this.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker, set_executable
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

_CHILD = """\
import ctypes, os, signal, sys
os.setsid()
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: die with the parent thread
os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


@contextmanager
def detached_children(log: Path) -> Iterator[None]:
    """Spawn children in a new session that write to `log` and end with this thread.

    They do not import `__main__`, so a script needs no `if __name__ == "__main__"`. This affects
    every child that multiprocessing spawns inside the block, so keep the block short.
    """
    # The tracker outlives this thread and is shared by all children, so start it normally. It
    # would warn about the resources of a killed child.
    with environment(PYTHONWARNINGS="ignore:resource_tracker"):
        resource_tracker.ensure_running()
    main = sys.modules["__main__"]
    with TemporaryDirectory(prefix="qwen3-agent-") as folder:
        child, wrapper = Path(folder, "child.py"), Path(folder, "python")
        child.write_text(_CHILD.format(python=sys.executable))
        command = shlex.join([sys.executable, "-I", "-S", str(child)])
        wrapper.write_text(f'#!/bin/sh\nexec {command} "$@" >>{shlex.quote(str(log))} 2>&1\n')
        wrapper.chmod(0o700)
        set_executable(str(wrapper))
        sys.modules["__main__"] = _MainWithoutFile(main)
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            set_executable(sys.executable)


class _MainWithoutFile(ModuleType):
    """A stand-in for `__main__` that has all its attributes except a file to import again."""

    def __init__(self, main: ModuleType) -> None:
        super().__init__("__main__")
        self.__dict__["_main"] = main

    def __getattr__(self, name: str) -> Any:
        if name == "__file__":
            raise AttributeError(name)
        return getattr(self.__dict__["_main"], name)


def shared_memory_of(child: BaseProcess) -> set[Path]:
    """Return the shared memory files that a child has mapped; they remain if it is killed."""
    lines = Path(f"/proc/{child.pid}/maps").read_text("utf-8", "replace").splitlines()
    names = (line.split(maxsplit=5)[-1] for line in lines if " /dev/shm/" in line)
    return {Path(name) for name in names if not name.endswith(" (deleted)")}


@contextmanager
def environment(**defaults: str) -> Iterator[None]:
    """Set environment variables that are not yet set, for processes started inside the block."""
    added = {name: value for name, value in defaults.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
