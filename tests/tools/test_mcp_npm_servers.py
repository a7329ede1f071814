"""The reference servers of the npm registry, listed and called for real.

They are there once `make conformance` has run, which brings the Node that they need.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from qwen3_tools.artifacts import artifact_folder
from qwen3_tools.mcp import MCPServers, mcp_servers

FOLDER = Path(sys.prefix) / "conformance"
pytestmark = [
    pytest.mark.servers,
    pytest.mark.anyio,
    pytest.mark.skipif(
        not (FOLDER / "node_modules").exists(), reason="needs Node: `make conformance` brings it"
    ),
]


def server(name: str, *arguments: str, **more: Any) -> MCPServers:
    program = str(FOLDER / f"node_modules/.bin/mcp-server-{name}")
    entry = {"command": str(FOLDER / "node"), "args": [program, *arguments], **more}
    return mcp_servers({"mcpServers": {"s": entry}})


async def test_everything(tmp_path: Path) -> None:
    async with server("everything") as servers:
        assert servers.failures == {}
        names = {tool.name for tool in servers.tools}
        assert {"s__echo", "s__get-sum", "s__get-tiny-image"} <= names
        assert (await servers.call("s__echo", {"message": "otter"})).text == "Echo: otter"
        assert "5" in (await servers.call("s__get-sum", {"a": 2, "b": 3})).text
        with artifact_folder(tmp_path):
            picture = await servers.call("s__get-tiny-image")
        [path] = picture.files
        assert path.read_bytes().startswith(b"\x89PNG")
        catalog = servers.catalog("s")
        resources = await catalog.resources()
        assert (await catalog.read(resources[0].uri)).text
        assert "simple-prompt" in {prompt.name for prompt in await catalog.prompts()}
        assert await catalog.prompt("simple-prompt")


async def test_filesystem(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("otters swim")
    async with server("filesystem", str(tmp_path)) as servers:
        assert servers.failures == {}
        read = await servers.call("s__read_text_file", {"path": str(tmp_path / "a.txt")})
        assert read.text == "otters swim"
        write = {"path": str(tmp_path / "b.txt"), "content": "so do seals"}
        assert not (await servers.call("s__write_file", write)).is_error
        assert (tmp_path / "b.txt").read_text() == "so do seals"
        outside = await servers.call("s__read_text_file", {"path": "/etc/hostname"})
        assert outside.is_error
        assert "denied" in outside.text.lower()


async def test_filesystem_is_told_its_folder_by_roots(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("otters swim")
    async with server("filesystem", roots=[str(tmp_path)]) as servers:
        assert servers.failures == {}
        path = {"path": str(tmp_path / "a.txt")}
        for _ in range(
            100
        ):  # it asks for the roots when it is ready, and refuses until it has them
            read = await servers.call("s__read_text_file", path)
            if not read.is_error:
                break
            await anyio.sleep(0.1)
        assert read.text == "otters swim"


async def test_memory(tmp_path: Path) -> None:
    env = {"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")}
    async with server("memory", env=env) as servers:
        assert servers.failures == {}
        otter = {"name": "otter", "entityType": "animal", "observations": ["swims"]}
        made = await servers.call("s__create_entities", {"entities": [otter]})
        assert not made.is_error
        graph = await servers.call("s__read_graph")
        assert json.loads(graph.text)["entities"][0]["name"] == "otter"
