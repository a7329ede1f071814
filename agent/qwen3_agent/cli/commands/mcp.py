"""`qwen3-agent mcp ...`: lists, checks and edits the servers of a config file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..config.options import TracebackOption
from ..config.servers import BUNDLED_SERVERS, CONFIG_FILE, McpOption, with_servers
from .mcp_catalog import prompt, prompts, read, resources

if TYPE_CHECKING:
    from qwen3_tools.mcp import MCPServers, ServerStatus

mcp = typer.Typer(help="List, check and edit MCP servers.", no_args_is_help=True)

FileOption = Annotated[
    Path,
    typer.Option("--mcp", metavar="FILE", dir_okay=False, help="The config file to change."),
]


@mcp.command("list")
def list_servers(mcp: McpOption = None, verbose: TracebackOption = False) -> None:
    """Start all servers and show their status."""
    raise typer.Exit(with_servers(mcp, _show_table, verbose=verbose))


@mcp.command()
def check(mcp: McpOption = None, verbose: TracebackOption = False) -> None:
    """Start all servers and report failures; exit with code 1 if one fails."""
    raise typer.Exit(with_servers(mcp, _show_check, verbose=verbose))


@mcp.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the server.")],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- COMMAND...]", help="Command that starts it, with arguments."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="URL of the server, instead of a command.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Environment variable for it.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME:VALUE", help="HTTP header of each request.")
    ] = None,
    mcp: FileOption = CONFIG_FILE,
    verbose: TracebackOption = False,
) -> None:
    """Add a server to a config file.

    The file is created if necessary. A file in this folder replaces the bundled servers.

    qwen3-agent mcp add time -- mcp-server-time --local-timezone Asia/Tokyo
    """
    if bool(command) == bool(url):
        raise typer.BadParameter("give either a command after -- or --url.")
    variables = _pairs(env, "=", "--env")
    headers = _pairs(header, ":", "--header")

    from ..outcome import exit_code_of

    def work() -> int:
        from qwen3_tools.mcp.config.edit import add_server

        entry: dict[str, object] = {"url": url} if url else {}
        if command:
            entry["command"] = command[0]
            entry |= {"args": command[1:]} if command[1:] else {}
        entry |= {"env": variables} if variables else {}
        entry |= {"headers": headers} if headers else {}
        is_new = not mcp.exists()
        backup = add_server(mcp, name, entry)
        print(f"Added {name} to {mcp}. Run `qwen3-agent mcp check --mcp {mcp}` to test it.")
        _show_backup(backup)
        if is_new and mcp == CONFIG_FILE:
            bundled = " and ".join(BUNDLED_SERVERS)
            print(f"Created {mcp}. In this folder it replaces the bundled servers {bundled}.")
        return 0

    raise typer.Exit(exit_code_of(work, verbose=verbose))


@mcp.command()
def remove(
    name: Annotated[str, typer.Argument(help="Name of the server.")],
    mcp: FileOption = CONFIG_FILE,
    verbose: TracebackOption = False,
) -> None:
    """Remove a server from a config file."""
    from ..outcome import exit_code_of

    def work() -> int:
        from qwen3_tools.mcp.config.edit import remove_server

        backup = remove_server(mcp, name)
        print(f"Removed {name} from {mcp}.")
        _show_backup(backup)
        return 0

    raise typer.Exit(exit_code_of(work, verbose=verbose))


for each in (resources, read, prompts, prompt):
    mcp.command()(each)


@mcp.command()
def schema() -> None:
    """Print the JSON Schema of config files, for editors."""
    from ..outcome import exit_code_of

    def work() -> int:
        import json

        from qwen3_tools.mcp.config.servers_file import config_schema

        print(json.dumps(config_schema(), indent=2, ensure_ascii=False))
        return 0

    raise typer.Exit(exit_code_of(work, verbose=False))


def _show_backup(backup: Path | None) -> None:
    if backup is not None:
        print(f"The file was reformatted; the old version is in {backup}.")


def _pairs(given: list[str] | None, sign: str, option: str) -> dict[str, str]:
    pairs = {}
    for each in given or ():
        name, found, value = each.partition(sign)
        if not found or not name.strip():
            raise typer.BadParameter(f"expected NAME{sign}VALUE, not {each!r}.", param_hint=option)
        pairs[name.strip()] = value.strip() if sign == ":" else value
    return pairs


async def _show_table(servers: MCPServers) -> int:
    rows: list[tuple[str, ...]] = [("NAME", "STATE", "VERSION", "PROTOCOL", "START", "TOOLS")]
    rows += [_row(status) for status in servers.status]
    rows += [(name, "disabled", "", "", "", "") for name in servers.config.disabled]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())
    return 0


def _row(status: ServerStatus) -> tuple[str, ...]:
    from ..terminal.printable import printable

    started = f"{status.start_seconds:.1f} s" if status.start_seconds is not None else ""
    says = status.reason.splitlines()[0] if status.reason else ", ".join(status.tools)
    return (
        status.name,
        status.state,
        printable(status.version or ""),
        f"{status.protocol} {status.era}" if status.protocol else "",
        started,
        printable(says),
    )


async def _show_check(servers: MCPServers) -> int:
    from ..terminal.printable import printable

    failed = False
    for warning in servers.config.warnings:
        print(f"warning: {printable(warning)}")
    for status in servers.status:
        failed |= status.reason is not None
        count = "1 tool" if len(status.tools) == 1 else f"{len(status.tools)} tools"
        fine = f"ready in {status.start_seconds or 0:.1f} s, {count}"
        print(f"{status.name}: {f'FAILED: {printable(status.reason)}' if status.reason else fine}")
        if status.reason and status.stderr_file:
            print(f"  (full stderr: {status.stderr_file})")
        if status.invalid_lines:
            print(
                f"  (ignored lines on its stdout that are not messages: {status.invalid_lines:,})"
            )
    return 1 if failed else 0
