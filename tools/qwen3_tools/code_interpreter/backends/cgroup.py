"""A control group for a session, where this user may make one: the kernel's own limits.

They hold for all processes of the session together and at every moment, which the watchdog in
`jail/usage.py` can only look after. Most containers and logins have no group that can be written;
then the watchdog is what there is.

Files and their meaning: the kernel's Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/.
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
_OF_OURS = 8  # launcher, supervisor and their threads are no processes of the code's
_ROOM_FOR_OURS = 64 << 20
_NEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Group:
    """A group on its own in each hierarchy that has a limit for us."""

    folders: tuple[Path, ...]

    def cgroups(self) -> list[int]:
        """Handles: a process that writes "0" there is in the group from then on."""
        return [os.open(folder / "cgroup.procs", os.O_WRONLY) for folder in self.folders]

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended a process of the group for want of memory."""
        for folder in self.folders:
            for name in ("memory.events", "memory.oom_control"):
                with contextlib.suppress(OSError):
                    if re.search(r"^oom_kill [1-9]", (folder / name).read_text(), re.MULTILINE):
                        return True
        return False

    def remove(self) -> None:
        """Remove it, once it is empty."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


def make(memory_bytes: int, max_processes: int, proc: Path = Path("/proc/self")) -> Group | None:
    """A new group with these limits; None where this user can make none.

    Args:
        memory_bytes: for all its processes together.
        max_processes: processes and threads.
        proc: where to read which groups this process is in.
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
    """The folder of this process's group, by controller; "" is version 2."""
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
    """The nearest group, from one upward, that gives its children limits and lets us add one.

    A group with processes of its own gives none, so it is seldom the one that we are in.
    """
    while group is not None and (group / "cgroup.procs").exists():
        with contextlib.suppress(OSError):
            given = (group / "cgroup.subtree_control").read_text().split()
            if {"memory", "pids"} <= set(given) and os.access(group, os.W_OK):
                return group if os.access(group / "cgroup.procs", os.W_OK) else None
        group = group.parent
    return None


def _remove_abandoned(parent: Path) -> None:
    """Remove the groups of processes that were killed; one that is in use cannot be removed.

    So are groups that were not quite empty when their session ended. A new one is let alone: it may
    be about to be entered.
    """
    for folder in parent.iterdir():
        match = _NAME.fullmatch(folder.name)
        with contextlib.suppress(OSError):
            if match and (
                not os.path.exists(f"/proc/{match[1]}")
                or time.time() - folder.stat().st_ctime > _NEW_SECONDS
            ):
                folder.rmdir()
