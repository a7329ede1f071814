"""An MCP server with tools that say of themselves whether they write, over standard streams."""

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("writing")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def look() -> str:
    """Changes nothing."""
    return "nothing"


@server.tool(annotations=ToolAnnotations(read_only_hint=False))
def put(text: str) -> str:
    """Writes."""
    return f"put {text}"


@server.tool()
def drop() -> str:
    """Says nothing of itself."""
    return "dropped"


if __name__ == "__main__":
    server.run("stdio")
