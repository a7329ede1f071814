"""Requests to an OpenAI-compatible server: streamed, with timeouts, and retried when it is safe.

The HTTP library is httpx2, which `mcp` depends on anyway. OpenAI's client would add retries that
ignore whether the first token has arrived, and a pydantic object for each chunk, and it hides the
fields that servers of Qwen3 add to the protocol.
"""

from __future__ import annotations

import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import anyio
from anyio.lowlevel import checkpoint, current_token

from ..errors import ConnectionFailedError, EngineError
from .errors import ServerErrors, TemporaryError

if TYPE_CHECKING:
    import httpx2

Event = dict[str, Any]

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each retry, plus or minus a quarter, unless the server sends Retry-After."""

TIMES_UNREACHABLE = 4
"""Attempts after which a server that cannot be reached counts as gone."""

LONGEST_PAUSE = 60.0
"""Maximum Retry-After in seconds; if the server asks for more, the request fails."""

LONGEST_EVENT = 16 * 1024 * 1024
"""Maximum size of an event in bytes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Timeouts for a server, in seconds.

    Args:
        connect: for the connection.
        question: for a request that takes no work, such as the list of models.
        first_token: from the request to the first token of the answer. The server may have to
            process a long prompt or a queue first.
        between_tokens: from one token to the next. Some servers hold back a whole tool call until
            it is complete.
    """

    connect: float = 10.0
    question: float = 15.0
    first_token: float = 600.0
    between_tokens: float = 300.0


class ServerClient:
    """Requests to one server.

    Args:
        base_url: root of the API, such as `http://localhost:8000/v1`.
        api_key: sent as a bearer token. It never appears in an error or a `repr`.
        patience: timeouts.

    Attributes:
        shown: the URL without credentials, for messages.
        errors: creates the errors for its failures.

    Raises:
        ValueError: `base_url` or `api_key` is not valid.
    """

    def __init__(
        self, base_url: str, api_key: str | None = None, patience: Patience | None = None
    ) -> None:
        parts = urlsplit(base_url.strip())
        host = parts.netloc.rpartition("@")[2]
        path = parts.path.rstrip("/")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(
                f"{host or base_url!r} is not a base URL; expected e.g. http://localhost:8000/v1."
            )
        if not (api_key or "").isascii() or not (api_key or "").isprintable():
            raise ValueError("The API key has characters that are not allowed in an HTTP header.")
        self._base = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        self.shown = urlunsplit((parts.scheme, host, path, "", ""))
        self.host = parts.hostname
        self.patience = patience or Patience()
        self._key = (api_key or "").strip()
        self.errors = ServerErrors(self.shown, self._key)
        self._http: httpx2.AsyncClient | None = None
        self._loop: object = None

    def __repr__(self) -> str:
        return f"ServerClient({self.shown!r})"

    def ask(self, method: str, path: str, body: Any = None, *, from_root: bool = False) -> Any:
        """Send a short blocking request and return the JSON of the response.

        Args:
            method: "GET" or "POST".
            path: appended to the base URL.
            body: sent as JSON.
            from_root: append `path` to the base URL without its /v1.

        Raises:
            Qwen3AgentError: see `ServerErrors`.
        """
        import httpx2

        url = (self._base.removesuffix("/v1") if from_root else self._base) + path
        seconds = self.patience.question if method == "GET" else 60.0
        timeout = httpx2.Timeout(seconds, connect=self.patience.connect)
        with httpx2.Client(**self._options(), timeout=timeout) as http:
            for pause in (*PAUSES, None):
                try:
                    with self._own_errors():
                        try:
                            response = http.request(method, url, json=body)
                        except httpx2.ReadTimeout:  # a retry would take as long again
                            raise self.errors.no_answer(path, seconds) from None
                    self._check(response.status_code, response.headers, response.content, path)
                    break
                except TemporaryError as failure:
                    if pause is None or isinstance(failure.error, ConnectionFailedError):
                        raise failure.error from None
                    time.sleep(pause)
        try:
            return response.json()
        except ValueError:
            raise self.errors.not_a_chat_server(f"its answer to {path} is not JSON") from None

    @asynccontextmanager
    async def stream(
        self, path: str, body: bytes, *, has_output: Callable[[Event], bool]
    ) -> AsyncIterator[EventStream]:
        """Post a request, and yield the events of its response.

        A request that fails temporarily (429, 5xx, a broken connection) is retried, but only until
        the first event with output: after that, its output may already have been used.

        Args:
            path: appended to the base URL.
            body: JSON.
            has_output: returns whether an event holds output of the model, or its end.

        Raises:
            Qwen3AgentError: see `ServerErrors`; also while iterating.
        """
        for attempt, pause in enumerate((*PAUSES, None), 1):
            try:
                events = await self._begin(path, body, has_output)
                break
            except TemporaryError as failure:
                asked = failure.pause
                gone = (
                    isinstance(failure.error, ConnectionFailedError)
                    and attempt >= TIMES_UNREACHABLE
                )
                if gone or pause is None or (asked or 0) > LONGEST_PAUSE:
                    raise failure.error from None
                await anyio.sleep(pause * random.uniform(0.75, 1.25) if asked is None else asked)
        async with aclosing(events):
            yield events

    async def aclose(self) -> None:
        """Close the connections. May be called more than once."""
        http, self._http = self._http, None
        if http is not None and self._loop == current_token():
            await http.aclose()

    async def _begin(
        self, path: str, body: bytes, has_output: Callable[[Event], bool]
    ) -> EventStream:
        """Send a request and wait for the first token."""
        http = self._client()
        request = http.build_request(
            "POST", self._base + path, content=body, headers={"Content-Type": "application/json"}
        )
        with anyio.move_on_after(self.patience.first_token), self._own_errors():
            response = await http.send(request, stream=True)
            events = EventStream(response, self)
            try:
                if response.status_code != 200:
                    await response.aread()
                    self._check(response.status_code, response.headers, response.content, path)
                kind = response.headers.get("content-type", "")
                if "text/event-stream" not in kind:
                    kind = kind or "no content type"
                    raise self.errors.not_a_chat_server(
                        f"its answer to {path} has {kind}, not an event stream"
                    )
                if not await events.read_until(has_output):
                    raise TemporaryError(
                        EngineError(f"{self.shown} ended its answer before the first token.")
                    )
                return events
            except BaseException:
                await events.aclose()
                raise
        raise EngineError(
            f"{self.shown} sent no token within {self.patience.first_token:g} seconds. It may be "
            "busy or still loading."
        )

    def _client(self) -> httpx2.AsyncClient:
        """Return the HTTP client of the running event loop."""
        import httpx2

        loop = current_token()
        if self._http is None or self._loop != loop:
            timeout = httpx2.Timeout(None, connect=self.patience.connect)
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=64)
            self._http = httpx2.AsyncClient(**self._options(), timeout=timeout, limits=limits)
            self._loop = loop
        return self._http

    def _options(self) -> dict[str, Any]:
        headers = {"Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return {
            "headers": headers,
            # Requests to this machine must not go through a proxy for the internet
            "trust_env": not _is_loopback(self.host),
            # Loading the certificates takes a while, and is of no use without TLS
            "verify": self._base.startswith("https:"),
        }

    # Errors ------------------------------------------------------------------------------------

    @contextmanager
    def _own_errors(self) -> Iterator[None]:
        """Raise the library's connection errors as errors of this package."""
        import httpx2

        try:
            yield
        except httpx2.ConnectTimeout as error:
            why = f"no connection within {self.patience.connect:g} seconds"
            raise TemporaryError(self.errors.unreachable(why)) from error
        except httpx2.ConnectError as error:
            raise TemporaryError(self.errors.unreachable(str(error))) from error
        except httpx2.TransportError as error:
            raise TemporaryError(self.errors.broken(error, "before the first token")) from error

    def _check(self, status: int, headers: Any, body: bytes, path: str) -> None:
        """Raise the error that belongs to a response, unless its status is 200."""
        if status == 200:
            return
        try:
            said = json.loads(body)
        except ValueError:
            said = {"message": body.decode("utf-8", "replace")}
        pause = headers.get("retry-after", "")
        retry_after = float(pause) if pause.isdecimal() else None
        error = self.errors.of_status(status, said, path, retry_after)
        if status in (408, 409, 429) or status >= 500:
            raise TemporaryError(error, retry_after)
        if 300 <= status < 400:
            where = self.errors.clean(headers.get("location", "elsewhere"))
            error = self.errors.not_a_chat_server(f"it redirects {path} to {where}")
        raise error


