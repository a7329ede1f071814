"""The folders of one interpreter: made, handed to the user that the code runs as, and removed.

Each lies in a folder of its own beside a lock that is held while the interpreter is open. When
our process is killed, nobody holds the lock, and the next interpreter removes what was left.
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
_SPARE_UIDS = ((0x70000000, 0x7FFFFFF0), (61184, 65519))  # nobody's; then systemd's dynamic users


class Workspace:
    """A work folder and a scratch folder.

    Args:
        work_dir: The user's own folder, which is kept; None for a temporary one.

    Raises OSError when a folder cannot be made or handed over, SandboxUnavailableError when we are
    root and there is no user to spare.
    """

    def __init__(self, work_dir: str | os.PathLike[str] | None) -> None:
        remove_abandoned()
        self.base, self._lock = _made()
        """Holds the others, and is itself not shown to code."""
        try:
            self.scratch = self.base / "scratch"
            self.scratch.mkdir(0o700)
            self.work_dir = Path(work_dir).resolve() if work_dir else self.base / "work"
            self.work_dir.mkdir(0o777 if work_dir else 0o700, parents=True, exist_ok=True)
            self.uid = spare_uid(self.work_dir)
            """The user that the folders are handed over to."""
            for path in (self.scratch, self.work_dir):
                folder.hand_over(path, self.uid)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove what was made. Nothing may be running in it any more."""
        _remove(self.base)
        os.close(self._lock)


def spare_uid(work_dir: Path) -> int:
    """Whom the code runs as: the user, but for root a user that owns nothing elsewhere.

    A folder that was handed over before keeps its user, who has files in there.
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
        "Root would run code as a user that owns nothing, and this container has none to spare. "
        "Start it as an ordinary user."
    )


def remove_abandoned() -> None:
    """Remove the rooms of processes that ended without doing so."""
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
    """A new folder and the handle that keeps it locked."""
    unfinished = Path(tempfile.mkdtemp(prefix=_PREFIX_UNFINISHED)).resolve()
    unfinished.chmod(0o711)  # for root's spare user, who has to walk through
    lock = os.open(unfinished / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Only now may others see it: they take what is not locked for abandoned.
    base = unfinished.with_name(_PREFIX + secrets.token_hex(8))
    unfinished.rename(base)
    return base, lock


def _remove(base: Path) -> None:
    with contextlib.suppress(OSError):
        folder.remove_tree(base)
