"""Converts a server's answers to text for the model, with a line for each image or file."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import mcp_types as types
import pydantic_core

from ..artifacts import save_artifact
from ..tool import ToolResult


def tool_result(result: types.CallToolResult, tool: str) -> ToolResult:
    """Join text blocks with line breaks; save media in the run's artifact folder.

    Args:
        result: The server's answer.
        tool: Used to name saved files.
    """
    files: list[Path] = []
    lines = [block_text(block, tool, files) for block in result.content]
    if not lines and result.structured_content is not None:
        lines = [_to_json(result.structured_content)]
    nothing = "The tool failed and did not say why." if result.is_error else "Nothing was returned."
    text = "\n".join(lines) or nothing
    return ToolResult(
        text, is_error=result.is_error, structured=result.structured_content, files=tuple(files)
    )


def resource_result(
    contents: Sequence[types.TextResourceContents | types.BlobResourceContents],
) -> ToolResult:
    """Convert the contents of a resource in the same way."""
    files: list[Path] = []
    texts = [
        block_text(types.EmbeddedResource(resource=each), "resource", files) for each in contents
    ]
    return ToolResult("\n".join(texts), files=tuple(files))


def block_text(block: types.ContentBlock, tool: str, files: list[Path]) -> str:
    """Convert a block to text. Anything else is saved, named after `tool`, and added to `files`."""
    match block:
        case types.TextContent(text=text):
            return text
        case types.ImageContent(data=data, mime_type=kind):
            return _media("image", tool, kind, data, files)
        case types.AudioContent(data=data, mime_type=kind):
            return _media("sound", tool, kind, data, files)
        case types.EmbeddedResource(resource=resource):
            if isinstance(resource, types.TextResourceContents):
                return resource.text
            name = PurePosixPath(urlsplit(str(resource.uri)).path).name
            kind = resource.mime_type or "application/octet-stream"
            return _media("file", name or tool, kind, resource.blob, files)
        case types.ResourceLink() as link:
            about = [link.mime_type, f"{link.size:,} bytes" if link.size is not None else None]
            details = ", ".join(detail for detail in about if detail)
            return f"[resource {link.name}{f' ({details})' if details else ''}: {link.uri}]"


def _media(what: str, name: str, kind: str, data: str, files: list[Path]) -> str:
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return f"[{what} of type {kind} that cannot be decoded]"
    if "." not in name:
        name += _ending(kind.partition(";")[0].strip())
    saved = save_artifact(name, content)
    if saved is None:
        return f"[{what}: {kind}, {len(content):,} bytes, not shown]"
    files.append(saved)
    return f"[{what} saved as {saved.name}: {kind}, {len(content):,} bytes]"


def _ending(kind: str) -> str:
    """Guess a file suffix; many systems do not know types such as `audio/wav`."""
    subtype = kind.partition("/")[2]
    short = f".{subtype}" if subtype.isalnum() and len(subtype) <= 4 else ".bin"
    return mimetypes.guess_extension(kind) or short


def _to_json(value: Any) -> str:
    return pydantic_core.to_json(value, fallback=str).decode()