class EventStream:
    """The events of one response; created by `ServerClient.stream`."""

    def __init__(self, response: httpx2.Response, client: ServerClient) -> None:
        self._response = response
        self._chunks = response.aiter_raw()
        self._client = client
        self._ready: deque[Event] = deque()
        self._line = b""
        self._data: list[bytes] = []
        self._ended = False
        self._deadline = 0.0

    async def read_until(self, has_output: Callable[[Event], bool]) -> bool:
        """Wait for the first event with output; return False if the stream ends without one.

        The events read so far are kept for the iteration.
        """
        while not any(has_output(event) for event in self._ready):
            if self._ended or not await self._read():
                return False
        self._deadline = anyio.current_time() + self._client.patience.between_tokens
        return True

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Event:
        import httpx2

        while not self._ready:
            if self._ended:
                raise StopAsyncIteration
            try:
                with anyio.CancelScope(deadline=self._deadline) as scope:
                    await self._read()
            except httpx2.TransportError as error:
                raise self._client.errors.broken(error, "during an answer") from error
            except TemporaryError as failure:
                raise failure.error from None
            if scope.cancelled_caught:
                raise EngineError(
                    f"{self._client.shown} stopped sending during an answer: nothing arrived "
                    f"within {self._client.patience.between_tokens:g} seconds."
                )
            if self._ready:
                self._deadline = anyio.current_time() + self._client.patience.between_tokens
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Close the response, which stops an unfinished generation on the server."""
        with anyio.CancelScope(shield=True):
            # A response that has ended is read completely, so that its connection can be reused.
            # Otherwise the canceled read ends all of httpx2's nested generators, of which `aclose`
            # would end only the outer one.
            with anyio.move_on_after(1 if self._ended else 0), suppress(Exception):
                while await anext(self._chunks, None) is not None:
                    await checkpoint()
            await self._chunks.aclose()
            await self._response.aclose()

    async def _read(self) -> bool:
        """Read the next chunk; return False at the end of the stream."""
        chunk = await anext(self._chunks, None)
        if chunk is None:
            self._take_line(self._line)
            self._take_event()
            self._ended = True
            return bool(self._ready)
        first, *rest = chunk.split(b"\n")
        self._line += first
        for line in rest:
            self._take_line(self._line)
            self._line = line
        if len(self._line) > LONGEST_EVENT:
            raise EngineError(f"{self._client.shown} sent an event of over {LONGEST_EVENT} bytes.")
        return True

    def _take_line(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        if not line:
            self._take_event()
        elif line.startswith(b"data:"):
            self._data.append(line[5:])

    def _take_event(self) -> None:
        data, self._data = b"\n".join(self._data).strip(), []
        if not data or self._ended:
            return
        if data == b"[DONE]":
            self._ended = True
            return
        try:
            event = json.loads(data)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            shown = self._client.errors.clean(data[:100].decode("utf-8", "replace"))
            raise EngineError(
                f"{self._client.shown} sent an event that is not a JSON object: {shown}"
            )
        if event.get("error"):
            code = event["error"].get("code") if isinstance(event["error"], dict) else None
            status = code if isinstance(code, int) else 500
            error = self._client.errors.of_status(status, event, "")
            if status == 429 or status >= 500:
                raise TemporaryError(error)
            raise error
        self._ready.append(event)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
