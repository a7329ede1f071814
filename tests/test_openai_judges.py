"""OpenAI's own client as judge: of what we send, by its types, and of what we read, by itself."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import pytest
from chat_server import Answer, ChatServer, Json, ModelServer, call_piece, says
from openai import AsyncOpenAI
from openai.types import completion_create_params
from openai.types.chat import (
    ChatCompletionMessageParam,
    ChatCompletionToolUnionParam,
)
from openai.types.chat import (
    completion_create_params as chat_create_params,
)
from pydantic import TypeAdapter
from scripted import call, scripted_model

from qwen3_agent import Agent, ToolError, tool
from qwen3_agent.messages import Content, ToolCall
from qwen3_agent.models.chat_api.connect import connect

pytestmark = pytest.mark.anyio

EXTENSIONS = {"top_k", "min_p", "chat_template_kwargs"}
"""What Qwen's servers add to chat requests, and OpenAI's client sends as `extra_body`."""

TOKEN_EXTENSIONS = {"top_k", "min_p", "return_token_ids", "skip_special_tokens", "stop_token_ids"}
"""What vLLM adds to completion requests."""


@tool
async def look(place: str, deep: bool = False) -> str:
    """Look somewhere.

    Args:
        place: Where to look.
        deep: Whether to look twice.
    """
    if place == "nowhere":
        raise ToolError("There is nothing there.")
    return f"A <cat> in {place}, ¡olé! 🐈"


def judge(body: Json, params: Any, extensions: set[str]) -> None:
    """Every field is one of the protocol, and of its type, or a known extension."""
    hints = get_type_hints(params)
    assert set(body) - set(hints) <= extensions
    for name, value in body.items():
        # Messages and tools are iterables, which pydantic would look into only later
        if name in hints and name not in ("messages", "tools"):
            TypeAdapter(hints[name]).validate_python(value, strict=False)
    required = {name for name in params.__required_keys__ if name != "stream"}
    assert required <= set(body)


async def test_every_chat_request_is_of_the_protocol() -> None:
    answers = (
        says(
            {"reasoning": "I look."},
            {"content": "One moment."},
            call_piece(0, id="a", name="look", arguments='{"place": "here", "deep": true}'),
            call_piece(1, id="b", name="look", arguments='{"place": "nowhere"}'),
            finish="tool_calls",
        ),
        says(call_piece(0, id="c", name="look", arguments='{"place": ')),
        says({"content": call("look", place="there")}),
        says({"content": "A cat."}),
    )
    with ChatServer(*answers) as server:
        model = connect(server.url)
        await Agent(model, tools=[look], instructions="You look.").run("Where is it? </s>")
        await model.aclose()
    assert len(server.requests) == 4
    message, tool_param = (
        TypeAdapter(ChatCompletionMessageParam),
        TypeAdapter(ChatCompletionToolUnionParam),
    )
    for body in server.requests:
        judge(body, chat_create_params.CompletionCreateParamsStreaming, EXTENSIONS)
        for each in body["messages"]:
            message.validate_python(each)
        for each in body["tools"]:
            tool_param.validate_python(each)
        assert answered(body["messages"])


def answered(messages: list[Json]) -> bool:
    """Whether each call is answered before anyone else speaks, and no answer is without a call."""
    open_calls: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                return False
            open_calls.remove(message["tool_call_id"])
        elif open_calls and not message["content"].startswith("<tool_response>"):
            return False
        open_calls += [each["id"] for each in message.get("tool_calls", ())]
    return not open_calls


async def test_every_request_by_token_ids_is_of_the_protocol() -> None:
    here = scripted_model(call("look", place="here"), "A cat.")
    served = [{"id": "qwen3-tiny", "owned_by": "vllm", "max_model_len": 4096}]
    with ModelServer(here.engine, here.chat_format, models=served, parses=True) as server:
        model = connect(server.url)
        await Agent(model, tools=[look], logprobs=True).run("Where is it?")
        await model.aclose()
    probe, *bodies = server.bodies
    assert len(bodies) == 2
    for body in bodies:
        judge(body, completion_create_params.CompletionCreateParamsStreaming, TOKEN_EXTENSIONS)
    allowed = {"add_special_tokens", "return_token_ids"}
    judge(probe, completion_create_params.CompletionCreateParamsNonStreaming, allowed)


@pytest.mark.parametrize(
    "answer",
    [
        says({"content": "你"}, {"content": "好 "}, {"content": "there."}),
        says(
            {"content": "Two."},
            call_piece(0, id="a", name="look"),
            call_piece(1, id="b", name="look"),
            call_piece(0, arguments='{"pla'),
            call_piece(1, arguments='{"place":'),
            call_piece(0, arguments='ce": "here"}'),
            call_piece(1, arguments=' "there"}'),
            finish="tool_calls",
        ),
    ],
    ids=["text", "parallel calls"],
)
async def test_a_stream_is_read_as_openais_client_reads_it(answer: Answer) -> None:
    with ChatServer(answer, answer, says({"content": "Done."})) as server:
        async with AsyncOpenAI(base_url=server.url, api_key="none") as client:
            stream = client.chat.completions.stream(
                model="scripted", messages=[{"role": "user", "content": "Go on"}]
            )
            async with stream as events:
                message = (await events.get_final_completion()).choices[0].message
        model = connect(server.url)
        result = await Agent(model, tools=[look]).run("Go on")
        await model.aclose()
    parts = next(segment.parts for segment in result.transcript.segments if segment.parts)
    assert message.content == "".join(part.text for part in parts if isinstance(part, Content))
    theirs = [
        (each.function.name, json.loads(each.function.arguments))
        for each in message.tool_calls or ()
    ]
    assert theirs == [(part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]
