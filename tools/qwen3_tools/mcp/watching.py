"""Changes of a server's resources, in both of the ways in which servers tell of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    import mcp

_UNSUBSCRIBE_SECONDS = 2.0


class Watchers:
    """Who watches which resource of one server."""

    def __init__(self) -> None:
        self._watchers: dict[_Changes, str] = {}

    def updated(self, uri: str) -> None:
        """A server of the handshake era said so. It may name a part of what is watched."""
        for changes, watched in self._watchers.items():
            if uri.startswith(watched):
                changes.tell(watched)

    def end(self) -> None:
        """The connection is gone, and nothing more will be said."""
        for changes in self._watchers:
            changes.end()

    @asynccontextmanager
    async def watch(self, client: mcp.Client, uri: str) -> AsyncIterator[AsyncIterator[str]]:
        """Changes of `uri`, while the block is open.

        Raises:
            MCPError: The server will not tell.
        """
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        if client.protocol_version in MODERN_PROTOCOL_VERSIONS:
            async with client.listen(resource_subscriptions=[uri]) as subscription:
                yield _UntilLost(subscription, uri)
            return
        changes = _Changes()
        self._watchers[changes] = uri
        try:
            await _subscribe(client, uri)
            try:
                yield changes
            finally:
                with anyio.move_on_after(_UNSUBSCRIBE_SECONDS, shield=True):
                    await _unsubscribe(client, uri)
        finally:
            del self._watchers[changes]


class _Changes:
    """An iterator over changes. Several that nobody has asked for are one."""

    def __init__(self) -> None:
        self._news: list[str] = []
        self._ended = False
        self._wake = anyio.Event()

    def tell(self, uri: str) -> None:
        if not self._news:
            self._news.append(uri)
        self._wake.set()

    def end(self) -> None:
        self._ended = True
        self._wake.set()

    def __aiter__(self) -> _Changes:
        return self

    async def __anext__(self) -> str:
        while not self._news:
            if self._ended:
                raise StopAsyncIteration
            self._wake = anyio.Event()
            await self._wake.wait()
        return self._news.pop()


class _UntilLost:
    """A subscription, as addresses. A generator that is left half read would have to be closed."""

    def __init__(self, subscription: AsyncIterator[object], uri: str) -> None:
        self._subscription = subscription
        self._uri = uri

    def __aiter__(self) -> _UntilLost:
        return self

    async def __anext__(self) -> str:
        from mcp.client.subscriptions import SubscriptionLost

        try:
            await anext(self._subscription)
        except SubscriptionLost:
            raise StopAsyncIteration from None
        return self._uri


# Sent as they are, because the SDK (2.3) warns of its own functions for them.


async def _subscribe(client: mcp.Client, uri: str) -> None:
    import mcp_types as types

    request = types.SubscribeRequest(params=types.SubscribeRequestParams(uri=uri))
    await client.session.send_request(request, types.EmptyResult)


async def _unsubscribe(client: mcp.Client, uri: str) -> None:
    import mcp_types as types
    from mcp import MCPError

    request = types.UnsubscribeRequest(params=types.UnsubscribeRequestParams(uri=uri))
    with suppress(MCPError):  # it is gone, and so is the subscription
        await client.session.send_request(request, types.EmptyResult)
