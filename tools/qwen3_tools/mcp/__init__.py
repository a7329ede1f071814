"""MCP servers as a source of tools. The SDK is imported only when a server is started."""

from .manager import McpServers, mcp_servers

__all__ = ["McpServers", "mcp_servers"]
