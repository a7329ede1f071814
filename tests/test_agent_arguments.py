"""An agent checks its arguments when it is made, and reports each mistake in a sentence."""

from __future__ import annotations

from dataclasses import fields, replace
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from qwen3_agent import Agent, CodeInterpreter, Hooks, Limits, Sampling, Thinking, tool
from qwen3_agent.cli.config.agent_options import AgentOptions
from qwen3_agent.cli.config.build import build_agent
from qwen3_agent.errors import ToolDefinitionError
from qwen3_agent.option import options_of
from qwen3_agent.spec import AgentSpec


def half(number: int) -> float:
    """Half of it."""
    return number / 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": 5}, "model must be a folder, a hub id or a Model, not 5."),
        ({"base_url": 5}, "base_url must be a URL"),
        ({"engine_options": 5}, "engine_options must be a mapping"),
        ({"instructions": ["Be brief."]}, "instructions must be a string, not ['Be brief.']."),
        ({"limits": {"steps": 3}}, "limits must be Limits, such as Limits(steps=8)"),
        ({"approvals": ["*"]}, "approvals must be Approvals"),
        ({"hooks": half}, "hooks must be Hooks"),
        ({"sampling": {"temperature": 0}}, "sampling must be a Sampling"),
        ({"tool_choice": 5}, "tool_choice must be"),
        ({"journal": 5}, "journal must be a folder, True or False, not 5."),
        ({"tools": half}, "tools must be a list, such as [half]."),
        ({"tools": "mcp_servers.json"}, "tools must be a list"),
        ({"tools": CodeInterpreter()}, "tools must be a list, such as [CodeInterpreter(...)]."),
    ],
)
def test_an_argument_of_a_wrong_type_says_what_it_must_be(
    arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError) as raised:
        Agent(**arguments)
    assert says in str(raised.value)


def test_a_key_of_a_wrong_type_is_not_shown() -> None:
    with pytest.raises(TypeError, match="api_key must be a string, not of type bytes") as raised:
        Agent(base_url="http://localhost/v1", api_key=b"sk-secret")  # type: ignore[arg-type]
    assert "sk-secret" not in str(raised.value)


def test_a_source_is_given_as_an_instance() -> None:
    with pytest.raises(ToolDefinitionError, match=r"a class: pass CodeInterpreter\(\)\."):
        Agent(tools=[CodeInterpreter])


@pytest.mark.parametrize("task", [5, None, b"task"])
def test_a_task_is_a_string(task: Any) -> None:
    with pytest.raises(TypeError, match="The task must be a string"):
        Agent("qwen3-tiny").run_sync(task)


def test_one_string_is_not_many_tasks() -> None:
    with pytest.raises(TypeError, match="such as a list of strings"):
        Agent("qwen3-tiny").map_sync("Add 1 and 2.")


@pytest.mark.parametrize("steps", ["5", 2.5, True, None])
def test_limits_are_numbers(steps: Any) -> None:
    with pytest.raises(ValueError, match="steps must be a whole number, not"):
        Limits(steps=steps)


@pytest.mark.parametrize("total", ["5", 2.5, True, 0])
def test_a_total_of_thinking_is_a_number_of_tokens(total: Any) -> None:
    with pytest.raises(ValueError, match="total must be 1 or more"):
        Thinking(total=total)


