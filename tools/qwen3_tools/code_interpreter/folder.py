"""The folder where cells run. Hostile code has been there: no link in it is followed."""

from __future__ import annotations

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
