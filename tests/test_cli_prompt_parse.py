"""`qwen3-agent prompt` and `qwen3-agent parse`: what the model sees, and what it said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from oracles import chat_format, demo_tokenizer

from qwen3_agent.formats.chat_format import ChatFormat
from qwen3_agent.models.choose import DEMO_FOLDER

pytestmark = pytest.mark.command

COMMAND = Path(sys.executable).with_name("qwen3-agent")
MESSAGES = [{"role": "user", "content": "Where is 東京? <|im_end|>"}]
TOOLS = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALL = '<tool_call>\n{"name": "look", "arguments": {"where": "there"}}\n</tool_call>'


def command(*arguments: str | Path, stdin: str = "", code: int = 0) -> str:
    done = subprocess.run(
        [COMMAND, *arguments], input=stdin.encode("utf-8", "surrogatepass"), capture_output=True
    )
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return (done.stdout if code in (0, 1) and done.stdout else done.stderr).decode()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents: dict[str, Any] = {"messages": MESSAGES, "tools": TOOLS, "broken": "", "object": {}}
    paths = {name: tmp_path / f"{name}.json" for name in contents}
    for name, value in contents.items():
        paths[name].write_text(json.dumps(value) if value != "" else '[\n{"role": }]')
    return paths


@pytest.mark.parametrize(("think", "thinking"), [(None, True), ("on", True), ("off", False)])
def test_prompt__prints_what_the_template_renders(
    files: dict[str, Path], think: str | None, thinking: bool
) -> None:
    options = ["--think", think] if think else []
    printed = command(
        "prompt", "--messages", files["messages"], "--tools", files["tools"], *options
    )
    qwen = ChatFormat.from_folder(DEMO_FOLDER)
    assert printed == qwen.render(MESSAGES, TOOLS, thinking=thinking, generation_prompt=True)


def test_prompt_ids__are_those_of_a_run(files: dict[str, Path]) -> None:
    printed = json.loads(command("prompt", "--messages", files["messages"], "--ids"))
    qwen = chat_format("bundled")
    assert printed["ids"] == qwen.head(MESSAGES) + qwen.generation_prompt(thinking=True)
    ends = printed["ids"].count(demo_tokenizer().token_to_id("<|im_end|>"))
    assert ends == 1
    assert printed["prompt"].count("<|im_end|>") == 2


def test_prompt__reads_standard_input_and_a_folder_with_only_a_format(
    tmp_path: Path,
) -> None:
    for name in ("tokenizer.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((DEMO_FOLDER / name).read_bytes())
    printed = command(
        "prompt", "--messages", "-", "--model", tmp_path, stdin='[{"role": "user", "content": "a"}]'
    )
    assert printed == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n"


def test_prompt_jsonl__answers_line_by_line() -> None:
    lines = [
        {"messages": MESSAGES, "tools": TOOLS, "think": "off"},
        {"messages": []},
        {"messages": [{"role": "user", "content": "half \ud83d"}], "think": None},
    ]
    stdin = "".join(json.dumps(line) + "\n" for line in lines) + "not JSON\n"
    replies = [
        json.loads(line) for line in command("prompt", "--jsonl", stdin=stdin, code=1).splitlines()
    ]
    qwen = chat_format("bundled")
    assert replies == [
        {"prompt": qwen.render(MESSAGES, TOOLS, thinking=False, generation_prompt=True)},
        {"error": 'line 2: "messages" must be a list of objects.'},
        {"prompt": "<|im_start|>user\nhalf \ud83d<|im_end|>\n<|im_start|>assistant\n"},
        {"error": "line 4: not valid JSON: Expecting value (line 1, column 1)."},
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["prompt"], 2, "either --messages FILE or --jsonl is required"),
        (["prompt", "--messages", "nowhere.json"], 2, "cannot read nowhere.json"),
        (
            ["prompt", "--messages", "broken"],
            2,
            "not valid JSON: Expecting value (line 2, column 10)",
        ),
        (["prompt", "--messages", "object"], 1, '"messages" must be a list of objects'),
        (["prompt", "--messages", "messages", "--model", "nothing"], 1, "There is no model"),
        (["prompt", "--messages", "messages", "--jsonl"], 2, "from each line"),
        (["prompt", "--messages", "messages", "--think", "maybe"], 2, "'on', 'off'"),
        (["parse", "--tools", "object"], 2, "must be a list of objects"),
        (["parse", "--format", "llama"], 2, "'qwen3', 'qwen3-coder'"),
    ],
)
def test_invalid_input__is_one_clear_sentence(
    files: dict[str, Path], arguments: list[str], code: int, says: str
) -> None:
    output = command(*(files.get(word, word) for word in arguments), code=code)
    assert says in " ".join(output.split())


def test_parse__prints_reasoning_content_and_calls() -> None:
    broken = "<tool_call>\nnonsense\n</tool_call>"
    text = f"<think>\nHm.\n</think>\n\nI look.\n{CALL}\n{broken}<|im_end|>\n"
    said = json.loads(command("parse", stdin=text))
    assert said["reasoning"] == "Hm."
    assert said["content"] == "I look."
    assert said["tool_calls"] == [{"name": "look", "arguments": {"where": "there"}}]
    [error] = said["errors"]
    assert "not valid JSON" in error


def test_parse__accepts_a_thought_that_the_prompt_opened() -> None:
    said = json.loads(command("parse", "--thinking-open", stdin="Hm.\n</think>\n\nHello."))
    assert (said["reasoning"], said["content"]) == ("Hm.", "Hello.")


def test_parse__reads_calls_of_qwen3_coder_with_the_types_of_their_tools(tmp_path: Path) -> None:
    text = "<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>"
    said = json.loads(command("parse", "--format", "qwen3-coder", stdin=text))
    assert said["tool_calls"] == [{"name": "f", "arguments": {"a": "1"}}]
    tools = tmp_path / "tools.json"
    tools.write_text('[{"name": "f", "parameters": {"properties": {"a": {"type": "integer"}}}}]')
    said = json.loads(command("parse", "--format", "qwen3-coder", "--tools", tools, stdin=text))
    assert said["tool_calls"] == [{"name": "f", "arguments": {"a": 1}}]


def test_parse_jsonl__answers_line_by_line() -> None:
    lines = [json.dumps(text) for text in (CALL, "", "half \ud83d")] + ["7"]
    replies = [
        json.loads(line)
        for line in command("parse", "--jsonl", stdin="\n".join(lines), code=1).splitlines()
    ]
    assert [reply.get("content") for reply in replies] == ["", "", "half \ud83d", None]
    assert replies[0]["tool_calls"] == [{"name": "look", "arguments": {"where": "there"}}]
    assert replies[3] == {"error": "line 4: expected a JSON string."}


@pytest.mark.parametrize("name", ["prompt", "parse"])
def test_jsonl__is_answered_in_order(name: str) -> None:
    count = 2_000
    lines = [
        json.dumps(f"<think>\n{n}\n</think>\n\n{CALL}")
        if name == "parse"
        else json.dumps({"messages": [{"role": "user", "content": f"<{n}>"}], "tools": TOOLS})
        for n in range(count)
    ]
    replies = [json.loads(x) for x in command(name, "--jsonl", stdin="\n".join(lines)).splitlines()]
    assert len(replies) == count
    for n, reply in enumerate(replies):
        assert reply["reasoning"] == str(n) if name == "parse" else f"<{n}>" in reply["prompt"]
