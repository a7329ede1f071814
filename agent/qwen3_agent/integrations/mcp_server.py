"""An agent as an MCP server: one tool, which takes a task and gives the answer."""

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
from ..events import Event, RunFinished, StepStarted, ToolCallStarted

DESCRIPTION = "Give a task to an agent, in words. It works until it has an answer."
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
_MOST_PICTURE_BYTES = 2_000_000
_LEAVE_SECONDS = 2


async def serve_mcp(
    agent: Agent[Any],
    *,
    name: str = "agent",
    description: str = DESCRIPTION,
    host: str = "127.0.0.1",
    port: int | None = None,
) -> None:
    """Offer an agent as an MCP server with one tool, until it is cancelled or disconnected.

    The tool takes a task and returns the answer; each call is a run of its own, and its steps are
    reported as progress.

    Args:
        agent: the agent.
        name: of the server and its tool.
        description: what the agent is good for, in words that help a model to choose it.
        host: where to listen. There is no authentication: only this machine should reach it.
        port: serve streamable HTTP at `http://host:port/mcp`, which needs asyncio. None: use
            standard input and output.
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
    """Until it is cancelled, or interrupted. The SDK's own way leaves its socket open then."""
    import uvicorn

    app = server.streamable_http_app(host=host)
    web = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            timeout_graceful_shutdown=_LEAVE_SECONDS,
        )
    )
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
    """The server, with a tool called `name`. Each call is a run of its own."""

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
    told = 0
    try:
        # The files of a run are there as long as its conversation is.
        async with agent.conversation() as conversation, conversation.stream(task) as events:
            async for event in events:
                doing = _doing(event)
                if doing:
                    told += 1
                    await ctx.report_progress(told, message=doing)
                if isinstance(event, RunFinished):
                    said = TextContent(text=event.result.output_text)
                    return CallToolResult(content=[said, *_pictures(event.result.files)])
    except LimitExceededError as error:
        so_far = (
            f"\nIts last words were:\n{error.result.output_text}"
            if error.result.output_text
            else ""
        )
        return _failed(f"{error}{so_far}")
    except Qwen3AgentError as error:
        return _failed(str(error))
    return _failed("The run ended without an answer.")


def _doing(event: Event) -> str:
    match event:
        case StepStarted():
            return f"step {event.index + 1}"
        case ToolCallStarted():
            return f"calling {event.name}"
    return ""


def _pictures(files: Sequence[Path]) -> list[ContentBlock]:
    """The pictures among the files that tools made, as far as they are small."""
    found: list[ContentBlock] = []
    for path in files:
        kind = _PICTURES.get(path.suffix.lower())
        if kind and path.is_file() and path.stat().st_size <= _MOST_PICTURE_BYTES:
            data = base64.b64encode(path.read_bytes()).decode()
            found.append(ImageContent(data=data, mime_type=kind))
    return found


def _failed(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=why)], is_error=True)