def test_sampling_is_numbers() -> None:
    with pytest.raises(ValueError, match="temperature must be a number, not 'hot'"):
        Sampling(temperature="hot")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"seed must be a whole number, not 0\.5"):
        Sampling(temperature=0.5, seed=0.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", ["5", 0, -1])
def test_the_timeout_of_a_tool_is_seconds(timeout: Any) -> None:
    with pytest.raises(ToolDefinitionError, match="timeout must be a positive number"):
        tool(timeout=timeout)(half)


EVERYTHING: dict[str, Any] = {
    "model": "qwen3-tiny",
    "engine": "transformers",
    "engine_options": {"max_model_len": 4096},
    "hub": "modelscope",
    "instructions": "Be brief.",
    "tools": [half],
    "thinking": "off",
    "limits": Limits(steps=3),
    "hooks": Hooks(),
    "sampling": Sampling(temperature=0),
    "keep_thoughts": True,
    "logprobs": True,
    "constrain": False,
    "tool_choice": "half",
    "output_type": int,
}


def attributes(agent: Agent) -> dict[str, Any]:
    return {name: getattr(agent.spec, name) for name in EVERYTHING if name != "tools"}


def test_with_options__keeps_all_other_options() -> None:
    agent = Agent(**EVERYTHING)
    changed = agent.with_options(thinking="on")
    assert changed.spec.thinking == "on"
    assert attributes(agent) == {**attributes(changed), "thinking": "off"}
    assert changed.tools == agent.tools
    assert changed.spec.answer is not None


def test_spec__is_validated_where_it_is_derived() -> None:
    spec = Agent(**EVERYTHING).spec
    assert replace(spec, thinking="on").tools == spec.tools
    with pytest.raises(TypeError, match="limits must be Limits"):
        replace(spec, limits=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='engine must be "auto", "vllm" or "transformers", not'):
        replace(spec, engine="onnx")  # type: ignore[arg-type]


def test_an_agent_of_a_file_keeps_what_the_command_line_does_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(
        "from qwen3_agent import *\n"
        f"from {__name__} import EVERYTHING\n"
        "agent = Agent(**EVERYTHING)\n"
    )
    agent = build_agent(AgentOptions(agent="mine.py", max_steps=7, no_journal=True))
    assert attributes(agent) == {**attributes(Agent(**EVERYTHING)), "limits": Limits(steps=7)}


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("Hello.", "history must be a list of messages, not 'Hello.'."),
        (["Hello."], 'history[0] must be a message, such as {"role": "user"'),
        ([{"role": "human", "content": "Hello."}], "history[0]: role must be one of user, "),
        ([{"role": "user"}], "history[0]: content must be text"),
        (
            [
                {"role": "user", "content": "Look."},
                {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            ],
            "history[1]: an image must have a URL",
        ),
        ([{"role": "assistant", "content": "", "tool_calls": [{}]}], "must have a name and arg"),
        ([{"role": "assistant", "content": "", "tool_calls": 5}], "tool_calls must be a list, not"),
        (
            [{"role": "assistant", "tool_calls": [{"id": 1, "name": "half", "arguments": {}}]}],
            "history[0]: the id of a tool call must be a string, not 1.",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"name": "half", "arguments": {"number": {4}}}]}],
            "history[0]: arguments must be JSON, not {'number': {4}}.",
        ),
    ],
)
@pytest.mark.anyio
async def test_what_was_said_before_is_looked_at(history: Any, says: str) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        async with Agent("qwen3-tiny").conversation(history=history):
            pass
    assert says in str(raised.value)


@pytest.mark.anyio
async def test_option_of_one_run__others_are_refused_at_once() -> None:
    agent: Any = Agent("qwen3-tiny")
    for start in (agent.stream, agent.stream_sync):
        with pytest.raises(TypeError, match=r"^instructions cannot be set here, only con"):
            start("Hello.", instructions="Be brief.")
    async with agent.conversation() as conversation:
        for option in ("instructions", "output_type", "history"):
            says = rf"^{option} cannot be set here, only context, limits, thinking, tool_choice\.$"
            with pytest.raises(TypeError, match=says):
                await conversation.run("Hello.", **{option: str})
            with pytest.raises(TypeError, match=says):
                conversation.stream("Hello.", **{option: str})


def test_agent__takes_the_options_of_its_spec_with_their_defaults() -> None:
    arguments = signature(Agent).parameters
    assert list(arguments) == list(options_of(AgentSpec))
    defaults = {each.name: each.default for each in fields(AgentSpec)}
    for name, argument in arguments.items():
        assert argument.default in (None, defaults[name]), name
