"""All servers of a config together: started side by side, one that fails never in another's way."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
from anyio.abc import TaskGroup

from ..errors import MCPServerError
from ..tool import Tool, ToolResult
from ..toolbox import Toolbox
from .config import Config, load_config
from .server import Server

logger = logging.getLogger(__name__)

_LONGEST_NAME = 64
_HASH_DIGITS = 8
# How much longer than its own bound a server is waited for before it is said to have failed.
_SETTLE_SECONDS = 0.5


def mcp_servers(source: str | Path | Mapping[str, Any]) -> McpServers:
    """The MCP servers of a config file, or of a mapping of the same shape.

    Nothing is started before it is entered, by you or by an agent:

        async with mcp_servers("mcp_servers.json") as servers:
            await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})

    Args:
        source: Path of a JSON file with `mcpServers`, or its content.

    Raises:
        MCPConfigError: The config cannot be used; the message says where and why.
    """
    return McpServers(load_config(source))


class McpServers:
    """MCP servers with one lifetime, and the tools of all of them."""

    shared = True
    """One set of servers serves all runs of an agent."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.tools: tuple[Tool, ...] = ()
        """All tools, named `server__tool`, in an order that does not change."""
        self.failures: dict[str, str] = dict(config.failures)
        """Servers that are not there, and why."""
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> McpServers:
        """Start all servers side by side and wait until each is ready or has failed.

        Raises:
            MCPServerError: A server that the config calls `required` has failed.
        """
        if self._tasks is not None:
            raise RuntimeError("these MCP servers are already running")
        for warning in self.config.warnings:
            logger.warning("%s", warning)
        servers = [
            Server(name, config, self.config.folder) for name, config in self.config.servers.items()
        ]
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        try:
            for server in servers:
                self._tasks.start_soon(server.run, name=f"MCP server {server.name}")
            async with anyio.create_task_group() as waiting:
                for server in servers:
                    waiting.start_soon(_settle, server)
            self.failures |= {server.name: server.failure for server in servers if server.failure}
            self._refuse_missing()
            self.tools = _tools(servers)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop all servers, side by side, in less than 5 seconds."""
        await self._stop()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        """The tools, from servers that are running already or are started for this block alone."""
        if self._tasks is not None:
            yield self.tools
        else:
            async with McpServers(self.config) as servers:
                self.failures = servers.failures
                yield servers.tools

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> ToolResult:
        """Call a tool by its full name, such as `time__get_current_time`.

        What goes wrong inside the tool comes back as an error result.

        Raises:
            MCPServerError: The servers are not running, or none of them has such a tool.
        """
        if self._tasks is None:
            raise MCPServerError("the MCP servers are not running: use `async with` around calls")
        if name not in {tool.name for tool in self.tools}:
            server = name.partition("__")[0]
            if server in self.failures:
                raise MCPServerError(f"server {server!r} is not running: {self.failures[server]}")
            names = ", ".join(tool.name for tool in self.tools)
            raise MCPServerError(f"no MCP tool is named {name!r}; there are: {names or 'none'}")
        return await Toolbox(self.tools).call(name, arguments or {})

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, None
        self.tools = ()
        if tasks is not None:
            tasks.cancel_scope.cancel()
            # What went wrong in the block is not the group's: given it, the group would raise
            # it again inside an ExceptionGroup.
            await tasks.__aexit__(None, None, None)

    def _refuse_missing(self) -> None:
        for name, reason in self.failures.items():
            logger.warning("MCP server %r is left out: %s", name, reason)
            config = self.config.servers.get(name)
            if config is not None and config.required:
                raise MCPServerError(f"server {name!r} is required and failed: {reason}")


async def _settle(server: Server) -> None:
    with anyio.move_on_after(server.config.start_timeout + _SETTLE_SECONDS):
        await server.settled.wait()
    if not server.settled.is_set():
        server.give_up()


def _tools(servers: Sequence[Server]) -> tuple[Tool, ...]:
    from .tools import model_tool

    taken: set[str] = set()
    tools = []
    for server in servers:
        prefix = server.config.tool_prefix
        prefix = f"{server.name}__" if prefix is None else prefix
        for described in server.tools:
            name = _tool_name(f"{prefix}{described.name}", taken)
            taken.add(name)
            tools.append(model_tool(name, described, server))
    return tuple(tools)


def _tool_name(name: str, taken: set[str]) -> str:
    """`name` as models and APIs take it; with a hash of its own where that loses something."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    if len(plain) <= _LONGEST_NAME and plain not in taken:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{plain[: _LONGEST_NAME - _HASH_DIGITS - 1]}_{digest}"
