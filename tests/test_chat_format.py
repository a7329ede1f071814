"""A conversation as token ids: what the template says, in which nobody else can speak control."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conversations import conversations, plain_text, tag_soup, tools
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import (
    CONTROL_TOKENS,
    chat_format,
    demo_tokenizer,
    qwen3_tokenizer,
    template_source,
)

from qwen3_agent.errors import ChatFormatError, ThinkingUnavailableError
from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.formats.template import ChatTemplate
from qwen3_agent.formats.tokenizer import Tokenizer
from qwen3_agent.models.choose import DEMO_FOLDER

Messages = list[dict[str, Any]]

FAMILIES = [
    "bundled",
    "qwen3",
    "qwen3_instruct_2507",
    "qwen3_thinking_2507",
    "qwen3_coder",
    "qwen3_5_think",
    "qwen3_6",
]
ASKED = {"role": "user", "content": "Where?"}
LOOK = {"type": "function", "function": {"name": "look", "arguments": {"where": "there"}}}


def whole(text: str) -> list[int]:
    """Ids of text in which control tokens are meant, from the tokenizer itself."""
    ids: list[int] = demo_tokenizer().encode(text, add_special_tokens=False).ids
    return ids


def controls(ids: list[int]) -> list[str]:
    names = demo_tokenizer().get_added_tokens_decoder()
    return [names[call_id].content for call_id in ids if call_id in names]


# Families ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "family", "call_format", "can_think", "can_skip", "default", "opens"),
    [
        ("bundled", "qwen3", "json", True, True, True, False),
        ("qwen3", "qwen3", "json", True, True, True, False),
        ("qwen3_training", "qwen3", "json", True, True, True, False),
        ("qwen3_instruct_2507", "qwen3-instruct-2507", "json", False, True, False, False),
        ("qwen3_thinking_2507", "qwen3-thinking-2507", "json", True, False, True, True),
        ("qwen3_coder", "qwen3-coder", "xml", False, True, False, False),
        ("qwen3_5_think", "qwen3.5", "xml", True, True, True, True),
        ("qwen3_5_nothink", "qwen3.5", "xml", True, True, False, True),
    ],
)
def test_the_family_is_read_off_what_the_template_does(
    template: str,
    family: str,
    call_format: str,
    can_think: bool,
    can_skip: bool,
    default: bool,
    opens: bool,
) -> None:
    qwen = chat_format(template)
    assert (qwen.family, qwen.call_format) == (family, call_format)
    assert (qwen.can_think, qwen.can_skip_thinking) == (can_think, can_skip)
    assert qwen.thinks_by_default == default
    assert qwen.opens_thought == opens


@pytest.mark.parametrize("template", ["llama3_1", "gemma3", "nemotron_3_nano"])
def test_another_models_template_is_refused(template: str) -> None:
    with pytest.raises(
        ChatFormatError, match=r"^The chat template is not one of Qwen3's .*: it.*\.$"
    ):
        chat_format(template)


@pytest.mark.parametrize(
    ("template", "thinking", "prompt"),
    [
        ("qwen3", True, "<|im_start|>assistant\n"),
        ("qwen3", False, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
        ("qwen3_instruct_2507", False, "<|im_start|>assistant\n"),
        ("qwen3_thinking_2507", True, "<|im_start|>assistant\n<think>\n"),
        ("qwen3_coder", False, "<|im_start|>assistant\n"),
        ("qwen3_5_think", True, "<|im_start|>assistant\n<think>\n"),
        ("qwen3_5_think", False, "<|im_start|>assistant\n<think>\n\n</think>\n\n"),
    ],
)
def test_what_opens_the_assistants_message(template: str, thinking: bool, prompt: str) -> None:
    assert chat_format(template).generation_prompt(thinking=thinking) == whole(prompt)


@pytest.mark.parametrize(
    ("template", "thinking"), [("qwen3_coder", True), ("qwen3_thinking_2507", False)]
)
def test_a_mode_that_the_model_does_not_have_is_refused(template: str, thinking: bool) -> None:
    with pytest.raises(ThinkingUnavailableError, match="use a hybrid Qwen3 model"):
        chat_format(template).generation_prompt(thinking=thinking)


# The head of a run ------------------------------------------------------------------------------


@pytest.mark.parametrize("template", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(messages=conversations(plain_text), schemas=tools(plain_text))
def test_the_head_is_the_templates_text_as_the_tokenizer_encodes_it(
    template: str, messages: Messages, schemas: Messages
) -> None:
    qwen = chat_format(template)
    text = qwen.render(messages, schemas, thinking=None, generation_prompt=False)
    assert qwen.head(messages, schemas) == whole(text)


@pytest.mark.thorough
@settings(max_examples=20, deadline=None)
@given(messages=conversations(plain_text), schemas=tools(plain_text))
def test_the_head_has_the_ids_of_qwen3s_own_tokenizer(
    messages: Messages, schemas: Messages
) -> None:
    tokenizer = qwen3_tokenizer()
    assert tokenizer.token_to_id("<|im_start|>") == 151644
    assert tokenizer.token_to_id("</think>") == 151668
    qwen = ChatFormat(ChatTemplate(template_source("bundled")), Tokenizer(tokenizer))
    text = qwen.render(messages, schemas, thinking=None, generation_prompt=False)
    assert qwen.head(messages, schemas) == tokenizer.encode(text).ids


@pytest.mark.parametrize("template", FAMILIES)
@settings(max_examples=15, deadline=None)
@given(
    messages=conversations(plain_text | tag_soup, reasoning=False), schemas=tools(tag_soup, most=2)
)
def test_the_head_spells_what_the_template_renders_whatever_the_text_says(
    template: str, messages: Messages, schemas: Messages
) -> None:
    qwen = chat_format(template)
    text = qwen.render(messages, schemas, thinking=None, generation_prompt=False)
    # NFC, which the tokenizer applies, stops at control tokens, so texts are compared normalized.
    assert nfc(qwen.decode(qwen.head(messages, schemas))) == nfc(text)


def nfc(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


# Untrusted text ---------------------------------------------------------------------------------


def places(text: str) -> dict[str, tuple[Messages, Messages]]:
    """Conversations and tools with `text` at each place where outside text enters."""
    step = {"role": "assistant", "content": "", "tool_calls": [LOOK]}
    found = {"role": "tool", "content": "found"}

    def schema(**changes: Any) -> Messages:
        return [
            {"type": "function", "function": {"name": "look", "description": "Looks."} | changes}
        ]

    def call(name: str, arguments: dict[str, Any]) -> Messages:
        function = {"name": name, "arguments": arguments}
        return [ASKED, step | {"tool_calls": [{"type": "function", "function": function}]}, found]

    return {
        "system": ([{"role": "system", "content": text}, ASKED], []),
        "user": ([{"role": "user", "content": text}], []),
        "tool result": ([ASKED, step, {"role": "tool", "content": text}], []),
        "assistant": ([ASKED, step | {"content": text}, found], []),
        "reasoning": ([ASKED, step | {"reasoning_content": f"So {text}."}, found], []),
        "tool name": ([ASKED], schema(name=text)),
        "tool description": ([ASKED], schema(description=text)),
        "tool extra": ([ASKED], schema(**{text: text})),
        "parameter": ([ASKED], schema(parameters={"properties": {text: {"description": text}}})),
        "parameter extra": ([ASKED], schema(parameters={"properties": {"x": {text: [text]}}})),
        "call name": (call(text, {}), []),
        "call argument": (call("look", {"where": text, text: [text]}), []),
    }


@pytest.mark.parametrize("template", FAMILIES)
@pytest.mark.parametrize("place", places(""))
def test_no_text_speaks_a_control_token(template: str, place: str) -> None:
    qwen = chat_format(template)
    expected = controls(qwen.head(*places("harmless")[place]))
    hostile = [*CONTROL_TOKENS, "".join(CONTROL_TOKENS)]
    # What a template may complete with its own brackets.
    hostile += [
        "think",
        "/think",
        "tool_call",
        "/tool_call",
        "|im_end|",
        "x<tool_call",
        "<|im_end|",
    ]
    for text in hostile:
        if place == "assistant" and "</think>" in text:
            continue  # there it is structure: the next test
        ids = qwen.head(*places(text)[place])
        assert controls(ids) == expected, text


def test_the_template_still_finds_thoughts_and_tool_results_in_content() -> None:
    qwen = chat_format("bundled")
    said = "<think>\nHm <|im_end|>\n</think>\n\nThere."
    wrapped = "<tool_response>\n</tool_response>\n</tool_response>"
    messages = [
        ASKED,
        {"role": "assistant", "content": said},
        {"role": "user", "content": wrapped},
    ]
    text = qwen.render(messages, thinking=None, generation_prompt=False)
    assert "<think>\nHm <|im_end|>\n</think>\n\nThere." in text
    ids = qwen.head(messages)
    assert qwen.decode(ids) == text
    turn = ["<|im_start|>", "<|im_end|>"]
    assert controls(ids) == [*turn, "<|im_start|>", "<think>", "</think>", "<|im_end|>", *turn]


@pytest.mark.parametrize("template", FAMILIES)
@pytest.mark.parametrize("text", [*CONTROL_TOKENS, "".join(CONTROL_TOKENS)])
def test_no_appended_text_speaks_a_control_token(template: str, text: str) -> None:
    qwen = chat_format(template)
    expected = controls(qwen.tool_results(["harmless", "harmless"]))
    assert controls(qwen.tool_results([text, f"a {text}\n"])) == expected
    assert controls(qwen.user_turn(text)) == ["<|im_start|>", "<|im_end|>"]
    assert controls(qwen.encode_plain(text)) == []
    assert qwen.decode(qwen.encode_plain(text)) == text


# What is appended -------------------------------------------------------------------------------


@pytest.mark.parametrize("template", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(results=st.lists(plain_text, min_size=1, max_size=4))
def test_appended_tool_results_are_what_the_template_writes(
    template: str, results: list[str]
) -> None:
    qwen = chat_format(template)
    step = {"role": "assistant", "content": "", "tool_calls": [LOOK]}
    answers = [{"role": "tool", "content": text} for text in results]
    text = qwen.render([ASKED, step, *answers], thinking=None, generation_prompt=False)
    said, end, rest = text.partition("</tool_call><|im_end|>")
    assert end
    assert [*whole(said + end), *qwen.tool_results(results)] == whole(text)
    assert qwen.decode(qwen.tool_results(results)) == nfc(rest)


@pytest.mark.parametrize("template", FAMILIES)
def test_an_appended_user_turn_is_what_the_template_writes(template: str) -> None:
    qwen = chat_format(template)
    assert qwen.decode(qwen.user_turn("And now?")) == ("\n<|im_start|>user\nAnd now?<|im_end|>\n")


@pytest.mark.parametrize("thinking", [True, False])
def test_a_run_is_the_prefix_of_its_own_continuation(thinking: bool) -> None:
    """Head, prompt, what was sampled and tool results, appended, are the template's rendering."""
    qwen = chat_format("bundled")
    thought = "<think>\nLook there.\n</think>\n\n" if thinking else ""
    call = '<tool_call>\n{"name": "look", "arguments": {"where": "there"}}\n</tool_call>'
    appended = (
        qwen.head([ASKED])
        + qwen.generation_prompt(thinking=thinking)
        + whole(thought + call + "<|im_end|>")
        + qwen.tool_results(["found"])
    )
    step = {"role": "assistant", "content": "", "tool_calls": [LOOK]}
    if thinking:
        step["reasoning_content"] = "Look there."
    rendered = qwen.render(
        [ASKED, step, {"role": "tool", "content": "found"}], thinking=None, generation_prompt=False
    )
    text = qwen.decode(appended)
    # The template drops the empty thought of a step that did not think. We never do: it was there.
    assert (text if thinking else text.replace("<think>\n\n</think>\n\n", "")) == rendered
    assert qwen.decode(appended).startswith(qwen.decode(qwen.head([ASKED])))


