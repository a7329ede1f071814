"""Non-blocking access to pipes, on asyncio and trio."""

from __future__ import annotations

import codecs
import os
import select
from collections.abc import Callable

import anyio

from qwen3_tools.code_interpreter.worker import cut_middle

_CHUNK = 1 << 16
_Decoder = codecs.getincrementaldecoder("utf-8")


class Output:
    """The output of a stream, without its middle if it is too long.

    Args:
        limit: Characters to keep.
        listener: Called with text as it arrives, up to the same number of characters.
    """

    def __init__(self, limit: int, listener: Callable[[str], None] | None = None) -> None:
        self._listener = listener
        self._decoder = _Decoder(errors="replace") if listener else None
        self._reportable = limit
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        if self._listener and self._decoder and self._reportable:
            text = self._decoder.decode(data)[: self._reportable]
            self._reportable -= len(text)
            if text:
                self._listener(text)
        space = 2 * self._limit - len(self._head)  # bytes; a character may take several
        self._head += data[:space]
        self._tail += data[space:] if space < len(data) else b""
        if len(self._tail) > 4 * self._limit:
            extra = len(self._tail) - 2 * self._limit
            del self._tail[:extra]
            self._dropped += extra

    def text(self) -> str:
        both = (self._head + self._tail).decode(errors="replace")
        if not self._dropped:
            return cut_middle(both, self._limit)
        head = self._head.decode(errors="replace")[: self._limit - self._limit // 2]
        tail = self._tail.decode(errors="replace")[-(self._limit // 2) :]
        gone = self._dropped + len(both) - len(head) - len(tail)
        return f"{head}\n... [{gone} characters left out] ...\n{tail}"


async def read(handle: int) -> bytes:
    """Read at least one byte; return b"" at the end."""
    while True:
        await anyio.wait_readable(handle)
        try:
            return os.read(handle, _CHUNK)
        except BlockingIOError:
            continue


def read_now(handle: int) -> bytes:
    """Read what is available; return b"" if there is nothing."""
    try:
        return os.read(handle, _CHUNK)
    except BlockingIOError:
        return b""


def is_readable(handle: int, seconds: float) -> bool:
    """Wait, blocking the event loop, until the pipe can be read. Return False on timeout."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


async def write(handle: int, data: bytearray) -> None:
    """Write `data`, removing what was written, so that a cancelled write can be continued.

    Raises:
        BrokenPipeError: The pipe is closed.
    """
    while data:
        try:
            del data[: os.write(handle, data)]
        except BlockingIOError:
            await anyio.wait_writable(handle)
