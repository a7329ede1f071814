"""`allow_domains`: the only way out of the sandbox, and what it refuses."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.code_interpreter.proxy import Proxy, is_public
from qwen3_tools.errors import Qwen3AgentError, SandboxUnavailableError

from .conftest import installed

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Server:
    """Stands for the internet: keeps what it was sent, and answers the same to everybody."""

    def __init__(self) -> None:
        self.received = b""
        self.asked_for: list[tuple[str, int]] = []
        self.port = 0

    async def connect(self, address: str, port: int) -> anyio.abc.ByteStream:
        self.asked_for.append((address, port))
        return await anyio.connect_tcp("127.0.0.1", self.port)

    async def answer(self, stream: anyio.abc.SocketStream) -> None:
        async with stream:
            self.received += await stream.receive()
            await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


@asynccontextmanager
async def proxy_for(*domains: str) -> AsyncIterator[tuple[int, Server]]:
    server = Server()
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        server.port = listener.extra(anyio.abc.SocketAttribute.local_port)
        with socket.create_server(("127.0.0.1", 0)) as inside:
            inside.setblocking(False)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listener.serve, server.answer)
                tasks.start_soon(Proxy(domains, server.connect).serve, inside)
                yield inside.getsockname()[1], server
                tasks.cancel_scope.cancel()


async def say(port: int, data: bytes) -> bytes:
    """What comes back for `data`, up to the end."""
    said = b""
    with anyio.fail_after(30):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(data)
            try:
                while True:
                    said += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return said


# A name that resolves without any network, to an address that is public: written as one.
PUBLIC = "1.1.1.1"


@pytest.fixture
def names_resolve(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What names resolve to, in place of the network's answer."""
    known = {"example.com": PUBLIC, "www.example.com": PUBLIC}

    async def getaddrinfo(host: str, port: int, **_: object) -> object:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port))]

    monkeypatch.setattr(anyio, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.usefixtures("names_resolve")
async def test_an_allowed_domain_is_asked_at_the_address_that_was_checked() -> None:
    async with proxy_for("example.com") as (port, server):
        said = await say(
            port,
            b"GET http://example.com/a?b=c HTTP/1.1\r\nHost: inner.service\r\nAccept: */*\r\n"
            b"Proxy-Authorization: secret\r\n\r\n",
        )
    assert said.endswith(b"hello")
    assert server.asked_for == [(PUBLIC, 80)]
    assert server.received == (
        b"GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.usefixtures("names_resolve")
async def test_a_tunnel_passes_bytes_both_ways() -> None:
    async with proxy_for("*.example.com") as (port, server):
        said = await say(port, b"CONNECT www.example.com:443 HTTP/1.1\r\n\r\n\x16\x03\x01")
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b"hello")
    assert server.received == b"\x16\x03\x01"
    assert server.asked_for == [(PUBLIC, 443)]


@pytest.mark.usefixtures("names_resolve")
async def test_a_second_request_does_not_ride_along() -> None:
    async with proxy_for("example.com") as (port, server):
        await say(
            port,
            b"POST http://example.com/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
            b"GET http://inner.service/ HTTP/1.1\r\nHost: inner.service\r\n\r\n",
        )
    assert b"inner.service" not in server.received


@pytest.mark.usefixtures("names_resolve")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET http://example.org/ HTTP/1.1", 403),
        ("GET http://example.com.evil.org/ HTTP/1.1", 403),
        ("GET http://notexample.com/ HTTP/1.1", 403),
        ("GET http://www.example.com/ HTTP/1.1", 403),
        ("GET http://example.com:8080/ HTTP/1.1", 403),
        ("CONNECT example.com:22 HTTP/1.1", 403),
        ("CONNECT example.com:80 HTTP/1.1", 403),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", 403),
        ("CONNECT [::1]:443 HTTP/1.1", 400),
        ("GET http://user@example.com/ HTTP/1.1", 400),
        ("GET http://example.org@example.com/ HTTP/1.1", 400),
        ("GET / HTTP/1.1", 400),
        ("GET ftp://example.com/ HTTP/1.1", 400),
        ("GET http://example.com/ HTTP/1.1\r\nTransfer-Encoding: chunked", 411),
        ("GET http://example.com/ HTTP/1.1\r\nContent-Length: -1", 400),
        ("GET http://example.com/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4", 400),
        ("GET http://example.com/ HTTP/1.1\r\nno header", 400),
        ("GET http://example.com/\x01 HTTP/1.1", 400),
        ("GET http://example.com/ SMTP", 400),
        ("\x00\x01\x02", 400),
        ("GET http://example.com/" + "a" * 70_000 + " HTTP/1.1", 431),
    ],
)
async def test_all_else_is_refused_and_nobody_is_asked(request_: str, status: int) -> None:
    async with proxy_for("example.com") as (port, server):
        said = await say(port, request_.encode() + b"\r\n\r\n")
    assert said.startswith(f"HTTP/1.1 {status} ".encode()), said
    assert server.asked_for == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:1::",
    ],
)
async def test_an_allowed_name_at_an_inner_address_is_refused(
    address: str, names_resolve: dict[str, str]
) -> None:
    names_resolve["example.com"] = address
    async with proxy_for("example.com") as (port, server):
        said = await say(port, b"GET http://example.com/ HTTP/1.1\r\n\r\n")
    assert b"not at a public address" in said
    assert server.asked_for == []