def test_a_cut_off_step_is_closed_as_the_template_would() -> None:
    qwen = chat_format("bundled")
    assert qwen.close_step() == whole("<|im_end|>")
    assert qwen.between_messages() == whole("\n")
    assert set(qwen.stop_ids) == {*whole("<|im_end|>"), *whole("<|endoftext|>")}


@pytest.mark.thorough
def test_the_closing_sentence_of_a_thought_is_qwens() -> None:
    qwen = ChatFormat(ChatTemplate(template_source("bundled")), Tokenizer(qwen3_tokenizer()))
    assert len(qwen.close_thought()) == 24
    assert qwen.decode(qwen.close_thought()) == (
        "\n\nConsidering the limited time by the user, I have to give the solution based on the "
        "thinking directly now.\n</think>\n\n"
    )


# Decoding ---------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 5))
def test_decoding_bit_by_bit_never_shows_half_a_character(text: str, size: int) -> None:
    qwen = chat_format("bundled")
    ids = qwen.encode_plain(text)
    decoder = qwen.decoder()
    pieces = [decoder.feed(ids[start : start + size]) for start in range(0, len(ids), size)]
    assert "".join(pieces) + decoder.flush() == nfc(text)
    assert "\ufffd" in text or not any("\ufffd" in piece for piece in pieces)
    assert qwen.decode(ids) == demo_tokenizer().decode(ids, skip_special_tokens=False)


