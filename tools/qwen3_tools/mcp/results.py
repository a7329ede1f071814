"""A server's answer as the model reads it."""

from __future__ import annotations

from typing import Any

import mcp_types as types
import pydantic_core

from ..tool import ToolResult


def tool_result(result: types.CallToolResult) -> ToolResult:
    """Text blocks joined by line breaks; every other block named in a short line of its own."""
    lines = [_block_text(block) for block in result.content]
    if not lines and result.structured_content is not None:
        lines = [_to_json(result.structured_content)]
    return ToolResult(
        "\n".join(lines)
        or ("The tool failed." if result.is_error else "The tool returned nothing."),
        is_error=result.is_error,
        structured=result.structured_content,
    )


def _block_text(block: types.ContentBlock) -> str:
    match block:
        case types.TextContent(text=text):
            return text
        case types.EmbeddedResource(resource=types.TextResourceContents(text=text)):
            return text
        case types.EmbeddedResource(resource=resource):
            return f"[a file of type {resource.mime_type or 'unknown'}: {resource.uri}]"
        case types.ResourceLink(uri=uri, name=name):
            return f"[a link to {name}: {uri}]"
        case types.ImageContent(mime_type=kind) | types.AudioContent(mime_type=kind):
            return f"[{kind}]"


def _to_json(value: Any) -> str:
    return pydantic_core.to_json(value, fallback=str).decode()
