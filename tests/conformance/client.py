"""The client that the official MCP conformance suite drives: `python client.py URL`.

It uses everything that the server at URL offers, through the same manager that agents use: calls
each tool with arguments by its schema, reads each resource, gets each prompt. What a scenario
calls for beside that comes in `MCP_CONFORMANCE_CONTEXT`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx2

from qwen3_tools import RunResources
from qwen3_tools.mcp import MCPServers, mcp_servers
from qwen3_tools.mcp.user import SamplingResult

SAMPLES = {"string": "text", "integer": 1, "number": 1.5, "boolean": True}


class Willing:
    """Agrees to all, leaves forms to their defaults, and follows each page to where it leads."""

    async def fill_in(
        self, server: str, message: str, schema: dict[str, Any]
    ) -> dict[str, Any] | None:
        required = schema.get("required", [])
        fields = schema["properties"].items()
        return {
            name: sample_of(field)
            for name, field in fields
            if name in required and "default" not in field
        }

    async def open_page(self, server: str, message: str, url: str) -> bool:
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            await browser.get(url)
        return True

    async def confirm(self, server: str, question: str) -> bool:
        return True


async def answer(messages: Sequence[dict[str, str]], max_tokens: int) -> SamplingResult:
    return SamplingResult("An answer.", "conformance", finished=True)


def sample_of(schema: dict[str, Any]) -> Any:
    """Some value that fits a simple schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        fields = schema.get("properties", {})
        return {name: sample_of(fields.get(name, {})) for name in schema.get("required", fields)}
    return [] if kind == "array" else SAMPLES.get(str(kind), "text")


def entry_for(url: str, scenario: str, context: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The server's entry in the config."""
    oauth: dict[str, Any] = {}
    if scenario == "auth/basic-cimd":
        oauth["clientMetadataUrl"] = "https://conformance-test.local/client-metadata.json"
    if "client_id" in context:
        oauth["clientId"] = context["client_id"]
    if "client_secret" in context:
        oauth["clientSecret"] = context["client_secret"]
    if "private_key_pem" in context:
        key = folder / "key.pem"
        key.write_text(context["private_key_pem"])
        oauth |= {"privateKeyFile": str(key)}
        oauth |= {"signingAlgorithm": context.get("signing_algorithm", "ES256")}
    if "client-credentials" in scenario:
        oauth |= {"grantType": "client_credentials", "issuer": url.rpartition("/")[0]}
    return {"url": url, "type": "http", "startTimeout": 90, "oauth": oauth or None}


async def use(servers: MCPServers, context: dict[str, Any]) -> None:
    for call in context.get("toolCalls", ()):
        print(await servers.call(f"s__{call['name']}", call["arguments"]))
    called = {call["name"] for call in context.get("toolCalls", ())}
    for tool in servers.tools:
        if tool.name.removeprefix("s__") not in called:
            print(await servers.call(tool.name, sample_of(tool.parameters)))
    catalog = servers.catalog("s")
    for resource in await catalog.resources():
        print(await catalog.read(resource.uri))
    for prompt in await catalog.prompts():
        given = {argument.name: "text" for argument in prompt.arguments or ()}
        print(await catalog.prompt(prompt.name, given))


async def main(url: str) -> int:
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder  # no tokens of one scenario in another
        entry = entry_for(url, scenario, context, Path(folder))
        servers = mcp_servers({"mcpServers": {"s": entry}}, user=Willing())
        servers.bind(RunResources(sampler=answer))
        async with servers:
            if servers.failures:
                print(servers.failures["s"], file=sys.stderr)
                return 1
            await use(servers, context)
    return 0


if __name__ == "__main__":
    sys.exit(anyio.run(main, sys.argv[-1]))
