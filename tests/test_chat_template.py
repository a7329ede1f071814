"""The bundled template against Qwen3's own."""

from __future__ import annotations

from typing import Any

import pytest
from conversations import conversations, plain_text, tag_soup, tools
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import template_source

from qwen3_agent.errors import ChatFormatError
from qwen3_agent.formats.template import ChatTemplate

Messages = list[dict[str, Any]]

text = plain_text | tag_soup
thinking_modes = st.sampled_from([None, True, False])


@pytest.fixture(scope="module")
def own() -> ChatTemplate:
    return ChatTemplate(template_source("bundled"))


@pytest.fixture(scope="module")
def original() -> ChatTemplate:
    return ChatTemplate(template_source("qwen3"))


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(conversations(text), tools(text), thinking_modes, st.booleans())
def test_conversations_render_to_the_same_bytes(
    own: ChatTemplate,
    original: ChatTemplate,
    messages: Messages,
    tools: Messages,
    thinking: bool | None,
    generation_prompt: bool,
) -> None:
    options: Any = {"thinking": thinking, "generation_prompt": generation_prompt}
    assert own.render(messages, tools, **options) == original.render(messages, tools, **options)


odd_call = st.sampled_from(
    [
        {"name": "bare", "arguments": {"a": 1}},
        {"function": {"name": "text", "arguments": '{"a": 1}'}},
        {"function": {"name": "no text", "arguments": ""}},
        {"function": {"name": "none", "arguments": None}},
    ]
)
odd_message = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "other"]),
        "content": text | st.none() | st.just([{"type": "text", "text": "x"}]),
    },
    optional={
        "reasoning_content": text | st.none(),
        "tool_calls": st.none() | st.lists(odd_call, max_size=3),
    },
)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(st.lists(odd_message, max_size=8), thinking_modes)
def test_messages_in_any_order_render_to_the_same_bytes_or_to_the_same_refusal(
    own: ChatTemplate, original: ChatTemplate, messages: Messages, thinking: bool | None
) -> None:
    def render(template: ChatTemplate) -> str | None:
        try:
            return template.render(messages, thinking=thinking, generation_prompt=True)
        except ChatFormatError:
            return None

    assert render(own) == render(original)
