"""`qwen3-agent mcp ...`: MCP servers, their config file, and their resources and prompts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..config.options import BUNDLED_SERVERS, MCP_FILE, McpOption, split_pairs
from ..outcome import command, wrong_usage
from ..terminal.printable import counted, echo

if TYPE_CHECKING:
    from qwen3_tools.mcp import MCPServers, ServerStatus
    from qwen3_tools.mcp.catalog import Catalog

mcp = typer.Typer(help="List, check and edit MCP servers.", no_args_is_help=True)

FileOption = Annotated[
    Path, typer.Option("--mcp", metavar="FILE", dir_okay=False, help="The config file to change.")
]
ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="Name of the server in the config.")
]


@mcp.command("list")
@command
def list_servers(mcp: McpOption = None) -> int:
    """Start all servers and show their status."""
    return _with_servers(mcp, _show_table)


@mcp.command()
@command
def check(mcp: McpOption = None) -> int:
    """Start all servers; exit with code 1 if one fails."""
    return _with_servers(mcp, _show_check)


@mcp.command()
@command
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
    mcp: FileOption = MCP_FILE,
) -> None:
    """Add a server to a config file.

    The file is created if necessary. A file in this folder replaces the bundled servers.

    qwen3-agent mcp add time -- mcp-server-time --local-timezone Asia/Tokyo
    """
    if bool(command) == bool(url):
        raise typer.BadParameter("specify either a command after -- or --url.")
    entry: dict[str, object] = {"url": url} if url else {}
    if command:
        entry["command"] = command[0]
    optional = {
        "args": (command or [])[1:],
        "env": _pairs(env, "=", "--env"),
        "headers": {name: value.strip() for name, value in _pairs(header, ":", "--header").items()},
    }
    entry |= {key: value for key, value in optional.items() if value}

    from qwen3_tools.mcp.config.edit import add_server

    is_new = not mcp.exists()
    backup = add_server(mcp, name, entry)
    echo(f"Added {name} to {mcp}. Run `qwen3-agent mcp check --mcp {mcp}` to test it.")
    _show_backup(backup)
    if is_new and mcp == MCP_FILE:
        bundled = " and ".join(BUNDLED_SERVERS)
        echo(f"Created {mcp}. In this folder it replaces the bundled servers {bundled}.")


@mcp.command()
@command
def remove(
    name: Annotated[str, typer.Argument(help="Name of the server.")], mcp: FileOption = MCP_FILE
) -> None:
    """Remove a server from a config file."""
    from qwen3_tools.mcp.config.edit import remove_server

    backup = remove_server(mcp, name)
    echo(f"Removed {name} from {mcp}.")
    _show_backup(backup)


@mcp.command()
@command
def resources(server: ServerArgument, mcp: McpOption = None) -> int:
    """List the resources of a server."""

    async def work(catalog: Catalog) -> None:
        for uri, each in await catalog.addresses():
            _echo_row(uri, each.mime_type or "", each.description or each.name)

    return _with_catalog(mcp, server, work)


@mcp.command()
@command
def read(
    server: ServerArgument,
    uri: Annotated[str, typer.Argument(metavar="URI", help="Address of the resource.")],
    mcp: McpOption = None,
) -> int:
    """Print a resource of a server.

    Images and other files are saved in the current folder.
    """

    async def work(catalog: Catalog) -> None:
        from qwen3_tools.artifacts import artifact_folder

        with artifact_folder(Path.cwd()):
            echo((await catalog.read(uri)).text, data=True)

    return _with_catalog(mcp, server, work)


@mcp.command()
@command
def prompts(server: ServerArgument, mcp: McpOption = None) -> int:
    """List the prompts of a server, with their arguments."""

    async def work(catalog: Catalog) -> None:
        for each in await catalog.prompts():
            given = each.arguments or ()
            names = " ".join(one.name + ("" if one.required else "?") for one in given)
            _echo_row(each.name, names, each.description or "")

    return _with_catalog(mcp, server, work)


@mcp.command()
@command
def prompt(
    server: ServerArgument,
    name: Annotated[str, typer.Argument(help="Name of the prompt.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Arguments of the prompt.")
    ] = None,
    mcp: McpOption = None,
) -> int:
    """Print the messages of a prompt."""
    given = _pairs(arguments, "=", "NAME=VALUE")

    async def work(catalog: Catalog) -> None:
        for message in await catalog.prompt(name, given):
            echo(f"{message.role}: {message.text}", data=True)

    return _with_catalog(mcp, server, work)


@mcp.command()
@command
def schema() -> None:
    """Print the JSON Schema of config files, for editors."""
    from qwen3_tools.mcp.config.servers_file import config_schema

    from ..json_io import write_json

    write_json(config_schema(), indent=2)


def _with_servers(
    files: Sequence[Path] | None,
    work: Callable[[MCPServers], Awaitable[int]],
    *,
    only: str | None = None,
) -> int:
    """Start the servers (or only one, by name) and use them. Return the exit code."""
    from ..config.settings_agent import servers_of
    from ..terminal.interrupt import run_until_interrupted
    from ..terminal.user import user_at_terminal

    servers = servers_of(files, user_at_terminal())
    if only is not None:
        servers = servers.named(only)

    async def main() -> int:
        async with servers:
            return await work(servers)

    return run_until_interrupted(main)


def _with_catalog(
    files: Sequence[Path] | None, server: str, work: Callable[[Catalog], Awaitable[None]]
) -> int:
    async def find(servers: MCPServers) -> int:
        from qwen3_tools.errors import MCPServerError

        if server in servers.failures:
            raise MCPServerError(f"server {server!r}: {servers.failures[server]}")
        await work(servers.catalog(server))
        return 0

    return _with_servers(files, find, only=server)


def _show_backup(backup: Path | None) -> None:
    if backup is not None:
        echo(f"The file was reformatted; the old version is in {backup}.")


def _pairs(given: list[str] | None, sign: str, option: str) -> dict[str, str]:
    with wrong_usage(option):
        return dict(split_pairs(given, sign))


def _echo_row(*cells: str) -> None:
    echo("  ".join(cell.replace("\n", " ") for cell in cells if cell))


async def _show_table(servers: MCPServers) -> int:
    rows: list[tuple[str, ...]] = [("NAME", "STATE", "VERSION", "PROTOCOL", "START", "TOOLS")]
    rows += [_row(status) for status in servers.status]
    rows += [(name, "disabled", "", "", "", "") for name in servers.config.disabled]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        echo("  ".join([*cells, row[-1]]).rstrip())
    return 0


def _row(status: ServerStatus) -> tuple[str, ...]:
    return (
        status.name,
        status.state,
        status.version or "",
        f"{status.protocol} {status.era}" if status.protocol else "",
        f"{status.start_seconds:.1f} s" if status.start_seconds is not None else "",
        status.reason.splitlines()[0] if status.reason else ", ".join(status.tools),
    )


async def _show_check(servers: MCPServers) -> int:
    for warning in servers.config.warnings:
        echo(f"warning: {warning}")
    for status in servers.status:
        ready = f"ready in {status.start_seconds or 0:.1f} s, {counted(len(status.tools), 'tool')}"
        echo(f"{status.name}: {f'FAILED: {status.reason}' if status.reason else ready}")
        if status.reason and status.stderr_file:
            echo(f"  (full stderr: {status.stderr_file})")
        if status.invalid_lines:
            echo(f"  (ignored {status.invalid_lines:,} lines on its stdout that are not messages)")
    return 1 if any(status.reason for status in servers.status) else 0
