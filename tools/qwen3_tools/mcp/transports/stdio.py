"""MCP over stdin and stdout of a server, with the SDK's Transport protocol.

The SDK's own transport (2.3) leaves grandchildren behind, hides process ID and exit status, has no
limit on the length of lines and takes quadratic time to read them. The wire format is one JSON-RPC
message per line:
https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread
import mcp_types
import pydantic
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from .process import ServerProcess

MAX_LINE_BYTES = 64 * 1024 * 1024
_PARSE_IN_THREAD_BYTES = 1024 * 1024
_LAST_WORDS_SECONDS = 0.2
_MOST_WAITING = 1_000
_RESPONSE_ID = re.compile(rb'"id"\s*:\s*(\d+|"[^"\\]*")')
_TOO_LONG = f"The answer was longer than {MAX_LINE_BYTES // 1024 // 1024} MiB and was dropped."


class StdioTransport:
    """The message streams to and from one server process."""

    def __init__(self, process: ServerProcess, skip: Callable[[bytes], None]) -> None:
        """`skip` receives each line that is not a message, and the beginning of lines too long."""
        self._process = process
        self._skip = skip
        self.closed = anyio.Event()
        """Set when the server has ended or closed its stdout."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[TransportStreams]:
        """Transfer messages during the block. The process is not stopped."""
        to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception]()
        # The SDK shields its notification of a cancelled call, so there must be buffer space for it
        # even if the server has stopped reading.
        to_server, from_session = anyio.create_memory_object_stream[SessionMessage](_MOST_WAITING)
        async with (
            anyio.create_task_group() as tasks,
            to_session,
            from_server,
            from_session,
            to_server,
        ):
            tasks.start_soon(self._receive, to_session)
            tasks.start_soon(self._send, from_session)
            tasks.start_soon(self._close_after_exit, to_session)
            yield from_server, to_server
            tasks.cancel_scope.cancel()

    async def _receive(
        self, to_session: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        lines = _Lines()
        try:
            while data := await self._process.read():
                for line in lines.feed(data):
                    message = await self._parse(line)
                    if message is not None:
                        await to_session.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the session has ended
        finally:
            self._close(to_session)

    async def _close_after_exit(
        self, to_session: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        # Its stdout may be held open by a child.
        await self._process.exited()
        await anyio.sleep(_LAST_WORDS_SECONDS)
        self._close(to_session)

    def _close(self, to_session: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        self.closed.set()
        to_session.close()

    async def _send(self, from_session: MemoryObjectReceiveStream[SessionMessage]) -> None:
        with suppress(OSError, anyio.ClosedResourceError):
            async for outgoing in from_session:
                text = outgoing.message.model_dump_json(by_alias=True, exclude_unset=True)
                await self._process.write(text.encode() + b"\n")
        from_session.close()

    async def _parse(self, line: bytes | _TooLong) -> SessionMessage | None:
        if isinstance(line, _TooLong):
            return self._parse_too_long(line)
        if not line.strip():
            return None
        parse = mcp_types.jsonrpc_message_adapter.validate_json
        try:
            if len(line) > _PARSE_IN_THREAD_BYTES:
                return SessionMessage(await anyio.to_thread.run_sync(parse, line))
            return SessionMessage(parse(line))
        except pydantic.ValidationError:
            self._skip(line)
            return None

    def _parse_too_long(self, line: _TooLong) -> SessionMessage | None:
        """Return an error in place of the answer, so that the call need not time out."""
        self._skip(line.head)
        found = _RESPONSE_ID.search(line.head)
        if not found:
            return None
        identifier: int | str = (
            found[1].decode().strip('"') if found[1].startswith(b'"') else int(found[1])
        )
        error = mcp_types.ErrorData(code=mcp_types.INTERNAL_ERROR, message=_TOO_LONG)
        return SessionMessage(mcp_types.JSONRPCError(jsonrpc="2.0", id=identifier, error=error))


class _TooLong:
    def __init__(self, head: bytes) -> None:
        self.head = head


class _Lines:
    """Splits bytes into lines, in linear time."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes | _TooLong]:
        *ends, rest = data.split(b"\n")
        lines: list[bytes | _TooLong] = []
        for end in ends:
            self._add(end)
            lines.append(self._take())
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > MAX_LINE_BYTES:
            del self._pieces[1:]  # the first piece has the ID of the request
        elif piece:
            self._pieces.append(piece)

    def _take(self) -> bytes | _TooLong:
        line = b"".join(self._pieces)
        too_long = self._size > MAX_LINE_BYTES
        self._pieces, self._size = [], 0
        return _TooLong(line[:4096]) if too_long else line
