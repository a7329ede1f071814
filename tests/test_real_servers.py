"""Real servers with the bundled model, and OpenAI's own client as judge of what we send them.

`make test-vllm` runs this on `vllm serve` and on `transformers serve`.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from backends import Backend
from openai import AsyncOpenAI
from openai.types import completion_create_params
from openai.types.chat import completion_create_params as chat_create_params
from test_openai_judges import EXTENSIONS, TOKEN_EXTENSIONS, judge

from qwen3_agent import Agent, CodeInterpreter, RunResult, Sampling, Thinking
from qwen3_agent.messages import Content, ToolCall
from qwen3_agent.models.chat_api.dialects import Kind
from qwen3_agent.models.chat_api.model import ChatApiModel
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.models.session import Model
from qwen3_agent.openai_http.client import ServerClient

pytestmark = [pytest.mark.anyio, pytest.mark.servers]

TASK = "What is 48213 * 977?"
Sent = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def url(backend: Backend) -> str:
    if backend.base_url is None:
        pytest.skip("make test-vllm runs this on real servers: pytest --on vllm-serve")
    return backend.base_url


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """Every streamed request: its path and its body."""
    requests: Sent = []
    stream = ServerClient.stream

    def watched(self: ServerClient, path: str, body: bytes, **options: Any) -> Any:
        requests.append((path, json.loads(body)))
        return stream(self, path, body, **options)

    monkeypatch.setattr(ServerClient, "stream", watched)
    return requests


async def greedy_run(model: Model, **options: Any) -> RunResult:
    """A run that calls a tool and answers, the same each time."""
    settings: dict[str, Any] = {"sampling": Sampling(0), "thinking": "on"} | options
    result = await Agent(model, tools=[CodeInterpreter()], **settings).run(TASK)
    await model.aclose()
    return result


def said_in_steps(result: RunResult) -> list[tuple[str, list[tuple[str, Any]]]]:
    """What the user sees of each step, and its calls."""
    return [
        (
            "".join(part.text for part in segment.parts if isinstance(part, Content)).strip(),
            [(part.name, part.arguments) for part in segment.parts if isinstance(part, ToolCall)],
        )
        for segment in result.transcript.segments
        if segment.parts
    ]


def over_chat(backend: Backend, url: str) -> ChatApiModel:
    """The model over the chat protocol, whatever else the server could do."""
    kind: Kind = "vllm" if backend.name == "vllm-serve" else "other"
    return ChatApiModel(
        ServerClient(url), backend.options[-1], kind=kind, context_length=4096, why_chat=""
    )


async def test_tokens_go_over_http_where_the_server_has_them(backend: Backend, url: str) -> None:
    model = backend.model()
    await model.aclose()
    tokens = backend.name == "vllm-serve"
    assert model.route == ("server_tokens" if tokens else "server_chat")
    assert isinstance(model, LocalModel) == tokens


async def test_a_run_over_http_is_the_run_in_this_process(backend: Backend, url: str) -> None:
    here = await greedy_run(LocalModel.load(DEMO_FOLDER))
    there = await greedy_run(backend.model())
    assert said_in_steps(there) == said_in_steps(here)
    assert any(calls for _, calls in said_in_steps(there))
    if there.route == "server_tokens":
        assert there.transcript.ids == here.transcript.ids
        assert there.steps[1].usage.cached_tokens > 0


async def test_a_thinking_budget_holds_on_a_server_that_has_tokens(
    backend: Backend, url: str
) -> None:
    if backend.name != "vllm-serve":
        pytest.skip(f"{backend.name} gives no token ids")
    result = await greedy_run(backend.model(), thinking=Thinking(3))
    assert result.steps[0].usage.thinking_tokens == 3
    assert result.steps[0].closed_by_force


async def test_openais_client_gets_the_same_tokens_for_what_we_send(
    backend: Backend, url: str, sent: Sent
) -> None:
    if backend.name != "vllm-serve":
        pytest.skip(f"{backend.name} gives no token ids")
    result = await greedy_run(backend.model())
    assert [path for path, _ in sent] == ["/completions"] * len(result.steps)
    got: list[int] = []
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        for _, body in sent:
            judge(body, completion_create_params.CompletionCreateParamsStreaming, TOKEN_EXTENSIONS)
            async for chunk in await client.completions.create(**split(body, TOKEN_EXTENSIONS)):
                for choice in chunk.choices:
                    got += getattr(choice, "token_ids", None) or ()
    sampled = [
        token_id
        for segment in result.transcript.segments
        if segment.sampled
        for token_id in segment.ids
    ]
    assert got == sampled


async def test_openais_client_is_told_the_same_over_the_chat_protocol(
    backend: Backend, url: str, sent: Sent
) -> None:
    result = await greedy_run(over_chat(backend, url))
    assert [path for path, _ in sent] == ["/chat/completions"] * len(result.steps)
    assert any(calls for _, calls in said_in_steps(result))
    heard = []
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        for _, body in sent:
            judge(body, chat_create_params.CompletionCreateParamsStreaming, EXTENSIONS)
            request = split(body, EXTENSIONS)
            del request["stream"]
            async with client.chat.completions.stream(**request) as events:
                message = (await events.get_final_completion()).choices[0].message
            calls = [
                (each.function.name, json.loads(each.function.arguments))
                for each in message.tool_calls or ()
            ]
            heard.append(((message.content or "").strip(), calls))
    assert heard == said_in_steps(result)


def split(body: dict[str, Any], extensions: set[str]) -> dict[str, Any]:
    """A body as the client takes it: what is not of the protocol goes into `extra_body`."""
    known = {name: value for name, value in body.items() if name not in extensions}
    return known | {"extra_body": {name: body[name] for name in extensions if name in body}}
