"""Saves files and long texts in the folder of a run, which the code interpreter can read."""

from __future__ import annotations

import os
import re
import stat
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from .context import call_context, current_context

_LONGEST_NAME = 80


def artifact_folder(folder: Path) -> AbstractContextManager[None]:
    """Make tools save files in `folder` during the block, including tasks started in it."""
    return call_context(replace(current_context(), work_folder=folder))


def save_artifact(name: str, data: bytes, *, again: bool = True) -> Path | None:
    """Save `data` in the run's folder under a new name similar to `name`.

    Args:
        name: May be untrusted: the file is always inside the folder, and existing files are
            neither overwritten nor followed.
        data: The content.
        again: False: reuse an existing file of such a name with the same content.

    Returns:
        The path, or None if the run has no folder.
    """
    folder = current_context().work_folder
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
    """Return True if a regular file, which may be untrusted, has exactly this content."""
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
    """Shorten a long text to both of its ends, and save the whole text in a file.

    Args:
        text: Returned unchanged if it has at most `max_chars` characters.
        max_chars: How many characters to keep, besides the note in the middle.
        name: Name for the file, without suffix.

    Returns:
        The text, and the file if one was necessary and the run has a folder.
    """
    if len(text) <= max_chars:
        return text, None
    saved = save_artifact(f"{name}.txt", text.encode(errors="replace"), again=False)
    where = f"; the whole text is in {saved.name}" if saved is not None else ""
    half = max_chars // 2
    out = len(text) - 2 * half
    note = f"[… {out:,} of {len(text):,} characters are left out here{where} …]"
    return f"{text[:half]}\n{note}\n{text[len(text) - half :]}", saved
