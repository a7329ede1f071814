"""The doors of an agent: run, stream, both without async, warm or not, one turn or several."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest
from scripted import call, scripted_model

import qwen3_agent
from qwen3_agent import Agent, Limits, Sampling, Tool, events, tool
from qwen3_agent.errors import (
    LimitExceededError,
    ModelNotFoundError,
    ThinkingUnavailableError,
    ToolDefinitionError,
)
from qwen3_agent.models.choose import resolve
from qwen3_tools import ToolSource

both_backends = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])


class Source(ToolSource):
    """A source of tools that counts its openings."""

    def __init__(self, *, shared: bool, notices: Sequence[str] = ()) -> None:
        self.shared = shared
        self._notices = notices
        self.opened = 0
        self.open_now = 0
        self.closed = anyio.Event()

    @property
    def notices(self) -> Sequence[str]:
        return self._notices

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        @tool(name="shared" if self.shared else "own")
        async def number() -> int:
            """How often the source was opened."""
            return self.opened

        self.opened += 1
        self.open_now += 1
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                yield [number]
                group.cancel_scope.cancel()
        finally:
            self.open_now -= 1
            self.closed.set()


@tool
async def wait_forever() -> None:
    """Never returns."""
    await anyio.sleep_forever()


@both_backends
@pytest.mark.anyio
async def test_run_and_stream_are_the_same_run() -> None:
    result = await Agent(scripted_model("Hello.")).run("Hi")
    seen = [event async for event in Agent(scripted_model("Hello.")).stream("Hi")]
    last = seen[-1]
    assert isinstance(last, events.RunFinished)
    assert last.result.output == result.output == "Hello."
    assert last.result.transcript.ids == result.transcript.ids


def test_the_sync_door() -> None:
    agent = Agent(scripted_model("Hello.", "Hello again."))
    assert agent.run_sync("Hi").output == "Hello."
    *_, last = agent.stream_sync("Hi")
    assert isinstance(last, events.RunFinished)
    assert last.result.output == "Hello again."


@pytest.mark.anyio
async def test_the_sync_door_inside_an_event_loop() -> None:
    assert Agent(scripted_model("Hello.")).run_sync("Hi").output == "Hello."


@both_backends
@pytest.mark.anyio
async def test_leaving_a_stream_early_ends_the_run_and_cleans_up() -> None:
    source = Source(shared=True)
    agent = Agent(scripted_model(call("wait_forever")), tools=[wait_forever, source])
    with anyio.fail_after(5):
        async with agent.stream("Go") as stream:
            async for event in stream:
                if isinstance(event, events.ToolCallStarted):
                    assert source.open_now == 1
                    break
        assert source.open_now == 0
        assert [event async for event in stream] == []


@both_backends
@pytest.mark.anyio
async def test_dropping_a_stream_early_ends_the_run_too() -> None:
    source = Source(shared=True)
    agent = Agent(scripted_model(call("wait_forever")), tools=[wait_forever, source])
    async for event in agent.stream("Go"):
        if isinstance(event, events.ToolCallStarted):
            break
    with anyio.fail_after(5):
        await source.closed.wait()


@both_backends
@pytest.mark.anyio
async def test_cancelling_the_reader_ends_the_run() -> None:
    source = Source(shared=True)
    agent = Agent(scripted_model(call("wait_forever")), tools=[wait_forever, source])
    with anyio.move_on_after(0.2):
        async with aclosing(agent.stream("Go")) as stream:
            async for _ in stream:
                pass
    assert source.opened == 1
    assert source.open_now == 0


def test_closing_the_sync_iterator_early_ends_the_run() -> None:
    source = Source(shared=True)
    agent = Agent(scripted_model(call("wait_forever")), tools=[wait_forever, source])
    stream = agent.stream_sync("Go")
    for event in stream:
        if isinstance(event, events.ToolCallStarted):
            break
    stream.close()
    assert source.open_now == 0


@both_backends
@pytest.mark.anyio
async def test_an_error_comes_out_of_the_stream_after_the_events_before_it() -> None:
    agent = Agent(
        scripted_model(call("wait_forever")),
        tools=[wait_forever],
        limits=Limits(seconds=1, at_limit="fail"),
    )
    seen = []
    with pytest.raises(LimitExceededError) as caught:  # noqa: PT012 - raised by the iteration
        async for event in agent.stream("Go"):
            seen.append(event.type)
    assert caught.value.limit == "seconds"
    assert seen[:4] == ["run_started", "step_started", "message_finished", "tool_call_started"]
    assert seen[4:] == ["tool_call_finished", "step_finished"]


@pytest.mark.anyio
async def test_shared_sources_stay_warm_while_the_agent_is_entered() -> None:
    shared, own = Source(shared=True), Source(shared=False)
    agent = Agent(scripted_model("One.", "Two.", "Three."), tools=[shared, own])
    async with agent:
        await agent.run("1")
        await agent.run("2")
        assert (shared.opened, shared.open_now) == (1, 1)
        assert (own.opened, own.open_now) == (2, 0)
    assert shared.open_now == 0
    await agent.run("3")
    assert (shared.opened, shared.open_now) == (2, 0)


def test_with_agent_is_the_same_without_async() -> None:
    shared = Source(shared=True)
    agent = Agent(scripted_model("One.", "Two."), tools=[shared])
    with agent:
        assert agent.run_sync("1").output == "One."
        assert list(agent.stream_sync("2"))[-1].type == "run_finished"
        assert (shared.opened, shared.open_now) == (1, 1)
    assert shared.open_now == 0


@pytest.mark.anyio
async def test_a_model_that_was_given_is_not_closed() -> None:
    model = scripted_model("Hello.")
    async with Agent(model) as agent:
        await agent.run("Hi")
    assert not model.engine.closed


@pytest.mark.anyio
async def test_what_did_not_start_is_noticed_and_the_run_goes_on() -> None:
    source = Source(shared=True, notices=["weather failed to start."])
    agent = Agent(scripted_model("Hello."), tools=[source])
    seen = [event async for event in agent.stream("Hi")]
    assert [e.text for e in seen if isinstance(e, events.Notice)] == ["weather failed to start."]
    assert seen[-1].type == "run_finished"


@pytest.mark.anyio
async def test_a_conversation_has_a_memory_and_drops_earlier_thoughts() -> None:
    model = scripted_model("<think>\nA secret.\n</think>\n\nHello Ada.", "You are Ada.")
    own = Source(shared=False)
    async with Agent(model, tools=[own]).conversation() as conversation:
        await conversation.run("I am Ada.")
        result = await conversation.run("Who am I?")
    prompt = model.prompts_text[1]
    assert "I am Ada." in prompt
    assert "Hello Ada." in prompt
    assert "A secret." not in prompt
    assert result.transcript.segments[0].kind == "head"
    assert own.opened == 1


@pytest.mark.anyio
async def test_kept_thoughts_make_the_whole_conversation_append_only() -> None:
    model = scripted_model(
        "<think>\nA secret.\n</think>\n\nHello Ada.", call("own"), "<think>\nHm.", "You are Ada."
    )
    agent = Agent(model, tools=[Source(shared=False)], keep_thoughts=True)
    async with agent.conversation() as conversation:
        await conversation.run("I am Ada.")
        result = await conversation.run("Who am I?")
    prompts = model.engine.prompts
    assert len(prompts) == 4
    for before, after in pairwise(prompts):
        assert after[: len(before)] == before
    text = model.chat_format.decode(result.transcript.ids)
    assert "A secret.\n</think>\n\nHello Ada.<|im_end|>\n<|im_start|>user\nWho am I?" in text


@pytest.mark.anyio
@pytest.mark.parametrize("keep_thoughts", [False, True])
async def test_a_conversation_goes_on_after_a_turn_that_was_cut_off(keep_thoughts: bool) -> None:
    model = scripted_model("Once upon a time there was a king...", "The king.")
    agent = Agent(model, limits=Limits(tokens=20, at_limit="fail"), keep_thoughts=keep_thoughts)
    async with agent.conversation() as conversation:
        with pytest.raises(LimitExceededError):
            await conversation.run("Tell me a story.")
        result = await conversation.run("About whom?")
    assert result.output == "The king."
    prompt = model.prompts_text[1]
    assert "Once upon" in prompt
    assert prompt.count("<|im_start|>assistant") == 2
    assert prompt.count("<|im_end|>") == 3


@pytest.mark.anyio
async def test_what_was_said_before_a_run_was_cancelled_is_remembered() -> None:
    model = scripted_model("Once upon a time...", "About whom?")
    async with Agent(model).conversation() as conversation:
        async with conversation.stream("Tell me a story.") as stream:
            async for event in stream:
                if isinstance(event, events.ContentText) and "time" in event.text:
                    break
        await conversation.run("Stop.")
    prompt = model.prompts_text[1]
    assert "<|im_start|>assistant\nOnce upon a" in prompt


@pytest.mark.anyio
async def test_a_conversation_takes_one_turn_at_a_time() -> None:
    agent = Agent(scripted_model(call("wait_forever")), tools=[wait_forever])
    async with agent.conversation() as conversation, conversation.stream("One") as stream:
        await anext(stream)
        with pytest.raises(RuntimeError, match="one turn at a time"):
            await conversation.run("Two")


@pytest.mark.anyio
async def test_no_think_in_a_message_turns_thinking_off_until_think_turns_it_on() -> None:
    model = scripted_model("One.", "Two.", "Three.")
    async with Agent(model, thinking=50).conversation() as conversation:
        modes = []
        for text in ("Quickly /no_think", "And now?", "With care /think"):
            result = await conversation.run(text)
            modes.append((result.steps[0].thinking, result.steps[0].reason))
    assert modes == [("off", "/no_think"), ("off", "/no_think"), ("on", "the first step")]


@pytest.mark.anyio
async def test_asking_for_what_a_model_cannot_do_names_one_that_can() -> None:
    model = scripted_model("Hello.", "Hello.")
    model.can_think = model.thinks_by_default = False
    with pytest.raises(ThinkingUnavailableError, match=r"scripted cannot think.*Qwen3-4B"):
        await Agent(model, thinking="on").run("Hi")
    assert (await Agent(model).run("Hi")).steps[0].thinking == "off"
    model.can_think, model.can_skip_thinking = True, False
    with pytest.raises(ThinkingUnavailableError, match=r"scripted always thinks.*Qwen3-4B"):
        await Agent(model, thinking="off").run("Hi")


@pytest.mark.anyio
async def test_a_model_that_always_thinks_closes_its_thought_at_once_when_nothing_is_left() -> None:
    model = scripted_model("<think>\nI always think.\n</think>\n\nHello.", "Hello.")
    model.can_skip_thinking = False
    result = await Agent(model, thinking=0).run("Hi")
    assert result.output == "Hello."
    assert result.steps[0].closed_by_force
    assert result.usage.thinking_tokens == 0


@pytest.mark.anyio
async def test_log_probabilities_are_kept_when_asked_for() -> None:
    result = await Agent(scripted_model("Hello."), logprobs=True).run("Hi")
    transcript = result.transcript
    assert [value is not None for value in transcript.logprobs] == transcript.mask
    assert len(transcript.to_record()["logprobs"]) == len(transcript)
    assert "logprobs" not in (await Agent(scripted_model("Hi.")).run("Hi")).transcript.to_record()


def test_an_empty_task_is_refused() -> None:
    agent = Agent(scripted_model())
    for door in (agent.run_sync, agent.stream, agent.stream_sync):
        with pytest.raises(ValueError, match="task is empty"):
            door(" \n")


def test_what_is_no_tool_is_refused_at_once() -> None:
    with pytest.raises(ToolDefinitionError, match="3 is not a tool"):
        Agent(scripted_model(), tools=[3])  # type: ignore[list-item]
    with pytest.raises(ToolDefinitionError, match="wait_forever"):
        Agent(scripted_model(), tools=[wait_forever, wait_forever])


def test_a_plain_function_becomes_a_tool() -> None:
    def area(width: float, height: float) -> float:
        """Area of a rectangle."""
        return width * height

    [made] = Agent(scripted_model(), tools=[area]).tools
    assert isinstance(made, Tool)
    assert made.name == "area"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no/such/folder", "neither a folder nor a hub id"),
        ("gpt", 'such as "Qwen/Qwen3-4B"'),
    ],
)
def test_a_model_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(ModelNotFoundError, match=message):
        Agent(name).run_sync("Hi")


def test_a_folder_that_holds_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"has no config\.json"):
        resolve(tmp_path)


def test_a_hub_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs huggingface_hub")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    checkpoint = resolve("Nobody/Has-This-Model")
    with pytest.raises(
        ModelNotFoundError, match="not on this machine, and the hub cannot be reached"
    ):
        checkpoint.folder()


def test_the_bundled_model_is_known_by_name() -> None:
    checkpoint = resolve("qwen3-tiny")
    assert checkpoint.is_demo
    assert checkpoint.folder().is_dir()


@pytest.mark.command
def test_all_names_can_be_imported_and_importing_is_light() -> None:
    assert qwen3_agent.__all__ == sorted(qwen3_agent.__all__)
    assert all(getattr(qwen3_agent, name) is not None for name in qwen3_agent.__all__)
    with pytest.raises(AttributeError):
        qwen3_agent.nothing  # noqa: B018
    heavy = "torch transformers mcp jinja2 tokenizers pydantic anyio"
    code = f"import qwen3_agent, sys; print([m for m in {heavy.split()} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_sampling_that_is_given_is_used_in_every_mode() -> None:
    model = scripted_model("Hello.")
    Agent(model, sampling=Sampling(temperature=0)).run_sync("Hi")
    engine: Any = model.engine
    assert engine.samplings == [Sampling(temperature=0)]


def test_an_agent_that_is_warm_on_another_event_loop_says_so() -> None:
    with Agent(scripted_model("Hello."), tools=[]) as agent:
        with pytest.raises(RuntimeError, match="entered on another event loop"):
            anyio.run(agent.run, "Hi")
        assert agent.run_sync("Hi").output == "Hello."
