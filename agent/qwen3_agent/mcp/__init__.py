"""MCP servers as tools. The SDK is imported only when a server is started."""

from qwen3_tools.mcp import MCPServers, ServerStatus, UserPrompter, mcp_servers

__all__ = ["MCPServers", "ServerStatus", "UserPrompter", "mcp_servers"]
