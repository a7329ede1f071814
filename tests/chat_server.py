"""Chat servers on loopback: one that says what a test wrote, and one that serves an engine.

Both speak real HTTP/1.1 over real sockets, each connection in a thread of its own.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.from_thread

from qwen3_agent.engines.request import Engine, GenerationRequest
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.messages import ToolCall
from qwen3_agent.parsing.parser import ContentDelta, Parser, ReasoningDelta
from qwen3_agent.sampling import Sampling

Answer = Callable[["Handler"], None]
Json = dict[str, Any]

USAGE = {
    "prompt_tokens": 50,
    "completion_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 32},
}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    body: Json

    def do_GET(self) -> None:
        self.server.owner.asked.append(self.path)
        self.server.owner.get(self)

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.body = json.loads(self.rfile.read(length))
        self.server.owner.post(self)

    def log_message(self, format: str, *args: object) -> None: ...

    def reply(self, status: int, content: Any, **headers: str) -> None:
        """A whole answer, as JSON."""
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin_stream(self) -> None:
        """The head of a stream of events."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def write(self, data: bytes) -> None:
        """One piece of the stream, sent at once."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, content: Any) -> None:
        """One event."""
        text = content if isinstance(content, str) else json.dumps(content)
        self.write(f"data: {text}\n\n".encode())

    def end_stream(self) -> None:
        """The end of the stream; the connection stays."""
        self.event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def break_off(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.close()
        self.rfile.close()
        self.wfile.close()

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: LoopbackServer

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class LoopbackServer:
    """A server for the time of a `with` block."""

    models: Sequence[Json] = ({"id": "scripted", "object": "model", "owned_by": "test"},)

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    def get(self, handler: Handler) -> None:
        if handler.path == "/v1/models":
            handler.reply(200, {"object": "list", "data": list(self.models)})
        else:
            handler.reply(404, {"detail": "Not Found"})

    def post(self, handler: Handler) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ChatServer(LoopbackServer):
    """Gives one of `answers` to each request for a message, in their order.

    Attributes:
        requests: what was asked for, as JSON.
        headers: of each request.
    """

    def __init__(self, *answers: Answer, models: Sequence[Json] | None = None) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[tuple[str, int]] = set()
        if models is not None:
            self.models = models

    def post(self, handler: Handler) -> None:
        if handler.path != "/v1/chat/completions":
            handler.reply(404, {"detail": "Not Found"})
            return
        self.requests.append(handler.body)
        self.headers.append(dict(handler.headers))
        self.connections.add(handler.client_address)
        if not self.answers:
            handler.reply(500, {"error": {"message": "The script is over."}})
            return
        self.answers.pop(0)(handler)


def chunk(finish: str | None = None, **delta: Any) -> Json:
    """A chat.completion.chunk."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def says(*deltas: Json, finish: str = "stop", usage: Json | None = USAGE) -> Answer:
    """A message in pieces."""

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        handler.event(chunk(role="assistant", content=""))
        for delta in deltas:
            handler.event(chunk(**delta))
        handler.event(chunk(finish))
        if usage is not None:
            handler.event({"object": "chat.completion.chunk", "choices": [], "usage": usage})
        handler.end_stream()

    return answer


