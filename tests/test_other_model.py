"""A conversation that goes on with another model, or after it was made shorter by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from chat_server import ChatServer, call_piece, says
from oracles import demo_tokenizer, template_source
from scripted import ScriptedEngine, call, double, scripted_model

from qwen3_agent import Agent, Hooks, Runs
from qwen3_agent.cli.config.other_model import OtherModel
from qwen3_agent.engines.transformers import TransformersEngine
from qwen3_agent.errors import EngineError, ModelNotFoundError
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.formats.template import ChatTemplate
from qwen3_agent.formats.tokenizer import Tokenizer
from qwen3_agent.messages.encoding import for_chat_api
from qwen3_agent.models.chat_api.connect import connect
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel
from qwen3_agent.thinking import Plan

pytestmark = pytest.mark.anyio


def coder(*script: str) -> LocalModel:
    """A model whose template and calls are Qwen3-Coder's: XML, and no thoughts."""
    engine = scripted_model(*script).engine
    template = ChatTemplate(template_source("qwen3_coder"))
    chat_format = ChatFormat(template, Tokenizer(demo_tokenizer()))
    return LocalModel(engine, chat_format, name="coder")


def prompts(model: LocalModel) -> list[str]:
    """What its engine was asked."""
    engine = cast("ScriptedEngine", model.engine)
    return [model.chat_format.decode(ids) for ids in engine.prompts]


