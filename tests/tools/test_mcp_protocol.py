"""What a proper server says reaches the model: every transport, every kind of result, news."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from qwen3_tools.artifacts import artifact_folder
from qwen3_tools.mcp import MCPServers, mcp_servers

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

PROPER = str(Path(__file__).parent / "proper_mcp_server.py")
BROKEN = str(Path(__file__).parent / "broken_mcp_server.py")
STDIO = {"command": sys.executable, "args": [PROPER, "stdio"]}
both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


def one(entry: dict[str, Any], **more: Any) -> MCPServers:
    return mcp_servers({"mcpServers": {"s": entry | more}})


class HttpServer:
    """The proper server in a process of its own, on a port that stays when it is started again."""

    def __init__(self, transport: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.transport = transport
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, PROPER, self.transport, str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def streamable() -> Iterator[HttpServer]:
    server = HttpServer("streamable-http")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def sse() -> Iterator[HttpServer]:
    server = HttpServer("sse")
    yield server
    server.kill()


@both_backends
async def test_a_bare_url_is_tried_as_streamable_http_first(streamable: HttpServer) -> None:
    async with one({"url": f"http://127.0.0.1:{streamable.port}/mcp"}) as servers:
        assert servers.failures == {}
        assert (await servers.call("s__add", {"a": 1, "b": 2})).text == "3"


@both_backends
async def test_and_as_server_sent_events_after(sse: HttpServer) -> None:
    async with one({"url": f"http://127.0.0.1:{sse.port}/sse"}) as servers:
        assert servers.failures == {}
        assert (await servers.call("s__add", {"a": 1, "b": 2})).text == "3"


async def test_an_address_where_nobody_answers_is_a_failure_with_its_reason() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/mcp"
        async with one({"url": url}) as servers:
            assert "connect" in servers.failures["s"].lower()
            assert servers.tools == ()


async def test_an_http_server_that_was_started_again_is_found_again() -> None:
    server = HttpServer("streamable-http")
    try:
        async with one({"url": f"http://127.0.0.1:{server.port}/mcp"}) as servers:
            assert (await servers.call("s__add", {"a": 1, "b": 2})).text == "3"
            await anyio.to_thread.run_sync(server.kill)
            with anyio.fail_after(10):
                gone = await servers.call("s__add", {"a": 1, "b": 2})
            assert gone.is_error
            await anyio.to_thread.run_sync(server.start)
            with anyio.fail_after(20):
                while (await servers.call("s__add", {"a": 1, "b": 2})).is_error:  # noqa: ASYNC110
                    await anyio.sleep(0.1)
    finally:
        server.kill()


class ForgetfulServer(http.server.BaseHTTPRequestHandler):
    """Streamable HTTP of the handshake era (2025-06-18), whose sessions can be made to expire."""

    session = 1
    ended = 0

    def do_POST(self) -> None:
        self.respond(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def respond(self, message: dict[str, Any]) -> None:
        method = message["method"]
        results: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "forgetful", "version": "1"},
            },
            "tools/list": {
                "tools": [{"name": "act", "inputSchema": {"type": "object", "properties": {}}}]
            },
            "tools/call": {"content": [{"type": "text", "text": f"session {self.session}"}]},
        }
        if method == "server/discover":
            self.answer(400, None)
        elif method != "initialize" and self.headers["Mcp-Session-Id"] != str(self.session):
            self.answer(404, None)
        elif "id" not in message:
            self.answer(202, None)
        else:
            self.answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": results[method]})

    def do_GET(self) -> None:
        self.answer(405, None)

    def do_DELETE(self) -> None:
        type(self).ended += 1
        self.answer(200, None)

    def answer(self, status: int, body: dict[str, Any] | None) -> None:
        data = json.dumps(body).encode() if body else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Mcp-Session-Id", str(self.session))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None: ...


class HangingServer(ForgetfulServer):
    """Answers no call, nor takes the news of a cancelled one."""

    released = threading.Event()

    def respond(self, message: dict[str, Any]) -> None:
        if message["method"] in ("tools/call", "notifications/cancelled"):
            self.released.wait(30)
            return
        super().respond(message)


@asynccontextmanager
async def web_server(handler: type[ForgetfulServer]) -> AsyncIterator[str]:
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{web.server_port}/mcp"
    finally:
        await anyio.to_thread.run_sync(web.shutdown)
        thread.join()
        web.server_close()


async def test_a_session_that_the_server_forgot_is_opened_again_and_the_call_made() -> None:
    ForgetfulServer.session, ForgetfulServer.ended = 1, 0
    async with web_server(ForgetfulServer) as url:
        async with one({"url": url}) as servers:
            assert (await servers.call("s__act")).text == "session 1"
            ForgetfulServer.session = 2
            with anyio.fail_after(10):
                assert (await servers.call("s__act")).text == "session 2"
        assert ForgetfulServer.ended == 2  # it is told when nobody comes back


@both_backends
async def test_the_bound_of_a_call_holds_over_http() -> None:
    HangingServer.released.clear()
    async with web_server(HangingServer) as url:
        try:
            async with one({"url": url, "callTimeout": 0.3}) as servers:
                for _ in range(3):
                    started = time.monotonic()
                    assert "did not answer within" in (await servers.call("s__act")).text
                    assert time.monotonic() - started < 3
        finally:
            HangingServer.released.set()


async def test_schemas_are_inlined_and_arguments_checked_against_the_original() -> None:
    async with one(STDIO) as servers:
        travel = next(tool for tool in servers.tools if tool.name == "s__travel")
        place = {
            "type": "object",
            "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
            "required": ["city"],
        }
        assert travel.parameters["properties"] == {
            "start": place,
            "end": place,
            "by": {"type": "string"},
        }
        assert "$defs" not in travel.parameters
        arguments = {"start": {"city": "Oslo", "country": None}, "end": {"city": "Rome"}}
        assert (await servers.call("s__travel", arguments)).text == "Oslo to Rome"
        wrong = await servers.call("s__travel", {"start": {"city": 3}, "end": {"city": "Rome"}})
        assert (
            wrong.text == "Invalid arguments for s__travel: start.city: 3 is not of type 'string'."
        )


@both_backends
async def test_new_tools_are_seen_when_the_server_says_so() -> None:
    async with one(STDIO) as servers:
        assert "s__grown" not in {tool.name for tool in servers.tools}
        await servers.call("s__grow")
        with anyio.fail_after(5):
            while "s__grown" not in {tool.name for tool in servers.tools}:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        assert (await servers.call("s__grown", {"a": 2, "b": 2})).text == "4"


async def test_new_tools_of_a_server_of_the_handshake_era() -> None:
    entry = {"command": sys.executable, "args": ["-I", BROKEN, "grows"]}
    async with one(entry) as servers:
        await servers.call("s__act")
        with anyio.fail_after(5):
            while [tool.name for tool in servers.tools] != ["s__act", "s__grown"]:  # noqa: ASYNC110
                await anyio.sleep(0.01)


async def test_tools_that_demand_the_task_extension_are_hidden() -> None:
    entry = {"command": sys.executable, "args": ["-I", BROKEN, "demands_tasks"]}
    async with one(entry) as servers:
        assert [tool.name for tool in servers.tools] == ["s__act"]


async def test_media_are_saved_in_the_runs_folder_and_named(tmp_path: Path) -> None:
    async with one(STDIO) as servers:
        with artifact_folder(tmp_path / "files"):
            picture = await servers.call("s__picture")
            again = await servers.call("s__picture")
            everything = await servers.call("s__everything")
    assert picture.text == "[image saved as picture.png: image/png, 70 bytes]"
    assert picture.files == (tmp_path / "files" / "picture.png",)
    assert picture.files[0].read_bytes().startswith(b"\x89PNG")
    assert again.files[0].name == "picture-2.png"
    assert everything.text.splitlines() == [
        "words",
        "[sound saved as everything.wav: audio/wav, 3 bytes]",
        "[sound of type audio/wav that cannot be decoded]",
        "a note",
        "[file saved as t.csv: application/octet-stream, 4 bytes]",
        "[resource log (text/plain, 1,234 bytes): file:///log.txt]",
    ]


async def test_without_a_folder_media_are_only_named() -> None:
    async with one(STDIO) as servers:
        picture = await servers.call("s__picture")
    assert picture.text == "[image: image/png, 70 bytes, not shown]"
    assert picture.files == ()


async def test_a_long_text_is_cut_in_the_middle_and_saved_whole(tmp_path: Path) -> None:
    async with one(STDIO, maxResultChars=100) as servers:
        with artifact_folder(tmp_path):
            result = await servers.call("s__long", {"lines": 100})
        bare = await servers.call("s__long", {"lines": 100})
    whole = "\n".join(f"line {number}" for number in range(100))
    note = f"[… {len(whole) - 100} of {len(whole)} characters are left out here"
    assert result.text == (
        f"{whole[:50]}\n{note}; the whole text is in s__long.txt …]\n{whole[-50:]}"
    )
    assert (tmp_path / "s__long.txt").read_text() == whole
    assert f"{note} …]" in bare.text


async def test_an_edited_config_is_applied_to_what_changed_alone(tmp_path: Path) -> None:
    path = tmp_path / "mcp_servers.json"

    def write(entries: dict[str, Any]) -> None:
        path.write_text(json.dumps({"mcpServers": entries}))

    stay = {"command": "mcp-server-time"}
    act = {"command": sys.executable, "args": ["-I", BROKEN, "odd_names"]}
    write({"stay": stay, "change": act, "go": act})
    async with mcp_servers(path) as servers:
        kept = servers.status[0]
        write({"stay": stay, "change": act | {"includeTools": ["get.file"]}, "come": act})
        with anyio.fail_after(15):
            while len(servers.tools) != 2 + 1 + 5:  # noqa: ASYNC110
                await anyio.sleep(0.05)
        assert servers.status[0] == kept, "it was not started again"
        path.write_text("{")
        with anyio.move_on_after(1.5):
            await anyio.sleep_forever()
        assert len(servers.tools) == 8
        assert not (await servers.call("stay__get_current_time", {"timezone": "UTC"})).is_error
