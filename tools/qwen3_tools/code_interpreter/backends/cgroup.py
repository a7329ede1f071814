"""A control group for a session, if the user may create one: limits enforced by the kernel.

They apply to all processes of the session together, at any moment, while the watchdog in
`jail/usage.py` only checks regularly. In most containers and logins no group is writable, so that
only the watchdog remains.

Documentation: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"qwen3-agent-([0-9]+)-[0-9a-f]+")
_OF_OURS = 8  # launcher, supervisor and their threads
_ROOM_FOR_OURS = 64 << 20
_NEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Group:
    """A new group in each hierarchy that has a limit to set."""

    folders: tuple[Path, ...]

    def open_procs(self) -> list[int]:
        """Open handles; a process joins the group by writing "0" to them."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY) for folder in self.folders]

    def ran_out_of_memory(self) -> bool:
        """Return True if the kernel killed a process of the group for lack of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    if re.search(r"^oom_kill [1-9]", (folder / name).read_text(), re.MULTILINE):
                        return True
        return False

    def remove(self) -> None:
        """Remove the group if it is empty."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


def make(memory_bytes: int, max_processes: int, proc: Path = Path("/proc/self")) -> Group | None:
    """Create a group; return None if the user cannot create one.

    Args:
        memory_bytes: Limit for all processes together.
        max_processes: Limit of processes and threads.
        proc: Where to read the groups of this process.
    """
    memory, processes = str(memory_bytes + _ROOM_FOR_OURS), str(max_processes + _OF_OURS)
    name = f"qwen3-agent-{os.getpid()}-{secrets.token_hex(6)}"
    try:
        hierarchies = _hierarchies(proc)
    except (OSError, ValueError):
        return None
    limits: dict[Path, dict[str, str]] = {}
    if "memory" in hierarchies and "pids" in hierarchies:  # version 1
        limits[hierarchies["memory"] / name] = {"memory.limit_in_bytes": memory}
        limits[hierarchies["pids"] / name] = {"pids.max": processes}
    elif parent := _with_controllers(hierarchies.get("")):
        limits[parent / name] = {
            "memory.max": memory,
            "memory.swap.max": "0",
            "pids.max": processes,
        }
    else:
        return None
    group = Group(tuple(limits))
    try:
        for folder, values in limits.items():
            _remove_abandoned(folder.parent)
            folder.mkdir()
            for file, value in values.items():
                with contextlib.suppress(FileNotFoundError):  # no swap
                    (folder / file).write_text(value)
            os.close(os.open(folder / "cgroup.procs", os.O_WRONLY))
    except OSError:
        group.remove()
        return None
    return group


def _hierarchies(proc: Path) -> dict[str, Path]:
    """The folder of this process's group, by controller; "" for version 2."""
    mounts: dict[str, tuple[str, Path]] = {}
    for line in (proc / "mountinfo").read_text().splitlines():
        place, _, kind = line.partition(" - ")
        root, mount_point = place.split()[3:5]
        filesystem, _, options = kind.split()[:3]
        if filesystem == "cgroup2":
            mounts.setdefault("", (root, Path(mount_point)))
        elif filesystem == "cgroup":
            for option in options.split(","):
                mounts.setdefault(option, (root, Path(mount_point)))
    found: dict[str, Path] = {}
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounts:
                root, mounted_at = mounts[controller]
                inside = path.removeprefix(root) if root != "/" else path
                found[controller] = mounted_at / inside.lstrip("/")
    return found


def _with_controllers(group: Path | None) -> Path | None:
    """Find the nearest parent group that limits its children and is writable.

    Groups with processes of their own cannot limit children, so it is rarely our own group.
    """
    while group is not None and (group / "cgroup.procs").exists():
        with contextlib.suppress(OSError):
            given = (group / "cgroup.subtree_control").read_text().split()
            if {"memory", "pids"} <= set(given) and os.access(group, os.W_OK):
                return group if os.access(group / "cgroup.procs", os.W_OK) else None
        group = group.parent
    return None


def _remove_abandoned(parent: Path) -> None:
    """Remove groups of killed processes, and groups that were not empty when their session ended.

    Groups in use cannot be removed. New ones are skipped, since a process may be about to join.
    """
    for folder in parent.iterdir():
        match = _NAME.fullmatch(folder.name)
        with contextlib.suppress(OSError):
            if match and (
                not os.path.exists(f"/proc/{match[1]}")
                or time.time() - folder.stat().st_ctime > _NEW_SECONDS
            ):
                folder.rmdir()
