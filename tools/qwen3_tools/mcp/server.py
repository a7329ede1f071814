"""The life of one MCP server: a single task starts, restarts and stops it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import anyio

from ..context import current_context
from ..errors import ToolError
from ..tool import ToolResult
from .client_requests import ClientRequests, Responders
from .config.server_config import ServerConfig
from .connection import Connector
from .error_text import first_line, innermost
from .requests import ConnectionEndedError, Requests
from .timeouts import Timeouts
from .tool_list import ToolList

if TYPE_CHECKING:
    import mcp
    import mcp_types

logger = logging.getLogger(__name__)

T = TypeVar("T")

_IMPORT_SECONDS = 1.0
_RAPID_SECONDS = 30.0
_MAX_RAPID_DEATHS = 5
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0
_EXIT_SECONDS = 0.5  # a process that ends closes its pipes before it has a status
_STDERR_LINES_SHOWN = 5
_STDERR_LINE_CHARS = 500
# The SDK's (2.3) message for a 404 of an HTTP server that no longer knows the session.
_SESSION_FORGOTTEN = "Session terminated"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """The status of a server."""

    name: str
    state: Literal["ready", "starting", "failed"]
    reason: str | None
    """Why it failed, or None."""
    version: str | None
    """The name and version that the server reports."""
    protocol: str | None
    """The negotiated version of MCP, a date."""
    start_seconds: float | None
    """Duration of the last start."""
    tools: tuple[str, ...]
    """Names of its tools, without prefix."""
    invalid_lines: int = 0
    """Number of lines on its stdout that were not messages."""
    stderr_file: Path | None = None
    """The log of its stderr, if it wrote anything there."""

    @property
    def era(self) -> str:
        """The protocol era: versions since 2026-07-28 have no handshake."""
        return "stateless" if (self.protocol or "") >= "2026-07-28" else "handshake"


class Server:
    """A server of the config. `run` is its owner task; `call` may be awaited in any task."""

    def __init__(
        self,
        name: str,
        config: ServerConfig,
        responders: Responders,
        *,
        replacing: Server | None = None,
    ) -> None:
        """`replacing` is its predecessor, whose tools are listed until its own are known."""
        self.name = name
        self.config = config
        self.failure: str | None = None
        """Why it is not running; None while it is running or starting."""
        self.settled = anyio.Event()
        """Set once it has become ready or failed."""
        self.stopped = anyio.Event()
        """Set once its owner task has ended."""
        self.timeouts = Timeouts()
        """Timeouts of its start and its calls."""
        # Importing the SDK must not count against the server.
        extra = 0 if "mcp" in sys.modules else _IMPORT_SECONDS
        self.start_seconds = config.start_timeout + extra
        """Timeout of a start."""
        self._client_requests = ClientRequests(name, config, responders, self.timeouts)
        self._connector = Connector(name, config, self._on_notification, self._client_requests)
        self._list = ToolList(name, config)
        self._list.tools = replacing.tools if replacing is not None else ()
        self._client: mcp.Client | None = None
        self._requests: Requests | None = None
        self._stopping = False
        self._ready = anyio.Event()
        self._closed = anyio.Event()
        self._scope = anyio.CancelScope()
        self._was_ready = False
        self._version: str | None = None
        self._protocol: str | None = None
        self._start_seconds: float | None = None

    @property
    def tools(self) -> tuple[mcp_types.Tool, ...]:
        """Its tools, known once it is ready."""
        return () if self.failure and not self._was_ready else self._list.tools

    @property
    def status(self) -> ServerStatus:
        """Its current status."""
        state: Literal["ready", "starting", "failed"] = "failed" if self.failure else "starting"
        return ServerStatus(
            name=self.name,
            state="ready" if self._client is not None else state,
            reason=self.failure,
            version=self._version,
            protocol=self._protocol,
            start_seconds=self._start_seconds,
            tools=tuple(tool.name for tool in self.tools),
            invalid_lines=self._connector.invalid_lines,
            stderr_file=self._connector.stderr.path if self._connector.stderr.tail else None,
        )

    async def run(self) -> None:
        """Keep the server running until it is stopped or keeps failing."""
        try:
            with self._scope:
                await self._keep_up()
            if self._stopping:
                self._fail("it was stopped")
        finally:
            self.stopped.set()

    def stop(self, *, at_once: bool = False) -> None:
        """Make the owner task end the server, gracefully if it is ready."""
        self._stopping = True
        if self._client is not None and not at_once:
            self._closed.set()
        else:
            self._scope.cancel()

    async def _keep_up(self) -> None:
        rapid_deaths = 0
        while True:
            started = anyio.current_time()
            reason = await self._live()
            if self._stopping:
                return
            lasted = anyio.current_time() - started > _RAPID_SECONDS
            rapid_deaths = 1 if lasted else rapid_deaths + 1
            # Give up on a program that keeps crashing; an address may come back at any time.
            hopeless = self.config.command is not None and rapid_deaths > _MAX_RAPID_DEATHS
            if not self._was_ready or hopeless or not self.config.restart:
                self._fail(reason)
                return
            if rapid_deaths > 1:
                self._fail(reason)  # so that calls fail now instead of waiting for a restart
            logger.warning("MCP server %r: %s; restarting it", self.name, reason)
            pause = _FIRST_PAUSE_SECONDS * 2 ** (rapid_deaths - 1)
            await anyio.sleep(min(pause, _LONGEST_PAUSE_SECONDS))

    def give_up(self) -> None:
        """Declare the start timed out. The owner task cleans up in the background."""
        self._fail(self._not_in_time())

    async def call(self, tool: str, arguments: dict[str, Any], *, repeatable: bool) -> ToolResult:
        """Call one of its tools.

        Args:
            tool: The server's name for it.
            arguments: Arguments that match its schema.
            repeatable: True if the call may be repeated when the server dies during it.

        Raises:
            ToolError: It failed or timed out (`callTimeout`), with a message for the model.
        """
        context = current_context()

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            context.report_progress(progress, total, message or "")

        async def send(client: mcp.Client) -> ToolResult:
            from mcp import MCPError

            from .results import tool_result

            callback = on_progress if context.progress else None
            try:
                result = await client.call_tool(tool, arguments, progress_callback=callback)
            except MCPError as error:
                if not await self._client_requests.complete_required_pages(error):
                    raise
                result = await client.call_tool(tool, arguments, progress_callback=callback)
            return tool_result(result, tool)

        return await self.request(send, repeatable=repeatable)

    async def request(
        self, send: Callable[[mcp.Client], Awaitable[T]], *, repeatable: bool = True
    ) -> T:
        """Send the server a request, within the timeout of a call.

        Args:
            send: Sends the request; called once per attempt.
            repeatable: True if the request may be repeated when the server dies during it.

        Raises:
            ToolError: It failed or timed out, with a message for the model.
        """
        seconds = self.config.call_seconds
        with self.timeouts.within(seconds):
            try:
                return await self._request(send)
            except _LostError as lost:
                if not (repeatable or lost.never_ran):
                    raise ToolError(f"{lost} Whether the call took effect is unknown.") from None
                return await self._request(send)
        raise ToolError(
            f"The server {self.name!r} did not answer within {seconds:g} seconds, "
            "and the call was cancelled."
        )

    async def _request(self, send: Callable[[mcp.Client], Awaitable[T]]) -> T:
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED
        from pydantic import ValidationError

        client = await self._connected()
        assert self._requests is not None  # set together with the client
        try:
            return await self._requests.make(lambda: send(client))
        except ConnectionEndedError:
            raise self._lost(never_ran=False) from None
        except MCPError as error:
            ended = error.code == CONNECTION_CLOSED
            forgotten = error.message == _SESSION_FORGOTTEN
            if ended or forgotten:
                # The owner task will notice later; the next call must wait for a new client.
                if self._client is client:
                    self._client = None
                    self._closed.set()
                raise self._lost(never_ran=forgotten) from None
            raise ToolError(error.message) from None
        except ValidationError:
            logger.warning("MCP server %r gave an invalid result", self.name)
            raise ToolError(f"The server {self.name!r} gave an invalid result.") from None
        except (
            RuntimeError
        ) as error:  # the SDK's error for structured content that does not match the schema
            logger.warning("MCP server %r: %s", self.name, error)
            raise ToolError(
                f"The server {self.name!r} gave a result that breaks the tool's own schema."
            ) from None

    def _lost(self, *, never_ran: bool) -> _LostError:
        message = f"The server {self.name!r} stopped while it worked on this call."
        return _LostError(message, never_ran=never_ran)

    async def _connected(self) -> mcp.Client:
        """Return the client, waiting while the server restarts."""
        while self._client is None:
            if self.failure:
                raise ToolError(f"The server {self.name!r} is not running.")
            await self._ready.wait()
        return self._client

    async def _live(self) -> str:
        """Run the server once, from start to end. Return why it ended."""
        # One scope for all of it: a scope for the start alone would have to end inside the
        # client's own scopes, which anyio does not allow.
        reason = "it ended"
        started = anyio.current_time()
        try:
            with self.timeouts.within(self.start_seconds) as scope:
                async with anyio.create_task_group() as requests:
                    async with (
                        self._connector.connect() as (client, closed),
                        self._list.following(client),
                    ):
                        self.timeouts.lift(scope)
                        self._start_seconds = anyio.current_time() - started
                        self._announce(client, closed, Requests(requests))
                        await closed.wait()
                        self._client = None
                        if (process := self._connector.process) is not None:
                            await process.ends_within(_EXIT_SECONDS)
                        reason = self._with_stderr(self._how_it_ended())
                    requests.cancel_scope.cancel()
            if scope.cancelled_caught:
                reason = self._not_in_time()
        except Exception as error:
            logger.debug("MCP server %r", self.name, exc_info=True)
            reason = self._why(error)
        finally:
            self._client = None
        return reason

    def _announce(self, client: mcp.Client, closed: anyio.Event, requests: Requests) -> None:
        self._client, self._closed, self._requests = client, closed, requests
        info = client.server_info
        self._version = f"{info.name} {info.version}" if info else None
        self._protocol = client.protocol_version
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

    async def _on_notification(self, message: object) -> None:
        """Handle notifications, which servers of the handshake era send unasked."""
        import mcp_types

        if isinstance(message, mcp_types.ToolListChangedNotification):
            self._list.changed()

    def _not_in_time(self) -> str:
        if self._has_ended():
            return self._with_stderr(self._how_it_ended())
        return self._with_stderr(
            f"it was not ready within {self.config.start_timeout:g} seconds (startTimeout)"
        )

    def _why(self, error: BaseException) -> str:
        error = innermost(error)
        if self._has_ended():
            return self._with_stderr(self._how_it_ended())
        if isinstance(error, OSError) and error.strerror:
            return f"it could not be started: {error.strerror}"
        return self._with_stderr(first_line(error))

    def _has_ended(self) -> bool:
        """Return True if the process ended by itself."""
        process = self._connector.process
        return process is not None and process.returncode is not None and not process.was_stopped

    def _how_it_ended(self) -> str:
        process = self._connector.process
        code = process.returncode if process else None
        if code is None:
            return "it closed its connection"
        return f"it exited with status {code}" if code >= 0 else f"it was killed by signal {-code}"

    def _with_stderr(self, reason: str) -> str:
        process = self._connector.process
        lines = process.stderr_tail.splitlines() if process else []
        if not lines:
            return reason
        shown = [line[-_STDERR_LINE_CHARS:] for line in lines[-_STDERR_LINES_SHOWN:]]
        return f"{reason}; its stderr ends with:\n" + "\n".join(shown)


class _LostError(ToolError):
    """The connection was lost before the call was answered.

    `never_ran`: the server certainly did not execute the call.
    """

    def __init__(self, message: str, *, never_ran: bool) -> None:
        super().__init__(message)
        self.never_ran = never_ran
