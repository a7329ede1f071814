"""`qwen3-agent trust`: let the files of this folder count in full."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..config.options import TracebackOption


def trust(
    no_more: Annotated[
        bool, typer.Option("--no-more", help="Take it back: they count no more than a stranger's.")
    ] = False,
    verbose: TracebackOption = False,
) -> None:
    """Let the files of this folder count in full from now on.

    What ./qwen3-agent.toml allows or opens does not count before that, since a folder may come
    from anywhere; what it forbids always does. At a terminal that is asked for, and run and
    chat ask before they start the MCP servers of ./mcp_servers.json.
    """
    from ..outcome import exit_code_of, prepare_output

    def work() -> int:
        from ..config.trusted_folders import trust as trust_folder
        from ..terminal.printable import printable

        prepare_output(verbose=verbose)
        folder = Path.cwd()
        trust_folder(folder, no_more=no_more)
        print(f"{printable(str(folder))} is {'no longer ' if no_more else ''}trusted.")
        return 0

    raise typer.Exit(exit_code_of(work, verbose=verbose))
