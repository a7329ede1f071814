"""A well-made MCP server with something of everything: `python proper_mcp_server.py stdio`,
or `streamable-http PORT`, or `sse PORT`."""

from __future__ import annotations

import base64
import sys
from typing import Any

from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
server = MCPServer("proper", version="1", log_level="WARNING")


class Place(BaseModel):
    city: str
    country: str | None = None


@server.tool()
def travel(start: Place, end: Place, by: str | None = None) -> str:
    """From here to there."""
    return f"{start.city} to {end.city}"


@server.tool()
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@server.tool()
async def grow(ctx: Context[Any, Any]) -> str:
    """From now on there is one tool more."""
    server.add_tool(add, name="grown")
    await ctx.notify_tools_changed()
    return "done"


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=PIXEL, format="png")


@server.tool()
def long(lines: int) -> str:
    """Much text."""
    return "\n".join(f"line {number}" for number in range(lines))


@server.tool()
def everything() -> CallToolResult:
    """A block of each kind."""
    blob = base64.b64encode(b"a,b\n").decode()
    return CallToolResult(
        content=[
            TextContent(text="words"),
            AudioContent(data="AAAA", mime_type="audio/wav"),
            AudioContent(data="not base64!", mime_type="audio/wav"),
            EmbeddedResource(resource=TextResourceContents(uri="mem://note", text="a note")),
            EmbeddedResource(resource=BlobResourceContents(uri="file:///x/../t.csv", blob=blob)),
            ResourceLink(name="log", uri="file:///log.txt", mime_type="text/plain", size=1234),
        ]
    )


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run(sys.argv[1], port=int(sys.argv[2]))  # type: ignore[call-overload]
