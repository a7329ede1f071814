"""The hostile cells with no sandbox at all: the suite can fail, and this shows how much of it does.

    python -m tests.sandbox.without_walls

Each cell runs in a bubblewrap of its own, with a machine to destroy that is gone afterwards; to
the cell it is the user's own. Start it as an ordinary user: what only root may do, the kernel
refuses there without any help of ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from qwen3_tools.code_interpreter import CodeInterpreter

from .conftest import laid_out, left_behind
from .hostile import CELLS
from .test_hostile import LIMITS, opened, try_cell

THROW_AWAY = "--unshare-all --die-with-parent --ro-bind / / --dev /dev --proc /proc"
SECONDS = 120


def main() -> None:
    bwrap = shutil.which("bwrap")
    if bwrap is None or os.geteuid() == 0:
        sys.exit("This needs bubblewrap, and an ordinary user.")
    command = [bwrap, *THROW_AWAY.split()]
    for folder in ("/tmp", "/dev/shm", str(Path.home())):
        command += ["--tmpfs", folder]
    command += ["--", sys.executable, "-m", "tests.sandbox.without_walls"]
    held: Counter[str] = Counter()
    got: dict[str, list[str]] = {}
    for cell in CELLS:
        family, _, name = cell.partition("/")
        try:
            done = subprocess.run([*command, cell], capture_output=True, timeout=SECONDS)
            worked = done.returncode != 0
        except subprocess.TimeoutExpired:
            worked = True
        got.setdefault(family, [])
        if worked:
            got[family].append(name)
        else:
            held[family] += 1
    for family, names in got.items():
        print(f"{family}: {len(names)} of {len(names) + held[family]} got somewhere: {names}")
    print(f"{sum(map(len, got.values()))} of {len(CELLS)} in all")


def try_one(cell: str) -> None:
    interpreter = CodeInterpreter(unsafe_no_sandbox=True, **LIMITS)
    with tempfile.TemporaryDirectory() as home, laid_out(Path(home)) as surroundings:
        with opened(interpreter) as run:
            try_cell(cell, run, surroundings)
        assert left_behind() == []


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else try_one(sys.argv[1])
