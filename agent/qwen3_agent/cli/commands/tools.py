"""`qwen3-agent tools ...`: lists an agent's tools and calls them."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config.options import AgentOption, McpOption, agent_file
from ..json_io import loads
from ..outcome import command, wrong_usage
from ..terminal.printable import echo, printable

if TYPE_CHECKING:
    from qwen3_tools import Tool, ToolSource
    from qwen3_tools.progress import Progress

tools = typer.Typer(help="List and call tools.", no_args_is_help=True)


@tools.command("list")
@command
def list_tools(mcp: McpOption = None, agent: AgentOption = None) -> int:
    """List the tools of the agent with their descriptions."""

    async def work(tools: Sequence[Tool]) -> int:
        from ..terminal.run_text import tool_rows

        for row in tool_rows(tools):
            echo(row)
        return 0

    return _with_tools(mcp, agent, None, work)


@tools.command()
@command
def call(
    name: Annotated[str, typer.Argument(help="Name of the tool, as in `tools list`.")],
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="Arguments, as a JSON object.")
    ] = "{}",
    mcp: McpOption = None,
    agent: AgentOption = None,
) -> int:
    """Call a tool and print its result; exit with code 1 on an error.

    qwen3-agent tools call time__get_current_time '{"timezone": "Asia/Tokyo"}'

    Images and other files in the result are saved in the current folder.
    """
    given = _object(arguments)

    async def work(tools: Sequence[Tool]) -> int:
        from qwen3_tools import Toolbox
        from qwen3_tools.artifacts import artifact_folder
        from qwen3_tools.progress import progress_to

        with artifact_folder(Path.cwd()), progress_to(_show_progress):
            result = await Toolbox(tools).call(name, given)
        if result.is_error:
            echo(f"Error: {result.text}", err=True)
            return 1
        echo(result.text, data=True)
        return 0

    return _with_tools(mcp, agent, name, work)


def _object(text: str) -> dict[str, Any]:
    with wrong_usage("JSON"):
        value = loads(text)
        if not isinstance(value, dict):
            raise ValueError('expected an object, {"name": value}.')
        return value


def _show_progress(progress: Progress) -> None:
    """Show progress in one line, on terminals only."""
    if sys.stderr.isatty():
        total = f"/{progress.total:g}" if progress.total is not None else ""
        line = f"{progress.done:g}{total} {printable(progress.message)}".rstrip()
        print(f"\r\x1b[K{line}\r", end="", file=sys.stderr, flush=True)


def _with_tools(
    files: Sequence[Path] | None,
    agent: str | None,
    wanted: str | None,
    work: Callable[[Sequence[Tool]], Awaitable[int]],
) -> int:
    """Open the sources of tools (only those that may have `wanted`) and use the tools."""
    file = agent_file(agent)

    from qwen3_tools import Tool

    from ..terminal.interrupt import run_until_interrupted

    sources = _sources(files, file, wanted)

    async def main() -> int:
        async with AsyncExitStack() as stack:
            found: list[Tool] = []
            for each in sources:
                if isinstance(each, Tool):
                    found.append(each)
                    continue
                found += await stack.enter_async_context(each.open())
                for notice in each.notices:
                    echo(notice, err=True)
            return await work(found)

    return run_until_interrupted(main)


def _sources(
    files: Sequence[Path] | None, file: tuple[Path, str] | None, wanted: str | None
) -> list[Tool | ToolSource]:
    from qwen3_tools import Tool
    from qwen3_tools.mcp import MCPServers

    from ..config.settings_agent import described_agent, is_toml, servers_of
    from ..terminal.user import user_at_terminal

    agent, settings = described_agent(file)
    given: list[Tool | ToolSource] = [*agent.tools]
    if files or not file or is_toml(file):
        given.append(servers_of(files, user_at_terminal(), settings))
    if wanted is None:
        return given
    if wanted in {"code_interpreter", *(each.name for each in given if isinstance(each, Tool))}:
        return [each for each in given if not isinstance(each, MCPServers)]
    return [each.serving_tool(wanted) if isinstance(each, MCPServers) else each for each in given]
