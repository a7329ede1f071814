"""From a config entry to a client that has shaken hands, over whichever transport it takes."""

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
from .transports.process import ServerProcess
from .transports.stderr_log import StderrLog

if TYPE_CHECKING:
    import mcp
    import mcp_types
    from mcp.client import Transport
    from mcp.client.session import MessageHandlerFnT

_SHOWN_BYTES = 80

logger = logging.getLogger(__name__)
said = logging.getLogger("qwen3_tools.mcp.server_log")
"""What servers log, for whoever wants to read it."""


class Connector:
    """Connects to one server, time after time."""

    def __init__(
        self,
        name: str,
        config: ServerConfig,
        on_notification: MessageHandlerFnT,
        client_requests: ClientRequests,
    ) -> None:
        """`hear` is given each notification, and `asked` answers what the server asks."""
        self.process: ServerProcess | None = None
        """The last process that was started for it; None for a server reached over HTTP."""
        self.stderr = StderrLog(name)
        """What its processes wrote there."""
        self.invalid_lines = 0
        """How many lines on their stdout were no message."""
        self._name = name
        self._config = config
        self._on_notification = on_notification
        self._client_requests = client_requests

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[mcp.Client, anyio.Event]]:
        """A client and an event that is set when the connection is lost.

        Raises:
            Exception: It cannot be started or reached, or does not speak MCP.
        """
        if self._config.command is not None:
            async with self._spawned() as process:
                # Importing the SDK takes a second or more; the server starts meanwhile.
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
            raise NotADirectoryError(f"its cwd {cwd} is no folder")
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

        from .transports.tolerant_listing import TolerantListing

        version = importlib.metadata.version("qwen3-agent")
        return mcp.Client(
            TolerantListing(transport, self._name),
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
                "MCP server %r writes on its stdout what is no message, such as %r; it is skipped",
                self._name,
                line[:_SHOWN_BYTES],
            )

    async def _log(self, params: mcp_types.LoggingMessageNotificationParams) -> None:
        level = logging.getLevelNamesMapping().get(params.level.upper(), logging.ERROR)
        level = logging.INFO if params.level == "notice" else level
        said.log(level, "MCP server %r says: %s", self._name, params.data)


def innermost(error: BaseException) -> BaseException:
    """The first of the errors that a group holds, however deep."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def first_line(error: BaseException) -> str:
    """What an error says, without what goes on for lines."""
    return str(error).partition("\n")[0] or type(error).__name__


def _import_sdk() -> None:
    import mcp  # noqa: F401

    from . import results  # noqa: F401
