"""What a session uses, all its processes together; the kernel limits only each by itself."""

from __future__ import annotations

import os
from collections.abc import Callable

from .plan import Plan

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DISK_EVERY = 10  # ticks: walking a folder costs more than reading a few numbers
_MOST_FILES = 50_000


def descendants() -> list[int]:
    """The processes below this one; orphans are among them, since they come to us."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    children = [int(child) for child in file.read().split()]
                found += children
                waiting += children
        except OSError:
            continue  # it ended meanwhile
    return found


class Usage:
    """Compares a session with its plan's limits. Make it before the worker starts."""

    def __init__(self, plan: Plan) -> None:
        self._memory_limit = plan.memory_bytes
        self._disk_limit = plan.disk_bytes
        self._folders = [folder for folder in (plan.work_dir, plan.scratch) if folder]
        self._own_mounts = plan.walls in ("namespaces", "bubblewrap")
        self._files_before, self._bytes_before = self._on_disk()
        self._ticks = 0

    def broken_limit(self, *, thorough: bool = False) -> str | None:
        """Says which limit is broken, or None. The disk is looked at each time only if thorough."""
        pids = descendants()
        if self._memory(pids, _resident) > self._memory_limit and (
            # Pages that processes share were counted once for each: now exactly, which is slower.
            self._memory(pids, _proportional) > self._memory_limit
        ):
            return f"it used more than {self._memory_limit >> 20} MiB of memory"
        self._ticks += 1
        if thorough or self._ticks % _DISK_EVERY == 0:
            files, size = self._on_disk()
            if size - self._bytes_before > self._disk_limit:
                return f"it wrote more than {self._disk_limit >> 20} MiB of files"
            if files - self._files_before > _MOST_FILES:
                return f"it made more than {_MOST_FILES} files"
        return None

    def _memory(self, pids: list[int], measure: Callable[[int], int]) -> int:
        total = sum(measure(pid) for pid in pids)
        if self._own_mounts:
            for path in ("/tmp", "/dev/shm"):
                space = os.statvfs(path)
                total += (space.f_blocks - space.f_bfree) * space.f_frsize
        return total

    def _on_disk(self) -> tuple[int, int]:
        files, blocks = 0, 0
        waiting = list(self._folders)
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        status = entry.stat(follow_symlinks=False)
                        files += 1
                        blocks += status.st_blocks
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
            except OSError:
                continue
        return files, blocks * 512


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
