"""The grammar of a step: what can be said in it, and what cannot."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from grammars import accepts, drawn, tokenizer
from oracles import chat_format
from scripted import call

from qwen3_agent.grammar.tool_grammar import CallGrammar, Thought
from qwen3_agent.messages import ToolCall
from qwen3_agent.parsing.parser import Parser

pytestmark = pytest.mark.model

WEATHER = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "detailed": {"type": "boolean"},
            "fields": {"type": "array", "items": {"type": "string"}},
            "place": {"type": "object"},
        },
        "required": ["city"],
    },
}
CLOCK = {"name": "get_time", "parameters": {"type": "object", "properties": {}}}
ODD = {"name": "odd", "parameters": {"type": "object", "properties": {"a": {"type": "dict"}}}}
TOOLS = [{"type": "function", "function": each} for each in (WEATHER, CLOCK)]
ANSWER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "number"}},
    "required": ["city", "degrees"],
}
IN_ROME = {"city": "Rome", "days": 3, "unit": "celsius", "detailed": True, "place": {"x": [1]}}
ROME, TIME = call("get_weather", **IN_ROME), call("get_time")
NOPE = "<tool_call>\nnope\n</tool_call>"


def grammar(template: str = "bundled", tools: Any = TOOLS, output: Any = None) -> CallGrammar:
    return CallGrammar(chat_format(template), tools, output)


def says(text: str, thought: Thought = "none", choice: str = "auto", **options: Any) -> bool:
    return accepts(grammar(**options).constraint(thought, choice), text)


def rendered(template: str, name: str, arguments: dict[str, Any]) -> str:
    """A call in the words of the template."""
    said = {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": "", **said},
        {"role": "tool", "content": "Done."},
    ]
    text = chat_format(template).render(messages, thinking=None, generation_prompt=False)
    return "<tool_call>" + text.split("<tool_call>")[1].split("<|im_end|>")[0]


@pytest.mark.parametrize("template", ["bundled", "qwen3_coder", "qwen3_5_think"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_weather", {"city": "Rome"}),
        ("get_weather", {"city": 'L"Aquila\nby night', "days": 14, "unit": "fahrenheit"}),
        ("get_weather", {"city": "東京", "fields": ["wind", "</rain>"], "place": {"x": {"y": 1}}}),
        ("get_time", {}),
    ],
)
def test_a_call_as_the_template_writes_it_can_be_said(
    template: str, name: str, arguments: dict[str, Any]
) -> None:
    assert says(rendered(template, name, arguments), template=template)


@pytest.mark.parametrize("template", ["bundled", "qwen3_coder"])
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("get_whether", {"city": "Rome"}),
        ("get_weather", {}),
        ("get_weather", {"city": "Rome", "days": 0}),
        ("get_weather", {"city": "Rome", "days": "three"}),
        ("get_weather", {"city": "Rome", "unit": "kelvin"}),
        ("get_weather", {"city": "Rome", "country": "Italy"}),
        ("get_time", {"city": "Rome"}),
    ],
)
def test_a_call_that_could_not_be_run_cannot(
    template: str, name: str, arguments: dict[str, Any]
) -> None:
    assert not says(rendered(template, name, arguments), template=template)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello.",
        "A list: [1, 2",
        f"I look.\n{ROME}",
        f"{ROME}\n{TIME}",
        f"{TIME}\nDone, I think.",
    ],
)
def test_what_is_said_is_free_and_a_step_may_make_several_calls(text: str) -> None:
    assert says(text)


@pytest.mark.parametrize("text", [NOPE, f"{ROME}\n{NOPE}", "<tool_call>", ROME[:-20], f"x {NOPE}"])
def test_a_malformed_call_cannot_be_said_nor_a_half_one(text: str) -> None:
    assert not says(text)


def test_white_space_in_a_call_is_bounded() -> None:
    assert says(ROME.replace('"days": ', '"days":\n '))
    assert not says(ROME.replace('"days": ', '"days":\n \n'))


def test_the_token_opens_a_call_and_text_that_looks_like_it_does_not() -> None:
    free = grammar().constraint("none", "auto")
    assert accepts(free, NOPE, plain=True)


@pytest.mark.parametrize(
    ("thought", "opening"), [("open", ""), ("possible", "<think>"), ("possible", "")]
)
def test_a_thought_is_free_up_to_its_end(thought: Thought, opening: str) -> None:
    if opening or thought == "open":
        assert says(f"{opening}\nA call is {NOPE}, is it not?", thought)
        assert says(f"{opening}\nNo {NOPE}.\n</think>\n\n{ROME}", thought)
    assert says(f"{opening}\nHm.\n</think>\n\nHello.", thought)
    assert not says(f"{opening}\nHm.\n</think>\n\n{NOPE}", thought)


@pytest.mark.parametrize("thought", ["none", "possible", "open"])
def test_a_choice_of_tools_is_held_to(thought: Thought) -> None:
    def may(choice: str, said: str) -> bool:
        before = {"none": "", "possible": "<think>\nHm.\n</think>\n\n", "open": "Hm.\n</think>\n\n"}
        return says(before[thought] + said, thought, choice)

    assert may("none", "Hello.")
    assert not may("none", ROME)
    assert may("required", ROME)
    assert may("required", f"{TIME}\n{ROME}")
    assert not may("required", "Hello.")
    assert not may("required", "")
    assert may("get_time", TIME)
    assert not may("get_time", ROME)
    assert not may("get_time", f"{TIME}\n{TIME}")
    assert not may("get_time", "Hello.")


def test_a_required_call_has_to_come_after_the_thought() -> None:
    assert not says("<think>\nHm.", "possible", "required")
    assert not says("Hm.", "open", "required")


def test_a_choice_that_there_is_not() -> None:
    with pytest.raises(ValueError, match=r'"get_whether"\. The tools are: get_weather, get_time'):
        grammar().constraint("none", "get_whether")
    with pytest.raises(ValueError, match='"required" needs at least one tool'):
        grammar(tools=[]).constraint("none", "required")


def test_nothing_constrains_a_model_without_tools() -> None:
    assert grammar(tools=[]).constraint("none", "auto") is None


@pytest.mark.parametrize("tools", [TOOLS, []])
def test_an_answer_of_a_type_is_that_or_calls(tools: list[Any]) -> None:
    good, bad = json.dumps({"city": "Rome", "degrees": 21.5}), json.dumps({"city": "Rome"})
    thinks = "<think>\nHm.\n</think>\n\n"
    for before, thought in (("", "none"), (thinks, "possible"), (thinks[8:], "open")):
        options: dict[str, Any] = {"thought": thought, "tools": tools, "output": ANSWER}
        assert says(before + good, **options)
        assert not says(before + bad, **options)
        assert not says(before + "It is 21.5 degrees in Rome.", **options)
        assert says(f"{before}{ROME}\n{TIME}", **options) is bool(tools)
        assert not says(before + good, choice="required", **options | {"tools": TOOLS})
        assert says(before + good, choice="none", **options)


def test_a_schema_without_a_grammar_costs_one_tool_its_types_and_no_other_tool_anything() -> None:
    mixed = grammar(tools=[*TOOLS, {"function": ODD}])
    free = mixed.constraint("none", "auto")
    assert accepts(free, call("odd", whatever=[1]))
    assert not accepts(free, "<tool_call>\n{'name': 'odd'}\n</tool_call>")
    assert not accepts(free, call("get_weather", days=3))
    assert mixed.warnings == (
        "The arguments of odd cannot be constrained by a grammar (there is no type 'dict'): they "
        "are validated when the tool is called.",
    )


def test_what_xgrammar_itself_refuses_falls_back_as_well() -> None:
    limits = {"type": "integer", "minimum": 5, "maximum": 1}
    tool = {"name": "f", "parameters": {"type": "object", "properties": {"a": limits}}}
    mixed = grammar(tools=[*TOOLS, tool])
    assert accepts(mixed.constraint("none", "auto"), call("f", a=3))
    assert "arguments of f cannot be constrained" in mixed.warnings[0]


def test_one_constraint_serves_every_generation_of_a_kind() -> None:
    one = grammar()
    free, required = one.constraint("none", "auto"), one.constraint("none", "required")
    assert free is one.constraint("none", "auto")
    assert free is not None
    assert free.wakes_on == {tokenizer().control_ids["<tool_call>"]}
    assert required is not None
    assert not required.wakes_on


@pytest.mark.parametrize("template", ["bundled", "qwen3_coder"])
def test_whatever_is_drawn_parses_and_validates(template: str) -> None:
    schemas = {each["name"]: each["parameters"] for each in (WEATHER, CLOCK)}
    required = grammar(template).constraint("none", "required")
    assert required is not None
    for seed in range(10):
        text = drawn(required, seed)
        parser = Parser(chat_format(template).call_format, tools=TOOLS)
        parser.feed(text)
        parser.finish()
        [made] = parser.parts
        assert isinstance(made, ToolCall), text
        jsonschema.validate(made.arguments, schemas[made.name])


def test_half_of_a_surrogate_pair_passes_the_grammar_and_is_read() -> None:
    text = call("get_weather", city="Rome").replace("Rome", "\\ud83d")
    assert says(text)
    parser = Parser("json")
    parser.feed(text)
    [made] = parser.parts
    assert isinstance(made, ToolCall)
    assert made.arguments == {"city": "\ufffd"}
