"""A server's answer as the model reads it: text, and a line for each thing that is none."""

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
    """Text blocks joined by line breaks; media saved in the run's artifact folder and named.

    Args:
        result: What the server answered.
        tool: Names the files that are saved.
    """
    files: list[Path] = []
    lines = [block_text(block, tool, files) for block in result.content]
    if not lines and result.structured_content is not None:
        lines = [_to_json(result.structured_content)]
    nothing = "The tool failed and did not say why." if result.is_error else "Nothing was returned."
    text = "\n".join(lines) or nothing
    return ToolResult(
        text,
        is_error=result.is_error,
        structured=result.structured_content,
        files=tuple(files),
    )


def resource_result(
    contents: Sequence[types.TextResourceContents | types.BlobResourceContents],
) -> ToolResult:
    """What was read: texts joined by line breaks; all else saved as `tool_result` does."""
    files: list[Path] = []
    texts = [
        block_text(types.EmbeddedResource(resource=each), "resource", files) for each in contents
    ]
    return ToolResult("\n".join(texts), files=tuple(files))


def block_text(block: types.ContentBlock, tool: str, files: list[Path]) -> str:
    """A block as text. What is none is saved under a name like `tool`'s, and added to `files`."""
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
    """The ending of a file of this MIME type; systems know too few: `audio/wav` on most is none."""
    subtype = kind.partition("/")[2]
    short = f".{subtype}" if subtype.isalnum() and len(subtype) <= 4 else ".bin"
    return mimetypes.guess_extension(kind) or short


def _to_json(value: Any) -> str:
    return pydantic_core.to_json(value, fallback=str).decode()