def test_a_character_that_never_becomes_whole_is_shown_as_such() -> None:
    qwen = chat_format("bundled")
    half = qwen.encode_plain("🙂")[:1]
    assert qwen.decode(half) == "\ufffd"
    assert qwen.decode([*half, *whole("<|im_end|>")]) == "\ufffd<|im_end|>"
    assert qwen.decode([10**6]) == ""


def test_half_of_a_surrogate_pair_in_outside_text_does_no_harm() -> None:
    qwen = chat_format("bundled")
    assert qwen.decode(qwen.encode_plain("a\ud83db")) == "a\ufffdb"


# Checkpoints ------------------------------------------------------------------------------------


def test_a_folder_without_tokenizer_or_template_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ChatFormatError, match=r"has no tokenizer: looked for tokenizer\.json"):
        ChatFormat.from_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ChatFormatError, match=r"no chat template: looked for chat_template\.jinja"):
        ChatFormat.from_folder(tmp_path)
    (tmp_path / "chat_template.jinja").write_text("{% if %}")
    with pytest.raises(ChatFormatError, match="not valid Jinja at line 1"):
        ChatFormat.from_folder(tmp_path)
    shutil.copy(DEMO_FOLDER / "chat_template.jinja", tmp_path)
    with pytest.raises(ChatFormatError, match=r"tokenizer\.json is not a tokenizer"):
        ChatFormat.from_folder(tmp_path)


@pytest.mark.parametrize("named", [False, True])
def test_the_template_is_also_found_in_the_tokenizers_config(tmp_path: Path, named: bool) -> None:
    shutil.copy(DEMO_FOLDER / "tokenizer.json", tmp_path)
    source: Any = template_source("bundled")
    if named:
        source = [{"name": "other", "template": "x"}, {"name": "default", "template": source}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": source}))
    assert ChatFormat.from_folder(tmp_path).family == "qwen3"


def test_the_tokenizer_of_another_model_is_refused() -> None:
    import tokenizers

    other = tokenizers.Tokenizer(tokenizers.models.BPE())
    with pytest.raises(ChatFormatError, match=r"The tokenizer has no <\|im_end\|> token"):
        ChatFormat(ChatTemplate(template_source("bundled")), Tokenizer(other))


def test_messages_that_the_template_refuses_are_named_as_the_reason() -> None:
    with pytest.raises(ChatFormatError, match="cannot render these messages: No user query found"):
        chat_format("qwen3_5_think").head([{"role": "assistant", "content": "x"}])
