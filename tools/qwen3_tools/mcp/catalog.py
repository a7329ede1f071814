"""What a server has beside tools: resources, and prompts.

https://modelcontextprotocol.io/specification/2025-11-25/server
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..errors import MCPServerError, ToolError
from ..tool import ToolResult
from .server import Server

if TYPE_CHECKING:
    import mcp

_MOST_PAGES = 1_000

T = TypeVar("T")
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a server lets be read."""

    uri: str
    """Its address; of a template, with {variables}."""
    name: str
    description: str
    mime_type: str | None
    size: int | None
    """In bytes."""


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """What a prompt can be given."""

    name: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text that a server writes for a model."""

    name: str
    description: str
    arguments: tuple[PromptArgument, ...]


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of a prompt."""

    role: str
    """user or assistant"""
    text: str
    """A picture or another file is named in it."""


class Catalog:
    """The resources and prompts of one server. Made by `MCPServers.catalog`.

    Raises (by each method):
        MCPServerError: The server is not running, has no such thing, or did not answer in time.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    async def resources(self) -> tuple[Resource, ...]:
        """What can be read, from all pages of the list."""

        async def page(client: mcp.Client, cursor: str | None) -> tuple[list[Any], str | None]:
            if client.server_capabilities.resources is None:
                return [], None
            result = await client.list_resources(cursor=cursor)
            return list(result.resources), result.next_cursor

        return tuple(
            Resource(str(each.uri), each.name, each.description or "", each.mime_type, each.size)
            for each in await self._pages(page)
        )

    async def templates(self) -> tuple[Resource, ...]:
        """What can be read once variables in its address are filled in."""

        async def page(client: mcp.Client, cursor: str | None) -> tuple[list[Any], str | None]:
            if client.server_capabilities.resources is None:
                return [], None
            result = await client.list_resource_templates(cursor=cursor)
            return list(result.resource_templates), result.next_cursor

        return tuple(
            Resource(each.uri_template, each.name, each.description or "", each.mime_type, None)
            for each in await self._pages(page)
        )

    async def read(self, uri: str) -> ToolResult:
        """What is at an address: its text, and lines that name what is none."""

        async def send(client: mcp.Client) -> ToolResult:
            from .results import resource_result

            return resource_result((await client.read_resource(uri)).contents)

        return await self._ask(send)

    async def prompts(self) -> tuple[Prompt, ...]:
        """The prompts, from all pages of the list."""

        async def page(client: mcp.Client, cursor: str | None) -> tuple[list[Any], str | None]:
            if client.server_capabilities.prompts is None:
                return [], None
            result = await client.list_prompts(cursor=cursor)
            return list(result.prompts), result.next_cursor

        return tuple(
            Prompt(
                each.name,
                each.description or "",
                tuple(
                    PromptArgument(given.name, given.description or "", bool(given.required))
                    for given in each.arguments or ()
                ),
            )
            for each in await self._pages(page)
        )

    async def prompt(
        self, name: str, arguments: Mapping[str, str] | None = None
    ) -> tuple[PromptMessage, ...]:
        """The messages of a prompt."""

        async def send(client: mcp.Client) -> tuple[PromptMessage, ...]:
            from .results import block_text

            result = await client.get_prompt(name, dict(arguments or {}))
            return tuple(
                PromptMessage(message.role, block_text(message.content, name, []))
                for message in result.messages
            )

        return await self._ask(send)

    async def _ask(self, send: Callable[[mcp.Client], Awaitable[T]]) -> T:
        try:
            return await self._server.request(send)
        except ToolError as error:
            raise MCPServerError(f"server {self._server.name!r}: {error}") from None

    async def _pages(self, page: _Page[_Part]) -> list[_Part]:
        parts: list[_Part] = []
        seen: set[str | None] = set()
        cursor: str | None = None
        while cursor not in seen and len(seen) < _MOST_PAGES:
            seen.add(cursor)
            at = cursor

            async def send(
                client: mcp.Client, at: str | None = at
            ) -> tuple[list[_Part], str | None]:
                return await page(client, at)

            more, cursor = await self._ask(send)
            parts += more
            if not cursor:
                break
        return parts


class _Page(Protocol[_Part]):
    def __call__(
        self, client: mcp.Client, cursor: str | None
    ) -> Awaitable[tuple[list[_Part], str | None]]: ...
