"""Messages become dictionaries and come back, in the forms of templates and of chat servers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from chat_server import ChatServer, says
from conversations import json_values, plain_text
from hypothesis import given
from hypothesis import strategies as st
from scripted import call, scripted_model

from qwen3_agent import Agent, tool
from qwen3_agent.errors import EngineError
from qwen3_agent.journal.ledger import message_from_json, messages_to_json
from qwen3_agent.messages import (
    UNANSWERED,
    AssistantMessage,
    Content,
    ImagePart,
    MalformedCall,
    Message,
    Part,
    Reasoning,
    SystemMessage,
    ToolCall,
    ToolResultMessage,
    UserMessage,
    unanswered,
)
from qwen3_agent.messages.encoding import call_ids, for_chat_api, for_template
from qwen3_agent.messages.reading import read_messages
from qwen3_agent.models.chat_api.connect import connect

words = plain_text.filter(lambda text: not text.startswith(("<think>", "Error: ")))
calls = st.builds(ToolCall, words, st.dictionaries(words, json_values, max_size=3))
malformed = st.builds(MalformedCall, st.just("<tool_call>\n{no}\n</tool_call>"), words)


def parts(calls: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Part, ...]]:
    """A thought or none, words or none, and then the calls."""
    return st.builds(
        lambda thought, said, made: (*thought, *said, *made),
        st.lists(st.builds(Reasoning, words.filter(bool)), max_size=1),
        st.lists(st.builds(Content, words.filter(bool)), max_size=1),
        st.lists(calls, max_size=3),
    )


def conversations(
    calls: st.SearchStrategy[Any], *, images: bool = False
) -> st.SearchStrategy[list[Message]]:
    """Turns with steps whose calls are all answered."""
    results = st.builds(lambda text, failed: (text, failed), words, st.booleans())
    steps = st.builds(
        lambda said, results: [
            AssistantMessage(said),
            *(
                ToolResultMessage(place, *results[place % 3])
                for place in range(len(AssistantMessage(said).calls))
            ),
        ],
        parts(calls),
        st.lists(results, min_size=3, max_size=3),
    )
    seen = st.builds(ImagePart, words.filter(bool), st.none() | st.just("low"))
    users = st.builds(UserMessage, words, st.lists(seen, max_size=2 if images else 0).map(tuple))
    turns = st.builds(
        lambda user, steps: [user, *(each for step in steps for each in step)],
        users,
        st.lists(steps, max_size=3),
    )
    systems = st.lists(st.builds(SystemMessage, words), max_size=1)
    return st.builds(
        lambda system, turns: [*system, *(each for turn in turns for each in turn)],
        systems,
        st.lists(turns, min_size=1, max_size=3),
    )


def with_ids(messages: list[Message]) -> list[Message]:
    """The same messages with the ids that the chat protocol gives their calls."""
    return [
        replace(message, call_ids=call_ids(message, number))
        if isinstance(message, AssistantMessage)
        and any(isinstance(call, ToolCall) for call in message.calls)
        else message
        for number, message in enumerate(messages)
    ]


@given(conversations(calls))
def test_template_form__is_read_back(messages: list[Message]) -> None:
    assert read_messages(for_template(messages)) == messages


@given(conversations(calls, images=True))
def test_chat_form__is_read_back_with_the_ids_of_calls(messages: list[Message]) -> None:
    assert read_messages(for_chat_api(messages)) == with_ids(messages)


@given(conversations(calls))
def test_chat_form__keeps_the_field_of_a_thought(messages: list[Message]) -> None:
    for field in ("reasoning", None):
        asked = [
            replace(each, reasoning_field=field)
            if isinstance(each, AssistantMessage) and each.thought
            else each
            for each in messages
        ]
        assert read_messages(for_chat_api(asked)) == with_ids(asked)


@pytest.mark.parametrize("with_ids_of_calls", [False, True])
@given(messages=conversations(calls | malformed))
def test_journal_form__keeps_malformed_calls_in_their_places(
    with_ids_of_calls: bool, messages: list[Message]
) -> None:
    asked = with_ids(messages) if with_ids_of_calls else messages
    written = messages_to_json(asked, with_ids=with_ids_of_calls)
    read: list[Message] = []
    for each in written:
        read.append(message_from_json(each, read))
    assert read == asked


@given(conversations(calls | malformed))
def test_chat_form__answers_each_call_by_its_id(messages: list[Message]) -> None:
    told = for_chat_api(messages)
    made = [call["id"] for each in told for call in each.get("tool_calls", ())]
    assert [each["tool_call_id"] for each in told if each["role"] == "tool"] == made
    assert len(set(made)) == len(made)
    assert len(told) == len(messages)


def test_openais_own_form__is_read() -> None:
    call = {"id": "x", "type": "function", "function": {"name": "half", "arguments": '{"n": 4}'}}
    history: list[dict[str, Any]] = [
        {
            "role": "user",
            "content": [{"type": "text", "text": "Halve "}, {"type": "text", "text": "4."}],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "x", "content": "Error: no."},
    ]
    assert read_messages(history) == [
        UserMessage("Halve 4."),
        AssistantMessage((ToolCall("half", {"n": 4}),), ("x",)),
        ToolResultMessage(0, "no.", is_error=True),
    ]


def openai_calls(names: str) -> dict[str, Any]:
    calls = [
        {"id": name, "type": "function", "function": {"name": name, "arguments": "{}"}}
        for name in names
    ]
    return {"role": "assistant", "tool_calls": calls}


def openai_result(call_id: str, text: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": text}


@pytest.mark.parametrize("after", [[], [{"role": "user", "content": "Go on."}]])
@pytest.mark.parametrize(
    ("results", "read"),
    [
        ("ba", ["a", "b"]),
        ("b", [UNANSWERED, "b"]),
        ("a", ["a", UNANSWERED]),
        ("xb", ["x", "b"]),
        ("bx", ["x", "b"]),
    ],
)
def test_results_in_any_order__follow_the_order_of_their_calls(
    results: str, read: list[str], after: list[dict[str, Any]]
) -> None:
    history = [openai_calls("ab"), *(openai_result(each, each) for each in results), *after]
    _, first, second, *_ = messages = read_messages(history)
    assert isinstance(first, ToolResultMessage)
    assert isinstance(second, ToolResultMessage)
    assert [(m.call_index, m.text) for m in (first, second)] == [(0, read[0]), (1, read[1])]
    assert len(messages) == 3 + len(after)


def test_result_without_a_call__is_kept() -> None:
    history = [{"role": "user", "content": "Hi."}, openai_result("x", "lost?")]
    assert read_messages(history)[1] == ToolResultMessage(0, "lost?")


def test_arguments_that_are_not_an_object__are_a_malformed_call() -> None:
    call = {"id": "a", "function": {"name": "half", "arguments": "{no"}}
    (said,) = read_messages([{"role": "assistant", "content": "", "tool_calls": [call]}])
    assert isinstance(said, AssistantMessage)
    (made,) = said.calls
    assert isinstance(made, MalformedCall)
    assert "{no" in made.raw


def test_malformed_call_that_was_stopped__is_answered_too() -> None:
    said = AssistantMessage(
        (MalformedCall("<tool_call>{no}</tool_call>", "No."), ToolCall("a", {}))
    )
    results = unanswered([said])
    assert [each.text_for_model for each in results] == [f"Error: {UNANSWERED}"] * 2
    assert [each["role"] for each in for_chat_api([said, *results])] == [
        "assistant",
        "user",
        "tool",
    ]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SEEN = [{"role": "user", "content": [{"type": "text", "text": "Look."}, IMAGE]}]


@pytest.mark.anyio
async def test_image_in_a_history__is_sent_to_a_chat_server() -> None:
    with ChatServer(says({"content": "A cat."})) as server:
        model = connect(server.url, "scripted")
        async with Agent(model).conversation(history=SEEN) as conversation:
            await conversation.run("What is it?")
            assert list(conversation.messages[:1]) == SEEN
        await model.aclose()
    assert server.requests[0]["messages"][0] == SEEN[0]


@pytest.mark.anyio
async def test_image_in_a_history__is_refused_by_an_engine() -> None:
    with pytest.raises(EngineError, match="holds an image"):
        async with Agent(scripted_model("No.")).conversation(history=SEEN):
            pass


@tool
def half(number: int) -> float:
    """Half of a number."""
    return number / 2


@pytest.mark.anyio
async def test_messages_of_a_conversation__are_the_history_of_another_on_every_route() -> None:
    here = scripted_model(call("half", number=4), "Two.")
    async with Agent(here, tools=[half]).conversation() as conversation:
        await conversation.run("Half of four?")
        history = list(conversation.messages)
    with ChatServer(says({"content": "One."})) as server:
        there = connect(server.url, "scripted")
        async with Agent(there).conversation(history=history) as conversation:
            await conversation.run("And of that?")
            history = list(conversation.messages)
        await there.aclose()
    assert server.requests[0]["messages"] == history[:-1]
    again = scripted_model("A half.")
    async with Agent(again, tools=[half]).conversation(history=history) as conversation:
        await conversation.run("And of that?")
        assert list(conversation.messages)[: len(history)] == history
    engine: Any = again.engine
    prompt = again.chat_format.decode(engine.prompts[0])
    assert call("half", number=4) in prompt
    assert "<tool_response>\n2.0\n</tool_response>" in prompt


@pytest.mark.parametrize("keep_thoughts", [False, True])
@pytest.mark.anyio
async def test_history_that_ends_with_a_call__the_call_is_answered_as_stopped(
    keep_thoughts: bool,
) -> None:
    stopped: list[dict[str, Any]] = [
        {"role": "user", "content": "Half of four?"},
        {"role": "assistant", "tool_calls": [{"name": "half", "arguments": {"number": 4}}]},
    ]
    model = scripted_model("Go on.")
    agent = Agent(model, tools=[half], keep_thoughts=keep_thoughts)
    result = await agent.run("Well?", history=stopped)
    assert [each["role"] for each in result.messages] == [
        *("user", "assistant", "tool", "user", "assistant")
    ]
    engine: Any = model.engine
    prompt = model.chat_format.decode(engine.prompts[0])
    assert prompt.index("Half of four?") < prompt.index("<tool_response>\nError: ")
    assert prompt.count("Well?") == 1
