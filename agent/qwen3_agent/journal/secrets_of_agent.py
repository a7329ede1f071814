"""What an agent knows that must not be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3_tools.source import ToolSource

if TYPE_CHECKING:
    from ..agent import Agent


def secrets_of_agent(agent: Agent) -> list[str]:
    """Its API key, and what its MCP servers are given in their environment and headers."""
    found = [agent.api_key.get_secret_value()] if agent.api_key else []
    for each in agent.tools:
        if isinstance(each, ToolSource):
            found += each.secrets()
    return found
