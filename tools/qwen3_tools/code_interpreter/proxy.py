"""An HTTP proxy in our process, for code that may access a few domains.

The sandbox has no network except its loopback. The listening socket is created inside and passed
to us, so that this proxy is the only connection to the outside. It resolves names, refuses
addresses that are not public, and connects to the very address that it checked.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio
import anyio.abc

from qwen3_tools.errors import Qwen3AgentError

logger = logging.getLogger(__name__)

PORT = 3128
"""Port inside the sandbox."""

_DOMAIN = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_-]{1,63}")
_AUTHORITY = re.compile(r"([A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_TOKEN = re.compile(rb"[A-Z]{1,20}")
_NOT_PASSED_ON = {
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authorization",
    b"host",
}
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_MOST_CONNECTIONS = 32
_MOST_HEAD_BYTES = 32 << 10
_HEAD_SECONDS, _CONNECT_SECONDS = 10.0, 15.0
_CHUNK = 1 << 16

Connect = Callable[[str, int], Awaitable[anyio.abc.ByteStream]]


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    host: str
    port: int
    to_send: bytes
    """The head to send to the server; empty for CONNECT."""
    body_bytes: int


class Proxy:
    """Serves HTTP requests and CONNECT for allowed domains at public addresses.

    Args:
        domains: Allowed names, or `*.name` for all subdomains of a name.
        connect: Connects to a checked address.

    Raises:
        Qwen3AgentError: A domain is invalid, such as an address or a URL.
    """

    def __init__(self, domains: Sequence[str], connect: Connect | None = None) -> None:
        self._domains = [domain.lower().rstrip(".") for domain in domains]
        for domain in self._domains:
            if not _DOMAIN.fullmatch(domain) or domain.rpartition(".")[2].isdigit():
                raise Qwen3AgentError(
                    f'allow_domains: {domain!r} is not a domain; expected "example.com" or '
                    '"*.example.com".'
                )
        self._connect = connect or _connect

    async def serve(self, listener: socket.socket) -> None:
        """Serve connections until cancelled. The caller remains responsible for `listener`."""
        connections: set[socket.socket] = set()
        places = anyio.Semaphore(_MOST_CONNECTIONS)

        async def answer(connection: socket.socket) -> None:
            try:
                async with await anyio.abc.SocketStream.from_socket(connection) as client:
                    await self._answer(client)
            except (OSError, anyio.BrokenResourceError, anyio.EndOfStream):
                pass  # either side closed the connection
            finally:
                connections.remove(connection)
                places.release()

        try:
            async with anyio.create_task_group() as tasks:
                while True:
                    await places.acquire()
                    await anyio.wait_readable(listener)
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        places.release()
                        continue
                    connections.add(connection)
                    tasks.start_soon(answer, connection)
        finally:
            for connection in connections:  # of tasks cancelled before they started
                connection.close()

    async def _answer(self, client: anyio.abc.ByteStream) -> None:
        what = "a request"
        try:
            with anyio.fail_after(_HEAD_SECONDS):
                head, rest = await _head(client)
            request = _parse(head)
            what = f"{request.method} {request.host}:{request.port}"
            server = await self._reach(request)
        except TimeoutError:
            return
        except _RefusedError as refused:
            logger.warning("refused %s from the code interpreter: %s", what, refused)
            await client.send(_reply(refused.status, str(refused)))
            return
        logger.info("passed on %s from the code interpreter", what)
        async with server:
            if request.method == "CONNECT":
                await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await _relay(client, server, rest, None)
            else:
                await server.send(request.to_send)
                await _relay(client, server, rest, request.body_bytes)

    async def _reach(self, request: _Request) -> anyio.abc.ByteStream:
        if not self._allows(request.host):
            raise _RefusedError(403, f"{request.host} is not among the domains that are allowed.")
        if request.port != (443 if request.method == "CONNECT" else 80):
            raise _RefusedError(
                403, f"Port {request.port} is not allowed: 443 by CONNECT, 80 without."
            )
        try:
            with anyio.fail_after(_CONNECT_SECONDS):
                found = await anyio.getaddrinfo(request.host, request.port, type=socket.SOCK_STREAM)
                addresses = [str(address[0]) for *_, address in found]
                if not all(map(is_public, addresses)):
                    raise _RefusedError(403, f"{request.host} is not at a public address.")
                return await self._connect_to_one_of(addresses, request.port)
        except (OSError, UnicodeError) as error:
            raise _RefusedError(502, f"{request.host} cannot be reached: {error}") from None

    async def _connect_to_one_of(self, addresses: Sequence[str], port: int) -> anyio.abc.ByteStream:
        *others, last = addresses
        for address in others:
            with contextlib.suppress(OSError):
                return await self._connect(address, port)
        return await self._connect(last, port)

    def _allows(self, host: str) -> bool:
        return any(
            host.endswith(domain[1:]) if domain.startswith("*.") else host == domain
            for domain in self._domains
        )


def is_public(address: str) -> bool:
    """Return True for addresses that are not part of a private network, in any notation."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64 or ip.sixtofour is not None or ip.teredo is not None:
            return False  # embeds an IPv4 address, which a gateway would extract
    return ip.is_global and not ip.is_multicast


