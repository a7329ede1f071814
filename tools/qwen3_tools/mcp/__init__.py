"""MCP servers as a source of tools. The SDK is imported only when a server is started."""

from .manager import McpServers, mcp_servers
from .person import Person
from .server import ServerStatus

__all__ = ["McpServers", "Person", "ServerStatus", "mcp_servers"]
