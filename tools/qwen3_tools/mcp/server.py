"""One MCP server from first to last: one task starts it, keeps it, starts it again, and ends it."""

from __future__ import annotations

import importlib.metadata
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from anyio.abc import TaskStatus

from ..errors import ToolError
from ..tool import ToolResult
from .config import ServerConfig
from .environment import find_command, read_env_file, safe_environment
from .process import ServerProcess

if TYPE_CHECKING:
    import mcp
    import mcp_types
    from mcp.client import Transport

logger = logging.getLogger(__name__)

_RAPID_SECONDS = 30.0
_MAX_RAPID_DEATHS = 5
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0
_STDERR_LINES_SHOWN = 5
# How the SDK (2.3) words an HTTP server's 404 to a session that it no longer knows.
_SESSION_FORGOTTEN = "Session terminated"


class Server:
    """A server of the config. `run` is its owner task; `call` may be awaited in any other."""

    def __init__(self, name: str, config: ServerConfig, folder: Path) -> None:
        self.name = name
        self.config = config
        self.tools: tuple[mcp_types.Tool, ...] = ()
        """What it offers, known once it is ready."""
        self.failure: str | None = None
        """Why it is not running; None while it is, or is about to be."""
        self.settled = anyio.Event()
        """Set once it is ready for the first time, or has failed."""
        self.stopped = anyio.Event()
        """Set once its owner task has ended."""
        self._folder = folder
        self._client: mcp.Client | None = None
        self._ready = anyio.Event()
        self._process: ServerProcess | None = None
        self._closed = anyio.Event()
        self._list_changed = anyio.Event()
        self._scope = anyio.CancelScope()
        self._was_ready = False

    async def run(self) -> None:
        """Keep the server up until it is stopped, or until it will not stay up."""
        try:
            with self._scope:
                await self._keep_up()
            if self._scope.cancelled_caught:
                self._fail("it was stopped")
        finally:
            self.stopped.set()

    def stop(self) -> None:
        """End the server. Its owner task sees to that."""
        self._scope.cancel()

    async def _keep_up(self) -> None:
        rapid_deaths = 0
        while True:
            started = anyio.current_time()
            reason = await self._live()
            lasted = anyio.current_time() - started > _RAPID_SECONDS
            rapid_deaths = 1 if lasted else rapid_deaths + 1
            # A program that keeps dying is left for dead; an address may come back at any time.
            hopeless = self.config.command is not None and rapid_deaths > _MAX_RAPID_DEATHS
            if not self._was_ready or hopeless or not self.config.restart:
                self._fail(reason)
                return
            if rapid_deaths > 1:
                self._fail(reason)  # meanwhile: calls need not wait for what may never be
            logger.warning("MCP server %r: %s; starting it again", self.name, reason)
            pause = _FIRST_PAUSE_SECONDS * 2 ** (rapid_deaths - 1)
            await anyio.sleep(min(pause, _LONGEST_PAUSE_SECONDS))

    def give_up(self) -> None:
        """Say that it did not start within its bound. The owner task cleans up meanwhile."""
        self._fail(self._not_in_time())

    async def call(self, tool: str, arguments: dict[str, Any], *, repeatable: bool) -> ToolResult:
        """Call one of its tools.

        Args:
            tool: The name that the server gave it.
            arguments: Already checked against its schema.
            repeatable: Whether it may be called again after the server died in the call.

        Raises:
            ToolError: It failed or did not answer within `callTimeout`, in words for the model.
        """
        seconds = self.config.call_seconds
        with anyio.move_on_after(seconds):
            try:
                return await self._call(tool, arguments)
            except _LostError as lost:
                if not (repeatable or lost.never_ran):
                    raise ToolError(f"{lost} Whether the call took effect is unknown.") from None
                return await self._call(tool, arguments)
        raise ToolError(
            f"The server {self.name!r} did not answer within {seconds:g} seconds, "
            "and the call was cancelled."
        )

    async def _call(self, tool: str, arguments: dict[str, Any]) -> ToolResult:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED
        from pydantic import ValidationError

        from .results import tool_result

        client = await self._connected()
        try:
            result = await client.call_tool(tool, arguments)
        except MCPError as error:
            ended = error.code == CONNECTION_CLOSED
            forgotten = error.message == _SESSION_FORGOTTEN
            if ended or forgotten:
                # Its owner learns of it a little later; the next call must wait for the next one.
                if self._client is client:
                    self._client = None
                    self._closed.set()
                raise _LostError(
                    f"The server {self.name!r} stopped while it worked on this call.",
                    never_ran=forgotten,
                ) from None
            raise ToolError(error.message) from None
        except ValidationError:
            logger.warning("MCP server %r: %s gave an invalid result", self.name, tool)
            raise ToolError(f"The server {self.name!r} gave an invalid result.") from None
        except RuntimeError as error:  # the SDK's word for structured content against its schema
            logger.warning("MCP server %r: %s", self.name, error)
            raise ToolError(
                f"The server {self.name!r} gave a result that breaks the tool's own schema."
            ) from None
        return tool_result(result, tool, self.config.max_result_chars)

    async def _connected(self) -> mcp.Client:
        """The client, waited for while the server starts again."""
        while self._client is None:
            if self.failure:
                raise ToolError(f"The server {self.name!r} is not running.")
            await self._ready.wait()
        return self._client

    async def _live(self) -> str:
        """Start, be ready, and stay until the server is gone. Returns why it is."""
        # One scope around the whole life: a bound on the start alone would have to be left in
        # the middle of the client's own scopes, which no cancel scope can be.
        reason = "it ended"
        try:
            with anyio.CancelScope() as scope:
                scope.deadline = anyio.current_time() + self.config.start_timeout
                async with self._connect() as (client, closed), self._following(client):
                    self.tools = await self._list_tools(client)
                    scope.deadline = float("inf")
                    self._announce(client, closed)
                    await closed.wait()
                    reason = self._with_stderr(self._how_it_ended())
            if scope.cancelled_caught:
                reason = self._not_in_time()
        except Exception as error:
            logger.debug("MCP server %r", self.name, exc_info=True)
            reason = self._why(error)
        finally:
            self._client = None
        return reason

    def _announce(self, client: mcp.Client, closed: anyio.Event) -> None:
        self._client, self._closed = client, closed
        self._was_ready = True
        self.failure = None
        self._wake_waiting()

    def _fail(self, reason: str) -> None:
        self.failure = reason
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        self._ready.set()
        self._ready = anyio.Event()
        self.settled.set()

    @asynccontextmanager
    async def _connect(self) -> AsyncIterator[tuple[mcp.Client, anyio.Event]]:
        if self.config.command is not None:
            async with self._spawned() as process:
                # Importing the SDK takes a second or more; the server starts meanwhile.
                await anyio.to_thread.run_sync(_import_sdk)
                from .transport import StdioTransport

                transport = StdioTransport(process)
                async with self._client_over(transport.connect()) as client:
                    yield client, transport.closed
        else:
            await anyio.to_thread.run_sync(_import_sdk)
            async with self._over_http() as client:
                yield client, anyio.Event()

    @asynccontextmanager
    async def _spawned(self) -> AsyncIterator[ServerProcess]:
        config = self.config
        cwd = self._folder / config.cwd if config.cwd else None
        inherited = {"safe": safe_environment(), "all": dict(os.environ), "none": {}}
        from_file = read_env_file(self._folder / config.env_file) if config.env_file else {}
        env = inherited[config.inherit_env] | from_file | config.env
        command = find_command(config.command or "", env, cwd)
        process = self._process = ServerProcess.start([command, *config.args], env, cwd)
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

        from .http import sse_transport, streamable_transport

        address, headers = self.config.address or "", self.config.headers
        kind = self.config.http_kind
        streamable = self._client_over(streamable_transport(address, headers))
        sse = self._client_over(sse_transport(address, headers))
        async with AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(sse if kind == "sse" else streamable)
            except Exception as error:
                if kind != "either" or not isinstance(_innermost(error), MCPError):
                    raise
                client = await stack.enter_async_context(sse)
            yield client

    def _client_over(self, transport: Transport) -> AbstractAsyncContextManager[mcp.Client]:
        import mcp
        import mcp_types

        from .listing import TolerantListing

        version = importlib.metadata.version("qwen3-agent")
        return mcp.Client(
            TolerantListing(transport, self.name),
            client_info=mcp_types.Implementation(name="qwen3-agent", version=version),
            message_handler=self._hear,
            logging_callback=self._log,
            cache=None,
        )

    @asynccontextmanager
    async def _following(self, client: mcp.Client) -> AsyncIterator[None]:
        """Keep `tools` up to date from here on, before they are listed for the first time."""
        self._list_changed = anyio.Event()
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._listen, client)
            tasks.start_soon(self._list_again, client)
            yield
            tasks.cancel_scope.cancel()

    async def _hear(self, message: object) -> None:
        """A server of the handshake era says of its own accord that its tools have changed."""
        import mcp_types

        if isinstance(message, mcp_types.ToolListChangedNotification):
            self._list_changed.set()

    async def _log(self, params: mcp_types.LoggingMessageNotificationParams) -> None:
        level = logging.getLevelNamesMapping().get(params.level.upper(), logging.ERROR)
        level = logging.INFO if params.level == "notice" else level
        logger.log(level, "MCP server %r says: %s", self.name, params.data)

    async def _listen(self, client: mcp.Client, *, task_status: TaskStatus[None]) -> None:
        """A server of 2026-07-28 or later says so to those who ask."""
        from mcp import MCPError
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost

        tools = client.server_capabilities.tools
        try:
            if tools is None or not tools.list_changed:
                return
            async with client.listen(tools_list_changed=True) as subscription:
                task_status.started()
                async for _ in subscription:
                    self._list_changed.set()
        except (ListenNotSupportedError, SubscriptionLost, MCPError) as error:
            logger.debug("MCP server %r: no news of its tools: %s", self.name, error)
        finally:
            with suppress(RuntimeError):  # it has been told already
                task_status.started()

    async def _list_again(self, client: mcp.Client) -> None:
        while True:
            await self._list_changed.wait()
            self._list_changed = anyio.Event()
            try:
                self.tools = await self._list_tools(client)
            except Exception as error:
                logger.warning("MCP server %r: %s", self.name, self._why(error))

    async def _list_tools(self, client: mcp.Client) -> tuple[mcp_types.Tool, ...]:
        if client.server_capabilities.tools is None:
            return ()
        tools: dict[str, mcp_types.Tool] = {}
        cursor: str | None = None
        followed: set[str] = set()
        while cursor not in followed:
            followed |= {cursor} if cursor else set()
            page = await client.list_tools(cursor=cursor)
            tools |= {tool.name: tool for tool in page.tools}
            cursor = page.next_cursor
            if not cursor:
                break
        else:
            logger.warning("MCP server %r: its list of tools runs in a circle", self.name)
        return tuple(
            tool
            for name, tool in sorted(tools.items())
            if self.config.offers(name) and not _demands_tasks(tool)
        )

    def _not_in_time(self) -> str:
        return self._with_stderr(
            f"it was not ready within {self.config.start_timeout:g} seconds (startTimeout)"
        )

    def _why(self, error: BaseException) -> str:
        error = _innermost(error)
        if self._process is not None and self._process.returncode is not None:
            return self._with_stderr(self._how_it_ended())
        if isinstance(error, OSError) and error.strerror:
            return f"it could not be started: {error.strerror}"
        return self._with_stderr(str(error) or type(error).__name__)

    def _how_it_ended(self) -> str:
        code = self._process.returncode if self._process else None
        if code is None:
            return "it closed its connection"
        return f"it exited with status {code}" if code >= 0 else f"it was killed by signal {-code}"

    def _with_stderr(self, reason: str) -> str:
        lines = self._process.stderr_tail.splitlines() if self._process else []
        if not lines:
            return reason
        return f"{reason}; its stderr ends with:\n" + "\n".join(lines[-_STDERR_LINES_SHOWN:])


class _LostError(ToolError):
    """The connection was lost before the call was answered."""

    def __init__(self, message: str, *, never_ran: bool) -> None:
        super().__init__(message)
        self.never_ran = never_ran


def _demands_tasks(tool: mcp_types.Tool) -> bool:
    return tool.execution is not None and tool.execution.task_support == "required"


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _import_sdk() -> None:
    import mcp  # noqa: F401

    from . import listing, results, transport  # noqa: F401
