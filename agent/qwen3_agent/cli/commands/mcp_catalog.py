"""`qwen3-agent mcp resources|read|prompts|prompt`: resources and prompts of servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..config.options import TracebackOption
from ..config.servers import McpOption, with_servers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qwen3_tools.mcp import MCPServers
    from qwen3_tools.mcp.catalog import Catalog

ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="Name of the server in the config.")
]


def resources(
    server: ServerArgument, mcp: McpOption = None, verbose: TracebackOption = False
) -> None:
    """List the resources of a server."""

    async def show(catalog: Catalog) -> int:
        for uri, each in await catalog.addresses():
            _line(uri, each.mime_type or "", each.description or each.name)
        return 0

    raise typer.Exit(_with_catalog(mcp, server, show, verbose=verbose))


def read(
    server: ServerArgument,
    uri: Annotated[str, typer.Argument(metavar="URI", help="Address of the resource.")],
    mcp: McpOption = None,
    verbose: TracebackOption = False,
) -> None:
    """Print a resource of a server.

    Images and other files are saved in the current folder.
    """

    async def show(catalog: Catalog) -> int:
        from qwen3_tools.artifacts import artifact_folder

        with artifact_folder(Path.cwd()):
            print((await catalog.read(uri)).text)
        return 0

    raise typer.Exit(_with_catalog(mcp, server, show, verbose=verbose))


def prompts(
    server: ServerArgument, mcp: McpOption = None, verbose: TracebackOption = False
) -> None:
    """List the prompts of a server, with their arguments."""

    async def show(catalog: Catalog) -> int:
        for each in await catalog.prompts():
            given = each.arguments or ()
            names = " ".join(one.name + ("" if one.required else "?") for one in given)
            _line(each.name, names, each.description or "")
        return 0

    raise typer.Exit(_with_catalog(mcp, server, show, verbose=verbose))


def prompt(
    server: ServerArgument,
    name: Annotated[str, typer.Argument(help="Name of the prompt.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="Arguments of the prompt.")
    ] = None,
    mcp: McpOption = None,
    verbose: TracebackOption = False,
) -> None:
    """Print the messages of a prompt."""
    given = {}
    for each in arguments or ():
        key, found, value = each.partition("=")
        if not found:
            raise typer.BadParameter(f"expected NAME=VALUE, not {each!r}.")
        given[key] = value

    async def show(catalog: Catalog) -> int:
        for message in await catalog.prompt(name, given):
            print(f"{message.role}: {message.text}")
        return 0

    raise typer.Exit(_with_catalog(mcp, server, show, verbose=verbose))


def _line(*cells: str) -> None:
    from ..terminal.printable import printable

    print("  ".join(printable(cell.replace("\n", " ")) for cell in cells if cell))


def _with_catalog(
    files: Sequence[Path] | None,
    server: str,
    show: Callable[[Catalog], Awaitable[int]],
    *,
    verbose: bool,
) -> int:
    async def find(servers: MCPServers) -> int:
        from qwen3_tools.errors import MCPServerError

        if server in servers.failures:
            raise MCPServerError(f"server {server!r}: {servers.failures[server]}")
        return await show(servers.catalog(server))

    return with_servers(files, find, only=server, verbose=verbose)
