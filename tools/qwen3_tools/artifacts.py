"""The folder of a run for what is no text, or too much of it: the code interpreter sees it too.

It is a context variable because tools are shared between runs that go on at the same time, while
each call is made in the context of its own run.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_folder: ContextVar[Path | None] = ContextVar("artifact_folder", default=None)
_LONGEST_NAME = 80


@contextmanager
def artifact_folder(folder: Path) -> Iterator[None]:
    """Within the block, and in all tasks started in it, tools save their files in `folder`."""
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def save_artifact(name: str, data: bytes, *, again: bool = True) -> Path | None:
    """Save `data` in the run's folder under a name close to `name` that no file has yet.

    Args:
        name: may come from anywhere: it never leads out of the folder, and no file is ever
            overwritten or followed.
        data: what is saved.
        again: False takes a file of such a name that has the same data already.

    Returns:
        The path, or None where the run has no folder.
    """
    folder = _folder.get()
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._") or "file"
    stem, dot, ending = plain[-_LONGEST_NAME:].rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (ending, "")
    number = 1
    while True:
        path = folder / (f"{stem}{ending}" if number == 1 else f"{stem}-{number}{ending}")
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            if not again and _holds(path, data):
                return path
            number += 1
        else:
            return path


def _holds(path: Path, data: bytes) -> bool:
    """Whether a plain file has just these data. What runs in the folder may have put it there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
            return False
        return file.read(len(data)) == data


def shortened(text: str, max_chars: int, name: str) -> tuple[str, Path | None]:
    """Both ends of a long `text`, its full length, and the name of a file that has all of it.

    Args:
        text: returned as it is if it is no longer than `max_chars`.
        max_chars: how much of it is kept; the note in the middle is not counted.
        name: what to call the file, without its ending.

    Returns:
        The text, and the file if one was needed and the run has a folder.
    """
    if len(text) <= max_chars:
        return text, None
    saved = save_artifact(f"{name}.txt", text.encode(errors="replace"), again=False)
    where = f"; the whole text is in {saved.name}" if saved is not None else ""
    half = max_chars // 2
    out = len(text) - 2 * half
    note = f"[… {out:,} of {len(text):,} characters are left out here{where} …]"
    return f"{text[:half]}\n{note}\n{text[len(text) - half :]}", saved
