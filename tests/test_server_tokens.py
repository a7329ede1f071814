"""Token ids over HTTP: a run on a server is the same, to the token, as one in the process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from chat_server import ModelServer
from scripted import bundled, call, double, events_of, result_of, scripted_model

from qwen3_agent import Agent, RunResult, Sampling, Thinking, events
from qwen3_agent.engines.request import Chunk, Engine, GenerationRequest
from qwen3_agent.errors import EngineError
from qwen3_agent.models.chat_api.connect import connect
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel

pytestmark = pytest.mark.anyio

SCRIPT = (
    "<think>\nI double it.\n</think>\n\n" + call("double", number=21),
    "Two at once.\n" + call("double", number=2) + "\n" + call("double", number=3),
    "<tool_call>\nnot json\n</tool_call>",
    "你好, it is 42. 👍",
)
SERVED = {"id": "qwen3-tiny", "object": "model", "owned_by": "vllm", "max_model_len": 4096}


def serving(
    *script: str,
    parses: bool = True,
    chunk_size: int = 1,
    served: Sequence[dict[str, Any]] = (SERVED,),
) -> ModelServer:
    model = scripted_model(*script, chunk_size=chunk_size)
    return ModelServer(model.engine, model.chat_format, models=served, parses=parses)


async def run_on(server: ModelServer, **options: Any) -> RunResult:
    model = connect(server.url)
    try:
        return await Agent(model, tools=[double], **options).run("Twice 21?")
    finally:
        await model.aclose()


def spelled(result: RunResult) -> list[tuple[str, Any, Any]]:
    """A transcript with all that it says of its tokens."""
    return [(each.kind, each.ids, each.logprobs) for each in result.transcript.segments]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
@pytest.mark.parametrize("chunk_size", [1, 5])
async def test_a_run_by_token_ids_is_the_run_in_the_process(chunk_size: int) -> None:
    here = scripted_model(*SCRIPT)
    expected = await Agent(here, tools=[double], logprobs=True).run("Twice 21?")
    with serving(*SCRIPT, chunk_size=chunk_size) as server:
        result = await run_on(server, logprobs=True)
    assert result.route == "server_tokens"
    assert expected.route == "engine"
    assert spelled(result) == spelled(expected)
    assert server.prompts == here.engine.prompts
    assert result.output == expected.output


async def test_what_a_server_is_asked_for() -> None:
    with serving("Hello.") as server:
        await run_on(server, thinking="off", sampling=Sampling(0.5, top_p=0.9, seed=7))
    probe, body = server.bodies
    assert probe["max_tokens"] == 1
    chat_format = bundled()[1]
    assert body["stop_token_ids"] == sorted(chat_format.stop_ids)
    assert body["max_tokens"] == 4096 - len(server.prompts[0])
    assert (body["temperature"], body["top_p"], body["top_k"], body["seed"]) == (0.5, 0.9, -1, 7)
    assert body["return_token_ids"]
    assert not body["skip_special_tokens"]


async def test_a_thinking_budget_holds_to_the_token_and_the_server_is_hung_up_on() -> None:
    thought = "<think>\nwell" + " well" * 300 + "..."
    with serving(thought, "It is 42.") as server:
        result = await run_on(server, thinking=Thinking(10))
    [step] = result.steps
    assert (step.usage.thinking_tokens, step.closed_by_force) == (10, True)
    assert result.output == "It is 42."
    first, second = server.prompts
    assert second[: len(first)] == first
    closing = bundled()[1].close_thought()
    assert second[-len(closing) :] == closing
    assert await anyio.to_thread.run_sync(server.stopped.wait, 10)


@pytest.mark.parametrize("parses", [True, False], ids=["parsed", "raw"])
async def test_the_same_run_over_the_chat_protocol(parses: bool) -> None:
    expected = await Agent(scripted_model(*SCRIPT), tools=[double]).run("Twice 21?")
    with serving(*SCRIPT, parses=parses) as server:
        server.gives_ids = False
        model = connect(server.url)
        happened = await events_of(Agent(model, tools=[double]), "Twice 21?")
        await model.aclose()
    result = result_of(happened)
    assert (result.route, result.output) == ("server_chat", expected.output)
    said = [[type(p).__name__ for p in s.parts] for s in result.transcript.segments if s.parts]
    as_here = [[type(p).__name__ for p in s.parts] for s in expected.transcript.segments if s.parts]
    assert said[:2] == as_here[:2]
    texts = bundled()[1].decode(server.prompts[1])
    assert "<think>\nI double it.\n</think>" in texts
    assert call("double", number=21) in texts
    assert "<tool_response>\n42\n</tool_response>" in texts
    assert [e.text for e in happened if isinstance(e, events.ToolCallFinished)][:3] == [
        "42",
        "4",
        "6",
    ] or parses


@pytest.mark.parametrize(
    ("served", "why"),
    [
        ({**SERVED, "id": "nobody/knows"}, "the tokenizer of nobody/knows is not on this machine"),
        ({**SERVED, "max_model_len": None}, "the server does not report its context length"),
    ],
)
async def test_why_tokens_are_not_exchanged(served: dict[str, Any], why: str) -> None:
    with serving("Hello.", served=[served]) as server:
        model = connect(server.url)
    assert (model.route, model.why_chat) == ("server_chat", why)


async def test_another_tokenizer_than_the_servers_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "other", ignore=shutil.ignore_patterns("*.safetensors"))
    file = tmp_path / "other" / "tokenizer.json"
    # What GPT-2 does with digits, where Qwen takes them one by one
    file.write_text(file.read_text("utf-8").replace("\\\\p{N}|", "\\\\p{N}+|"), "utf-8")
    with serving("Hello.") as server:
        model = connect(server.url, folder=tmp_path / "other")
    assert model.route == "server_chat"
    assert model.why_chat == "the tokenizer on this machine differs from the server's"


async def test_the_folder_that_the_server_tells_of_is_taken(tmp_path: Path) -> None:
    shutil.copytree(DEMO_FOLDER, tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    served = {**SERVED, "id": "mine", "root": str(tmp_path / "mine")}
    adapter = {**SERVED, "id": "adapter", "root": "/nowhere", "parent": "mine"}
    with serving("Hello.", served=[served, adapter]) as server:
        for name in ("mine", "adapter"):
            assert isinstance(connect(server.url, name), LocalModel)


async def test_text_without_ids_is_an_error() -> None:
    with serving("Hello.") as server:
        model = connect(server.url)
        assert isinstance(model, LocalModel)
        server.engine = Idless(server.engine)
        with pytest.raises(EngineError, match="ended a generation without a finish reason"):
            await Agent(model).run("Go on")
        await model.aclose()


class Idless(Engine):
    """An engine that ends without an end."""

    def __init__(self, engine: Engine) -> None:
        self.context_length = engine.context_length

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        yield Chunk((1,))


async def test_an_agent_takes_a_url_and_what_it_connects_to_is_closed() -> None:
    with serving("Hello.", "Hello again.") as server:
        agent = Agent("qwen3-tiny", base_url=server.url, api_key="sk-secret", tools=[double])
        async with agent:
            outputs = [(await agent.run("Go on")).output for _ in range(2)]
        assert "sk-secret" not in repr(vars(agent))
    assert outputs == ["Hello.", "Hello again."]


def test_a_url_and_something_that_is_no_name_on_it() -> None:
    with pytest.raises(ValueError, match="With base_url, model must be its name on the server"):
        Agent(Path("/models/mine"), base_url="http://localhost:8000/v1")
    with pytest.raises(ValueError, match="is not a base URL"):
        Agent("mine", base_url="localhost:8000")


@pytest.mark.command
@pytest.mark.parametrize("gives_ids", [True, False])
def test_the_command_says_which_path_it_takes(gives_ids: bool) -> None:
    command = Path(sys.executable).with_name("qwen3-agent")
    with serving("It is **42**.") as server:
        server.gives_ids = gives_ids
        done = subprocess.run(
            [command, "run", "--base-url", server.url, "--no-mcp", "--think", "off", "Twice 21?"],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.stdout == "It is **42**.\n", done.stderr
    path = "by token ids" if gives_ids else "by its chat protocol"
    assert done.stderr.startswith(f"qwen3-tiny · on a server, {path} · code_interpreter\n")


@pytest.mark.command
def test_a_server_that_is_not_there_is_one_sentence() -> None:
    command = Path(sys.executable).with_name("qwen3-agent")
    options = ["--base-url", "http://127.0.0.1:9/v1", "--no-mcp"]
    done = subprocess.run(
        [command, "run", *options, "Hi"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "Error: Nothing answers at http://127.0.0.1:9/v1" in done.stderr.splitlines()[-1]
