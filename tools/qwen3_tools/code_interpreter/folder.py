"""Access to the folder where cells run. Its content is untrusted: no link is followed."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import secrets
import shutil
import stat
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

_MOST_SCANNED = 10_000
_MOST_LISTED = 20
_MOST_FIGURES = 100
_DEEPEST_LISTED = 32
_INTO_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FIGURE = re.compile(r"figure-[0-9]{1,9}\.png")


def hand_over(folder: Path, uid: int) -> None:
    """Let the sandbox's user write in `folder`."""
    status = os.stat(folder)
    if status.st_uid != uid and os.geteuid() == 0:
        os.chown(folder, uid, uid)
    elif not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is not writable")


def files_in(folder: Path) -> set[str]:
    """List regular files below `folder`, relative to it, up to ten thousand."""
    return set(_walk(folder))


def new_files(folder: Path, before: set[str], images: Iterable[Path]) -> tuple[str, ...]:
    """List files added besides these images, sorted, with names that are safe to print."""
    added = sorted(files_in(folder) - before - {image.name for image in images})
    shown = [name if name.isprintable() else ascii(name) for name in added]
    if len(shown) > _MOST_LISTED:
        shown[_MOST_LISTED:] = [f"and {len(shown) - _MOST_LISTED} more"]
    return tuple(shown)


def read(folder: Path, name: str) -> bytes:
    """Read a regular file below `folder` without other links. Raise OSError for anything else."""
    from qwen3_tools.code_interpreter.jail import kernel

    beneath = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        handle = kernel.open_beneath(beneath, name, os.O_RDONLY | os.O_NONBLOCK)
    finally:
        os.close(beneath)
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(handle)
        raise PermissionError(f"{name} is not a regular file without other links")
    with open(handle, "rb") as file:
        return file.read()


def write(folder: Path, name: str, source: str | os.PathLike[str] | bytes, uid: int) -> None:
    """Create a file in `folder` and change its owner; an existing one is unlinked first.

    Args:
        folder: The work folder.
        name: The name of the new file.
        source: A file to copy, or data.
        uid: The owner of the new file.

    Raises:
        ValueError: `name` is not a plain file name.
        OSError: `name` is a folder.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is not a file name; subfolders are not allowed")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as given:
        beneath = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=beneath)
            with open(os.open(name, flags, 0o644, dir_fd=beneath), "wb") as file:
                shutil.copyfileobj(given, file)
                if os.geteuid() == 0:
                    os.fchown(file.fileno(), uid, uid)
        finally:
            os.close(beneath)


def figures(folder: Path, names: object) -> tuple[Path, ...]:
    """Select those of `names`, which come from untrusted code, that are image files."""
    if not isinstance(names, list):
        return ()
    claimed = dict.fromkeys(n for n in names if isinstance(n, str) and _FIGURE.fullmatch(n))
    paths = [folder / name for name in itertools.islice(claimed, _MOST_FIGURES)]
    return tuple(path for path in paths if _is_own_file(path))


def _is_own_file(path: Path) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _walk(folder: Path) -> Iterator[str]:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    with contextlib.closing(_entries(handle, "", _DEEPEST_LISTED)) as entries:
        yield from filter(None, itertools.islice(entries, _MOST_SCANNED))


def _entries(handle: int, above: str, depth: int) -> Generator[str | None, None, None]:
    """Yield the files in an open folder, and None for other entries. Closes the folder."""
    try:
        with os.scandir(handle) as entries:
            for entry in entries:
                name = above + entry.name
                if entry.name.startswith((".", "__pycache__")):
                    yield None
                elif entry.is_file(follow_symlinks=False):
                    yield name
                else:
                    yield None
                    if depth and entry.is_dir(follow_symlinks=False):
                        with contextlib.suppress(OSError):
                            inner = os.open(entry.name, _INTO_FOLDER, dir_fd=handle)
                            yield from _entries(inner, name + "/", depth - 1)
    finally:
        os.close(handle)


def remove_tree(folder: Path) -> None:
    """Remove a folder, including unreadable subfolders and trees of any depth.

    Raises:
        OSError: It contains files of other users.
    """
    handle = os.open(folder, _INTO_FOLDER)
    try:
        while _flatten(handle):
            pass
    finally:
        os.close(handle)
    os.rmdir(folder)


def _flatten(top: int) -> int:
    """Delete files in `top` and its folders; move deeper folders up. Return the entry count."""
    with os.scandir(top) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        if not is_folder:
            os.unlink(name, dir_fd=top)
            continue
        inner = _opened(top, name)
        try:
            with os.scandir(inner) as entries:
                for entry in list(entries):
                    if entry.is_dir(follow_symlinks=False):
                        os.close(_opened(inner, entry.name))  # an unreadable one cannot be moved
                        moved = f"~{secrets.token_hex(8)}"
                        os.rename(entry.name, moved, src_dir_fd=inner, dst_dir_fd=top)
                    else:
                        os.unlink(entry.name, dir_fd=inner)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=top)
    return len(names)


def _opened(above: int, name: str) -> int:
    """Open a folder, making it accessible first if necessary."""
    with contextlib.suppress(PermissionError):
        handle = os.open(name, _INTO_FOLDER, dir_fd=above)
        if os.geteuid() == 0 or os.fstat(handle).st_mode & 0o700 == 0o700:
            return handle
        os.close(handle)
    handle = os.open(name, _INTO_FOLDER | os.O_PATH, dir_fd=above)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)
    finally:
        os.close(handle)
    return os.open(name, _INTO_FOLDER, dir_fd=above)
