"""An MCP server whose only tool never answers."""

from __future__ import annotations

import anyio
from mcp.server.mcpserver import MCPServer

server = MCPServer("silent")


@server.tool()
async def wait() -> str:
    """Never answers."""
    await anyio.sleep_forever()
    return ""


if __name__ == "__main__":
    server.run("stdio")
