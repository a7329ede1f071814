"""MCP servers as a source of tools. The SDK is imported only when a server is started."""

from .server import ServerStatus
from .servers import MCPServers, mcp_servers
from .user import UserPrompter

__all__ = ["MCPServers", "ServerStatus", "UserPrompter", "mcp_servers"]
