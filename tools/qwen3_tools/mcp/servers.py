"""All servers of a config: started concurrently, each independent of failures of the others."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

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

# Extra time to wait for a server to report its own timeout before it is declared failed.
_SETTLE_SECONDS = 0.5
_WATCH_SECONDS = 1.0
# For orderly shutdowns. Processes are stopped more slowly if necessary; an HTTP server is only told
# that its session has ended.
_GOODBYE_SECONDS = 1.0


def mcp_servers(
    *sources: str | Path | Mapping[str, Any], user: UserPrompter | None = None
) -> MCPServers:
    """Return the MCP servers of one or more config files, or mappings of the same shape.

    Servers are started when the result is entered, by you or by an agent:

        async with mcp_servers("mcp_servers.json") as servers:
            await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})

    A file that is edited meanwhile is reloaded: servers that changed are restarted, others keep
    running.

    Args:
        sources: Paths of JSON files with `mcpServers`, or their content.
        user: Answers requests from servers; without one, they are declined.

    Raises:
        MCPConfigError: No source was given, a config is invalid, or two configs define a server of
            the same name.
    """
    if not sources:
        raise MCPConfigError('No config file was given; expected mcp_servers("mcp_servers.json").')
    return MCPServers(load_configs(sources), user)


class MCPServers(ToolSource):
    """A set of MCP servers with a common lifetime, and their tools."""

    name = "MCP servers"
    shared = True
    """All runs of an agent share one set of servers."""

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

        The list is updated as servers announce changes. Calling a removed tool gives an error.
        """
        offered = tuple((each.tools, each.failure is None) for each in self._servers.values())
        if offered != self._offered:
            self._tools = model_tools(self._servers.values(), self._call, self.catalog)
            self._offered = offered
        return self._tools

    @property
    def failures(self) -> dict[str, str]:
        """Servers that failed or cannot be started, with the reason."""
        if self._opened is not None:
            return self._opened.failures
        failed = {name: server.failure for name, server in self._servers.items() if server.failure}
        return self.config.failures | failed

    @property
    def status(self) -> list[ServerStatus]:
        """The status of each server, in the order of the config."""
        if self._opened is not None:
            return self._opened.status
        unstartable = [
            ServerStatus(name, "failed", reason, None, None, None, ())
            for name, reason in self.config.failures.items()
        ]
        return [server.status for server in self._servers.values()] + unstartable

    async def __aenter__(self) -> MCPServers:
        """Start all servers concurrently and wait until each is ready or has failed.

        Raises:
            MCPServerError: A `required` server failed.
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

    async def __aexit__(self, *_: object) -> None:
        """Stop all servers concurrently, within 5 seconds."""
        await self._stop()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        """Provide the current tools, starting the servers for this block if necessary."""
        if self._tasks is not None:
            yield _LiveTools(self)
            return
        servers = MCPServers(self.config)
        servers._responders = self._responders
        async with servers:
            self._opened = servers  # for `failures` and `status`
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
        """Only the servers whose tool prefix matches the name `tool`; all if none does."""
        servers = self.config.servers.items()
        return self._some(
            {name for name, each in servers if tool.startswith(prefix_of(name, each))}
        )

    def named(self, name: str) -> MCPServers:
        """Only the server of that name; all if there is none."""
        return self._some({name})

    def _some(self, names: set[str]) -> MCPServers:
        """Only the servers with these names, failed ones included; all if none matches."""
        config = self.config
        if names & {*config.servers, *config.failures}:
            config = replace(
                config,
                servers={name: each for name, each in config.servers.items() if name in names},
                failures={name: why for name, why in config.failures.items() if name in names},
            )
        some = MCPServers(replace(config, modified={}))  # not watched for edits
        some._responders = self._responders
        return some

    def catalog(self, server: str) -> Catalog:
        """Return the resources and prompts of a server.

        Raises:
            MCPServerError: The servers are not running, or none has that name.
        """
        self._must_run()
        if server not in self._servers:
            names = ", ".join(self._servers) or "none"
            raise MCPServerError(f"no MCP server is named {server!r}; the servers are: {names}")
        return Catalog(self._servers[server])

    async def call(self, name: str, arguments: dict[str, Any] | None = None) -> ToolResult:
        """Call a tool by its full name, such as `time__get_current_time`.

        Errors inside the tool are returned as an error result.

        Raises:
            MCPServerError: The servers are not running, or none has such a tool.
        """
        self._must_run()
        if name not in {tool.name for tool in self.tools}:
            server = name.partition("__")[0]
            if server in self.failures:
                raise MCPServerError(f"server {server!r} is not running: {self.failures[server]}")
            names = ", ".join(tool.name for tool in self.tools)
            raise MCPServerError(f"no MCP tool is named {name!r}; the tools are: {names or 'none'}")
        return await Toolbox(self.tools).call(name, arguments or {})

    async def _call(
        self, server: str, tool: str, arguments: dict[str, Any], *, repeatable: bool
    ) -> ToolResult:
        # By name, because an edited config may have replaced the server that offered the tool.
        current = self._servers.get(server)
        if current is None:
            raise ToolError(f"The server {server!r} is no longer there.")
        return await current.call(tool, arguments, repeatable=repeatable)

    async def _apply(self, config: Config) -> None:
        """Start, restart and stop servers to match `config`. Unchanged ones keep running."""
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
            # Its replacement may need a port or lock that it holds.
            await server.stopped.wait()
        for server in started:
            self._tasks.start_soon(server.run, name=f"MCP server {server.name}")
        await _all_settled(started)
        for name, reason in self.failures.items():
            logger.warning("MCP server %r is unavailable: %s", name, reason)

    async def _watch(self) -> None:
        """Reload the config whenever one of its files was edited."""
        seen = dict(self.config.modified)
        while True:
            await anyio.sleep(_WATCH_SECONDS)
            now = {path: _modified(path) for path in seen}
            if any(when not in (None, seen[path]) for path, when in now.items()):
                seen |= {path: when for path, when in now.items() if when is not None}
                try:
                    config = load_configs(self.config.sources)
                except MCPConfigError as error:
                    logger.warning("%s; keeping the current servers", error)
                else:
                    await self._apply(config)

    async def _stop(self) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            await _shut_down(self._servers.values())
            tasks.cancel_scope.cancel()
            # Exceptions of the block are not passed on: the group would wrap them in an
            # ExceptionGroup.
            await tasks.__aexit__(None, None, None)

    def _must_run(self) -> None:
        if self._tasks is None:
            raise MCPServerError("the MCP servers are not running; make calls inside `async with`")

    def _refuse_missing(self) -> None:
        for name, server in self._servers.items():
            if server.config.required and server.failure:
                raise MCPServerError(f"required server {name!r} failed: {server.failure}")


async def _shut_down(servers: Iterable[Server]) -> None:
    with anyio.move_on_after(_GOODBYE_SECONDS, shield=True):
        for server in servers:
            server.stop()
        for server in servers:
            await server.stopped.wait()


def _modified(path: Path) -> float | None:
    """The modification time; None while an editor is replacing the file."""
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
    """A sequence that always reflects the current tools of the servers."""

    def __init__(self, servers: MCPServers) -> None:
        self._servers = servers

    def __len__(self) -> int:
        return len(self._servers.tools)

    def __getitem__(self, index: Any) -> Any:
        return self._servers.tools[index]