async def test_the_next_turn_is_told_what_was_said_in_the_new_models_own_format(
    tmp_path: Path,
) -> None:
    first = scripted_model("<think>\nHm.\n</think>\n\n" + call("double", number=4), "Eight.")
    second = coder("Sixteen.")
    agent = Agent(first, tools=[double], instructions="Be brief.", journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("Twice four?")
        conversation.switch_model(second, source="models/coder")
        result = await conversation.run("And twice that?")
        said = list(conversation.messages)
    assert (result.output, result.model) == ("Sixteen.", "coder")
    (prompt,) = prompts(second)
    assert "<function=double>\n<parameter=number>\n4\n</parameter>\n</function>" in prompt
    assert "<tool_response>\n8\n</tool_response>" in prompt
    assert "Hm." not in prompt
    assert prompt.index("Be brief.") < prompt.index("Eight.") < prompt.index("And twice that?")

    run = Runs(tmp_path).read("latest")
    assert (run.model, run.model_source) == ("coder", "models/coder")
    assert [turn.model for turn in run.turns] == ["scripted", "coder"]
    assert [turn.output for turn in run.turns] == ["Eight.", "Sixteen."]
    assert run.turns[0].notes[-1][1] == "The model was changed to coder."
    assert for_chat_api(run.messages) == said
    assert Runs(tmp_path).summaries()[0].model == "coder"


async def test_a_switch_is_resumed_whether_a_turn_came_after_it_or_not(tmp_path: Path) -> None:
    agent = Agent(scripted_model("One."), journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("First")
        conversation.switch_model(coder())
    for answer, asked in (("Two.", "Second"), ("Three.", "Third")):
        later = Agent(coder(answer), journal=tmp_path)
        async with later.conversation(resume="latest") as conversation:
            assert conversation.unfinished is None
            await conversation.run(asked)
            said = [message["content"] for message in conversation.messages]
    assert said == ["First", "One.", "Second", "Two.", "Third", "Three."]


async def test_a_switch_before_the_first_message_and_back_again() -> None:
    first, second = scripted_model("Two."), coder("One.")
    async with Agent(first, instructions="Be brief.").conversation() as conversation:
        conversation.switch_model(second)
        await conversation.run("First")
        conversation.switch_model(first)
        await conversation.run("Second")
        assert conversation.undo() == "Second"
        assert [each["content"] for each in conversation.messages] == ["Be brief.", "First", "One."]
    assert "One." in prompts(first)[0]


async def test_a_call_that_was_stopped_is_answered_before_another_model_is_told_of_it(
    tmp_path: Path,
) -> None:
    """The whole turn was cut off while the model wrote behind its call."""
    first = scripted_model(call("double", number=4) + "and so on...")
    second = scripted_model("Well.")
    agent = Agent(first, tools=[double], journal=tmp_path)
    async with agent.conversation() as conversation:
        async with conversation.stream("Twice four?") as events:
            async for event in events:
                if event.type == "content_text":
                    break
        conversation.switch_model(second)
        assert conversation.messages[-1]["role"] == "tool"
        assert "stopped before it answered" in str(conversation.messages[-1]["content"])
    later = Agent(second, tools=[double], journal=tmp_path)
    async with later.conversation(resume="latest") as conversation:
        assert conversation.unfinished == "Twice four?"
        assert (await conversation.resume()).output == "Well."
        assert [each["role"] for each in conversation.messages] == ["user", "assistant"]


async def test_from_a_model_here_to_a_chat_server_and_back() -> None:
    broken = "<tool_call>\n{no}\n</tool_call>\n"
    here = scripted_model(broken + call("double", number=4), "Eight.", "Thirty-two.")
    server_says = [
        says(call_piece(0, id="x", name="double", arguments='{"number": 8}')),
        says({"content": "Sixteen."}),
    ]
    with ChatServer(*server_says) as server:
        there = await anyio.to_thread.run_sync(connect, server.url)
        async with Agent(here, tools=[double]).conversation() as conversation:
            await conversation.run("Twice four?")
            conversation.switch_model(there)
            await conversation.run("And twice that?")
            conversation.switch_model(here)
            result = await conversation.run("Once more?")
        sent = server.requests[-1]["messages"]
        await there.aclose()
    assert result.output == "Thirty-two."
    answered = [each["tool_call_id"] for each in sent if each["role"] == "tool"]
    made = [c["id"] for each in sent for c in each.get("tool_calls", ())]
    assert answered == made
    assert "<tool_response>\nError: " in sent[2]["content"]
    prompt = prompts(here)[-1]
    assert '{"name": "double", "arguments": {"number": 8}}' in prompt
    assert "<tool_response>\n16\n</tool_response>" in prompt


async def test_thinking_follows_the_new_model_where_nobody_has_said_how() -> None:
    plans: list[Plan] = []

    async def note(so_far: Any, plan: Plan) -> None:
        plans.append(plan)

    agent = Agent(scripted_model("<think>\nHm.\n</think>\n\nOne."), hooks=Hooks(before_step=note))
    async with agent.conversation() as conversation:
        await conversation.run("First")
        conversation.switch_model(coder("Two."))
        await conversation.run("Second")
    assert [plan.on for plan in plans] == [True, False]


async def test_agents_among_the_tools_work_with_the_new_model() -> None:
    helper = Agent(instructions="You help.").as_tool("helper", "Helps.")
    first = scripted_model("One.")
    second = scripted_model(call("helper", task="Help me"), "Helped.", "So it is.")
    async with Agent(first, tools=[helper]).conversation() as conversation:
        await conversation.run("First")
        conversation.switch_model(second)
        assert (await conversation.run("Second")).output == "So it is."
    assert "You help." in prompts(second)[1]


async def test_what_was_made_shorter_by_hand_is_shorter_after_a_resume(tmp_path: Path) -> None:
    long = "A long story. " * 40
    agent = Agent(scripted_model(long, "Two.", "They told stories."), journal=tmp_path)
    async with agent.conversation() as conversation:
        await conversation.run("First")
        await conversation.run("Second")
        saved = await conversation.compact()
        said = list(conversation.messages)
        left = conversation.context_left
    assert saved > 100
    run = Runs(tmp_path).read("latest")
    assert for_chat_api(run.messages) == said
    assert run.turns[1].notes[-1][1].startswith("Compacted from ")
    assert [turn.output for turn in run.turns] == [long.strip(), "Two."]
    assert all(any(segment.sampled for segment in turn.segments) for turn in run.turns)

    later = Agent(scripted_model("Three."), journal=tmp_path)
    async with later.conversation(resume="latest") as conversation:
        assert (list(conversation.messages), conversation.context_left) == (said, left)
        await conversation.run("Third")
    assert "They told stories." in prompts(cast("LocalModel", later.model))[0]


async def test_a_turn_that_broke_off_is_not_made_shorter_under_its_own_feet(
    tmp_path: Path,
) -> None:
    agent = Agent(scripted_model("One and so on..."), journal=tmp_path)
    async with agent.conversation() as conversation, conversation.stream("First") as events:
        async for event in events:
            if event.type == "content_text":
                break
    later = Agent(scripted_model(), journal=tmp_path)
    async with later.conversation(resume="latest") as conversation:
        with pytest.raises(RuntimeError, match="unfinished"):
            await conversation.compact()


@pytest.mark.model
async def test_a_model_that_leaves_no_room_goes_first_and_comes_back_when_the_other_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TransformersEngine, "fills_memory", True, raising=False)
    twin, broken = tmp_path / "twin", tmp_path / "broken"
    for folder in (twin, broken):
        shutil.copytree(DEMO_FOLDER, folder)
    (broken / "model.safetensors").write_bytes(b"no weights")
    agent = Agent("qwen3-tiny", thinking="off", journal=tmp_path / "runs")
    async with agent.conversation() as conversation:
        other = OtherModel(agent.spec, conversation)
        first = conversation.model
        with pytest.raises(EngineError):
            await other.take(str(broken))
        assert conversation.model is not first
        assert conversation.model.name == "qwen3-tiny"
        assert (await conversation.run("Hello!")).output
        await other.take(str(twin))
        assert (await conversation.run("Hello!")).model == "twin"
        await other.aclose()
    assert Runs(tmp_path / "runs").read("latest").model_source == str(twin)


async def test_a_model_that_is_not_there_leaves_the_conversation_as_it_was() -> None:
    agent = Agent(scripted_model("One."))
    async with agent.conversation() as conversation:
        other = OtherModel(agent.spec, conversation)
        with pytest.raises(ModelNotFoundError):
            await other.take("no-such-model")
        assert (await conversation.run("First")).model == "scripted"


async def test_with_a_server_the_name_is_one_that_it_serves() -> None:
    served = [{"id": "scripted", "object": "model", "owned_by": "vllm"}]
    answers = says({"content": "One."}), says({"content": "Two."})
    with ChatServer(*answers, models=served) as server:
        async with Agent(base_url=server.url).conversation() as conversation:
            await conversation.run("First")
            other = OtherModel(Agent(base_url=server.url).spec, conversation)
            with pytest.raises(ModelNotFoundError, match=conversation.model.name):
                await other.take("no-such-model")
            await other.take(conversation.model.name)
            assert (await conversation.run("Second")).output == "Two."
            await other.aclose()
        sent = server.requests[-1]["messages"]
    assert [message["content"] for message in sent] == ["First", "One.", "Second"]


async def test_a_model_that_cannot_do_what_the_agent_wants_is_not_taken() -> None:
    agent = Agent(scripted_model("One.", "Two."), logprobs=True)
    with ChatServer() as server:
        there = await anyio.to_thread.run_sync(connect, server.url)
        async with agent.conversation() as conversation:
            await conversation.run("First")
            with pytest.raises(EngineError, match="leave logprobs out"):
                conversation.switch_model(there)
            assert (await conversation.run("Second")).output == "Two."
        await there.aclose()