async def _connect(address: str, port: int) -> anyio.abc.ByteStream:
    return await anyio.connect_tcp(address, port)


async def _head(client: anyio.abc.ByteStream) -> tuple[bytes, bytes]:
    """Read the head of a request, and the beginning of what follows it."""
    data = b""
    while b"\r\n\r\n" not in data:
        if len(data) > _MOST_HEAD_BYTES:
            raise _RefusedError(431, "The request's head is too long.")
        data += await client.receive(_CHUNK)
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _parse(head: bytes) -> _Request:
    """Parse a head. The Host header is replaced by the host that is checked."""
    first, *lines = head.split(b"\r\n")
    method, _, target_and_version = first.partition(b" ")
    target, _, version = target_and_version.partition(b" ")
    if not _TOKEN.fullmatch(method) or version not in (b"HTTP/1.0", b"HTTP/1.1"):
        raise _RefusedError(400, "This is no HTTP request.")
    if method == b"CONNECT":
        host, port = _host_and_port(target, 443)
        return _Request("CONNECT", host, port, b"", 0)
    if not target.startswith(b"http://"):
        raise _RefusedError(400, "A proxy is asked for http://... or by CONNECT.")
    authority, slash, path = target.removeprefix(b"http://").partition(b"/")
    host, port = _host_and_port(authority, 80)
    path = slash + path or b"/"
    if not re.fullmatch(rb"[!-~\x80-\xff]+", path):
        raise _RefusedError(400, "There are control characters in the address.")
    kept = [b"%s %s HTTP/1.1" % (method, path), b"Host: " + host.encode()]
    body_bytes = 0
    for line in lines:
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or not re.fullmatch(rb"[!-9;-~]+", name) or re.search(rb"[\0\r\n]", value):
            raise _RefusedError(400, "There is a header that is none.")
        if name == b"transfer-encoding":
            raise _RefusedError(411, "A body needs a Content-Length here.")
        if name == b"content-length":
            if not re.fullmatch(rb"[0-9]{1,15}", value.strip()) or body_bytes:
                raise _RefusedError(400, "The Content-Length is no number.")
            body_bytes = int(value)
        if name not in _NOT_PASSED_ON:
            kept.append(line)
    kept += [b"Connection: close", b"", b""]
    return _Request(method.decode(), host, port, b"\r\n".join(kept), body_bytes)


def _host_and_port(authority: bytes, default: int) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(authority.decode("latin-1"))
    if match is None:
        raise _RefusedError(400, "A host is a domain here, with a port or without.")
    return match[1].lower().rstrip("."), int(match[2] or default)


async def _relay(
    client: anyio.abc.ByteStream, server: anyio.abc.ByteStream, first: bytes, most: int | None
) -> None:
    """Transfer bytes in both directions until both sides have finished.

    Without a tunnel only the body of the request is sent: what follows could be another request,
    for a host that was not checked.
    """

    async def out() -> None:
        left = most
        data = first
        while True:
            if left is not None:
                data = data[:left]
                left -= len(data)
            if data:
                await server.send(data)
            if left == 0:
                return
            try:
                data = await client.receive(_CHUNK)
            except anyio.EndOfStream:
                await server.send_eof()
                return

    async def back() -> None:
        try:
            while True:
                await client.send(await server.receive(_CHUNK))
        except anyio.EndOfStream:
            await client.send_eof()
            if most is not None:
                tasks.cancel_scope.cancel()

    async def until_broken(one: Callable[[], Awaitable[None]]) -> None:
        try:
            await one()
        except (OSError, anyio.BrokenResourceError):
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(until_broken, out)
        tasks.start_soon(until_broken, back)


def _reply(status: int, why: str) -> bytes:
    body = why.encode() + b"\n"
    return (
        f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    ).encode() + body
