"""Copies images made by tools to the folder of the run, since the originals may be temporary."""

from __future__ import annotations

import os
import stat
from pathlib import Path

LARGEST_IMAGE = 4 << 20
"""Bytes."""
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def image_type(data: bytes) -> str | None:
    """Return the MIME type of an image that every browser can show; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)


def keep_image(path: Path, folder: Path) -> str | None:
    """Copy an image into `folder` and return its name there; None if it is not an image.

    The path may be untrusted, since code of the model can choose it: links and devices are refused.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or not 0 < status.st_size <= LARGEST_IMAGE:
            return None
        if status.st_nlink != 1:
            return None
        data = file.read(16)
        kind = image_type(data)
        if kind is None:
            return None
        data += file.read(LARGEST_IMAGE)
    number = 1
    while True:
        name = f"image-{number}.{kind.partition('/')[2]}"
        try:
            with (folder / name).open("xb") as copy:
                copy.write(data)
        except FileExistsError:
            number += 1
        except OSError:
            return None
        else:
            return name
