"""The SDK's HTTP transports with headers and a sign-in, as one thing to enter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from .transport import MAX_LINE_BYTES


@asynccontextmanager
async def streamable_transport(
    url: str, headers: Mapping[str, str], auth: httpx2.Auth | None
) -> AsyncIterator[TransportStreams]:
    """Streamable HTTP, the protocol's present one."""
    async with (
        create_mcp_http_client(headers=dict(headers), auth=auth) as http_client,
        streamable_http_client(
            url, http_client=http_client, max_sse_event_size=MAX_LINE_BYTES
        ) as streams,
    ):
        yield streams


@asynccontextmanager
async def sse_transport(
    url: str, headers: Mapping[str, str], auth: httpx2.Auth | None
) -> AsyncIterator[TransportStreams]:
    """HTTP with server-sent events, the protocol's former one (2024-11-05)."""
    async with sse_client(url, headers=dict(headers), auth=auth) as streams:
        yield streams
