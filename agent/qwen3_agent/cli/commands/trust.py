"""`qwen3-agent trust`: trust the files of the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..outcome import command
from ..terminal.printable import echo


@command
def trust(
    no_more: Annotated[
        bool, typer.Option("--no-more", help="Stop trusting the files of this folder.")
    ] = False,
) -> None:
    """Trust the files of this folder from now on.

    A folder may come from anywhere. Until you trust it, ./qwen3-agent.toml can restrict an agent
    but not give it permissions. At a terminal, commands ask whether you trust the folder; run and
    chat also ask before they start the MCP servers in ./mcp_servers.json.
    """
    from ..config.trusted_folders import trust as trust_folder

    folder = Path.cwd()
    trust_folder(folder, no_more=no_more)
    echo(f"{folder} is {'no longer ' if no_more else ''}trusted.")
