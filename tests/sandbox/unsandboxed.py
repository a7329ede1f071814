"""Runs the hostile cells without a sandbox, to show that the tests can fail.

    python -m tests.sandbox.unsandboxed [bare | ours]

`bare` (the default): a process that uses `exec` and trusts every reply. `ours`: our worker with its
limits and watchdog, but without isolation. Each cell runs in its own bubblewrap sandbox, which
stands in for the user's machine and is discarded. Run it as an ordinary user, since the kernel
refuses privileged operations there in any case.

November 2026: 153 of 175 cells succeeded in the bare process. Most of the others require what this
machine lacks (a network, BPF, x32), or attack another kind of interpreter.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from qwen3_tools.code_interpreter import CodeInterpreter

from . import bare
from .conftest import laid_out
from .hostile import CELLS
from .test_hostile import LIMITS, opened, secret_in_environment, try_cell

THROW_AWAY = "--unshare-all --die-with-parent --ro-bind / / --dev /dev --proc /proc"
SECONDS = 60
MOST_PROCESSES = 400  # of the user that this runs as: the machine is to live on


def main(kind: str) -> None:
    bwrap = shutil.which("bwrap")
    if bwrap is None or os.geteuid() == 0:
        sys.exit("This needs bubblewrap, and an ordinary user.")
    resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
    command = [bwrap, *THROW_AWAY.split()]
    for folder in ("/tmp", "/dev/shm", str(Path.home())):
        command += ["--size", str(4 << 30), "--tmpfs", folder]
    command += ["--", sys.executable, "-m", "tests.sandbox.unsandboxed", kind]
    if subprocess.run([*command, "-"]).returncode != 0:
        sys.exit("Without a cell, too, something is wrong.")
    got: dict[str, list[str]] = {}
    held: dict[str, list[str]] = {}
    for cell in CELLS:
        family, _, name = cell.partition("/")
        try:
            done = subprocess.run(
                [*command, cell], capture_output=True, timeout=SECONDS, start_new_session=True
            )
            why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            worked = done.returncode != 0
        except subprocess.TimeoutExpired:
            worked, why = True, "it never ended"
        if worked:
            print(f"  {cell}: {ascii(why)[:150]}", flush=True)
        got.setdefault(family, [])
        held.setdefault(family, [])
        (got if worked else held)[family].append(name)
    for family in got:
        count = len(got[family])
        print(f"{family}: {count} of {count + len(held[family])}; not: {', '.join(held[family])}")
    print(f"{sum(map(len, got.values()))} of {len(CELLS)} got somewhere")


def try_one(kind: str, cell: str) -> None:
    """Raises AssertionError, or dies, when the cell gets anywhere. "-": what any program may do."""
    CELLS["-"] = "1"
    with tempfile.TemporaryDirectory() as home, laid_out(Path(home)) as surroundings:
        before = processes()
        ours = CodeInterpreter(sandbox="none", **LIMITS)
        with secret_in_environment(), opened(ours) if kind == "ours" else bare.opened() as run:
            try_cell(cell, run, surroundings)
        assert processes() == before, "it left a process behind"


def processes() -> set[str]:
    return set(filter(str.isdigit, os.listdir("/proc")))


if __name__ == "__main__":
    kind, *cell = sys.argv[1:] or ["bare"]
    try_one(kind, *cell) if cell else main(kind)
