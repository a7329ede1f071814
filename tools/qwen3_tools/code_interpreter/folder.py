"""The folder where cells run. Hostile code has been there: no link in it is followed."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

_MOST_SCANNED = 10_000
_MOST_LISTED = 20
_FIGURE = re.compile(r"figure-[0-9]{1,9}\.png")


def hand_over(folder: Path, uid: int) -> None:
    """Let the sandbox's user write in `folder`."""
    status = os.stat(folder)
    if status.st_uid != uid and os.geteuid() == 0:
        os.chown(folder, uid, uid)
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written to")


def files_in(folder: Path) -> set[str]:
    """Regular files below `folder`, relative to it; the first ten thousand."""
    return set(_walk(folder))


def new_files(folder: Path, before: set[str], besides: set[str]) -> tuple[str, ...]:
    """What was added, in order, as names that are safe to show."""
    added = sorted(files_in(folder) - before - besides)
    shown = [name if name.isprintable() else ascii(name) for name in added]
    if len(shown) > _MOST_LISTED:
        shown[_MOST_LISTED:] = [f"and {len(shown) - _MOST_LISTED} more"]
    return tuple(shown)


def read(folder: Path, name: str) -> bytes:
    """A regular file below `folder` that has no other name. Raises OSError for anything else."""
    from qwen3_tools.code_interpreter.jail import kernel

    beneath = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        handle = kernel.open_beneath(beneath, name, os.O_RDONLY | os.O_NONBLOCK)
    finally:
        os.close(beneath)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(handle)
        raise PermissionError(f"{name} is no regular file of its own")
    with open(handle, "rb") as file:
        return file.read()


def write(folder: Path, name: str, data: bytes, uid: int) -> None:
    """Put a file into `folder` and hand it over; whatever had its name is unlinked, not written.

    Raises ValueError when `name` is more than the name of a file, OSError when it is a folder's.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name for a file in the work folder")
    beneath = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=beneath)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(name, flags, 0o644, dir_fd=beneath), "wb") as file:
            file.write(data)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), uid, uid)
    finally:
        os.close(beneath)


def figures(folder: Path, names: object) -> tuple[Path, ...]:
    """The images among `names`, which the code claims to have saved, that are really there."""
    if not isinstance(names, list):
        return ()
    paths = [folder / name for name in names if isinstance(name, str) and _FIGURE.fullmatch(name)]
    return tuple(path for path in paths if _is_regular(path))


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _walk(folder: Path) -> Iterator[str]:
    count = 0
    for parent, folders, names, handle in os.fwalk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
        for name in names:
            count += 1
            if count > _MOST_SCANNED:
                return
            try:
                status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) and not name.startswith("."):
                yield os.path.relpath(os.path.join(parent, name), folder)
