"""Coming from Qwen-Agent: their programs, their tools and their loop, with the real package."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from chat_server import ChatServer, ModelServer, says
from qwen_agent.agents import Assistant as TheirAssistant
from qwen_agent.llm.schema import Message
from qwen_agent.tools.base import TOOL_REGISTRY, BaseTool, register_tool
from scripted import call

from qwen3_agent import Agent, tool
from qwen3_agent.errors import Qwen3AgentError
from qwen3_agent.integrations.qwen_agent import Assistant, register_model_type
from qwen3_agent.models.choose import DEMO, DEMO_FOLDER
from qwen3_agent.models.local import LocalModel

pytestmark = pytest.mark.model


class Double(BaseTool):  # type: ignore[misc]
    """A tool with its parameters as a list, which most of Qwen-Agent's examples have."""

    name = "double"
    description = "Twice a number."
    parameters = (
        [{"name": "number", "type": "integer", "description": "What to double.", "required": True}],
    )[0]

    def call(self, params: str, **kwargs: Any) -> Any:
        return {"value": 2 * json.loads(params)["number"]}


class CurrentTime(BaseTool):  # type: ignore[misc]
    """The time server's tool, as somebody would have written it for Qwen-Agent."""

    name = "get_current_time"
    description = "Get current time in a specific timezone"
    parameters = {  # noqa: RUF012 - theirs is so
        "type": "object",
        "properties": {"timezone": {"type": "string", "description": "IANA timezone name"}},
        "required": ["timezone"],
    }

    def call(self, params: str, **kwargs: Any) -> Any:
        zone = json.loads(params)["timezone"]
        now = datetime.now(ZoneInfo(zone)).replace(microsecond=0)
        clock = {
            "timezone": zone,
            "datetime": now.isoformat(),
            "day_of_week": now.strftime("%A"),
            "is_dst": bool(now.dst()),
        }
        return json.dumps(clock, indent=2)


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    for each in (Double, CurrentTime):
        register_tool(each.name)(each)
    yield
    for each in (Double, CurrentTime):
        del TOOL_REGISTRY[each.name]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Qwen-Agent makes a folder called workspace wherever it is."""
    monkeypatch.chdir(tmp_path)


def pieces(text: str) -> list[dict[str, Any]]:
    return [{"content": text[place : place + 7]} for place in range(0, len(text), 7)]


TWO_CALLS = f"{call('double', number=4)}\n{call('double', number=5)}"
SCRIPTS = {
    "thoughts apart": (
        says({"reasoning_content": "Two calls."}, *pieces(f"Let me see.\n{TWO_CALLS}")),
        says({"reasoning_content": "Done."}, *pieces("8 and 10")),
    ),
    "thoughts in the text": (
        says(*pieces(f"<think>\nTwo calls.\n</think>\n\n{TWO_CALLS}")),
        says(*pieces("<think>\nDone.\n</think>\n\n8 and 10")),
    ),
    "no thoughts": (says(*pieces(TWO_CALLS)), says(*pieces("8 and 10"))),
}


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("name", [None, "Doubler"])
def test_the_messages_are_those_that_qwen_agent_yields(script: str, name: str | None) -> None:
    in_content = script == "thoughts in the text"
    said = []
    for kind in (TheirAssistant, Assistant):
        with ChatServer(*SCRIPTS[script]) as server:
            assistant = kind(
                llm={
                    "model": "scripted",
                    "model_server": server.url,
                    "api_key": "EMPTY",
                    "generate_cfg": {"thought_in_content": in_content},
                },
                function_list=["double"],
                system_message="Be brief.",
                name=name,
            )
            *_, last = assistant.run([{"role": "user", "content": "Twice 4 and 5?"}])
            said.append([each | {"content": each["content"].strip()} for each in last])
    theirs, ours = said  # but for blank lines at the end of a text
    assert ours == theirs
    assert len(ours) >= 5


def test_each_yield_begins_with_the_one_before_it() -> None:
    with ChatServer(*SCRIPTS["thoughts apart"]) as server:
        llm = {"model": "scripted", "model_server": server.url, "api_key": "EMPTY"}
        assistant = Assistant(llm=llm, function_list=[Double()])
        yields = list(assistant.run([{"role": "user", "content": "Twice 4 and 5?"}]))
    for before, after in pairwise(yields):
        assert len(after) >= len(before)
        assert after[: len(before) - 1] == before[:-1]


def test_messages_come_back_in_the_kind_in_which_they_were_given() -> None:
    with ChatServer(says({"content": "Hello!"})) as server:
        llm = {"model": "scripted", "model_server": server.url, "api_key": "EMPTY"}
        [answer] = Assistant(llm=llm).run_nonstream([Message("user", "Hi")])
    assert isinstance(answer, Message)
    assert answer.content == "Hello!"


def test_what_was_said_before_is_told_to_the_model_again() -> None:
    with ChatServer(*SCRIPTS["no thoughts"], says({"content": "20"})) as server:
        llm = {"model": "scripted", "model_server": server.url, "api_key": "EMPTY"}
        assistant = Assistant(llm=llm, function_list=["double"], system_message="Be brief.")
        messages: list[Any] = [
            {"role": "system", "content": "In English."},
            {"role": "user", "content": "Twice 4 and 5?"},
        ]
        messages += assistant.run_nonstream(messages)
        messages.append({"role": "user", "content": "And of the second?"})
        assert assistant.run_nonstream(messages)[-1]["content"] == "20"
        sent = server.requests[-1]["messages"]
    assert [each["role"] for each in sent] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "user"),
    ]
    assert sent[0]["content"] == "Be brief.\n\nIn English."
    assert [each["function"]["name"] for each in sent[2]["tool_calls"]] == ["double", "double"]


ANNOUNCED = """
from qwen3_agent.integrations.qwen_agent import Assistant

# Define LLM
llm_cfg = {
    'model': 'Qwen3-30B-A3B',
    # Use a custom endpoint compatible with OpenAI API:
    'model_server': 'http://localhost:8000/v1',  # api_base
    'api_key': 'EMPTY',
}

# Define Tools
tools = [
    {'mcpServers': {  # You can specify the MCP configuration file
            'time': {
                'command': 'uvx',
                'args': ['mcp-server-time', '--local-timezone=Asia/Shanghai']
            },
            "fetch": {
                "command": "uvx",
                "args": ["mcp-server-fetch"]
            }
        }
    },
  'code_interpreter',  # Built-in tools
]

# Define Agent
bot = Assistant(llm=llm_cfg, function_list=tools)

# Streaming generation
messages = [{'role': 'user', 'content': QUESTION}]
for responses in bot.run(messages=messages):
    pass
print(responses)
"""


def test_the_example_of_qwen3s_announcement_runs_on_the_bundled_model(
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = LocalModel.load(DEMO_FOLDER)
    with ModelServer(model.engine, model.chat_format, models=[{"id": DEMO}], parses=True) as server:
        program = ANNOUNCED.replace("http://localhost:8000/v1", server.url)
        program = program.replace("Qwen3-30B-A3B", DEMO)
        exec(program, {"QUESTION": "What time is it in Tokyo right now?"})
    said = capsys.readouterr().out
    assert "'name': 'time__get_current_time'" in said
    assert "Asia/Tokyo" in said.rpartition("'content'")[2]


def test_their_assistant_works_over_our_engine() -> None:
    register_model_type()
    assistant = TheirAssistant(
        llm={"model_type": "qwen3_agent", "model": DEMO},
        function_list=["get_current_time"],
        system_message="You are a helpful assistant.",
    )
    question = {"role": "user", "content": "What time is it in Tokyo right now?"}
    *_, said = assistant.run([question])
    calls = [each["function_call"]["name"] for each in said if each.get("function_call")]
    assert calls == ["get_current_time"]
    assert "Asia/Tokyo" in said[-1]["content"]


def test_their_tool_works_in_our_agent() -> None:
    result = Agent(DEMO, tools=[CurrentTime()]).run_sync("What time is it in Tokyo right now?")
    assert result.steps[0].tool_calls == ("get_current_time",)
    assert "Asia/Tokyo" in result.output


def test_a_tool_of_ours_works_in_the_assistant() -> None:
    @tool
    def double(number: int) -> int:
        """Twice a number."""
        return 2 * number

    with ChatServer(*SCRIPTS["no thoughts"]) as server:
        llm = {"model": "scripted", "model_server": server.url, "api_key": "EMPTY"}
        said = Assistant(llm=llm, function_list=[double]).run_nonstream(
            [{"role": "user", "content": "Twice 4 and 5?"}]
        )
    assert [each["content"] for each in said if each["role"] == "function"] == ["8", "10"]


def test_inside_with_the_interpreter_is_there_for_all_runs() -> None:
    with Assistant(llm={"model": DEMO}, function_list=["code_interpreter"]) as assistant:
        for task, answer in (("What is 6 * 7?", "42"), ("What is 12 + 30?", "42")):
            said = assistant.run_nonstream([{"role": "user", "content": task}])
            assert answer in said[-1]["content"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"function_list": ["nothing"]}, "no tool named 'nothing' is registered"),
        ({"files": ["a.pdf"]}, "files and rag_cfg are not supported"),
        ({"llm": {"modell": "x"}}, "'modell' is not supported"),
        ({"llm": {"model_type": "azure"}}, "model_type 'azure' is not supported"),
        ({"llm": {"model_type": "oai"}}, "requires the URL of a server, model_server"),
        ({"llm": {"generate_cfg": {"temprature": 1}}}, "'temprature' in generate_cfg"),
        ({"llm": {"generate_cfg": {"extra_body": {"guided": 1}}}}, "'guided' in generate_cfg"),
        ({"llm": {"generate_cfg": {"top_p": 2}}}, "top_p must be over 0"),
        ({"function_list": [{"name": "code_interpreter", "color": 1}]}, "not 'color'"),
    ],
)
def test_what_is_not_offered_is_told_at_once(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(Qwen3AgentError, match=words):
        Assistant(**arguments)


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "the last message must be from the user"),
        ([{"role": "user", "content": [{"image": "a.png"}]}], "contains 'image'"),
    ],
)
def test_messages_that_cannot_be_answered_are_told(messages: list[Any], words: str) -> None:
    with pytest.raises(Qwen3AgentError, match=words):
        Assistant(llm={"model": DEMO}).run_nonstream(messages)


def test_thinking_is_taken_from_wherever_servers_want_it() -> None:
    for generate in (
        {"enable_thinking": False},
        {"extra_body": {"enable_thinking": False}},
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}},
    ):
        assistant = Assistant(llm={"model": DEMO, "generate_cfg": generate})
        said = assistant.run_nonstream([{"role": "user", "content": "Hello!"}])
        assert [each for each in said if "reasoning_content" in each] == []
