"""The calls of the Berkeley Function Calling Leaderboard: rendered, parsed, unchanged."""

from __future__ import annotations

import ast
import json
from functools import cache
from typing import Any

import pytest
from oracles import chat_format, package_file

from qwen3_agent.messages import ToolCall
from qwen3_agent.parsing.parser import Parser

pytestmark = pytest.mark.thorough

Call = tuple[str, dict[str, Any]]

CATEGORIES = """simple_python simple_java simple_javascript multiple parallel parallel_multiple
live_simple live_multiple live_parallel live_parallel_multiple multi_turn_base
multi_turn_miss_func multi_turn_miss_param multi_turn_long_context""".split()  # noqa: SIM905


@cache
def answers() -> list[list[Call]]:
    """The calls of each answer, every answer once."""
    found = {}
    for category in CATEGORIES:
        path = package_file("bfcl_eval", f"data/possible_answer/BFCL_v4_{category}.json")
        for line in path.read_text("utf-8").splitlines():
            for answer in json.loads(line)["ground_truth"]:
                if isinstance(answer, dict):
                    calls = [(name, first_choices(values)) for name, values in answer.items()]
                else:
                    calls = [from_python(call) for call in answer]
                if calls:
                    found[repr(calls)] = calls
    return list(found.values())


def first_choices(values: dict[str, list[Any]]) -> dict[str, Any]:
    """The first of the values that count as right for each argument."""
    return {key: choices[0] for key, choices in values.items() if choices and choices[0] != ""}


def from_python(source: str) -> Call:
    """A call such as `cd(folder='here')`."""
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    named = {word.arg or "": ast.literal_eval(word.value) for word in call.keywords}
    numbered = {str(index): ast.literal_eval(value) for index, value in enumerate(call.args)}
    return ast.unparse(call.func), numbered | named


def rendered(template: str, calls: list[Call]) -> str:
    """What the model says when it makes these calls, in the words of its template."""
    tool_calls = [{"function": {"name": name, "arguments": values}} for name, values in calls]
    text = chat_format(template).render(
        [
            {"role": "user", "content": "Do it."},
            {"role": "assistant", "content": "", "tool_calls": tool_calls},
            {"role": "tool", "content": "Done."},
        ],
        thinking=None,
        generation_prompt=False,
    )
    said = text.split("<|im_start|>assistant\n")[1].split("<|im_end|>")[0]
    return said.removeprefix("<think>\n\n</think>\n\n")


def parsed(parser: Parser, text: str, size: int) -> list[Call]:
    for start in range(0, len(text), size):
        parser.feed(text[start : start + size])
    parser.finish()
    assert "".join(part.raw for part in parser.parts) == text
    return [
        (part.name, part.arguments) if isinstance(part, ToolCall) else (repr(part), {})
        for part in parser.parts
    ]


def test_json_calls_survive_every_chunk_size() -> None:
    for number, calls in enumerate(answers()):
        text = rendered("bundled", calls)
        every_size = range(1, len(text) + 1)
        # All sizes for all calls take minutes, and all passed; one answer in twenty is enough here.
        for size in every_size if number % 20 == 0 else (1, 1 + number % 64, len(text)):
            assert parsed(Parser("json"), text, size) == calls
    assert sum(map(len, answers())) > 3500


TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def schema(call: Call) -> dict[str, Any]:
    """A tool whose arguments have the types that they have in this call."""
    name, values = call
    types = {key: {"type": TYPES.get(type(value), "object")} for key, value in values.items()}
    return {"function": {"name": name, "parameters": {"properties": types}}}


@pytest.mark.parametrize("template", ["qwen3_coder", "qwen3_5_think"])
def test_xml_calls_survive(template: str) -> None:
    for number, calls in enumerate(answers()):
        schemas = [schema(call) for call in calls]
        if len({call[0] for call in calls}) < len(calls):
            calls, schemas = calls[:1], schemas[:1]  # two calls of one tool may differ in types
        text = rendered(template, calls).lstrip("\n")
        for size in (1, 1 + number % 64, len(text)):
            assert parsed(Parser("xml", tools=schemas), text, size) == calls
