"""MCP servers as a source of tools. The SDK is imported only when a server is started."""

from .server import ServerStatus
from .servers import McpServers, mcp_servers
from .user import Person

__all__ = ["McpServers", "Person", "ServerStatus", "mcp_servers"]
