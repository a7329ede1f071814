"""The list of a server's tools, reloaded whenever the server announces a change."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskStatus

from .config.server_config import ServerConfig
from .pages import read_pages

if TYPE_CHECKING:
    import mcp
    import mcp_types

logger = logging.getLogger(__name__)

_LISTEN_AGAIN_SECONDS = 2.0
_SETTLE_SECONDS = 0.05


class ToolList:
    """The tools of one server."""

    def __init__(self, server: str, config: ServerConfig) -> None:
        self.tools: tuple[mcp_types.Tool, ...] = ()
        """Sorted by name; known inside a `following` block."""
        self._server = server
        self._config = config
        self._all: frozenset[str] = frozenset()
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Schedule a reload."""
        self._changed.set()

    @asynccontextmanager
    async def following(self, client: mcp.Client) -> AsyncIterator[None]:
        """Read the list and keep it up to date during the block.

        Listening starts before the first read, so that no change is missed.
        """
        self._changed = anyio.Event()
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._listen, client)
            self.tools = await self._read(client)
            self._warn_of_unknown()
            # Started last, so that a late response cannot replace a newer list.
            tasks.start_soon(self._read_again, client)
            yield
            tasks.cancel_scope.cancel()

    def _warn_of_unknown(self) -> None:
        offered = {tool.name for tool in self.tools}
        unknown = sorted(self._config.included() - offered)
        if unknown:
            logger.warning(
                "MCP server %r: includeTools names unknown tools: %s; its tools: %s",
                self._server,
                ", ".join(map(repr, unknown)),
                ", ".join(sorted(self._all)) or "none",
            )

    async def _listen(self, client: mcp.Client, *, task_status: TaskStatus[None]) -> None:
        """Subscribe to changes, as servers of 2026-07-28 or later require.

        Servers of the handshake era notify unasked; see `changed`.
        """
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        capability = client.server_capabilities.tools
        try:
            while capability is not None and capability.list_changed:
                try:
                    async with client.listen(tools_list_changed=True) as subscription:
                        with suppress(RuntimeError):  # already started
                            task_status.started()
                        async for _ in subscription:
                            self._changed.set()
                    return
                except SubscriptionLost as error:
                    logger.debug("MCP server %r: %s", self._server, error)
                with suppress(RuntimeError):
                    task_status.started()
                await anyio.sleep(_LISTEN_AGAIN_SECONDS)
                self._changed.set()  # changes may have been missed
        except (ListenNotSupportedError, MCPError) as error:
            logger.debug("MCP server %r: no notifications of tool changes: %s", self._server, error)
        finally:
            with suppress(RuntimeError):
                task_status.started()

    async def _read_again(self, client: mcp.Client) -> None:
        while True:
            await self._changed.wait()
            # Coalesce bursts of changes, also from a server that changes with every request.
            await anyio.sleep(_SETTLE_SECONDS)
            self._changed = anyio.Event()
            try:
                with anyio.fail_after(self._config.call_seconds):
                    self.tools = await self._read(client)
            except Exception as error:
                why = str(error) or "timed out"
                logger.warning("MCP server %r: listing its tools failed: %s", self._server, why)

    async def _read(self, client: mcp.Client) -> tuple[mcp_types.Tool, ...]:
        if client.server_capabilities.tools is None:
            return ()
        pages = await read_pages(
            f"MCP server {self._server!r}: its list of tools",
            lambda cursor: client.list_tools(cursor=cursor),
        )
        tools = {tool.name: tool for page in pages for tool in page.tools}
        self._all = frozenset(tools)
        return tuple(
            tool
            for name, tool in sorted(tools.items())
            if self._config.offers(name) and not _requires_tasks(tool)
        )


def _requires_tasks(tool: mcp_types.Tool) -> bool:
    return tool.execution is not None and tool.execution.task_support == "required"
