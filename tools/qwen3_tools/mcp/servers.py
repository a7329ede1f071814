"""All servers of a config together: started side by side, one that fails in nobody's way."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import anyio
from anyio.abc import TaskGroup

from ..errors import MCPConfigError, MCPServerError, ToolError
from ..secret_names import secrets_of
from ..source import RunResources, ToolSource
from ..tool import Tool, ToolResult
from ..toolbox import Toolbox
from .catalog import Catalog
from .client_requests import Responders
from .config.servers_file import Config, load_configs
from .server import Server, ServerStatus
from .tools import model_tools, prefix_of
from .user import UserPrompter

logger = logging.getLogger(__name__)

# How much longer than its own bound a server is waited for before it is said to have failed.
_SETTLE_SECONDS = 0.5
_WATCH_SECONDS = 1.0
# A process takes longer to end if need be; an HTTP server only hears that its session is over.
_GOODBYE_SECONDS = 1.0


def mcp_servers(
    *sources: str | Path | Mapping[str, Any], user: UserPrompter | None = None
) -> MCPServers:
    """The MCP servers of a config file, or of a mapping of the same shape, or of several.

    Nothing is started before it is entered, by you or by an agent:

        async with mcp_servers("mcp_servers.json") as servers:
            await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})

    A file that is edited meanwhile is read again: servers that changed are started anew, and
    the rest is left alone.

    Args:
        sources: Paths of JSON files with `mcpServers`, or their content.
        user: Answers what servers ask; without one, all of it is declined.

    Raises:
        MCPConfigError: There is no source, a config cannot be used, or two of them name a server
            alike; the message says where and why.
    """
    if not sources:
        raise MCPConfigError('Name a file of servers, as in mcp_servers("mcp_servers.json").')
    return MCPServers(load_configs(sources), user)


class MCPServers(ToolSource):
    """MCP servers with one lifetime, and the tools of all of them."""

    name = "MCP servers"
    shared = True
    """One set of servers serves all runs of an agent."""

    def __init__(self, config: Config, user: UserPrompter | None = None) -> None:
        self.config = config
        self._responders = Responders(user)
        self._servers: dict[str, Server] = {}
        self._tasks: TaskGroup | None = None
        self._offered: tuple[tuple[Any, ...], ...] = ()
        self._tools: tuple[Tool, ...] = ()
        self._opened: MCPServers | None = None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """All tools, named `server__tool`: servers in the order of the config, tools by name.

        It follows what servers say of themselves while they run. A tool that is gone still
        answers, with an error.
        """
        offered = tuple((each.tools, each.failure is None) for each in self._servers.values())
        if offered != self._offered:
            self._tools = model_tools(self._servers.values(), self._call, self.catalog)
            self._offered = offered
        return self._tools

    @property
    def failures(self) -> dict[str, str]:
        """Servers that are not there, and why."""
        if self._opened is not None:
            return self._opened.failures
        failed = {name: server.failure for name, server in self._servers.items() if server.failure}
        return self.config.failures | failed

    @property
    def status(self) -> list[ServerStatus]:
        """How each server is doing, in the order of the config."""
        if self._opened is not None:
            return self._opened.status
        unstartable = [
            ServerStatus(name, "failed", reason, None, None, None, ())
            for name, reason in self.config.failures.items()
        ]
        return [server.status for server in self._servers.values()] + unstartable

    async def __aenter__(self) -> MCPServers:
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
            if self.config.modified:
                self._tasks.start_soon(self._watch)
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
        """The tools that there are at any moment.

        From servers that are running already, or are started for this block alone.
        """
        if self._tasks is not None:
            yield _LiveTools(self)
            return
        servers = MCPServers(self.config)
        servers._responders = self._responders
        async with servers:
            self._opened = servers  # so that `failures` tells of them
            yield _LiveTools(servers)

    @property
    def notices(self) -> Sequence[str]:
        """One message for each server that failed to start."""
        return [
            f"MCP server {name!r} failed to start: {why}" for name, why in self.failures.items()
        ]

    def secrets(self) -> Sequence[str]:
        """Return the secrets in the servers' environments, headers and OAuth settings."""
        found = []
        for server in self.config.servers.values():
            found += secrets_of(server.env) + secrets_of(server.headers)
            if server.oauth and not isinstance(server.oauth, bool) and server.oauth.client_secret:
                found.append(server.oauth.client_secret)
        return found

    def bind(self, resources: RunResources) -> MCPServers:
        """Let servers that request a model use that of the run, each time with consent."""
        self._responders.model = resources.sampler
        return self

    def serving_tool(self, tool: str) -> MCPServers:
        """Those of the servers whose tools' names begin as `tool` does; all if none does."""
        servers = self.config.servers.items()
        return self._some(
            {name for name, each in servers if tool.startswith(prefix_of(name, each))}
        )

    def named(self, name: str) -> MCPServers:
        """The server of that name; all if there is none."""
        return self._some({name})

    def _some(self, names: set[str]) -> MCPServers:
        """Servers with these names, each of which may have failed already; all if none has."""
        config = self.config
        if names & {*config.servers, *config.failures}:
            config = replace(
                config,
                servers={name: each for name, each in config.servers.items() if name in names},
                failures={name: why for name, why in config.failures.items() if name in names},
            )
        some = MCPServers(replace(config, modified={}))  # not watched: it is not all of them
        some._responders = self._responders
        return some

    def catalog(self, server: str) -> Catalog:
        """The resources and prompts of a server.

        Raises:
            MCPServerError: The servers are not running, or there is none of that name.
        """
        self._must_run()
        if server not in self._servers:
            names = ", ".join(self._servers) or "none"
            raise MCPServerError(f"there is no MCP server {server!r}; there are: {names}")
        return Catalog(self._servers[server])

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> ToolResult:
        """Call a tool by its full name, such as `time__get_current_time`.

        What goes wrong inside the tool comes back as an error result.

        Raises:
            MCPServerError: The servers are not running, or none of them has such a tool.
        """
        self._must_run()
        if name not in {tool.name for tool in self.tools}:
            server = name.partition("__")[0]
            if server in self.failures:
                raise MCPServerError(f"server {server!r} is not running: {self.failures[server]}")
            names = ", ".join(tool.name for tool in self.tools)
            raise MCPServerError(f"no MCP tool is named {name!r}; there are: {names or 'none'}")
        return await Toolbox(self.tools).call(name, arguments or {})

    async def _call(
        self, server: str, tool: str, arguments: dict[str, Any], *, repeatable: bool
    ) -> ToolResult:
        # By name, so that a tool outlives the server that it came from: an edited config may
        # have put another in its place.
        there = self._servers.get(server)
        if there is None:
            raise ToolError(f"The server {server!r} is no longer there.")
        return await there.call(tool, arguments, repeatable=repeatable)

    async def _apply(self, config: Config) -> None:
        """Make the servers those of `config`. One whose entry is the same is left alone."""
        assert self._tasks is not None
        for warning in config.warnings:
            logger.warning("%s", warning)
        before, self._servers, self.config = self._servers, {}, config
        for name, entry in config.servers.items():
            old = before.get(name)
            same = old is not None and old.config == entry and old.failure is None
            self._servers[name] = (
                old if old and same else Server(name, entry, self._responders, replacing=old)
            )
        started = [server for name, server in self._servers.items() if server != before.get(name)]
        left = [server for server in before.values() if server not in self._servers.values()]
        await _shut_down(left)
        for server in left:
            server.stop(at_once=True)
            # What takes its place may want what it holds, such as a port or a lock.
            await server.stopped.wait()
        for server in started:
            self._tasks.start_soon(server.run, name=f"MCP server {server.name}")
        await _all_settled(started)
        for name, reason in self.failures.items():
            logger.warning("MCP server %r is left out: %s", name, reason)

    async def _watch(self) -> None:
        """Apply the files again whenever one has been edited."""
        seen = dict(self.config.modified)
        while True:
            await anyio.sleep(_WATCH_SECONDS)
            now = {path: _modified(path) for path in seen}
            if any(when not in (None, seen[path]) for path, when in now.items()):
                seen |= {path: when for path, when in now.items() if when is not None}
                try:
                    config = load_configs(self.config.sources)
                except MCPConfigError as error:
                    logger.warning("%s; the servers stay as they were", error)
                else:
                    await self._apply(config)

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            await _shut_down(self._servers.values())
            tasks.cancel_scope.cancel()
            # What went wrong in the block is not the group's: given it, the group would raise
            # it again inside an ExceptionGroup.
            await tasks.__aexit__(None, None, None)

    def _must_run(self) -> None:
        if self._tasks is None:
            raise MCPServerError("the MCP servers are not running: use `async with` around calls")

    def _refuse_missing(self) -> None:
        for name, server in self._servers.items():
            if server.config.required and server.failure:
                raise MCPServerError(f"server {name!r} is required and failed: {server.failure}")


async def _shut_down(servers: Iterable[Server]) -> None:
    with anyio.move_on_after(_GOODBYE_SECONDS, shield=True):
        for server in servers:
            server.stop()
        for server in servers:
            await server.stopped.wait()


def _modified(path: Path) -> float | None:
    """None while it is gone, as it is for a moment under some editors."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


async def _all_settled(servers: Iterable[Server]) -> None:
    async with anyio.create_task_group() as waiting:
        for server in servers:
            waiting.start_soon(_settled, server)


async def _settled(server: Server) -> None:
    with server.timeouts.within(server.start_seconds + _SETTLE_SECONDS):
        await server.settled.wait()
        return
    server.give_up()


class _LiveTools(Sequence[Tool]):
    """The tools that the servers have whenever one looks."""

    def __init__(self, servers: MCPServers) -> None:
        self._servers = servers

    def __len__(self) -> int:
        return len(self._servers.tools)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._servers.tools)

    @overload
    def __getitem__(self, index: int) -> Tool: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Tool, ...]: ...

    def __getitem__(self, index: int | slice) -> Tool | tuple[Tool, ...]:
        return self._servers.tools[index]
