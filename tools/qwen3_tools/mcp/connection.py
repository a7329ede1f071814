"""Connects to a server over the transport that its config requires."""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from .client_requests import ClientRequests
from .config.environment import find_command, read_env_file, safe_environment
from .config.server_config import ServerConfig
from .error_text import first_line, innermost
from .transports.process import ServerProcess
from .transports.stderr_log import StderrLog

if TYPE_CHECKING:
    import mcp
    import mcp_types
    from mcp.client import Transport
    from mcp.client.session import MessageHandlerFnT

_SHOWN_BYTES = 80

logger = logging.getLogger(__name__)
server_log = logging.getLogger("qwen3_tools.mcp.server_log")
"""Log messages of the servers themselves."""


class Connector:
    """Connects to one server, as often as necessary."""

    def __init__(
        self,
        name: str,
        config: ServerConfig,
        on_notification: MessageHandlerFnT,
        client_requests: ClientRequests,
    ) -> None:
        """`on_notification` receives notifications; `client_requests` answers requests."""
        self.process: ServerProcess | None = None
        """The process started last; None for a server reached over HTTP."""
        self.stderr = StderrLog(name)
        """The stderr of its processes."""
        self.invalid_lines = 0
        """Number of lines on their stdout that were not messages."""
        self._name = name
        self._config = config
        self._on_notification = on_notification
        self._client_requests = client_requests

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[mcp.Client, anyio.Event]]:
        """Connect; yield a client and an event that is set when the connection is lost.

        Raises:
            Exception: The server cannot be started or reached, or does not speak MCP.
        """
        if self._config.command is not None:
            async with self._spawned() as process:
                # The server starts while the SDK is imported, which takes a second or more.
                await anyio.to_thread.run_sync(_import_sdk)
                from .transports.stdio import StdioTransport

                transport = StdioTransport(process, self._skip)
                async with self._client_over(transport.connect()) as client:
                    yield client, transport.closed
        else:
            await anyio.to_thread.run_sync(_import_sdk)
            async with self._over_http() as client:
                yield client, anyio.Event()

    @asynccontextmanager
    async def _spawned(self) -> AsyncIterator[ServerProcess]:
        config, self.process = self._config, None
        cwd = Path(config.cwd) if config.cwd else None
        if cwd is not None and not cwd.is_dir():
            raise NotADirectoryError(f"its cwd {cwd} is not a directory")
        inherited = {"safe": safe_environment(), "all": dict(os.environ), "none": {}}
        from_file = read_env_file(Path(config.env_file)) if config.env_file else {}
        env = inherited[config.inherit_env] | from_file | config.env
        command = find_command(config.command or "", env, cwd)
        self.stderr.begin()
        process = ServerProcess.start([command, *config.args], env, cwd, self.stderr)
        self.process = process
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(process.collect_stderr)
            try:
                yield process
            finally:
                await process.stop()
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _over_http(self) -> AsyncIterator[mcp.Client]:
        from mcp import MCPError

        from .transports.http import sse_transport, streamable_transport
        from .transports.oauth import sign_in

        address, headers = self._config.address or "", self._config.headers
        kind = self._config.http_kind
        auth = sign_in(self._config, self._client_requests)
        streamable = self._client_over(streamable_transport(address, headers, auth))
        sse = self._client_over(sse_transport(address, headers, auth))
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(sse if kind == "sse" else streamable)
            except Exception as error:
                refused = innermost(error)
                if kind != "either" or not isinstance(refused, MCPError):
                    raise
                try:
                    client = await stack.enter_async_context(sse)
                except Exception as error:
                    raise ConnectionError(
                        f"it answers neither as streamable HTTP ({first_line(refused)}) "
                        f"nor as SSE ({first_line(innermost(error))})"
                    ) from None
            yield client

    def _client_over(self, transport: Transport) -> AbstractAsyncContextManager[mcp.Client]:
        import mcp
        import mcp_types

        from .transports.tolerant_listing import tolerant_listing

        version = importlib.metadata.version("qwen3-agent")
        return mcp.Client(
            tolerant_listing(transport, self._name),
            client_info=mcp_types.Implementation(name="qwen3-agent", version=version),
            message_handler=self._on_notification,
            logging_callback=self._log,
            log_level="info",
            cache=None,
            **self._client_requests.callbacks(),
        )

    def _skip(self, line: bytes) -> None:
        self.invalid_lines += 1
        if self.invalid_lines == 1:
            logger.warning(
                "MCP server %r: skipping output on stdout that is not a message, such as %r",
                self._name,
                line[:_SHOWN_BYTES],
            )

    async def _log(self, params: mcp_types.LoggingMessageNotificationParams) -> None:
        level = logging.getLevelNamesMapping().get(params.level.upper(), logging.ERROR)
        level = logging.INFO if params.level == "notice" else level
        server_log.log(level, "MCP server %r says: %s", self._name, params.data)


def _import_sdk() -> None:
    import mcp  # noqa: F401

    from . import results  # noqa: F401
