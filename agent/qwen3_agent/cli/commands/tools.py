"""`qwen3-agent tools ...`: lists an agent's tools and calls them."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..config.options import TracebackOption
from ..config.servers import McpOption

if TYPE_CHECKING:
    from qwen3_tools import Tool, ToolSource
    from qwen3_tools.progress import Progress

tools = typer.Typer(help="List and call tools.", no_args_is_help=True)

AgentOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py[:name]|FILE.toml",
        help="Use the tools of this agent instead of the default ones.",
    ),
]


@tools.command("list")
def list_tools(
    mcp: McpOption = None, agent: AgentOption = None, verbose: TracebackOption = False
) -> None:
    """List the tools of the agent with their descriptions."""

    async def show(tools: Sequence[Tool]) -> int:
        from ..terminal.printable import printable

        width = max((len(tool.name) for tool in tools), default=0)
        for tool in tools:
            about = tool.description.strip().splitlines() or [""]
            print(f"{tool.name.ljust(width)}  {printable(about[0])}".rstrip())
        return 0

    raise typer.Exit(_with_tools(mcp, agent, None, show, verbose=verbose))


@tools.command()
def call(
    name: Annotated[str, typer.Argument(help="Name of the tool, as in `tools list`.")],
    arguments: Annotated[
        str, typer.Argument(metavar="JSON", help="Arguments, as a JSON object.")
    ] = "{}",
    mcp: McpOption = None,
    agent: AgentOption = None,
    verbose: TracebackOption = False,
) -> None:
    """Call a tool and print its result; exit with code 1 on an error.

    qwen3-agent tools call time__get_current_time '{"timezone": "Asia/Tokyo"}'

    Images and other files in the result are saved in the current folder.
    """
    given = _object(arguments)

    async def make_the_call(tools: Sequence[Tool]) -> int:
        from qwen3_tools import Toolbox
        from qwen3_tools.artifacts import artifact_folder
        from qwen3_tools.progress import progress_to

        from ..terminal.printable import printable

        with artifact_folder(Path.cwd()), progress_to(_show_progress):
            result = await Toolbox(tools).call(name, given)
        if result.is_error:
            print(f"Error: {printable(result.text)}", file=sys.stderr)
            return 1
        print(printable(result.text) if sys.stdout.isatty() else result.text)
        return 0

    raise typer.Exit(_with_tools(mcp, agent, name, make_the_call, verbose=verbose))


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        from qwen3_tools.json_errors import json_problem

        raise typer.BadParameter(f"not JSON: {json_problem(error)}.", param_hint="JSON") from None
    if not isinstance(value, dict):
        raise typer.BadParameter('expected an object, {"name": value}.', param_hint="JSON")
    return value


def _show_progress(progress: Progress) -> None:
    """Show progress in one line, on terminals only."""
    if sys.stderr.isatty():
        from ..terminal.printable import printable

        total = f"/{progress.total:g}" if progress.total is not None else ""
        line = f"{progress.done:g}{total} {printable(progress.message)}".rstrip()
        print(f"\r\x1b[K{line}\r", end="", file=sys.stderr, flush=True)


def _with_tools(
    files: Sequence[Path] | None,
    agent: str | None,
    wanted: str | None,
    work_with: Callable[[Sequence[Tool]], Awaitable[int]],
    *,
    verbose: bool,
) -> int:
    """Open the sources of tools (only those that may have `wanted`) and use the tools."""
    from ..config.agent_file import split_spec

    try:
        file = split_spec(agent) if agent else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--agent") from None

    from ..outcome import exit_code_of, prepare_output

    def work() -> int:
        from qwen3_tools import Tool

        from ..terminal.interrupt import run_until_interrupted

        prepare_output(verbose=verbose)
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
                        print(notice, file=sys.stderr)
                return await work_with(found)

        return run_until_interrupted(main)

    return exit_code_of(work, verbose=verbose)


def _sources(
    files: Sequence[Path] | None, file: tuple[Path, str] | None, wanted: str | None
) -> list[Tool | ToolSource]:
    from qwen3_tools import Tool
    from qwen3_tools.mcp import MCPServers

    from ..config.servers import servers_of
    from ..config.settings_agent import described_agent, is_toml
    from ..terminal.terminal_person import person_at_terminal

    agent, settings = described_agent(file)
    given: list[Tool | ToolSource] = [*agent.tools]
    if files or not file or is_toml(file):
        given.append(servers_of(files, person_at_terminal(), settings))
    own = {"code_interpreter", *(each.name for each in given if isinstance(each, Tool))}
    sources: list[Tool | ToolSource] = []
    for each in given:
        if isinstance(each, MCPServers) and wanted:
            sources += [] if wanted in own else [each.serving_tool(wanted)]
        else:
            sources.append(each)
    return sources
