"""Context that fits: a conversation is made shorter before the context is full, and says so."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from chat_server import ChatServer, says
from scripted import bundled, call, events_of, result_of, scripted_model

from qwen3_agent import Agent, RunResult, events, tool
from qwen3_agent.engines.request import GenerationRequest
from qwen3_agent.errors import PromptTooLongError
from qwen3_agent.models.chat_api.connect import connect
from qwen3_agent.models.chat_api.model import ChatApiModel
from qwen3_agent.models.choose import DEMO_FOLDER
from qwen3_agent.models.local import LocalModel

pytestmark = pytest.mark.anyio


@tool
async def page(number: int) -> str:
    """A page of a book."""
    return f"Page {number} begins. " + "word " * 600 + f"Page {number} ends."


def pages(*numbers: int) -> list[str]:
    return [call("page", number=number) for number in numbers]


async def run(agent: Agent, task: str) -> tuple[RunResult, list[events.ContextCompacted]]:
    seen = await events_of(agent, task)
    return result_of(seen), [each for each in seen if isinstance(each, events.ContextCompacted)]


async def test_old_tool_results_are_shortened_first() -> None:
    model = scripted_model(*pages(1, 2, 3, 4, 5, 6), "Read.")
    result, shortened = await run(Agent(model, tools=[page]), "Read six pages")
    assert result.output == "Read."
    assert shortened[0].what == "old_results"
    assert shortened[0].after < shortened[0].before <= 4096
    assert "old tool results shortened" in shortened[0].text
    assert all(each.what == "old_results" for each in shortened)
    last = model.prompts_text[-1]
    assert "Page 1 begins" in last
    assert "characters are left out here; the whole text is in page" in last
    assert last.count("word " * 500) < 6
    assert "Read six pages" in last
    assert "word " * 600 + "Page 6 ends." in last


async def test_what_was_cut_can_be_read_again() -> None:
    model = scripted_model(*pages(1, 2, 3, 4, 5), "Read.", "Again.")
    async with Agent(model, tools=[page]).conversation() as conversation:
        await conversation.run("Read five pages")
        texts = [path.read_text() for path in sorted(conversation.folder.glob("page*.txt"))]
    assert any(text.startswith("Page 1 begins. word") for text in texts)
    assert all(text.endswith(" ends.") and len(text) > 3000 for text in texts)


async def test_nothing_is_lost_for_training() -> None:
    model = scripted_model(*pages(1, 2, 3, 4, 5, 6), "Read.")
    result, _ = await run(Agent(model, tools=[page]), "Read six pages")
    assert result.earlier_transcripts
    ledgers = [*result.earlier_transcripts, result.transcript]
    said = "".join(
        model.chat_format.decode(segment.ids)
        for ledger in ledgers
        for segment in ledger.segments
        if segment.sampled
    )
    assert said == "<|im_end|>".join([*pages(1, 2, 3, 4, 5, 6), "Read.", ""])
    for ledger in ledgers:
        record = ledger.to_record()
        assert len(record["input_ids"]) == len(record["mask"]) <= 4096
        assert 1 in record["mask"]


async def test_within_a_transcript_each_prompt_still_begins_with_the_one_before() -> None:
    model = scripted_model(*pages(1, 2, 3, 4, 5, 6), "Read.")
    result, _ = await run(Agent(model, tools=[page]), "Read six pages")
    prompts = model.engine.prompts
    breaks = sum(after[: len(before)] != before for before, after in pairwise(prompts))
    assert breaks == len(result.earlier_transcripts)


async def test_earlier_turns_are_summed_up_by_the_model() -> None:
    told = "Remember this: " + "word " * 700
    model = scripted_model("Yes.", "Yes.", "Yes.", "Facts: all is blue.", "It is blue.")
    async with Agent(model).conversation() as conversation:
        for number in range(3):
            await conversation.run(f"{told} {number}")
        seen = [event async for event in conversation.stream("What colour? " + "please " * 1000)]
        messages = conversation.messages
    [shortened] = [event for event in seen if isinstance(event, events.ContextCompacted)]
    assert (shortened.what, shortened.summary) == ("earlier_turns", "Facts: all is blue.")
    wanted, *last = model.prompts_text[-2:]
    assert "<conversation>\nUser: Remember this: word" in wanted
    assert "Facts: all is blue." in last[0]
    assert told not in last[0]
    assert "What colour? " + "please " * 1000 in last[0]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert result_of(seen).output == "It is blue."


async def test_earlier_steps_of_a_long_turn_are_summed_up_too() -> None:
    @tool
    async def note(text: str) -> str:
        """Note something."""
        return "noted"

    notes = [call("note", text=f"{number} " + "word " * 250) for number in range(14)]
    script = [*notes[:11], "I noted 0 to 10.", *notes[11:], "All noted."]
    model = scripted_model(*script)
    result, shortened = await run(Agent(model, tools=[note]), "Note it all")
    assert result.output == "All noted."
    assert [(each.what, each.summary) for each in shortened] == [
        ("earlier_steps", "I noted 0 to 10.")
    ]
    last = model.prompts_text[-1]
    assert last.count("Note it all") == 1
    assert "I noted 0 to 10.<|im_end|>\n<|im_start|>user\nGo on with the task" in last


async def test_a_new_result_that_cannot_fit_is_cut_to_what_can() -> None:
    @tool
    async def book() -> str:
        """A whole book."""
        return "The book begins. " + "word " * 3700 + " The book ends."

    model = scripted_model(call("book"), "Read.")
    result, shortened = await run(Agent(model, tools=[book]), "Read the book")
    assert result.output == "Read."
    assert [each.what for each in shortened] == ["new_results"]
    assert "The book ends." in model.prompts_text[-1]


async def test_a_prompt_that_cannot_fit_says_by_how_much_and_spoils_nothing() -> None:
    model = scripted_model("Hello.", "Still here.")
    async with Agent(model).conversation() as conversation:
        await conversation.run("Hi")
        with pytest.raises(PromptTooLongError, match=r"shorten it by at least \d+\.") as caught:
            await conversation.run("word " * 5000)
        result = await conversation.run("Are you there?")
        assert len(conversation.messages) == 4
    assert result.output == "Still here."
    assert caught.value.prompt_tokens is not None
    assert caught.value.context_length is not None
    over = caught.value.prompt_tokens - caught.value.context_length + 1
    bundled_tokenizer, _ = bundled()
    words = len(bundled_tokenizer.encode("word " * 5000).ids)
    assert 0 < over < words


async def test_a_conversation_can_be_compacted_on_demand() -> None:
    model = scripted_model(
        "Yes.", *pages(1), "One page.", "Said: yes.", "Read: page 1.", "Hello again."
    )
    async with Agent(model, tools=[page]).conversation() as conversation:
        await conversation.run("Are you there? " + "word " * 300)
        await conversation.run("Read a page")
        saved = await conversation.compact()
        assert saved > 0
        texts = [message["content"] for message in conversation.messages]
        await conversation.run("Hi again")
    assert "Said: yes." in texts
    assert texts[-1] == "One page."
    assert "Read a page" in texts


async def test_a_summary_that_says_nothing_is_replaced_by_the_beginnings() -> None:
    model = scripted_model("Yes.", "Yes.", "Yes.", "", "It is blue.")
    async with Agent(model).conversation() as conversation:
        for number in range(3):
            await conversation.run(f"Fact {number}: " + "word " * 700)
        await conversation.run("What colour? " + "please " * 1000)
        summary = conversation.messages[1]["content"]
    assert "User: Fact 0: word" in summary


async def test_keeping_thoughts_goes_on_after_a_compaction() -> None:
    long = "<think>\n" + "Hm. " * 300 + "\n</think>\n\nYes."
    model = scripted_model(long, long, long, "Summary.", "Yes.", "Yes.", "Yes.")
    async with Agent(model, keep_thoughts=True).conversation() as conversation:
        for number in range(6):
            result = await conversation.run(f"{number} " + "blue " * 150)
    assert result.output == "Yes."
    last = model.prompts_text[-1]
    assert last.count("<|im_start|>") == last.count("<|im_end|>") + 1
    assert "\n\n<|im_start|>" not in last


async def test_a_call_without_an_end_does_not_block_the_last_step() -> None:
    model = scripted_model("<tool_call>\n" + "word " * 50 + "...", "It got too long.", "I am lost.")
    result, shortened = await run(Agent(model, tools=[page]), "Read")
    assert (result.output, result.limit) == ("I am lost.", "context")
    assert [each.summary for each in shortened] == ["It got too long."]
    assert "The run reached its limit of 4096 tokens of context." in model.prompts_text[-1]


# With a chat server, whose tokens nobody sees --------------------------------------------------


async def test_a_chat_server_is_sent_less_when_its_counts_come_near_the_context() -> None:
    def answer(handler: Any) -> None:
        said = " ".join(message["content"] for message in handler.body["messages"])
        tokens = len(json.dumps(handler.body["messages"])) // 4
        assert tokens < 2048
        text = "Summary." if "<conversation>" in said else "Yes."
        usage = {"prompt_tokens": tokens, "completion_tokens": 2}
        says({"content": text}, usage=usage)(handler)

    with ChatServer(*[answer] * 60) as server:
        model = connect(server.url, "scripted")
        assert isinstance(model, ChatApiModel)
        model.context_length = 2048
        shortened = 0
        async with Agent(model, thinking="off").conversation() as conversation:
            for number in range(25):
                async for event in conversation.stream(f"Fact {number}: " + "blue " * 100):
                    shortened += isinstance(event, events.ContextCompacted)
        await model.aclose()
    assert shortened > 1


async def test_a_chat_server_that_says_the_prompt_is_too_long_gets_a_shorter_one() -> None:
    refusals = 0

    def answer(handler: Any) -> None:
        nonlocal refusals
        said = " ".join(message["content"] for message in handler.body["messages"])
        if "<conversation>" in said:
            says({"content": "Summary."})(handler)
        elif len(said) > 6000:
            refusals += 1
            message = (
                "This model's maximum context length is 1500 tokens. However, your request has "
                f"{len(said) // 4} input tokens."
            )
            handler.reply(400, {"error": {"message": message}})
        else:
            says({"content": "Yes."})(handler)

    with ChatServer(*[answer] * 60) as server:
        model = connect(server.url, "scripted")
        async with Agent(model, thinking="off").conversation() as conversation:
            for number in range(20):
                result = await conversation.run(f"Fact {number}: " + "blue " * 100)
        await model.aclose()
    assert result.output == "Yes."
    assert refusals == 1


# A real model ----------------------------------------------------------------------------------


@pytest.mark.model
async def test_no_turn_ever_exceeds_the_context_of_the_bundled_model() -> None:
    """`benchmarks/long_conversation.py` does 200 turns on the model's whole context."""

    @tool(read_only=True)
    async def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: name of the city.
        """
        return f"sunny, {len(city)} degrees"

    model = LocalModel.load(DEMO_FOLDER)
    engine: Any = model.engine
    engine.context_length = 768
    generate = engine.generate
    longest = 0

    def watched(request: GenerationRequest) -> Any:
        nonlocal longest
        longest = max(longest, len(request.prompt_ids) + request.max_tokens)
        return generate(request)

    engine.generate = watched
    kinds: list[str] = []
    agent = Agent(model, tools=[get_weather], thinking="off")
    async with agent.conversation() as conversation:
        for number in range(15):
            city = ("Paris", "Rome", "Vienna")[number % 3]
            async for event in conversation.stream(f"What is the weather in {city}?"):
                kinds.append(event.type)
    await model.aclose()
    assert kinds.count("run_finished") == 15
    assert kinds.count("context_compacted") >= 2
    assert longest <= 768
