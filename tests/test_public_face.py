"""The arguments of a run, its result, and its stream, as a program uses them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, assert_type

import pytest
from pydantic import BaseModel
from scripted import ScriptedEngine, call, scripted_model

import qwen3_agent
from qwen3_agent import Agent, Limits, RunResult, tool
from qwen3_agent.errors import LimitExceededError

ROOT = Path(__file__).parents[1]
CALL = call("double", number=4)


class City(BaseModel):
    name: str


@tool
def double(number: int) -> int:
    """Double a number.

    Args:
        number: any.
    """
    return 2 * number


def prompts_of(agent: Agent[Any]) -> Sequence[str]:
    model: Any = agent.model
    engine: ScriptedEngine = model.engine
    return [model.chat_format.decode(prompt) for prompt in engine.prompts]


if TYPE_CHECKING:

    async def check_types(agent: Agent, typed: Agent[City]) -> None:
        assert_type(Agent("qwen3-tiny"), Agent[str])
        assert_type(Agent("qwen3-tiny", output_type=City), Agent[City])
        assert_type((await agent.run("Hi")).output, str)
        assert_type((await typed.run("Hi")).output, City)
        assert_type(
            await agent.run("Hi", output_type=City, limits=Limits(steps=3)), RunResult[City]
        )
        assert_type(agent.run_sync("Hi", output_type=City).output, City)
        assert_type((await agent.stream("Hi", output_type=list[int]).result()).output, list[int])
        assert_type(agent.stream_sync("Hi", output_type=City).result().output, City)
        assert_type((await typed.resume("latest")).output, City)
        async with typed.conversation() as conversation:
            assert_type((await conversation.run("Hi", thinking="off")).output, City)
        async for result in typed.map(["Hi"]):
            assert_type(result.output, City)


@pytest.mark.command
def test_types__an_attribute_that_the_output_type_lacks_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from pydantic import BaseModel\n"
        "from qwen3_agent import Agent\n"
        "class City(BaseModel):\n    name: str\n"
        "result = Agent().run_sync('Hi', output_type=City)\n"
        "reveal_type(result.output)\n"
        "result.output.nope\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", program], cwd=ROOT, capture_output=True, text=True
    )
    assert 'Revealed type is "program.City"' in done.stdout
    assert '"City" has no attribute "nope"' in done.stdout
    assert "Found 1 error" in done.stdout


@pytest.mark.anyio
async def test_result__has_every_call_with_its_arguments_and_result() -> None:
    broken = "<tool_call>\n{nothing}\n</tool_call>"
    agent = Agent(scripted_model(CALL, broken, "Eight."), tools=[double])
    result = await agent.run("Double 4.")
    first, second = result.calls
    assert (first.name, first.arguments) == ("double", {"number": 4})
    assert (first.result, first.is_error) == ("8", False)
    assert (second.name, second.is_error) == ("", True)


@pytest.mark.anyio
async def test_result__its_messages_are_the_history_of_another_run() -> None:
    agent = Agent(scripted_model("Hello Ada.", "Ada."), instructions="Be brief.")
    first = await agent.run("I am Ada.")
    assert [message["role"] for message in first.messages] == ["system", "user", "assistant"]
    await agent.run("Who am I?", history=first.messages)
    last = prompts_of(agent)[-1]
    assert "I am Ada." in last
    assert last.count("Be brief.") == 1


@pytest.mark.anyio
async def test_run__options_hold_for_it_alone() -> None:
    agent = Agent(scripted_model(CALL, "Eight."), tools=[double], thinking="off")
    with pytest.raises(LimitExceededError):
        await agent.run("Double 4.", limits=Limits(steps=1, at_limit="fail"))
    assert agent.spec.limits == Limits()
    result = await agent.run("Double 4.", thinking="on", tool_choice="none")
    assert (result.output, result.steps[0].thinking) == ("Eight.", "on")


@pytest.mark.anyio
async def test_turn__options_hold_for_it_alone() -> None:
    agent = Agent(scripted_model("One.", "Two."), thinking="off")
    async with agent.conversation() as conversation:
        first = await conversation.run("First", thinking="on")
        second = await conversation.run("Second")
    assert [each.steps[0].thinking for each in (first, second)] == ["on", "off"]


@pytest.mark.anyio
async def test_stream__text_then_result() -> None:
    stream = Agent(scripted_model(CALL, "Eight."), tools=[double]).stream("Double 4.")
    assert "".join([piece async for piece in stream.text()]).strip() == "Eight."
    assert (await stream.result()).output == "Eight."


@pytest.mark.anyio
async def test_stream__result_raises_what_the_run_raises() -> None:
    agent = Agent(scripted_model(CALL), tools=[double])
    stream = agent.stream("Double 4.", limits=Limits(steps=1, at_limit="fail"))
    with pytest.raises(LimitExceededError):
        await stream.result()
    with pytest.raises(RuntimeError, match="The run has no result"):
        await stream.result()


def test_stream_sync__text_then_result() -> None:
    with Agent(scripted_model("Hello.")).stream_sync("Hi") as stream:
        assert "".join(stream.text()) == "Hello."
        assert stream.result().output == "Hello."


@pytest.mark.parametrize(
    ("old", "new"), [("changed", "with_options"), ("stream_resume", "resume_stream")]
)
def test_agent__names_that_are_gone_name_their_successors(old: str, new: str) -> None:
    with pytest.raises(AttributeError, match=new):
        getattr(Agent("qwen3-tiny"), old)


def test_package__has_a_version_and_names_what_was_renamed() -> None:
    assert qwen3_agent.__version__
    with pytest.raises(ImportError, match="BatchResult"):
        _ = qwen3_agent.Outcome
    with pytest.raises(ImportError, match="ContextCompacted"):
        from qwen3_agent.events import ContextShortened  # noqa: F401
    with pytest.raises(ImportError, match=r"before_step\(result, plan\)"):
        from qwen3_agent.hooks import StepAhead  # noqa: F401


def test_result__counts_that_moved_name_their_new_place() -> None:
    result = Agent(scripted_model("Hello.")).run_sync("Hi")
    with pytest.raises(AttributeError, match=r"usage\.output_tokens"):
        getattr(result, "sampled_tokens")  # noqa: B009
    with pytest.raises(AttributeError, match=r"usage\.input_tokens"):
        getattr(result.steps[0], "prompt_tokens")  # noqa: B009