async def test_public_addresses_are_public() -> None:
    assert all(map(is_public, ["1.1.1.1", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"]))


@pytest.mark.usefixtures("names_resolve")
async def test_every_request_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "qwen3_tools"):
        async with proxy_for("example.com") as (port, _):
            await say(port, b"GET http://example.com/ HTTP/1.1\r\n\r\n")
            await say(port, b"CONNECT example.org:443 HTTP/1.1\r\n\r\n")
    assert [record.message for record in caplog.records] == [
        "passed on GET example.com:80 from the code interpreter",
        "refused CONNECT example.org:443 from the code interpreter: "
        "example.org is not among the domains that are allowed.",
    ]


@pytest.mark.parametrize("domain", ["", "http://example.com", "1.2.3.4", "*", "*.*.com", "a b"])
async def test_what_is_no_domain_is_told_at_once(domain: str) -> None:
    with pytest.raises(Qwen3AgentError, match="is not a domain"):
        CodeInterpreter(allow_domains=[domain])


@pytest.fixture(params=["bubblewrap", "namespaces"])
def backend_with_network(request: pytest.FixtureRequest) -> str:
    return installed(str(request.param))


ASK = """
import urllib.request, urllib.error
def ask(url):
    try:
        return urllib.request.urlopen(url, timeout=20).read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return str(error)
"""


async def test_code_inside_reaches_the_proxy_and_nothing_beyond_it(
    backend_with_network: str,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mine:
        mine.setblocking(False)
        async with CodeInterpreter(
            sandbox=backend_with_network,  # type: ignore[arg-type]
            allow_domains=["localhost"],
        ) as interpreter:
            await interpreter.run(ASK)
            result = await interpreter.run("ask('http://example.org/')")
            assert "example.org is not among the domains" in str(result.result)
            result = await interpreter.run("ask('http://localhost/')")  # no_proxy is not set
            assert "localhost is not at a public address" in str(result.result)
            port = mine.getsockname()[1]
            result = await interpreter.run(
                f"import socket; socket.create_connection(('127.0.0.1', {port}), 3)"
            )
            assert "ConnectionRefusedError" in str(result.error)
        with pytest.raises(BlockingIOError):
            mine.accept()


async def test_landlock_alone_cannot_do_it() -> None:
    async with CodeInterpreter(sandbox="landlock", allow_domains=["example.com"]) as interpreter:
        with pytest.raises(SandboxUnavailableError, match="no network namespace"):
            await interpreter.run("1")
