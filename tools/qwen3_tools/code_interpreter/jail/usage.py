"""Resource use of all processes of a session together; kernel limits apply to each process."""

from __future__ import annotations

import errno
import os
import stat

from . import kernel
from .filesystem import MOST_TEMPORARY_FILES, TEMPORARY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .plan import Plan

_PAGE = os.sysconf("SC_PAGE_SIZE")
_DISK_EVERY = 10  # ticks: walking folders is expensive
_MOST_FILES = 50_000
_FEW_HANDLES = 64  # fewer are not counted
_BYTES_A_SOCKET = 2 * 208 << 10  # maximum buffers of the kernel, for both directions
_LONG_PATH = 2000  # bytes or more; the kernel takes 4096


def descendants() -> list[int]:
    """List descendants of this process, including orphans, which are reparented to us."""
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                    children = [int(child) for child in file.read().split()]
                found += children
                waiting += children
        except OSError:
            continue  # it ended
    return found


class _UnreadableProcessError(Exception):
    """Folders too deep to count with the available descriptors."""


class Usage:
    """Compares a session with its limits. Must be created before the worker starts."""

    def __init__(self, plan: Plan) -> None:
        self._memory_limit = plan.memory_bytes
        self._disk_limit = plan.disk_bytes
        self._folders = [
            os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            for folder in (plan.work_dir, plan.scratch)
            if folder
        ]
        self._devices = {os.fstat(folder).st_dev for folder in self._folders}
        self._own_mounts = plan.backend in ("namespaces", "bubblewrap")
        try:
            self._files_before, self._bytes_before = self._on_disk()
        except _UnreadableProcessError:
            raise OSError(errno.EMFILE, "the work folder is too deep to be looked at") from None
        self._ticks = 0
        self._taken = self._taken_of_disk()

    def broken_limit(self, *, thorough: bool = False) -> str | None:
        """Return which limit is exceeded, or None. If `thorough`, always check the disk."""
        pids = descendants()
        available = self._memory_limit - _buffered(pids)
        if self._memory(pids, _resident) > available and (
            # Shared pages were counted for each process; this is exact but slower.
            self._memory(pids, _proportional) > available
        ):
            return f"it used more than {self._memory_limit >> 20} MiB of memory"
        if self._own_mounts and any(map(_has_too_many_files, TEMPORARY)):
            return f"it made more than {MOST_TEMPORARY_FILES} temporary files"
        self._ticks += 1
        if thorough or self._ticks % _DISK_EVERY == 0 or self._disk_fills():
            self._taken = self._taken_of_disk()
            try:
                files, size = self._on_disk()
            except _UnreadableProcessError:
                return "it made folders too deep to be looked at"
            size += self._deleted(pids)
            if size - self._bytes_before > self._disk_limit:
                return f"it wrote more than {self._disk_limit >> 20} MiB of files"
            if files - self._files_before > _MOST_FILES:
                return f"it made more than {_MOST_FILES} files"
        return None

    def _memory(self, pids: list[int], measure: Callable[[int], int]) -> int:
        total = sum(measure(pid) for pid in pids)
        if self._own_mounts:
            for path in TEMPORARY:
                space = os.statvfs(path)
                total += (space.f_blocks - space.f_bfree) * space.f_frsize
        return total

    def _disk_fills(self) -> bool:
        """Return True if the free space shrank so much that the folders must be counted."""
        files, size = self._taken_of_disk()
        files_seen, size_seen = self._taken
        return size - size_seen > self._disk_limit // 2 or files - files_seen > _MOST_FILES // 2

    def _taken_of_disk(self) -> tuple[int, int]:
        space = os.statvfs(self._folders[0])
        return space.f_files - space.f_ffree, (space.f_blocks - space.f_bfree) * space.f_frsize

    def _on_disk(self) -> tuple[int, int]:
        """Count files and bytes below the folders.

        Long paths are shortened by opening a folder on the way, so that any depth can be counted.

        Raises:
            _UnreadableProcessError: The folders are too deep to count.
        """
        files, blocks = 0, 0
        waiting: list[tuple[int, str | None]] = [(folder, ".") for folder in self._folders]
        try:
            while waiting:
                top, path = waiting.pop()
                if path is None:
                    os.close(top)
                    continue
                try:
                    handle = _open_folder(top, path)
                except OSError as error:
                    if error.errno in (errno.EMFILE, errno.ENFILE):
                        raise _UnreadableProcessError from None
                    continue  # gone, or no longer a folder
                folders, (more_files, more_blocks) = _look_into(handle)
                files += more_files
                blocks += more_blocks
                if len(os.fsencode(path)) > _LONG_PATH and folders:
                    waiting.append((handle, None))  # closed after its content was counted
                    top, path = handle, "."
                else:
                    os.close(handle)
                waiting += [(top, f"{path}/{name}") for name in folders]
        finally:
            for handle, path in waiting:
                if path is None:
                    os.close(handle)
        return files, blocks * 512

    def _deleted(self, pids: list[int]) -> int:
        """Count bytes of deleted files that are still open."""
        found: dict[tuple[int, int], int] = {}
        for pid in pids:
            for handle in _handles_of(pid):
                try:
                    status = os.stat(f"/proc/{pid}/fd/{handle}")
                except OSError:
                    continue
                if status.st_nlink == 0 and status.st_dev in self._devices:
                    found[status.st_dev, status.st_ino] = status.st_blocks
        return sum(found.values()) * 512


def _has_too_many_files(path: str) -> bool:
    """For bubblewrap, which has no option to limit the number of files."""
    space = os.statvfs(path)
    return space.f_files - space.f_ffree > MOST_TEMPORARY_FILES


def _look_into(handle: int) -> tuple[list[str], tuple[int, int]]:
    """List the folders in an open folder, with the number of files and their blocks."""
    folders: list[str] = []
    files, blocks = 0, 0
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                files += 1
                blocks += status.st_blocks
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.name)
    except OSError:
        pass  # it was changed
    return folders, (files, blocks)


def _open_folder(top: int, path: str) -> int:
    try:
        return kernel.open_beneath(top, path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:  # the code removed permissions; we are the same user
        handle = kernel.open_beneath(top, path, os.O_PATH | os.O_DIRECTORY)
        try:
            os.chmod(f"/proc/self/fd/{handle}", 0o700)
        finally:
            os.close(handle)
        return kernel.open_beneath(top, path, os.O_RDONLY | os.O_DIRECTORY)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * _PAGE
    except OSError:
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except PermissionError:  # its program is not readable
        return _resident(pid)
    except OSError:
        pass
    return 0


def _buffered(pids: list[int]) -> int:
    """Estimate the kernel's socket buffers for processes with many descriptors."""
    sockets: set[str] = set()
    for pid in pids:
        handles = _handles_of(pid)
        if len(handles) > _FEW_HANDLES:
            for handle in handles:
                try:
                    sockets.add(os.readlink(f"/proc/{pid}/fd/{handle}"))
                except OSError:
                    continue
    return sum(name.startswith("socket:") for name in sockets) * _BYTES_A_SOCKET


def _handles_of(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []
