"""Sampled text to parts, for every cut of the same text.

Each case is parsed whole, letter by letter and in pieces between; `parse` asserts that all agree,
that what streams out is what the parts say, and that the parts, joined, are the text.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from conversations import json_values, plain_text
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_agent.messages import Content, MalformedCall, Part, Reasoning, ToolCall
from qwen3_agent.parsing.parser import CallParsed, ContentDelta, Delta, Parser, ReasoningDelta

CALL = '<tool_call>\n{"name": "look", "arguments": {"where": "there"}}\n</tool_call>'
LOOK = ("look", {"where": "there"})


def run(text: str, size: int, *, truncated: bool = False, **options: Any) -> tuple[Part, ...]:
    parser = Parser(options.pop("call_format", "json"), **options)
    deltas: list[Delta] = []
    for start in range(0, len(text), size):
        deltas += parser.feed(text[start : start + size])
    deltas += parser.finish(truncated=truncated)
    parts = parser.parts
    assert "".join(part.raw for part in parts) == text
    for kind, delta_kind in ((Content, ContentDelta), (Reasoning, ReasoningDelta)):
        said = "".join(delta.text for delta in deltas if isinstance(delta, delta_kind))
        assert said == "".join(part.text for part in parts if isinstance(part, kind))
    calls = [part for part in parts if isinstance(part, ToolCall | MalformedCall)]
    told = [delta.call for delta in deltas if isinstance(delta, CallParsed)]
    assert [type(call) for call in told] == [type(call) for call in calls]
    return parts


def parse(text: str, **options: Any) -> tuple[Part, ...]:
    whole = run(text, len(text) or 1, **options)
    for size in (1, 2, 3, 5, 11):
        assert run(text, size, **options) == whole
    return whole


def said(parts: tuple[Part, ...]) -> list[Any]:
    """Parts in short: text as it is, thoughts in parentheses, calls as a pair, errors."""
    short: list[Any] = []
    for part in parts:
        match part:
            case Reasoning(text=text):
                short.append(f"({text})")
            case Content(text=text):
                short.append(text)
            case ToolCall(name=name, arguments=arguments):
                short.append((name, arguments))
            case MalformedCall(error=error):
                short.append(ValueError)
                assert error.endswith(".")
    return short


def body(text: str) -> Any:
    """What a call is read as that says `text` between its tags; an error as its words."""
    [part] = parse(f"<tool_call>\n{text}\n</tool_call>")
    if isinstance(part, ToolCall):
        return (part.name, part.arguments)
    assert isinstance(part, MalformedCall)
    return part.error


# Thoughts and content ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hello\n\nworld.\n", ["Hello\n\nworld."]),
        ("    code", ["    code"]),
        ("<think>\nHm.\n</think>\n\nHello.", ["(Hm.)", "Hello."]),
        ("<think>\n\n</think>\n\nHello.", ["()", "Hello."]),
        ("\n<think>Hm.</think>Hello.", ["(Hm.)", "Hello."]),
        ("<think>\nHm, not done", ["(Hm, not done)"]),
        ("<think>a</think>\n<think>b</think>c", ["(a)", "(b)", "c"]),
        ("<think>\na < b and <thin\n</think>\n\nx<y", ["(a < b and <thin)", "x<y"]),
        ("Write <think> to think.", ["Write <think> to think."]),
        ("Stray </think> here.", ["Stray </think> here."]),
        ("\n", [""]),
        ("<", ["<"]),
        ("<think", ["<think"]),
    ],
)
def test_thoughts_and_content(text: str, expected: list[Any]) -> None:
    assert said(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hm.\n</think>\n\nHello.", ["(Hm.)", "Hello."]),
        ("<think>\nHm.\n</think>\n\nHello.", ["(Hm.)", "Hello."]),
        ("Hm, not done", ["(Hm, not done)"]),
        ("Hm. " + CALL, ["(Hm. )", LOOK]),
        ("", []),
    ],
)
def test_a_thought_that_the_prompt_has_opened(text: str, expected: list[Any]) -> None:
    assert said(parse(text, thinking_open=True)) == expected


def test_whether_it_thinks_is_known_at_every_token() -> None:
    parser = Parser("json")
    states = []
    for token in ["<think>", "\n", "a", "<tool_call>", "\n", '{"name', '": "f"}', "</tool_call>"]:
        states.append(parser.thinking)
        parser.feed(token)
    assert states == [False, True, True, True, False, False, False, False]


# Calls ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CALL, [LOOK]),
        (CALL + "\n" + CALL, [LOOK, LOOK]),
        (CALL + CALL, [LOOK, LOOK]),
        (
            "I look.\n" + CALL + "\nAnd again.\n" + CALL + "\n",
            ["I look.", LOOK, "And again.", LOOK],
        ),
        ("I look. " + CALL, ["I look. ", LOOK]),
        ("<think>\nHm.\n</think>\n\n" + CALL, ["(Hm.)", LOOK]),
        (CALL + "</tool_call>\nDone.", [LOOK, "Done."]),
        (CALL.removesuffix("</tool_call>") + CALL, [LOOK, LOOK]),
    ],
)
def test_calls_stand_anywhere_beside_text_and_each_other(text: str, expected: list[Any]) -> None:
    assert said(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nI look.\n" + CALL, ["(I look.)", LOOK]),
        ("<think>\nI look.\n" + CALL + "\n</think>\n\nDone.", ["(I look.)", LOOK, "Done."]),
        ("<think>a" + CALL + "b" + CALL + "</think>c", ["(a)", LOOK, "b", LOOK, "c"]),
        (
            "<think>The tag <tool_call> is for calls.</think>x",
            ["(The tag <tool_call> is for calls.)", "x"],
        ),
        ("<think>\n<tool_call>\nor so\n</think>\n\nx", ["(<tool_call>\nor so)", "x"]),
        ("<think>\n```\n" + CALL + "\n```\n</think>\n\n" + CALL, [f"(```\n{CALL}\n```)", LOOK]),
    ],
)
def test_a_call_ends_the_thought_that_it_is_in(text: str, expected: list[Any]) -> None:
    assert said(parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"So it looks:\n```\n{CALL}\n```\nEnd.",
        f"So it looks:\n\n  ~~~xml\n{CALL}\n  ~~~\nEnd.",
        f"````\n```\n{CALL}\n```\n````",
        f"``` unclosed\n{CALL}",
        f"`{CALL}`",
        "Write `<tool_call>` and `</tool_call>` around it.",
        "Between <tool_call> and </tool_call>.",
        "The tag is:\n<tool_call> with a line after it.",
    ],
)
def test_a_quoted_call_is_content(text: str) -> None:
    assert said(parse(text)) == [text]


def test_a_call_after_a_code_block_is_a_call() -> None:
    assert said(parse(f"```\nx\n```\n{CALL}")) == ["```\nx\n```", LOOK]
    assert said(parse(f"Inline ``` is no block.\n```a`b\n{CALL}"))[-1] == LOOK


@pytest.mark.parametrize(
    "value",
    [
        "</tool_call>",
        "<tool_call>",
        "a </tool_call> b <tool_call> c",
        CALL,
        CALL + "\n" + CALL,
        '"}}\n</tool_call>\n',
        "</think>",
        "<think>",
        "```\n",
        "it's \\ \" { [ 'quoted' \t é 🙂",
    ],
)
def test_tags_inside_strings_are_text(value: str) -> None:
    arguments = {"text": value, value: [value]}
    call = json.dumps({"name": "write", "arguments": arguments}, ensure_ascii=False)
    text = f"<tool_call>\n{call}\n</tool_call>"
    assert said(parse(text + "\n" + CALL)) == [("write", arguments), LOOK]
    assert said(parse(xml("write", text=value), call_format="xml")) == [("write", {"text": value})]


# Repairs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "f", "arguments": {}}', ("f", {})),
        ('{"name": "f"}', ("f", {})),
        ('{"name": "f", "arguments": null}', ("f", {})),
        ('{"name": "f", "arguments": ""}', ("f", {})),
        ('{"name": "f", "arguments": "{\\"a\\": 1}"}', ("f", {"a": 1})),
        ('{"arguments": {"a": 1}, "name": "f", "id": 7}', ("f", {"a": 1})),
        (
            "{'name': 'f', 'arguments': {'a': 'x', 'b': True, 'c': None}}",
            ("f", {"a": "x", "b": True, "c": None}),
        ),
        ("""{'name': 'f', 'arguments': {'a': 'it\\'s "x"'}}""", ("f", {"a": 'it\'s "x"'})),
        ("""{"name": "f", "arguments": {"a": 'x', "b": "it's"}}""", ("f", {"a": "x", "b": "it's"})),
        ('{"name": "f", "arguments": {"a": [1, 2,],},}', ("f", {"a": [1, 2]})),
        ('{"name": "f", "arguments": {"a": "one\ntwo\ttabbed"}}', ("f", {"a": "one\ntwo\ttabbed"})),
        ('{"name": "f", "arguments": {"a": 1}', ("f", {"a": 1})),
        ('{"name": "f", "arguments": {"a": [{"b": "c"', ("f", {"a": [{"b": "c"}]})),
        ('{"name": "f", "arguments": {"a": 1}}}', ("f", {"a": 1})),
        ('{"name": "f", "arguments": {"a": -1e999}}', ("f", {"a": -sys.float_info.max})),
        ('{"name": "f", "arguments": {"a": "\\ud83d!"}}', ("f", {"a": "\ufffd!"})),
        ('{"name": "f", "arguments": {"\\ude00": "\\\\ud83d"}}', ("f", {"\ufffd": "\\ud83d"})),
        ('{"name": "f", "arguments": {"a": "\\ud83d\\uDE00"}}', ("f", {"a": "😀"})),
        ('{"name": "f", "arguments": {"a": "é\ud83d"}}', ("f", {"a": "é\ufffd"})),
        ('{"name": "f", "arguments": "{\\"a\\": \\"\\\\ud83d\\"}"}', ("f", {"a": "\ufffd"})),
    ],
)
def test_what_can_only_mean_one_thing_is_repaired(text: str, expected: Any) -> None:
    assert body(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("look(where='there')", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('"look"', "not a JSON object"),
        ('{"arguments": {}}', 'no "name"'),
        ('{"name": 1, "arguments": {}}', 'no "name"'),
        ('{"name": "f", "parameters": {"a": 1}}', 'no "arguments", but "parameters"'),
        ('{"name": "f", "arguments": [1]}', '"arguments" is not a JSON object'),
        ('{"name": "f", "arguments": 1}', '"arguments" is not a JSON object'),
        ('{"name": "f", "arguments": "a"}', '"arguments" is a string that is not valid JSON'),
        ('{"name": "f", "arguments": {"a": "he said "hi""}}', "not valid JSON: .* column 44"),
        (
            '{"name": "f", "arguments": {"a": "not closed}}',
            "string or .* not closed",
        ),
        ('{"name": "f", "arguments": {"a": \'it\'s\'}}', "not valid JSON"),
        ('{"name": "f", "arguments": {"a": [1}}', "not valid JSON"),
        ('{"name": "f", "arguments": {"a":', "not valid JSON"),
        ('{"name": "f", "arguments": {"a": 1,', "not valid JSON"),
        ('{"name": "f", "arguments": {"a": 1 "b": 2}}', "not valid JSON"),
        ('{"name": "f", "arguments": {"a": NaN}}', "NaN is not a JSON value"),
        ('{"name": "f", "arguments": {"a": ' + "1" * 5000 + "}}", "5000 digits is too long"),
        ('{"name": "f", "arguments": {"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"name": "f", "arguments": {}} and more', "not valid JSON"),
        ('{"name": "f", "arguments": {}} {"name": "g", "arguments": {}}', "not valid JSON"),
    ],
)
def test_what_could_mean_several_things_is_an_error_that_says_what_is_wrong(
    text: str, problem: str
) -> None:
    assert isinstance(error := body(text), str)
    assert pytest.RaisesExc(Exception, match=problem).matches(Exception(error))


@pytest.mark.parametrize(
    "broken",
    [
        "<tool_call>\n</tool_call>",
        "<tool_call>\nnonsense\n</tool_call>",
        '<tool_call>\n{"name": "f", "arguments": {"a": "not closed}}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": {"a": not opened"}}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": {"a": "said "hi" once"}}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": {"a": }}\n</tool_call>',
        '<tool_call>\n{"name": "f", "arguments": {"a": "no end tag\n',
        '<tool_call>\n{"name": "f", "arguments": {"a": 1, \n',
        "<tool_call>\n<function=f>\n<parameter=a>\nno end\n</function>\n</tool_call>",
        "<tool_call>\n<parameter=a>\n1\n</parameter>\n</tool_call>",
    ],
)
def test_a_malformed_call_does_no_harm_to_those_beside_it(broken: str) -> None:
    expected = ["Now.", LOOK, ValueError, LOOK, LOOK]
    assert said(parse(f"Now.\n{CALL}\n{broken}\n{CALL}\n{CALL}")) == expected


# Calls that were cut off ------------------------------------------------------------------------


@pytest.mark.parametrize("truncated", [True, False])
def test_a_call_without_an_end_never_runs(truncated: bool) -> None:
    for end in range(len("<tool_call>"), len(CALL)):
        expected = [ValueError]
        assert said(parse(CALL[:end], truncated=truncated)) == expected
        thought = said(parse("<think>\nHm.\n" + CALL[:end], truncated=truncated))
        assert thought[0].startswith("(Hm.")
        assert not any(isinstance(part, tuple) for part in thought)


def test_a_call_that_was_cut_off_is_told_apart_from_one_without_an_end() -> None:
    [cut] = parse(CALL[:30], truncated=True)
    [left] = parse(CALL[:30])
    assert isinstance(cut, MalformedCall)
    assert isinstance(left, MalformedCall)
    assert "cut off" in cut.error
    assert "no </tool_call>" in left.error


def test_a_call_quoted_in_one_that_was_cut_off_does_not_run() -> None:
    quoting = '<tool_call>\n{"name": "write", "arguments": {"text": "see </tool_call> '
    quoted = "<tool_call>{'name': 'rm', 'arguments': {}}</tool_call>"
    for truncated in (True, False):
        assert said(parse(quoting + quoted, truncated=truncated)) == [ValueError]


def test_what_is_complete_before_the_cut_stays() -> None:
    assert said(parse(CALL + "\n" + CALL[:-1], truncated=True)) == [LOOK, ValueError]


# XML calls --------------------------------------------------------------------------------------

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "$defs": {"Unit": {"enum": ["C", "F"]}},
            "properties": {
                "place": {"type": "string"},
                "days": {"type": "integer"},
                "exact": {"type": "boolean"},
                "limit": {"anyOf": [{"type": "number"}, {"type": "null"}]},
                "note": {"type": ["string", "null"]},
                "fields": {"type": "array"},
                "options": {"type": "object"},
                "unit": {"$ref": "#/$defs/Unit"},
                "anything": {},
            },
        },
    },
}


def xml(name: str, **arguments: str) -> str:
    inner = "".join(
        f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in arguments.items()
    )
    return f"<tool_call>\n<function={name}>\n{inner}</function>\n</tool_call>"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("place", "Tokyo", "Tokyo"),
        ("place", "42", "42"),
        ("place", "", ""),
        ("place", "\nline\n\n  indented\n", "\nline\n\n  indented\n"),
        ("place", '<b>&amp;</b> "quoted"', '<b>&amp;</b> "quoted"'),
        ("days", "3", 3),
        ("days", "many", "many"),
        ("exact", "true", True),
        ("exact", "False", False),
        ("limit", "1.5", 1.5),
        ("limit", "null", None),
        ("limit", "None", None),
        ("note", "null", None),
        ("note", "nullify", "nullify"),
        ("fields", '["a", 1]', ["a", 1]),
        ("fields", "['a', 1]", ["a", 1]),
        ("fields", '["\\ud83d"]', ["\ufffd"]),
        ("fields", "['\\ud83d']", ["\ufffd"]),
        ("fields", "[NaN]", "[NaN]"),
        ("limit", "1e999", sys.float_info.max),
        ("options", '{"a": {"b": null}}', {"a": {"b": None}}),
        ("unit", "C", "C"),
        ("anything", "5", "5"),
        ("unknown", "5", "5"),
    ],
)
def test_xml_values_get_the_type_that_the_tool_wants(key: str, text: str, value: Any) -> None:
    call = xml("weather", **{key: text})
    options: dict[str, Any] = {"call_format": "xml", "tools": [WEATHER]}
    assert said(parse(call, **options)) == [("weather", {key: value})]


def test_xml_calls_of_unknown_tools_keep_their_values_as_text() -> None:
    assert said(parse(xml("f", a="1", b="x"), call_format="xml")) == [("f", {"a": "1", "b": "x"})]
    assert said(parse(xml("f"), call_format="xml")) == [("f", {})]


@pytest.mark.parametrize(
    "text",
    [
        "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>",
        "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>",
        "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</tool_call>",
        "<tool_call><function=f><parameter=a>1</parameter></function></tool_call>",
    ],
)
def test_tags_that_qwen3_coder_forgets_are_not_missed(text: str) -> None:
    assert said(parse(text, call_format="xml")) == [("f", {"a": "1"})]
    twice = parse(f"So:\n{text}\n{text}", call_format="xml")
    assert said(twice) == ["So:", ("f", {"a": "1"}), ("f", {"a": "1"})]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (xml(""), "no <function=name>"),
        (xml("f").replace("</function>", "stray\n</function>"), 'not "stray"'),
        (xml("f", a="1").replace("</parameter>\n", ""), '"a" has no </parameter>'),
        (
            xml("f", a="1").replace("</function>", "<parameter=a>\n2\n</parameter>\n</function>"),
            '"a" is given twice',
        ),
    ],
)
def test_malformed_xml_calls_say_what_is_wrong(text: str, problem: str) -> None:
    [call, after] = parse(text + "\n" + xml("g"), call_format="xml")
    assert isinstance(call, MalformedCall)
    assert problem in call.error
    assert isinstance(after, ToolCall)


def test_an_xml_call_that_is_cut_off_never_runs() -> None:
    call = xml("f", a="1", b="2")
    for end in range(len("<tool_call>"), len(call)):
        assert said(parse(call[:end], call_format="xml", truncated=True)) == [ValueError]


def test_either_format_is_understood_where_the_other_is_usual() -> None:
    assert said(parse(xml("f", a="1"))) == [("f", {"a": "1"})]
    assert said(parse(CALL, call_format="xml")) == [LOOK]


# Laws -------------------------------------------------------------------------------------------

pieces = st.lists(
    st.sampled_from(
        [
            "<think>", "</think>", "<tool_call>", "</tool_call>", CALL, xml("f", a="1"),
            "<function=", "f>", "</function>", "<parameter=", "</parameter>", "{", "}", '"', "'",
            "\\", '{"name": "f", "arguments": {', ": ", ", ", "[", "]", "<", "\n", " ", "`", "```",
            "~~~\n", "word", "é🙂", '"a"', "</", "<tool", "_call>",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    text=pieces,
    cuts=st.lists(st.integers(1, 9), max_size=20),
    call_format=st.sampled_from(["json", "xml"]),
    thinking_open=st.booleans(),
    truncated=st.booleans(),
)
def test_how_the_text_is_cut_makes_no_difference_and_nothing_is_lost(
    text: str, cuts: list[int], call_format: Any, thinking_open: bool, truncated: bool
) -> None:
    options: dict[str, Any] = {"call_format": call_format, "thinking_open": thinking_open}
    whole = run(text, len(text) or 1, truncated=truncated, **options)
    assert run(text, 1, truncated=truncated, **options) == whole
    parser = Parser(**options)
    rest = text
    for cut in cuts:
        parser.feed(rest[:cut])
        rest = rest[cut:]
    parser.feed(rest)
    parser.finish(truncated=truncated)
    assert parser.parts == whole


@settings(max_examples=100, deadline=None)
@given(
    before=plain_text,
    name=st.text(min_size=1).filter(str.strip).map(str.strip),
    arguments=st.dictionaries(plain_text, json_values, max_size=4),
    size=st.integers(1, 50),
)
def test_a_call_as_the_template_writes_it_comes_back_unchanged(
    before: str, name: str, arguments: dict[str, Any], size: int
) -> None:
    name = name.encode("utf-8", "replace").decode()
    call = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)
    parts = run(f"{before}\n<tool_call>\n{call}\n</tool_call>", size)
    assert said(parts)[-1] == (name, arguments)


escapes = st.one_of(
    st.integers(0, 0xFFFF).map("\\u{:04x}".format),
    st.integers(0xD800, 0xDFFF).map("\\u{:04X}".format),
    st.sampled_from(["\\\\", '\\"', "\\n", "ud83d", "</tool_call>", "é", "😀"]),
)


@settings(max_examples=200, deadline=None)
@given(
    key=st.lists(escapes).map("".join), value=st.lists(escapes).map("".join), size=st.integers(1)
)
def test_a_call_that_is_json_is_read_whatever_its_strings_escape(
    key: str, value: str, size: int
) -> None:
    text = f'{{"name": "f", "arguments": {{"{key}": ["{value}"]}}}}'
    [part] = run(f"<tool_call>\n{text}\n</tool_call>", size)
    assert isinstance(part, ToolCall)
    whole = json.dumps(json.loads(text)["arguments"], ensure_ascii=False)
    halves = re.sub("[\ud800-\udfff]", "\ufffd", whole)
    assert json.dumps(part.arguments, ensure_ascii=False) == halves


def test_finishing_twice_changes_nothing() -> None:
    parser = Parser("json")
    parser.feed("Hello <tool")
    parser.finish()
    parts = parser.parts
    assert parser.finish() == []
    assert parser.parts == parts


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    [
        "<tool_call>",
        '<tool_call>{"a": "',
        '<tool_call>{"a": "</tool_call>", "b": "',
        '<tool_call>{"a":"x</tool_call>"b',
        "</tool_call>\n<tool_call>\n<function=f>\n<parameter=a>\n",
        "<tool_call>" + " " * 50,
        " \n",
        "<" * 20,
        "```\n",
        "\\\"'",
    ],
)
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    """Characters looked at are hard to count; seconds are not, and quadratic would be minutes."""
    import time

    text = unit * (100_000 // len(unit))
    for start in ("", '<tool_call>\n{"name": "', "<tool_call>\n<function=f>\n<parameter=a>\n"):
        started = time.process_time()
        for size in (4, len(text)):
            parser = Parser("xml")
            parser.feed(start)
            for position in range(0, len(text), size):
                parser.feed(text[position : position + size])
            parser.finish()
        assert time.process_time() - started < 10
