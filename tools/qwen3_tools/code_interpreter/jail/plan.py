"""What the host asks the launcher for: plain data, which is part of the launcher's program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Backend = Literal["namespaces", "bubblewrap", "landlock", "none"]

LAUNCHER_OPTIONS = ("-I", "-S", "-X", "utf8", "-c")
"""How Python is started for the launcher, which goes on as the worker where it can."""

_LAUNCH = (
    "import gc, sys; gc.disable(); sys.path.insert(0, {folder!r});"
    " from jail.main import main; main({fields!a})"
)


@dataclass(frozen=True, slots=True)
class Plan:
    backend: Backend
    host_pid: int
    """The process that the sandbox must not outlive."""
    python: str
    """The interpreter to run inside."""
    sources: tuple[str, ...]
    """The source files that make up the worker, in order."""
    work_dir: str
    scratch: str
    """Under Landlock: a folder for temporary files (elsewhere /tmp is the session's own)."""
    readable: tuple[str, ...]
    """Folders of the interpreter and its libraries, as real paths."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links (path, target) that lead to them."""
    uid: int
    """Who the code is outside of the sandbox; never 0."""
    host_uid: int
    memory_bytes: int
    disk_bytes: int
    max_processes: int
    environment: tuple[tuple[str, str], ...]
    proxy_port: int
    """Where a proxy listens on the loopback inside; 0 for no proxy."""
    handles: tuple[int, ...]
    """Where the launcher finds what it moves to REPLIES, REPORTS, ORDERS and, if it is there,
    LISTENER."""
    cgroups: tuple[int, ...]
    """Handles of the control groups that all of it runs in."""

    def program(self, folder: str) -> str:
        """The launcher for it, in Python.

        folder: where the launcher finds the folder above this one.
        """
        return _LAUNCH.format(folder=folder, fields=asdict(self))
