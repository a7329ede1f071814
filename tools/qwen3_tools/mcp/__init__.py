"""MCP servers as a source of tools. The SDK is not imported until a server is started."""

from ..renamed import missing_name
from .server import ServerStatus
from .servers import MCPServers, mcp_servers
from .user import UserPrompter

__all__ = ["MCPServers", "ServerStatus", "UserPrompter", "mcp_servers"]

_RENAMED = {"McpServers": "MCPServers", "Person": "UserPrompter"}


def __getattr__(name: str) -> object:
    raise missing_name(__name__, name, _RENAMED)
