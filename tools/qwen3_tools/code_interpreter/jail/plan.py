"""The configuration of the launcher: plain data that is part of its command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Backend = Literal["bubblewrap", "namespaces", "landlock", "none"]

LAUNCHER_OPTIONS = ("-I", "-S", "-X", "utf8", "-c")
"""Python options for the launcher, whose process becomes the worker if possible."""

_LAUNCH = (
    "import gc, sys; gc.disable(); sys.path.insert(0, {folder!r});"
    " from jail.main import main; main({fields!a})"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The sandbox that the launcher sets up."""

    backend: Backend
    host_pid: int
    """The process with which the sandbox ends."""
    python: str
    """The interpreter to run inside."""
    sources: tuple[str, ...]
    """The source files of the worker, in order."""
    work_dir: str
    scratch: str
    """With Landlock: a folder for temporary files (other backends have a private /tmp)."""
    readable: tuple[str, ...]
    """Folders of the interpreter and its libraries, as real paths."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links (path, target) that lead to them."""
    uid: int
    """The user of the code, outside the sandbox; never 0."""
    host_uid: int
    memory_bytes: int
    disk_bytes: int
    max_processes: int
    environment: tuple[tuple[str, str], ...]
    proxy_port: int
    """Port of the proxy on the loopback inside; 0 for no proxy."""
    handles: tuple[int, ...]
    """Descriptors that the launcher moves to REPLIES, REPORTS, ORDERS and, with a proxy,
    LISTENER."""
    cgroups: tuple[int, ...]
    """Descriptors for joining the control groups of the session."""

    def program(self, folder: str) -> str:
        """Return the Python program of the launcher.

        Args:
            folder: The parent folder of this package, as the launcher sees it.
        """
        return _LAUNCH.format(folder=folder, fields=asdict(self))
