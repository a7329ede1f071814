"""Drops invalid tools from `tools/list` responses, so that the valid ones remain usable.

The SDK (2.3) rejects the whole response if one entry is invalid. So entries are checked one by one
on the wire, before the SDK sees them.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mcp_types
from mcp.client import Transport
from mcp.client._transport import ReadStream, TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_HANDSHAKE_VERSION

from ..error_text import first_line

logger = logging.getLogger(__name__)

Incoming = SessionMessage | Exception


@asynccontextmanager
async def tolerant_listing(transport: Transport, server: str) -> AsyncIterator[TransportStreams]:
    """Open a transport that removes tools that the SDK would reject."""
    async with transport as (read, write):
        yield _Filtered(read, server), write


class _Filtered:
    def __init__(self, stream: ReadStream[Incoming], server: str) -> None:
        self._stream = stream
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)  # such as `last_context`, which the SDK reads

    async def receive(self) -> Incoming:
        return self._checked(await self._stream.receive())

    async def aclose(self) -> None:
        await self._stream.aclose()

    def __aiter__(self) -> _Filtered:
        return self

    async def __anext__(self) -> Incoming:
        return self._checked(await self._stream.__anext__())

    async def __aenter__(self) -> _Filtered:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._stream.__aexit__(*error)

    def _checked(self, incoming: Incoming) -> Incoming:
        if isinstance(incoming, SessionMessage) and isinstance(
            incoming.message, mcp_types.JSONRPCResponse
        ):
            result = incoming.message.result
            # Only `tools/list` has a list of this name in its result.
            if isinstance(result.get("tools"), list):
                result["tools"] = [tool for tool in result["tools"] if self._is_valid(tool)]
        return incoming

    def _is_valid(self, tool: Any) -> bool:
        if isinstance(tool, dict) and isinstance(tool.get("inputSchema"), dict):
            tool["inputSchema"].setdefault("type", "object")
        try:
            validate_server_result("tools/list", LATEST_HANDSHAKE_VERSION, {"tools": [tool]})
            parsed = mcp_types.Tool.model_validate(tool, by_name=False)
            _check_schema(parsed.input_schema)
        except Exception as error:
            name = tool.get("name") if isinstance(tool, dict) else tool
            logger.warning(
                "MCP server %r: ignoring invalid tool %r: %s", self._server, name, first_line(error)
            )
            return False
        return True


def _check_schema(schema: dict[str, Any]) -> None:
    from jsonschema.validators import validator_for

    validator_for(schema).check_schema(schema)
