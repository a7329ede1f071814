"""Reads `mcp_servers.json`, in the format of Claude Desktop, Cursor, VS Code and Qwen-Agent.

The whole file is validated: errors name file, line, server and key. A variable that is not set
affects only its own server.
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
from ...json_errors import json_problem
from ...json_schema import in_reading_order, with_references_inlined, without_titles
from .json_positions import line_of
from .server_config import OAuthConfig, ServerConfig
from .variables import expanded

SERVER_KEYS = ("mcpServers", "servers")
"""Keys that may hold the servers; the first one present is used."""


@dataclass(frozen=True, slots=True)
class Config:
    """A validated config."""

    servers: dict[str, ServerConfig]
    """Enabled servers, in the order of the file."""
    failures: dict[str, str]
    """Servers that cannot be started on this machine, with the reason."""
    warnings: tuple[str, ...]
    """Warnings about unknown keys, each with the most similar known key."""
    disabled: tuple[str, ...]
    """Names of disabled servers."""
    sources: tuple[Path | Mapping[str, Any], ...] = ()
    """The files or mappings that were read."""
    modified: Mapping[Path, float] = field(default_factory=dict)
    """Modification time of each file, in seconds since 1970."""


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of a config file, for completion and checks in editors."""
    inlined = with_references_inlined(ServerConfig.model_json_schema())
    server: dict[str, Any] = without_titles(inlined)
    # Unknown keys only cause a warning, since other programs have keys of their own.
    server["additionalProperties"] = True
    servers = {"type": "object", "additionalProperties": {"$ref": "#/$defs/server"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MCP servers",
        "type": "object",
        "properties": {
            "mcpServers": servers | {"description": "The servers by name."},
            "servers": servers | {"description": "The same, under the name that VS Code uses."},
        },
        "anyOf": [{"required": ["mcpServers"]}, {"required": ["servers"]}],
        "$defs": {"server": in_reading_order(server)},
    }


def load_configs(
    sources: Sequence[str | Path | Mapping[str, Any]], environ: Mapping[str, str] | None = None
) -> Config:
    """Read and merge several configs; see `load_config`.

    Raises:
        MCPConfigError: One of them is invalid, or two define a server of the same name.
    """
    found: dict[str, str] = {}
    configs = [load_config(source, environ) for source in sources]
    for config, source in zip(configs, sources, strict=True):
        place = "the MCP config" if isinstance(source, Mapping) else str(source)
        for name in (*config.servers, *config.failures):
            if name in found:
                raise MCPConfigError(
                    f"server {name!r} is in both {found[name]} and {place}; rename one of them"
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
    """Read a config from a file or a mapping.

    Relative paths are resolved against the file's folder.

    Args:
        source: Path of a JSON file, or its content.
        environ: Values for `${VAR}`; by default the environment of the process.

    Raises:
        MCPConfigError: The file does not exist, is not JSON, or has an invalid value.
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
        modified = path.stat().st_mtime  # read first, so that a later edit is not missed
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MCPConfigError(
            f'{path}: file not found; expected a JSON file with {{"mcpServers": {{...}}}}'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise MCPConfigError(f"{path}: cannot be read: {reason}") from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = f":{error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise MCPConfigError(f"{path}{line}: {json_problem(error)}") from None
    path = path.absolute()
    return _Document(name, content, path.parent, text, path, modified)


def _check(document: _Document, environ: Mapping[str, str]) -> Config:
    content = document.content
    if not isinstance(content, dict):
        raise document.error((), 'must be an object: {"mcpServers": {...}}')
    present = [key for key in SERVER_KEYS if key in content]
    if not present:
        raise document.error(
            (), f'"mcpServers" is missing; keys found: {", ".join(content) or "none"}'
        )
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
            raise document.error(where, "the name of a server must not be empty")
        if not isinstance(entry, dict):
            raise document.error(where, "must be an object with command or url")
        unset: set[str] = set()
        filled = expanded(entry, environ, unset)
        if unset:
            # The rest of the entry cannot be validated.
            if filled.get("disabled") is True:
                disabled.append(name)
                continue
            warnings += _unknown_keys(document, where, entry)
            variables = ", ".join(sorted(unset))
            failures[name] = f"{document.place(where)}: environment variables not set: {variables}"
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
        # Members of a union appear in pydantic's location, but not in the file.
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
