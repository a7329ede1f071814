"""MCP servers from a config, with the real time and fetch servers."""

from __future__ import annotations

import http.server
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest

from qwen3_tools import MCPServerError, Toolbox
from qwen3_tools.mcp import MCPServers, mcp_servers

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

ROOT = Path(__file__).parents[2]
PAGE = "<html><head><title>Otters</title></head><body><h1>Otters</h1>They swim.</body></html>"


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def time_server() -> AsyncIterator[MCPServers]:
    async with mcp_servers({"mcpServers": {"time": {"command": "mcp-server-time"}}}) as servers:
        yield servers


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_default_config__starts_and_answers(page: str) -> None:
    config = json.loads((ROOT / "mcp_servers.json").read_text())
    config["mcpServers"]["fetch"]["args"] = ["--allow-private-ips", "--ignore-robots-txt"]
    async with mcp_servers(config) as servers:
        assert servers.failures == {}
        assert [tool.name for tool in servers.tools] == [
            "time__convert_time",
            "time__get_current_time",
            "fetch__fetch",
        ]
        now = await servers.call("time__get_current_time", {"timezone": "Asia/Tokyo"})
        assert not now.is_error
        assert json.loads(now.text)["timezone"] == "Asia/Tokyo"
        assert now.structured == json.loads(now.text)
        fetched = await servers.call("fetch__fetch", {"url": page, "raw": True})
        assert "<title>Otters</title>" in fetched.text


async def test_schemas__are_plain_for_the_model(time_server: MCPServers) -> None:
    for tool in time_server.tools:
        text = json.dumps(tool.parameters)
        assert tool.parameters["type"] == "object"
        assert '"title"' not in text
        assert "$schema" not in text


async def test_wrong_arguments__are_explained_to_the_model(time_server: MCPServers) -> None:
    name = "time__get_current_time"
    wrong = await time_server.call(name, {"timezon": "Asia/Tokyo"})
    assert wrong.is_error
    assert wrong.text.startswith(f"Invalid arguments for {name}: 'timezone' is a required property")
    nowhere = await time_server.call(name, {"timezone": "Asia/Tokio"})
    assert nowhere.is_error
    assert "Tokio" in nowhere.text


async def test_unknown_tool__is_raised_to_the_caller(
    time_server: MCPServers,
) -> None:
    with pytest.raises(
        MCPServerError, match="no MCP tool is named 'time__nope'; the tools are: time__"
    ):
        await time_server.call("time__nope", {})
    with pytest.raises(MCPServerError, match="the MCP servers are not running"):
        await mcp_servers({"mcpServers": {}}).call("time__get_current_time", {})


async def test_failing_server__is_named_and_the_others_run() -> None:
    crash = "import sys; print('No API key', file=sys.stderr); sys.exit(3)"
    config = {
        "mcpServers": {
            "absent": {"command": "mcp-server-tme"},
            "broken": {"command": sys.executable, "args": ["-c", crash]},
            "unset": {"command": "x", "env": {"KEY": "${SURELY_NOT_SET}"}},
            "time": {"command": "mcp-server-time"},
        }
    }
    async with mcp_servers(config) as servers:
        assert {tool.name.split("__")[0] for tool in servers.tools} == {"time"}
        assert (
            "'mcp-server-tme' was not found next to the running Python or on PATH"
            in (servers.failures["absent"])
        )
        assert servers.failures["broken"] == (
            "it exited with status 3; its stderr ends with:\nNo API key"
        )
        assert "environment variables not set: SURELY_NOT_SET" in servers.failures["unset"]
        with pytest.raises(MCPServerError, match="server 'absent' is not running: the command"):
            await servers.call("absent__anything", {})


async def test_required_server__is_an_error_if_it_fails() -> None:
    config = {"mcpServers": {"absent": {"command": "no-such-server", "required": True}}}
    with pytest.raises(MCPServerError, match="required server 'absent' failed"):
        async with mcp_servers(config):
            pass


async def test_error_in_the_block__is_not_wrapped() -> None:
    with pytest.raises(KeyError):
        async with mcp_servers({"mcpServers": {"time": {"command": "mcp-server-time"}}}):
            raise KeyError


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_calls__can_be_made_from_many_tasks_at_once(time_server: MCPServers) -> None:
    answers: list[str] = []

    async def ask(zone: str) -> None:
        result = await time_server.call("time__get_current_time", {"timezone": zone})
        answers.append(json.loads(result.text)["timezone"])

    zones = ["Asia/Tokyo", "Europe/Paris", "UTC", "America/Lima"] * 3
    async with anyio.create_task_group() as tasks:
        for zone in zones:
            tasks.start_soon(ask, zone)
    assert sorted(answers) == sorted(zones)


async def test_cancelled_call__leaves_the_server_usable(time_server: MCPServers) -> None:
    with anyio.CancelScope() as scope:
        scope.cancel()
        await time_server.call("time__get_current_time", {"timezone": "UTC"})
    result = await time_server.call("time__get_current_time", {"timezone": "UTC"})
    assert not result.is_error


async def test_source__opens_its_own_servers_or_uses_the_running_ones() -> None:
    servers = mcp_servers({"mcpServers": {"time": {"command": "mcp-server-time"}}})
    assert servers.shared
    async with servers.open() as tools:
        own = await Toolbox(tools).call("time__get_current_time", {"timezone": "UTC"})
    assert not own.is_error
    async with servers:
        async with servers.open() as tools:
            assert tuple(tools) == servers.tools
        assert not (await servers.call("time__get_current_time", {"timezone": "UTC"})).is_error


async def test_stderr_of_a_server__is_not_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with mcp_servers({"mcpServers": {"time": {"command": "mcp-server-time"}}}) as servers:
        await servers.call("time__get_current_time", {"timezone": "UTC"})
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_stop__ends_the_processes_quickly(time_server: MCPServers) -> None:
    async with mcp_servers({"mcpServers": {"time": {"command": "mcp-server-time"}}}):
        before = _children()
        assert before
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert len(_children()) < len(before)


def _children() -> set[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return {int(pid) for pid in listed.stdout.split()}


def test_import__does_not_import_the_sdk() -> None:
    code = (
        "import sys, qwen3_tools, qwen3_tools.mcp;"
        "qwen3_tools.mcp.mcp_servers({'mcpServers': {}});"
        "print([name for name in ('mcp', 'mcp_types', 'jsonschema') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_warnings__are_logged(caplog: pytest.LogCaptureFixture) -> None:
    config = {"mcpServers": {"time": {"command": "no-such", "comand": "x"}}}
    with caplog.at_level(logging.WARNING, logger="qwen3_tools"):
        async with mcp_servers(config):
            pass
    assert "unknown key 'comand' is ignored; did you mean 'command'?" in caplog.text


def test_renamed_class__error_gives_the_new_name() -> None:
    with pytest.raises(ImportError, match="use MCPServers"):
        exec("from qwen3_tools.mcp import McpServers")
