"""The MCP servers that a command uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qwen3_tools.mcp import MCPServers, UserPrompter

    from .settings import Layers

CONFIG_FILE = Path("mcp_servers.json")
BUNDLED_SERVERS = {"time": {"command": "mcp-server-time"}, "fetch": {"command": "mcp-server-fetch"}}

McpOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--mcp",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="MCP servers; may be repeated. Default: those of qwen3-agent.toml, else "
        "./mcp_servers.json if it exists, else the bundled time and fetch servers.",
    ),
]


def servers_of(
    files: Sequence[Path] | None, user: UserPrompter | None, settings: Layers | None = None
) -> MCPServers:
    """Return the servers of these files, or the default ones.

    Args:
        files: Config files.
        user: Answers requests from the servers.
        settings: Settings that name the default servers; by default those of this folder.

    Raises:
        MCPConfigError: A file is invalid, or two define a server of the same name.
        SettingsError: A settings file is invalid.
    """
    from qwen3_tools.mcp import mcp_servers

    sources: Sequence[Path | Mapping[str, Any]] = files or _default_sources(settings)
    return mcp_servers(*sources, user=user)


def _default_sources(settings: Layers | None) -> Sequence[Path | Mapping[str, Any]]:
    from .settings import load_settings

    settings = settings or load_settings()
    files = settings["mcp"]
    if files is not None:
        return [Path(file) for file in files] or [{"mcpServers": {}}]
    if settings.starts_servers and CONFIG_FILE.exists():
        return [CONFIG_FILE]
    return [{"mcpServers": BUNDLED_SERVERS}]
