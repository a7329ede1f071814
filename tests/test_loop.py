"""The loop, with an engine that says what each test wrote, through the real chat format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import anyio
import pytest
from scripted import ScriptedAgent, call, double

from qwen3_agent import Limits, ToolError, events, tool
from qwen3_agent.errors import LimitExceededError, NoAnswerError, PromptTooLongError
from qwen3_tools.tool import LONGEST_RESULT

pytestmark = pytest.mark.anyio


@tool
async def fails(reason: str) -> str:
    """Never works."""
    raise ToolError(reason)


def agent_that_says(
    *script: str, tools: Sequence[Any] = (double, fails), **options: Any
) -> ScriptedAgent:
    return ScriptedAgent(*script, tools=tools, **options)


async def test_an_answer_without_tools() -> None:
    agent = agent_that_says("<think>\nEasy.\n</think>\n\nHello!")
    result = await agent.run("Hi")
    assert result.output == "Hello!"
    [report] = result.steps
    assert (report.index, report.thinking, report.tool_calls) == (0, "on", ())
    assert report.usage.input_tokens == len(agent.engine.prompts[0])


async def test_a_tool_result_comes_back_to_the_model() -> None:
    agent = agent_that_says(call("double", number=21), "It is 42.")
    result = await agent.run("Twice 21?")
    assert result.output == "It is 42."
    second = agent.prompts_text[1]
    assert "<|im_start|>user\n<tool_response>\n42\n</tool_response><|im_end|>" in second


async def test_each_prompt_begins_with_the_last_prompt_and_what_was_sampled() -> None:
    agent = agent_that_says(
        "<think>\nFirst.\n</think>\n\n" + call("double", number=1),
        "Now two at once.\n" + call("double", number=2) + "\n" + call("fails", reason="no"),
        "<tool_call>\nnot json\n</tool_call>",
        "<think>\nOnly a thought.\n</think>\n\n",
        "Done.",
    )
    result = await agent.run("Go on")
    prompts = agent.engine.prompts
    sampled = [s.ids for s in result.transcript.segments if s.kind == "sampled"]
    assert len(prompts) == len(sampled) == 5
    for before, said, after in zip(prompts, sampled, prompts[1:], strict=False):
        assert after[: len(before) + len(said)] == [*before, *said]
    assert result.transcript.ids == [*prompts[-1], *sampled[-1]]


async def test_the_mask_tells_what_the_model_wrote() -> None:
    agent = agent_that_says(call("double", number=21), "It is 42.")
    transcript = (await agent.run("Twice 21?")).transcript
    written = [t for t, mine in zip(transcript.ids, transcript.mask, strict=True) if mine]
    assert agent.text_of(written) == call("double", number=21) + "<|im_end|>It is 42.<|im_end|>"
    record = json.loads(json.dumps(transcript.to_record()))
    assert record["input_ids"] == transcript.ids
    assert record["mask"] == [int(mine) for mine in transcript.mask]
    said = [segment["parts"] for segment in record["segments"] if segment["kind"] == "sampled"]
    assert said[0][0]["type"] == "tool_call"
    assert said[0][0]["arguments"] == {"number": 21}
    assert said[1] == [{"type": "content", "text": "It is 42.", "raw": "It is 42."}]


async def test_calls_of_one_step_run_at_once_and_are_answered_in_their_order() -> None:
    order: list[str] = []
    other_has_begun = anyio.Event()

    @tool
    async def slow() -> str:
        """Waits for the other."""
        await other_has_begun.wait()
        order.append("slow")
        return "from slow"

    @tool
    async def quick() -> str:
        """Lets the other go on."""
        order.append("quick")
        other_has_begun.set()
        return "from quick"

    agent = agent_that_says(call("slow") + "\n" + call("quick"), "Done.", tools=[slow, quick])
    with anyio.fail_after(5):
        await agent.run("Both")
    assert order == ["quick", "slow"]
    second = agent.prompts_text[1]
    assert second.index("from slow") < second.index("from quick")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (call("fails", reason="It rains."), "Error: It rains."),
        (call("unknown"), 'Error: There is no tool named "unknown". The tools are: double, fails.'),
        (call("double", number="x"), "Error: Invalid arguments for double"),
        ("<tool_call>\n{broken}\n</tool_call>", "Error: "),
    ],
)
async def test_what_goes_wrong_with_a_call_is_told_to_the_model(said: str, shown: str) -> None:
    agent = agent_that_says(said, "I see.")
    seen = [event async for event in agent.stream("Try")]
    assert shown in agent.prompts_text[1]
    [finished] = [event for event in seen if isinstance(event, events.ToolCallFinished)]
    assert finished.is_error


async def test_a_malformed_call_does_not_disturb_the_call_beside_it() -> None:
    agent = agent_that_says("<tool_call>\n{\n</tool_call>\n" + call("double", number=4), "Done.")
    await agent.run("Both")
    second = agent.prompts_text[1]
    assert second.count("<tool_response>") == 2
    assert "<tool_response>\n8\n</tool_response>" in second


async def test_a_call_that_is_cut_off_never_runs() -> None:
    ran = []

    @tool
    async def launch() -> None:
        """Must not run."""
        ran.append(True)

    said = call("launch").removesuffix("\n</tool_call>")
    agent = agent_that_says(
        said + "...", tools=[launch], limits=Limits(tokens=500, at_limit="fail")
    )
    with pytest.raises(LimitExceededError):
        await agent.run("Go")
    assert not ran


async def test_the_limit_on_steps() -> None:
    limits = Limits(steps=2, at_limit="fail")
    agent = agent_that_says(*[call("double", number=n) for n in range(3)], limits=limits)
    with pytest.raises(LimitExceededError, match=r"reached its limit of 2 steps\.") as caught:
        await agent.run("Go on")
    assert caught.value.limit == "steps"
    assert len(caught.value.result.steps) == 2


async def test_the_limit_on_tokens_counts_all_steps_and_holds_to_the_token() -> None:
    first = call("double", number=1)
    agent = agent_that_says(first, "one two three...", limits=Limits(tokens=45, at_limit="fail"))
    with pytest.raises(LimitExceededError) as caught:
        await agent.run("Go on")
    assert caught.value.limit == "tokens"
    result = caught.value.result
    assert result.usage.output_tokens == 45
    assert sum(result.transcript.mask) == 45
    assert result.output.startswith("one two three")


async def test_the_limit_on_seconds_keeps_what_was_said() -> None:
    @tool
    async def sleep() -> None:
        """Takes its time."""
        await anyio.sleep(60)

    agent = agent_that_says(
        "Wait a moment.\n" + call("sleep"),
        tools=[sleep],
        limits=Limits(seconds=1, at_limit="fail"),
    )
    with pytest.raises(LimitExceededError, match=r"1 second while it waited for sleep") as caught:
        await agent.run("Sleep")
    assert caught.value.limit == "seconds"
    assert caught.value.result.output == "Wait a moment."


async def test_a_full_context_in_the_middle_of_a_step() -> None:
    agent = agent_that_says("word word...", limits=Limits(at_limit="fail"))
    with pytest.raises(LimitExceededError) as caught:
        await agent.run("Talk")
    assert caught.value.limit == "context"
    assert len(caught.value.result.transcript) == agent.engine.context_length


async def test_a_prompt_that_does_not_fit_says_by_how_much() -> None:
    agent = agent_that_says("Never asked.")
    with pytest.raises(PromptTooLongError, match=r"shorten it by at least \d+\.") as caught:
        await agent.run("word " * 5000)
    assert caught.value.context_length == 4096
    assert not agent.engine.prompts


@pytest.mark.parametrize("silence", ["<think>\nHm.\n</think>\n\n", "<think>\nHm.", "", " \n"])
async def test_a_step_that_says_nothing_is_asked_again_without_thinking(silence: str) -> None:
    agent = agent_that_says(silence, "There.")
    result = await agent.run("Well?")
    assert result.output == "There."
    assert [step.thinking for step in result.steps] == ["on", "off"]
    assert agent.prompts_text[1].endswith(
        "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


async def test_silence_twice_is_no_answer() -> None:
    agent = agent_that_says("<think>\nHm.\n</think>\n\n", "")
    with pytest.raises(NoAnswerError):
        await agent.run("Well?")


async def test_a_long_tool_result_is_cut_in_the_middle() -> None:
    @tool
    async def read() -> str:
        """A long page."""
        return "start " + "x" * 50_000 + " end"

    agent = agent_that_says(call("read"), "Long.", context_length=100_000, tools=[read])
    result = await agent.run("Read")
    [segment] = [s for s in result.transcript.segments if s.kind == "tool_results"]
    shown = agent.text_of(segment.ids)
    assert "start x" in shown
    assert "x end" in shown
    assert "50,010 characters" in shown
    assert len(shown) < LONGEST_RESULT + 300


async def test_sampling_follows_the_thinking_mode_unless_it_is_given() -> None:
    for thinking, temperature in (("on", 0.6), ("off", 0.7)):
        agent = agent_that_says("Hello.", thinking=thinking)
        await agent.run("Hi")
        assert agent.engine.samplings[0].temperature == temperature


async def test_events_come_in_their_order() -> None:
    agent = agent_that_says(
        "<think>\nHm.\n</think>\n\n" + call("double", number=2), "<think>\n\n</think>\n\nFour."
    )
    seen = [event async for event in agent.stream("Twice two?")]
    kinds = [event.type for event in seen if not isinstance(event, events.ReasoningText)]
    assert kinds[:3] == ["run_started", "step_started", "message_finished"]
    assert kinds[3:7] == [
        "tool_call_started",
        "tool_call_finished",
        "step_finished",
        "step_started",
    ]
    assert set(kinds[7:-3]) == {"content_text"}
    assert kinds[-3:] == ["message_finished", "step_finished", "run_finished"]
    thought = "".join(e.text for e in seen if isinstance(e, events.ReasoningText))
    assert thought.strip() == "Hm."
    assert "".join(e.text for e in seen if isinstance(e, events.ContentText)) == "Four."
    for event in seen:
        assert json.loads(json.dumps(event.to_json()))["type"] == event.type


async def test_a_run_goes_the_same_way_in_chunks_of_any_size() -> None:
    said = "<think>\nHm.\n</think>\n\nÜber 東京.\n" + call("double", number=2)
    outcomes = set()
    for chunk_size in (1, 2, 3, 7, 1000):
        agent = agent_that_says(said, "Gut. 好", chunk_size=chunk_size, tools=[double])
        result = await agent.run("Los")
        outcomes.add((tuple(result.transcript.ids), result.output, result.usage.thinking_tokens))
    assert len(outcomes) == 1
