"""`mcp_servers.json`: the shape that Claude Desktop, Cursor, VS Code and Qwen-Agent share.

Read once, checked in whole: a file that is wrong raises with file, line, server and key. What
depends on the machine (a variable that is not set) fails its own server only.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pydantic

from ...errors import MCPConfigError
from ...json_schema import in_reading_order, with_references_inlined, without_titles
from .json_positions import line_of
from .server_config import OAuthConfig, ServerConfig
from .variables import expanded

SERVER_KEYS = ("mcpServers", "servers")
"""Where the servers are in a config; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class Config:
    """What a config says, disabled servers left out."""

    servers: dict[str, ServerConfig]
    """In the order of the file."""
    failures: dict[str, str]
    """Servers that cannot be started on this machine, and why."""
    warnings: tuple[str, ...]
    """Keys that mean nothing, each with the nearest one that does."""
    disabled: tuple[str, ...]
    """Servers that are left out because the config says so."""
    sources: tuple[Path | Mapping[str, Any], ...] = ()
    """What it was read from."""
    modified: Mapping[Path, float] = field(default_factory=dict)
    """When each of the files was written, in seconds since 1970."""


def config_schema() -> dict[str, Any]:
    """The JSON Schema of a config file, for editors that complete and check while one types."""
    inlined = with_references_inlined(ServerConfig.model_json_schema())
    server: dict[str, Any] = without_titles(inlined)
    # Unknown keys of a server are only warned of: other programs have keys of their own.
    server["additionalProperties"] = True
    servers = {"type": "object", "additionalProperties": {"$ref": "#/$defs/server"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MCP servers",
        "type": "object",
        "properties": {
            "mcpServers": servers | {"description": "The servers by name."},
            "servers": servers | {"description": "The same, as VS Code calls it."},
        },
        "anyOf": [{"required": ["mcpServers"]}, {"required": ["servers"]}],
        "$defs": {"server": in_reading_order(server)},
    }


def load_configs(
    sources: Sequence[str | Path | Mapping[str, Any]], environ: Mapping[str, str] | None = None
) -> Config:
    """Read several configs as one; see `load_config`.

    Raises:
        MCPConfigError: One of them cannot be used, or two of them name a server alike.
    """
    found: dict[str, str] = {}
    configs = [load_config(source, environ) for source in sources]
    for config, source in zip(configs, sources, strict=True):
        place = "the MCP config" if isinstance(source, Mapping) else str(source)
        for name in (*config.servers, *config.failures):
            if name in found:
                raise MCPConfigError(
                    f"server {name!r} is in both {found[name]} and {place}: rename one of them"
                )
            found[name] = place
    return Config(
        {name: server for config in configs for name, server in config.servers.items()},
        {name: why for config in configs for name, why in config.failures.items()},
        tuple(warning for config in configs for warning in config.warnings),
        tuple(name for config in configs for name in config.disabled),
        tuple(source for config in configs for source in config.sources),
        {path: when for config in configs for path, when in config.modified.items()},
    )


def load_config(
    source: str | Path | Mapping[str, Any], environ: Mapping[str, str] | None = None
) -> Config:
    """Read a config from a file, or from the same content as a mapping.

    Relative paths in it begin at the file's folder, and are absolute in what is returned.

    Args:
        source: Path of a JSON file, or what such a file holds.
        environ: Where `${VAR}` is looked up; the process's own environment if not given.

    Raises:
        MCPConfigError: No such file, no JSON, or a key with a value that it cannot have.
    """
    environ = os.environ if environ is None else environ
    if isinstance(source, Mapping):
        document = _Document("the MCP config", dict(source), Path.cwd())
    else:
        document = _read(Path(os.path.expanduser(source)))
    return _check(document, environ)


@dataclass(frozen=True, slots=True)
class _Document:
    name: str
    content: Any
    folder: Path
    text: str | None = None
    path: Path | None = None
    modified: float = 0

    def error(self, path: Sequence[str | int], message: str) -> MCPConfigError:
        return MCPConfigError(f"{self.place(path)}: {message}")

    def place(self, path: Sequence[str | int]) -> str:
        line = f":{line_of(self.text, path)}" if self.text is not None else ""
        server = f": server {path[1]!r}" if len(path) > 1 else ""
        return f"{self.name}{line}{server}"


def _read(path: Path) -> _Document:
    name = str(path)
    try:
        modified = path.stat().st_mtime  # asked first: a later edit must not be missed
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MCPConfigError(
            f'{path}: there is no such file; it would hold {{"mcpServers": {{...}}}}'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise MCPConfigError(f"{path}: cannot be read: {reason}") from None
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise MCPConfigError(
            f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})"
        ) from None
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        raise MCPConfigError(f"{path}: not JSON that can be read: {why}") from None
    path = path.absolute()
    return _Document(name, content, path.parent, text, path, modified)


def _check(document: _Document, environ: Mapping[str, str]) -> Config:
    content = document.content
    if not isinstance(content, dict):
        raise document.error((), 'must be an object: {"mcpServers": {...}}')
    present = [key for key in SERVER_KEYS if key in content]
    if not present:
        raise document.error((), f'has no "mcpServers"; it has: {", ".join(content) or "nothing"}')
    section = present[0]
    if not isinstance(content[section], dict):
        raise document.error((section,), f'"{section}" must be an object of servers by name')
    servers: dict[str, ServerConfig] = {}
    failures: dict[str, str] = {}
    warnings: list[str] = []
    disabled: list[str] = []
    for name, entry in content[section].items():
        where = (section, name)
        if not name:
            raise document.error(where, "a server needs a name")
        if not isinstance(entry, dict):
            raise document.error(where, "must be an object with command or url")
        unset: set[str] = set()
        filled = expanded(entry, environ, unset)
        if unset:
            # What is left of the entry may be anything, so nothing more is said of it.
            if filled.get("disabled") is True:
                disabled.append(name)
                continue
            warnings += _unknown_keys(document, where, entry)
            variables = ", ".join(sorted(unset))
            failures[name] = f"{document.place(where)}: not set in the environment: {variables}"
            continue
        server = _server(document, where, filled)
        if server.disabled:
            disabled.append(name)
        else:
            warnings += _unknown_keys(document, where, entry)
            servers[name] = server
    return Config(
        servers,
        failures,
        tuple(warnings),
        tuple(disabled),
        sources=(document.path or content,),
        modified={document.path: document.modified} if document.path else {},
    )


def _server(document: _Document, where: tuple[str, str], entry: dict[str, Any]) -> ServerConfig:
    try:
        return ServerConfig.model_validate(entry).seen_from(document.folder)
    except pydantic.ValidationError as error:
        problem = error.errors(include_url=False)[0]
        # The place in a union is pydantic's, not the file's.
        keys = [key for key in problem["loc"] if isinstance(key, int) or key in _keys_in(entry)]
        key = ".".join(map(str, keys))
        message = problem["msg"].removeprefix("Value error, ")
        raise document.error((*where, *keys), f"{key}: {message}" if key else message) from None


def _keys_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _keys_in(inner)


def _unknown_keys(
    document: _Document, where: tuple[str, ...], entry: dict[str, Any]
) -> Iterator[str]:
    inner = entry.get("oauth")
    for path, model, keys in (
        (where, ServerConfig, entry),
        ((*where, "oauth"), OAuthConfig, inner if isinstance(inner, dict) else {}),
    ):
        known = [field.alias or name for name, field in model.model_fields.items()]
        for key in keys:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                yield f"{document.place((*path, key))}: unknown key {key!r} is ignored{hint}"
