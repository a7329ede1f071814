"""The folders of one interpreter: creation, ownership and removal.

They are in a base folder with a lock that is held while the interpreter is open. If our process is
killed, the lock is released, and the next interpreter removes the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import secrets
import stat
import tempfile
from pathlib import Path

from qwen3_tools.code_interpreter import folder
from qwen3_tools.errors import SandboxUnavailableError

_PREFIX, _PREFIX_UNFINISHED = "qwen3-agent-workspace-", "qwen3-agent-new-"
_LOCK = "lock"
_SPARE_UIDS = ((0x70000000, 0x7FFFFFF0), (61184, 65519))  # unassigned; then systemd's dynamic users


class Workspace:
    """A work folder and a scratch folder.

    Args:
        work_dir: The user's own folder, which is kept; None for a temporary one.

    Raises:
        OSError: A folder cannot be created, or its owner cannot be changed.
        SandboxUnavailableError: We are root, and there is no unused user to run code.
    """

    def __init__(self, work_dir: str | os.PathLike[str] | None) -> None:
        remove_abandoned()
        self.base, self._lock = _made()
        """Contains the other folders; not visible to code."""
        try:
            self.scratch = self.base / "scratch"
            self.scratch.mkdir(0o700)
            self.work_dir = Path(work_dir).resolve() if work_dir else self.base / "work"
            self.work_dir.mkdir(0o777 if work_dir else 0o700, parents=True, exist_ok=True)
            self.uid = spare_uid(self.work_dir)
            """The user that owns the folders and runs the code."""
            for path in (self.scratch, self.work_dir):
                folder.hand_over(path, self.uid)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the temporary folders. No process may be using them."""
        _remove(self.base)
        os.close(self._lock)


def spare_uid(work_dir: Path) -> int:
    """Choose the user that runs the code: the current one, or for root an unused one.

    A work folder that already belongs to such a user keeps it.
    """
    if os.geteuid() != 0:
        return os.geteuid()
    with open("/proc/self/uid_map", encoding="ascii") as file:
        mapped = [(int(line.split()[0]), int(line.split()[2])) for line in file]
    owner = work_dir.stat().st_uid
    for low, high in _SPARE_UIDS:
        if any(first <= low and high < first + count for first, count in mapped):
            return owner if low <= owner <= high else random.randint(low, high)
    raise SandboxUnavailableError(
        "As root, code runs as an unused user, but this container has none. "
        "Run qwen3-agent as an ordinary user."
    )


def remove_abandoned() -> None:
    """Remove workspaces of processes that were killed."""
    with os.scandir(tempfile.gettempdir()) as entries:
        found = [Path(entry.path) for entry in entries if entry.name.startswith(_PREFIX)]
    for base in found:
        with contextlib.suppress(OSError):
            status = os.lstat(base)
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                continue
            handle = os.open(base / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(base)
            finally:
                os.close(handle)


def _made() -> tuple[Path, int]:
    """Create a folder and the handle that keeps it locked."""
    unfinished = Path(tempfile.mkdtemp(prefix=_PREFIX_UNFINISHED)).resolve()
    unfinished.chmod(0o711)  # so that another user can pass through
    lock = os.open(unfinished / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Renamed once it is locked, because others remove unlocked folders.
    base = unfinished.with_name(_PREFIX + secrets.token_hex(8))
    unfinished.rename(base)
    return base, lock


def _remove(base: Path) -> None:
    with contextlib.suppress(OSError):
        folder.remove_tree(base)
