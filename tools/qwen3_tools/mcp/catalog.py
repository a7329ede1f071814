"""Resources and prompts of a server.

https://modelcontextprotocol.io/specification/2025-11-25/server
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from ..errors import MCPServerError, ToolError
from ..tool import ToolResult
from .pages import PageT, read_pages
from .server import Server

if TYPE_CHECKING:
    import mcp
    import mcp_types

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of a prompt."""

    role: str
    """user or assistant"""
    text: str
    """Images and other files are mentioned by name."""


class Catalog:
    """The resources and prompts of one server, from `MCPServers.catalog`.

    Listed items are the protocol's own (`mcp_types`).

    Every method raises `MCPServerError` if the server is not running, refuses or times out.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def resources(self) -> list[mcp_types.Resource]:
        """List the resources."""
        pages = await self._pages("resources", lambda client, at: client.list_resources(cursor=at))
        return [each for page in pages for each in page.resources]

    async def templates(self) -> list[mcp_types.ResourceTemplate]:
        """List resources whose address has variables to fill in."""
        pages = await self._pages(
            "resources", lambda client, at: client.list_resource_templates(cursor=at)
        )
        return [each for page in pages for each in page.resource_templates]

    async def addresses(self) -> list[tuple[str, mcp_types.Resource | mcp_types.ResourceTemplate]]:
        """List the resources and templates, each with its address."""
        return [
            *[(each.uri, each) for each in await self.resources()],
            *[(each.uri_template, each) for each in await self.templates()],
        ]

    async def read(self, uri: str) -> ToolResult:
        """Read a resource: its text, and a line for each part that is not text."""

        async def send(client: mcp.Client) -> ToolResult:
            from .results import resource_result

            return resource_result((await client.read_resource(uri)).contents)

        return await self._ask(send)

    async def prompts(self) -> list[mcp_types.Prompt]:
        """List the prompts."""
        pages = await self._pages("prompts", lambda client, at: client.list_prompts(cursor=at))
        return [each for page in pages for each in page.prompts]

    async def prompt(
        self, name: str, arguments: Mapping[str, str] | None = None
    ) -> list[PromptMessage]:
        """Return the messages of a prompt."""

        async def send(client: mcp.Client) -> list[PromptMessage]:
            from .results import block_text

            result = await client.get_prompt(name, dict(arguments or {}))
            return [
                PromptMessage(message.role, block_text(message.content, name, []))
                for message in result.messages
            ]

        return await self._ask(send)

    async def _ask(self, send: Callable[[mcp.Client], Awaitable[T]]) -> T:
        try:
            return await self._server.request(send)
        except ToolError as error:
            raise MCPServerError(f"server {self._server.name!r}: {error}") from None

    async def _pages(
        self,
        kind: Literal["resources", "prompts"],
        list_page: Callable[[mcp.Client, str | None], Awaitable[PageT]],
    ) -> list[PageT]:
        async def read(cursor: str | None) -> PageT | None:
            async def send(client: mcp.Client) -> PageT | None:
                offered = client.server_capabilities
                has_any = offered.resources if kind == "resources" else offered.prompts
                return None if has_any is None else await list_page(client, cursor)

            return await self._ask(send)

        return await read_pages(f"MCP server {self._server.name!r}: its list of {kind}", read)