def call_piece(
    index: int | None, *, id: str | None = None, name: str | None = None, arguments: Any = None
) -> Json:
    """A piece of a tool call."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value}
    piece: Json = {"function": function}
    if index is not None:
        piece["index"] = index
    if id is not None:
        piece |= {"id": id, "type": "function"}
    return {"tool_calls": [piece]}


def status(code: int, content: Any, **headers: str) -> Answer:
    """An answer that is no stream."""
    return lambda handler: handler.reply(code, content, **headers)


def pieces(data: Iterable[bytes], then: Callable[[Handler], None] | None = None) -> Answer:
    """A stream of bytes, cut as given; then its end, or what is given."""

    def answer(handler: Handler) -> None:
        handler.begin_stream()
        for piece in data:
            handler.write(piece)
        (then or Handler.end_stream)(handler)

    return answer


def hang(handler: Handler) -> None:
    """Send nothing more, until the client hangs up."""
    handler.connection.settimeout(30)
    handler.rfile.read(1)
    handler.close_connection = True


class ModelServer(LoopbackServer):
    """Serves an engine: over the completions protocol by token ids as vLLM does, and over the chat
    protocol, where calls and thoughts are parsed if `parses`, and raw text otherwise.
    """

    def __init__(
        self, engine: Engine, chat_format: ChatFormat, *, models: Sequence[Json], parses: bool
    ) -> None:
        super().__init__()
        self.models = models
        self.prompts: list[list[int]] = []
        self.bodies: list[Json] = []
        self.gives_ids = True
        self.stopped = threading.Event()
        self.engine = engine
        self._format = chat_format
        self._parses = parses

    def post(self, handler: Handler) -> None:
        self.bodies.append(handler.body)
        anyio.run(self._complete, handler)

    async def _complete(self, handler: Handler) -> None:
        body = handler.body
        is_chat = handler.path.endswith("/chat/completions")
        prompt = self._prompt_of(body, is_chat)
        if not body.get("stream"):
            choice: Json = {"index": 0, "text": "", "finish_reason": "length"}
            if self.gives_ids:
                choice |= {"token_ids": [0], "prompt_token_ids": prompt}
            handler.reply(200, {"object": "text_completion", "choices": [choice]})
            return
        self.prompts.append(prompt)
        handler.begin_stream()
        parser = Parser("json", thinking_open=False)
        decoder = self._format.decoder()
        sampled, finish, cached, calls = 0, "stop", 0, 0
        request = GenerationRequest(
            prompt,
            Sampling(temperature=0),
            max_tokens=body.get("max_tokens") or 4096 - len(prompt),
            stop_ids=self._format.stop_ids,
            logprobs=body.get("logprobs") is not None,
        )
        generation = self.engine.generate(request)
        try:
            async for part in generation:
                sampled += len(part.ids)
                cached = cached if part.cached_tokens is None else part.cached_tokens
                finish = part.finish or finish
                if not is_chat:
                    choice = {"index": 0, "text": "", "token_ids": list(part.ids)}
                    if part.logprobs is not None:
                        choice["logprobs"] = {"token_logprobs": list(part.logprobs)}
                    choice["finish_reason"] = part.finish
                    handler.event({"object": "text_completion", "choices": [choice]})
                    continue
                text = decoder.feed(
                    token_id for token_id in part.ids if token_id not in self._format.stop_ids
                )
                if not self._parses:
                    handler.event(chunk(content=text))
                    continue
                calls = self._tell(handler, parser, text, calls)
            if is_chat:
                parser.finish()
                handler.event(chunk("tool_calls" if calls else finish))
            usage = {"prompt_tokens": len(prompt), "completion_tokens": sampled}
            details = {"prompt_tokens_details": {"cached_tokens": cached}}
            handler.event({"choices": [], "usage": usage | details})
            handler.end_stream()
        except OSError:
            self.stopped.set()
            handler.close_connection = True
        finally:
            await generation.aclose()

    def _prompt_of(self, body: Json, is_chat: bool) -> list[int]:
        if not is_chat:
            given = body["prompt"]
            return self._format.encode(given) if isinstance(given, str) else given
        thinking = body.get("chat_template_kwargs", {}).get("enable_thinking", True)
        messages = [_with_parsed_arguments(message) for message in body["messages"]]
        head = self._format.head(messages, body.get("tools") or [])
        return head + self._format.generation_prompt(thinking=thinking)

    def _tell(self, handler: Handler, parser: Parser, text: str, calls: int) -> int:
        for delta in parser.feed(text):
            if isinstance(delta, ReasoningDelta):
                handler.event(chunk(reasoning=delta.text))
            elif isinstance(delta, ContentDelta):
                handler.event(chunk(content=delta.text))
            elif isinstance(delta.call, ToolCall):
                arguments = json.dumps(delta.call.arguments)
                call_id = f"call-{time.monotonic_ns()}"
                piece = call_piece(calls, id=call_id, name=delta.call.name, arguments=arguments)
                handler.event(chunk(**piece))
                calls += 1
        return calls


def _with_parsed_arguments(message: Json) -> Json:
    """A message for the chat template, which wants arguments as an object."""
    message = dict(message)
    if "reasoning" in message:
        message["reasoning_content"] = message.pop("reasoning")
    calls = []
    for call in message.get("tool_calls", ()):
        function = dict(call["function"])
        function["arguments"] = json.loads(function["arguments"])
        calls.append(call | {"function": function})
    return message | ({"tool_calls": calls} if calls else {})
