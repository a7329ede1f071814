"""Serves an agent as an MCP server with one tool."""

from __future__ import annotations

import base64
import importlib.metadata
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent, ToolAnnotations

from ..agent import Agent
from ..errors import LimitExceededError, Qwen3AgentError
from ..events import Event, StepStarted, ToolCallStarted

DESCRIPTION = "Give a task to an agent, in words. It works until it has an answer."
_IMAGE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_MAX_IMAGE_BYTES = 2_000_000
_GRACE_SECONDS = 2


async def serve_mcp(
    agent: Agent[Any],
    *,
    name: str = "agent",
    description: str = DESCRIPTION,
    host: str = "127.0.0.1",
    port: int | None = None,
) -> None:
    """Offer an agent as an MCP server with one tool, until it is cancelled or disconnected.

    The tool takes a task and returns the answer; each call is a separate run, whose steps are
    reported as progress.

    Args:
        agent: The agent.
        name: The name of the server and of its tool.
        description: What the agent can do, for the model that chooses a tool.
        host: The address to listen on. There is no authentication, so other machines should not be
            able to reach it.
        port: The port of streamable HTTP at `http://host:port/mcp`, which requires asyncio. None:
            use standard input and output.
    """
    async with AsyncExitStack() as stack:
        if agent.resources is None:
            await stack.enter_async_context(agent)
        server = mcp_server(agent, name, description)
        if port is None:
            await server.run_stdio_async()
        else:
            await _serve_http(server, host, port)


async def _serve_http(server: MCPServer[Any], host: str, port: int) -> None:
    """Serve until cancelled or interrupted. The SDK's own method would leave its socket open."""
    import uvicorn

    app = server.streamable_http_app(host=host)
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=_GRACE_SECONDS
    )
    web = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:

        async def run() -> None:
            with anyio.CancelScope(shield=True):
                await web.serve()
            tasks.cancel_scope.cancel()

        tasks.start_soon(run)
        try:
            await anyio.sleep_forever()
        finally:
            web.should_exit = True


def mcp_server(agent: Agent, name: str, description: str) -> MCPServer[Any]:
    """Return the server."""

    async def work(task: str, ctx: Context[Any, Any]) -> CallToolResult:
        return await _work(agent, task, ctx)

    version = importlib.metadata.version("qwen3-agent")
    server: MCPServer[Any] = MCPServer(name, version=version, log_level="WARNING")
    server.add_tool(
        work,
        name=name,
        description=description,
        annotations=ToolAnnotations(read_only_hint=False, open_world_hint=True),
    )
    return server


async def _work(agent: Agent, task: str, ctx: Context[Any, Any]) -> CallToolResult:
    if not task.strip():
        return _failed("The task is empty: say what to do.")
    reported = 0
    try:
        # The files of a run exist as long as its conversation is open
        async with agent.conversation() as conversation, conversation.stream(task) as events:
            async for event in events:
                if activity := _activity(event):
                    reported += 1
                    await ctx.report_progress(reported, message=activity)
            result = events.finished_result
            answer = TextContent(text=result.output_text)
            return CallToolResult(content=[answer, *_images(result.files)])
    except LimitExceededError as error:
        text = error.result.output_text
        return _failed(f"{error}\nIts last words were:\n{text}" if text else str(error))
    except Qwen3AgentError as error:
        return _failed(str(error))


def _activity(event: Event) -> str:
    match event:
        case StepStarted():
            return f"step {event.index + 1}"
        case ToolCallStarted():
            return f"calling {event.name}"
    return ""


def _images(files: Sequence[Path]) -> list[ContentBlock]:
    """Return the images among the files of a run that are small enough to send."""
    found: list[ContentBlock] = []
    for path in files:
        kind = _IMAGE_TYPES.get(path.suffix.lower())
        if kind and path.is_file() and path.stat().st_size <= _MAX_IMAGE_BYTES:
            data = base64.b64encode(path.read_bytes()).decode()
            found.append(ImageContent(data=data, mime_type=kind))
    return found


def _failed(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=why)], is_error=True)
