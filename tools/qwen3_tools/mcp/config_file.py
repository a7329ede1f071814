"""A config file, edited: one server more or one less, and all else as it was."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import MCPConfigError, MCPServerError
from .config import SERVER_KEYS, load_config


def add_server(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Add a server to the config file at `path`, which is made where there is none.

    Raises:
        MCPConfigError: The file or the entry cannot be used; nothing was changed.
        MCPServerError: It has a server of this name.
    """
    load_config({"mcpServers": {name: entry}})
    content: dict[str, Any] = {"mcpServers": {}}
    if path.exists():
        load_config(path)
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    servers = _servers_in(content)
    if name in servers:
        raise MCPServerError(
            f"{path} has a server {name!r} already: take another name, or remove it first"
        )
    servers[name] = dict(entry)
    _write(path, content)


def remove_server(path: Path, name: str) -> None:
    """Remove a server from the config file at `path`.

    Raises:
        MCPConfigError: The file cannot be used.
        MCPServerError: It has no such server.
    """
    load_config(path)
    content = json.loads(path.read_text(encoding="utf-8-sig"))
    servers = _servers_in(content)
    if name not in servers:
        there = ", ".join(servers) or "none"
        raise MCPServerError(f"{path} has no server {name!r}; it has: {there}")
    del servers[name]
    _write(path, content)


def _servers_in(content: dict[str, Any]) -> dict[str, Any]:
    servers: dict[str, Any] = content[next(key for key in SERVER_KEYS if key in content)]
    return servers


def _write(path: Path, content: dict[str, Any]) -> None:
    """At once or not at all, since an agent may be watching the file. Its mode stays."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    target = path.resolve()  # a link stays a link
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise MCPConfigError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
