"""Adds servers to a config file and removes them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from ...errors import MCPConfigError, MCPServerError
from .servers_file import SERVER_KEYS, load_config

_BYTE_ORDER_MARK = "\ufeff"


def add_server(path: Path, name: str, entry: Mapping[str, Any]) -> Path | None:
    """Add a server to the config file at `path`, creating the file if necessary.

    Returns:
        A backup of the old file if the rest of it had to be reformatted.

    Raises:
        MCPConfigError: The file or the entry is invalid; nothing was changed.
        MCPServerError: The file already has a server of this name.
    """
    load_config({"mcpServers": {name: entry}})
    text = _read(path) if path.exists() else '{\n  "mcpServers": {}\n}\n'
    content, servers = _parse(text)
    if name in servers:
        raise MCPServerError(
            f"{path} already has a server {name!r}: choose another name, or remove it first"
        )
    before = _formatted(content, text)
    servers[name] = dict(entry)
    return _replace(path, text, before, _formatted(content, text))


def remove_server(path: Path, name: str) -> Path | None:
    """Remove a server from the config file at `path`.

    Returns:
        A backup of the old file if the rest of it had to be reformatted.

    Raises:
        MCPConfigError: The file is invalid.
        MCPServerError: The file has no server of this name.
    """
    text = _read(path)
    content, servers = _parse(text)
    if name not in servers:
        names = ", ".join(servers) or "none"
        raise MCPServerError(f"{path} has no server {name!r}; its servers: {names}")
    before = _formatted(content, text)
    del servers[name]
    return _replace(path, text, before, _formatted(content, text))


def _read(path: Path) -> str:
    """The text of a valid config file, with its line endings."""
    load_config(path)
    return path.read_bytes().decode()


def _parse(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    content = json.loads(text.removeprefix(_BYTE_ORDER_MARK))
    return content, content[next(key for key in SERVER_KEYS if key in content)]


def _formatted(content: dict[str, Any], like: str) -> str:
    """`content` as JSON with the indentation, escapes and line endings of the text `like`."""
    indented = re.search(r"\n([ \t]+)\S", like)
    written = json.dumps(
        content, indent=indented[1] if indented else None, ensure_ascii="\\u" in like
    )
    written += "\n" if like.endswith("\n") else ""
    if "\r\n" in like:
        written = written.replace("\n", "\r\n")
    return _BYTE_ORDER_MARK + written if like.startswith(_BYTE_ORDER_MARK) else written


def _replace(path: Path, text: str, before: str, after: str) -> Path | None:
    """Write the new text; keep a backup if more than the server changes."""
    target = path.resolve()  # a link stays a link
    backup: Path | None = None
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        if target.exists() and before != text:
            names = (path.with_name(f"{path.name}.bak{number or ''}") for number in count())
            backup = next(name for name in names if not name.exists())
            _write(backup, text, mode)
        _write(target, after, mode)
    except OSError as error:
        raise MCPConfigError(f"{path}: cannot be written: {error.strerror}") from None
    return backup


def _write(path: Path, text: str, mode: int) -> None:
    """Write a file atomically, since an agent may be watching it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
