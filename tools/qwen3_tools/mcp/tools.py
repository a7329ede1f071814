"""MCP tools as the model sees and calls them: names, schemas and argument checks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import ToolError
from ..json_schema import (
    map_subschemas,
    problems_with,
    with_references_inlined,
    without_null_alternatives,
    without_titles,
)
from ..tool import Tool, ToolResult
from .catalog_tools import catalog_tools

if TYPE_CHECKING:
    import mcp_types

    from .catalog import Catalog
    from .config.server_config import ServerConfig
    from .server import Server

_LONGEST_NAME = 64
_HASH_DIGITS = 8
_MAX_PROBLEMS = 5


class Call(Protocol):
    """Call a tool by the names of server and tool; otherwise like `Server.call`."""

    def __call__(
        self, server: str, tool: str, arguments: dict[str, Any], *, repeatable: bool
    ) -> Awaitable[ToolResult]: ...


def model_tools(
    servers: Iterable[Server], call: Call, catalog: Callable[[str], Catalog]
) -> tuple[Tool, ...]:
    """Return the tools of all servers under unique names."""
    tools: dict[str, Tool] = {}
    for server in servers:
        prefix = prefix_of(server.name, server.config)
        for described in server.tools:
            name = _unique_name(prefix, described.name, server.name, tools)
            tools[name] = _model_tool(name, described, server.config, partial(call, server.name))
        if server.failure is None:
            named = partial(_unique_name, prefix, server=server.name, taken=tools)
            for made in catalog_tools(named, server.config, partial(catalog, server.name)):
                tools[made.name] = made
    return tuple(tools.values())


def prefix_of(server: str, config: ServerConfig) -> str:
    """The prefix of the names of a server's tools."""
    return f"{server}__" if config.tool_prefix is None else config.tool_prefix


def _model_tool(
    name: str,
    described: mcp_types.Tool,
    config: ServerConfig,
    call: Callable[..., Awaitable[ToolResult]],
) -> Tool:
    """Make a tool that the model calls `name`.

    The model sees a simplified schema; arguments are checked against the original.
    """
    schema = described.input_schema
    hints = described.annotations
    read_only = bool(hints and hints.read_only_hint)
    repeatable = read_only or bool(hints and hints.idempotent_hint)

    def problem(arguments: dict[str, Any]) -> str | None:
        problems = without_stray_nulls(arguments, schema)[1]
        return f"Invalid arguments for {name}: {'; '.join(problems)}." if problems else None

    async def run(arguments: dict[str, Any]) -> ToolResult:
        if (wrong := problem(arguments)) is not None:
            raise ToolError(wrong)
        fitting, _ = without_stray_nulls(arguments, schema)
        return await call(described.name, fitting, repeatable=repeatable)

    return Tool(
        name=name,
        description=(described.description or described.title or "").strip(),
        parameters=model_schema(schema),
        run=run,
        problem=problem,
        read_only=read_only,
        requires_approval=not config.approves(described.name),
        max_result_chars=config.max_result_chars,
    )


def without_stray_nulls(
    arguments: dict[str, Any], schema: dict[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments to send to the server, and what is wrong with them.

    A null for an optional argument that does not accept null is removed, as the model intended.
    """
    problems = problems_with(arguments, schema)
    if problems:
        required = schema.get("required", ())
        given = {
            name: value
            for name, value in arguments.items()
            if value is not None or name in required
        }
        if given != arguments and not problems_with(given, schema):
            return given, []
    return arguments, problems[:_MAX_PROBLEMS]


def _unique_name(prefix: str, tool: str, server: str, taken: Iterable[str]) -> str:
    """Make a name that models and APIs accept, with a hash where it would be too long or taken."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", f"{prefix}{tool}")
    if len(plain) <= _LONGEST_NAME and plain not in taken:
        return plain
    digest = hashlib.sha256(f"{server}\0{tool}".encode()).hexdigest()[:_HASH_DIGITS]
    return f"{plain[: _LONGEST_NAME - _HASH_DIGITS - 1]}_{digest}"


def model_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Simplify a tool's schema to the shape known from training, without changing its meaning."""
    plain = without_null_alternatives(without_titles(with_references_inlined(schema)))
    plain = {key: value for key, value in _without_notes(plain).items() if key != "$id"}
    return {"type": "object", "properties": {}, **plain}


def _without_notes(schema: Any) -> Any:
    """Remove comments and extensions that carry no meaning for a model."""
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: value
        for key, value in schema.items()
        if key not in ("$schema", "$comment") and not key.startswith("x-")
    }
    return map_subschemas(kept, _without_notes)
