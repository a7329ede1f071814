"""The SDK's HTTP transports with headers and sign-in, as context managers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import MCP_DEFAULT_TIMEOUT

from .stdio import MAX_LINE_BYTES

_NOTIFICATION_SECONDS = 2.0


@asynccontextmanager
async def streamable_transport(
    url: str, headers: Mapping[str, str], auth: httpx2.Auth | None
) -> AsyncIterator[TransportStreams]:
    """Streamable HTTP, the current transport."""
    async with (
        _Client(headers=dict(headers), auth=auth, timeout=_timeout()) as http_client,
        streamable_http_client(
            url, http_client=http_client, max_sse_event_size=MAX_LINE_BYTES
        ) as streams,
    ):
        yield streams


@asynccontextmanager
async def sse_transport(
    url: str, headers: Mapping[str, str], auth: httpx2.Auth | None
) -> AsyncIterator[TransportStreams]:
    """HTTP with server-sent events, the transport of protocol version 2024-11-05."""

    def client(
        headers: dict[str, str] | None = None,
        timeout: httpx2.Timeout | None = None,
        auth: httpx2.Auth | None = None,
    ) -> httpx2.AsyncClient:
        return _Client(headers=headers, auth=auth, timeout=_timeout())

    async with sse_client(
        url, headers=dict(headers), auth=auth, httpx_client_factory=client
    ) as streams:
        yield streams


def _timeout() -> httpx2.Timeout:
    # No read timeout: each call has its own.
    return httpx2.Timeout(MCP_DEFAULT_TIMEOUT, read=None)


class _Client(httpx2.AsyncClient):
    """Limits how long a server may take to accept a notification.

    The SDK sends nothing else in the meantime, so a server that hangs on one notification, such as
    a cancellation, would block all calls.
    """

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        if not _is_notification(request):
            return await super().send(request, **options)
        with anyio.move_on_after(_NOTIFICATION_SECONDS), suppress(httpx2.TimeoutException):
            return await super().send(request, **options)
        return httpx2.Response(202, request=request)


def _is_notification(request: httpx2.Request) -> bool:
    if request.method != "POST":
        return False
    try:
        message = json.loads(request.content)
    except (httpx2.RequestNotRead, ValueError):
        return False  # a form of the sign-in
    return isinstance(message, dict) and "method" in message and "id" not in message
