"""Offers a server's resources and prompts to the model as tools, if the config enables that."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import MCPServerError, ToolError
from ..tool import Tool, ToolResult, tool
from .catalog import Catalog
from .config.server_config import ServerConfig


def catalog_tools(
    named: Callable[[str], str], config: ServerConfig, catalog: Callable[[], Catalog]
) -> list[Tool]:
    """Return the tools that `resourcesAsTools` and `promptsAsTools` enable.

    Args:
        named: Returns the model's name for a tool of the server.
        config: The server's settings.
        catalog: Returns the server's catalog, when a tool is called.
    """

    @_for_the_model
    async def list_resources() -> str:
        """List what the server lets be read: addresses, and what is there."""
        return "\n".join(
            f"{uri} ({each.mime_type or each.name}) {each.description or ''}".rstrip()
            for uri, each in await catalog().addresses()
        )

    @_for_the_model
    async def read_resource(uri: str) -> ToolResult:
        """Read what is at an address that list_resources gave.

        Args:
            uri: The address; its {variables} filled in.
        """
        return await catalog().read(uri)

    @_for_the_model
    async def list_prompts() -> str:
        """List the server's prompts, with their arguments."""
        lines = []
        for each in await catalog().prompts():
            arguments = ", ".join(
                argument.name + ("" if argument.required else "?")
                for argument in each.arguments or ()
            )
            lines.append(f"{each.name}({arguments}) {each.description or ''}".rstrip())
        return "\n".join(lines)

    @_for_the_model
    async def get_prompt(name: str, arguments: dict[str, str] | None = None) -> str:
        """Get the text of a prompt.

        Args:
            name: One that list_prompts gave.
            arguments: Its arguments.
        """
        messages = await catalog().prompt(name, arguments)
        return "\n\n".join(f"{message.role}: {message.text}" for message in messages)

    functions: list[Callable[..., Awaitable[Any]]] = []
    functions += [list_resources, read_resource] if config.resources_as_tools else []
    functions += [list_prompts, get_prompt] if config.prompts_as_tools else []
    # No timeout here: the server's callTimeout applies.
    return [
        tool(name=named(each.__name__), timeout=None, read_only=True)(each) for each in functions
    ]


def _for_the_model(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Raise errors of the function as errors for the model."""

    @functools.wraps(function)
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except MCPServerError as error:
            raise ToolError(str(error)) from None

    return wrapped
