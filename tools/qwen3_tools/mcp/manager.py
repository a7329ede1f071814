"""All servers of a config together: started side by side, one that fails in nobody's way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
from anyio.abc import TaskGroup

from ..errors import MCPConfigError, MCPServerError
from ..tool import Tool, ToolResult
from ..toolbox import Toolbox
from .config import Config, load_config
from .server import Server
from .tools import model_tools

logger = logging.getLogger(__name__)

# How much longer than its own bound a server is waited for before it is said to have failed.
_SETTLE_SECONDS = 0.5
_WATCH_SECONDS = 1.0


def mcp_servers(source: str | Path | Mapping[str, Any]) -> McpServers:
    """The MCP servers of a config file, or of a mapping of the same shape.

    Nothing is started before it is entered, by you or by an agent:

        async with mcp_servers("mcp_servers.json") as servers:
            await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})

    A file that is edited meanwhile is read again: servers that changed are started anew, and
    the rest is left alone.

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
        self._servers: dict[str, Server] = {}
        self._tasks: TaskGroup | None = None
        self._offered: tuple[tuple[Any, ...], ...] = ()
        self._tools: tuple[Tool, ...] = ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, named `server__tool`: servers in the order of the config, tools by name.

        It follows what servers say of themselves while they run. A tool that is gone still
        answers, with an error.
        """
        offered = tuple(server.tools for server in self._servers.values())
        if offered != self._offered:
            self._tools = model_tools(self._servers.values())
            self._offered = offered
        return self._tools

    @property
    def failures(self) -> dict[str, str]:
        """Servers that are not there, and why."""
        failed = {name: server.failure for name, server in self._servers.items() if server.failure}
        return self.config.failures | failed

    async def __aenter__(self) -> McpServers:
        """Start all servers side by side and wait until each is ready or has failed.

        Raises:
            MCPServerError: A server that the config calls `required` has failed.
        """
        if self._tasks is not None:
            raise RuntimeError("these MCP servers are already running")
        self._servers = {}
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        try:
            await self._apply(self.config)
            self._refuse_missing()
            if self.config.path is not None:
                self._tasks.start_soon(self._watch, self.config.path)
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
            return
        async with McpServers(self.config) as servers:
            self._servers = servers._servers  # so that `failures` tells of them too
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

    async def _apply(self, config: Config) -> None:
        """Make the servers those of `config`. One whose entry is the same is left alone."""
        assert self._tasks is not None
        for warning in config.warnings:
            logger.warning("%s", warning)
        before, self._servers, self.config = self._servers, {}, config
        for name, entry in config.servers.items():
            old = before.get(name)
            same = old is not None and old.config == entry and old.failure is None
            self._servers[name] = old if old and same else Server(name, entry, config.folder)
        started = [server for name, server in self._servers.items() if server != before.get(name)]
        for server in before.values():
            if server not in self._servers.values():
                server.stop()
        for server in started:
            self._tasks.start_soon(server.run, name=f"MCP server {server.name}")
        await _all_settled(started)
        for name, reason in self.failures.items():
            logger.warning("MCP server %r is left out: %s", name, reason)

    async def _watch(self, path: Path) -> None:
        """Apply the file again whenever it has been edited."""
        seen = self.config.modified
        while True:
            await anyio.sleep(_WATCH_SECONDS)
            try:
                modified = path.stat().st_mtime  # noqa: ASYNC240 - it takes microseconds
            except OSError:
                continue
            if modified == seen:
                continue
            seen = modified
            try:
                config = load_config(path)
            except MCPConfigError as error:
                logger.warning("%s; the servers stay as they were", error)
            else:
                await self._apply(config)

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            tasks.cancel_scope.cancel()
            # What went wrong in the block is not the group's: given it, the group would raise
            # it again inside an ExceptionGroup.
            await tasks.__aexit__(None, None, None)

    def _refuse_missing(self) -> None:
        for name, server in self._servers.items():
            if server.config.required and server.failure:
                raise MCPServerError(f"server {name!r} is required and failed: {server.failure}")


async def _all_settled(servers: Iterable[Server]) -> None:
    async with anyio.create_task_group() as waiting:
        for server in servers:
            waiting.start_soon(_settled, server)


async def _settled(server: Server) -> None:
    with anyio.move_on_after(server.config.start_timeout + _SETTLE_SECONDS):
        await server.settled.wait()
    if not server.settled.is_set():
        server.give_up()
