"""A server's tools: all pages of its list, read again whenever the server says that it changed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskStatus

from .config.server_config import ServerConfig

if TYPE_CHECKING:
    import mcp
    import mcp_types

logger = logging.getLogger(__name__)

_LISTEN_AGAIN_SECONDS = 2.0
_SETTLE_SECONDS = 0.05
_MOST_PAGES = 1_000


class ToolList:
    """What one server offers of tools."""

    def __init__(self, server: str, config: ServerConfig) -> None:
        self.tools: tuple[mcp_types.Tool, ...] = ()
        """By name. Known once the block of `following` has been entered."""
        self._server = server
        self._config = config
        self._all: frozenset[str] = frozenset()
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Read it again, soon."""
        self._changed.set()

    @asynccontextmanager
    async def following(self, client: mcp.Client) -> AsyncIterator[None]:
        """Read the list, and keep it up to date within the block.

        A change is listened for before the list is read for the first time, so none is missed.
        """
        self._changed = anyio.Event()
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._listen, client)
            self.tools = await self._read(client)
            self._warn_of_absent()
            # Not before, lest an older list that comes late take the place of a newer one.
            tasks.start_soon(self._read_again, client)
            yield
            tasks.cancel_scope.cancel()

    def _warn_of_absent(self) -> None:
        offered = {tool.name for tool in self.tools}
        absent = sorted(self._config.included() - offered)
        if absent:
            logger.warning(
                "MCP server %r has no tool %s, which includeTools names; it has: %s",
                self._server,
                ", ".join(map(repr, absent)),
                ", ".join(sorted(self._all)) or "none",
            )

    async def _listen(self, client: mcp.Client, *, task_status: TaskStatus[None]) -> None:
        """A server of 2026-07-28 or later tells of changes to those who ask.

        One of the handshake era does so of its own accord; see `changed`.
        """
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        capability = client.server_capabilities.tools
        try:
            while capability is not None and capability.list_changed:
                try:
                    async with client.listen(tools_list_changed=True) as subscription:
                        with suppress(RuntimeError):  # it has been told already
                            task_status.started()
                        async for _ in subscription:
                            self._changed.set()
                    return
                except SubscriptionLost as error:
                    logger.debug("MCP server %r: %s", self._server, error)
                with suppress(RuntimeError):
                    task_status.started()
                await anyio.sleep(_LISTEN_AGAIN_SECONDS)
                self._changed.set()  # whatever happened meanwhile went unheard
        except (ListenNotSupportedError, MCPError) as error:
            logger.debug("MCP server %r: no news of its tools: %s", self._server, error)
        finally:
            with suppress(RuntimeError):
                task_status.started()

    async def _read_again(self, client: mcp.Client) -> None:
        while True:
            await self._changed.wait()
            # Several changes at once are one; and a server that changes whenever it is asked
            # does not keep us busy.
            await anyio.sleep(_SETTLE_SECONDS)
            self._changed = anyio.Event()
            try:
                with anyio.fail_after(self._config.call_seconds):
                    self.tools = await self._read(client)
            except Exception as error:
                why = str(error) or "it did not answer in time"
                logger.warning("MCP server %r: its tools cannot be listed: %s", self._server, why)

    async def _read(self, client: mcp.Client) -> tuple[mcp_types.Tool, ...]:
        if client.server_capabilities.tools is None:
            return ()
        tools: dict[str, mcp_types.Tool] = {}
        cursor: str | None = None
        followed: set[str] = set()
        while cursor not in followed and len(followed) < _MOST_PAGES:
            followed |= {cursor} if cursor else set()
            page = await client.list_tools(cursor=cursor)
            tools |= {tool.name: tool for tool in page.tools}
            cursor = page.next_cursor
            if not cursor:
                break
        else:
            logger.warning("MCP server %r: its list of tools has no end", self._server)
        self._all = frozenset(tools)
        return tuple(
            tool
            for name, tool in sorted(tools.items())
            if self._config.offers(name) and not _demands_tasks(tool)
        )


def _demands_tasks(tool: mcp_types.Tool) -> bool:
    return tool.execution is not None and tool.execution.task_support == "required"
