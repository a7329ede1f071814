"""A config file, edited: one server more or one less, and every other character as it was."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import MCPConfigError, MCPServerError
from .servers_file import SERVER_KEYS, load_config

_NEW = '{\n  "mcpServers": {}\n}\n'
_WHITE = re.compile(r"\s*")
_BYTE_ORDER_MARK = "\ufeff"


def add_server(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    """Add a server to the config file at `path`, which is made where there is none.

    Raises:
        MCPConfigError: The file or the entry cannot be used; nothing was changed.
        MCPServerError: It has a server of this name.
    """
    load_config({"mcpServers": {name: entry}})
    text = _read(path) if path.exists() else _NEW
    servers = _servers_in(text)
    if name in servers.names:
        raise MCPServerError(
            f"{path} has a server {name!r} already: take another name, or remove it first"
        )
    _write(path, servers.with_member(name, entry))


def remove_server(path: Path, name: str) -> None:
    """Remove a server from the config file at `path`.

    Raises:
        MCPConfigError: The file cannot be used.
        MCPServerError: It has no such server.
    """
    servers = _servers_in(_read(path))
    if name not in servers.names:
        there = ", ".join(servers.names) or "none"
        raise MCPServerError(f"{path} has no server {name!r}; it has: {there}")
    while name in servers.names:  # a name that comes twice goes twice
        servers = _servers_in(servers.without_member(name))
    _write(path, servers.text)


@dataclass(frozen=True, slots=True)
class _Member:
    """A name and its value, as offsets into the text."""

    name: str
    start: int
    value: int
    end: int


@dataclass(frozen=True, slots=True)
class _Object:
    """The JSON object that begins at `start`."""

    text: str
    start: int
    end: int
    members: tuple[_Member, ...]

    @property
    def names(self) -> list[str]:
        return [member.name for member in self.members]

    def with_member(self, name: str, value: Any) -> str:
        """The text with a member more, indented as the others are."""
        newline = "\r\n" if "\r\n" in self.text else "\n"
        if self.members:
            before = self.text[self.start + 1 : self.members[0].start]
            start, end = self.members[-1].end, self.members[-1].end
            opening, closing = f",{before or ' '}", ""
        else:
            outer = re.findall(r"[ \t]*", self.text[: self.start].rpartition("\n")[2])[0] or "  "
            before = newline + outer * 2
            start, end = self.start + 1, self.end - 1
            opening, closing = before, newline + outer
        indent = before.rpartition("\n")[2]
        if "\n" in before:
            unit = "\t" if "\t" in indent else indent[: len(indent) // 2] or "  "
            written = json.dumps(value, indent=unit, ensure_ascii=False)
            written = written.replace("\n", newline + indent)
        else:
            written = json.dumps(value, ensure_ascii=False)
        member = f"{json.dumps(name, ensure_ascii=False)}: {written}"
        return f"{self.text[:start]}{opening}{member}{closing}{self.text[end:]}"

    def without_member(self, name: str) -> str:
        """The text without the last member of that name."""
        at = max(index for index, each in enumerate(self.names) if each == name)
        if at + 1 < len(self.members):
            start, end = self.members[at].start, self.members[at + 1].start
        elif at:
            start, end = self.members[at - 1].end, self.members[at].end
        else:
            start, end = self.start + 1, self.end - 1
        return self.text[:start] + self.text[end:]


def _servers_in(text: str) -> _Object:
    root = _object(text, _white(text, text.startswith(_BYTE_ORDER_MARK)))
    section = next(key for key in SERVER_KEYS if key in root.names)
    # Of two that are named alike the later counts, as in `json.loads`.
    value = [member.value for member in root.members if member.name == section][-1]
    return _object(text, value)


def _object(text: str, start: int) -> _Object:
    members = tuple(_members(text, start))
    end = _white(text, members[-1].end if members else start + 1) + 1
    return _Object(text, start, end, members)


def _members(text: str, start: int) -> Iterator[_Member]:
    decoder = json.JSONDecoder()
    position = _white(text, start + 1)
    while text[position] != "}":
        if text[position] == ",":
            position = _white(text, position + 1)
        name, end = decoder.raw_decode(text, position)
        value = _white(text, _white(text, end) + 1)
        _, end = decoder.raw_decode(text, value)
        yield _Member(name, position, value, end)
        position = _white(text, end)


def _white(text: str, position: int) -> int:
    """Where the white space that begins there ends."""
    found = _WHITE.match(text, position)
    assert found  # if only of nothing
    return found.end()


def _read(path: Path) -> str:
    """The text of a config that can be used, its line ends as they are."""
    load_config(path)
    return path.read_bytes().decode()


def _write(path: Path, text: str) -> None:
    """At once or not at all, since an agent may be watching the file. Its mode stays."""
    target = path.resolve()  # a link stays a link
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise MCPConfigError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as file:
            file.write(text.encode())
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
