"""The command line: all commands, and the options that they share."""

from __future__ import annotations

from typing import Annotated

import typer

from .commands.chat import chat
from .commands.config import config
from .commands.doctor import doctor
from .commands.mcp import mcp
from .commands.parse import parse
from .commands.prompt import prompt
from .commands.run import run
from .commands.runs import runs
from .commands.tools import tools
from .commands.trust import trust

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command()(chat)
app.command()(config)
app.command()(trust)
app.command()(prompt)
app.command()(parse)
app.add_typer(runs, name="runs")
app.command()(doctor)
app.add_typer(mcp, name="mcp")
app.add_typer(tools, name="tools")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"qwen3-agent {version('qwen3-agent')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Tool-calling agents on Qwen3 models that run on your own hardware."""
