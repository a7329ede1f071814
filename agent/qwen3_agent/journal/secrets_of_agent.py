"""What an agent knows that must not be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_tools.mcp import MCPServers

from .redaction import secrets_of

if TYPE_CHECKING:
    from ..agent import Agent


def secrets_of_agent(agent: Agent) -> list[str]:
    """Its API key, and what its MCP servers are given in their environment and headers."""
    found = [agent.api_key.get_secret_value()] if agent.api_key else []
    for each in agent.tools:
        if isinstance(each, MCPServers):
            for server in each.config.servers.values():
                found += secrets_of(server.env) + secrets_of(server.headers)
                if server.oauth and not isinstance(server.oauth, bool):
                    found += [server.oauth.client_secret] if server.oauth.client_secret else []
    return found
