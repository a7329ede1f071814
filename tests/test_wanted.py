"""What a turn is to come to: an answer of a type, and tools that have to be called."""

from __future__ import annotations

import sys
import typing
from typing import Any

import pytest
from pydantic import BaseModel
from scripted import ScriptedAgent, call

from qwen3_agent import Agent, Hooks, Limits, RunResult, tool
from qwen3_agent.errors import InvalidAnswerError, LimitExceededError, ToolChoiceUnavailableError
from qwen3_agent.result import OutputT

pytestmark = pytest.mark.anyio


class Weather(BaseModel):
    city: str
    degrees: float


@tool
def temperature(city: str) -> float:
    """How warm it is.

    Args:
        city: Its name.
    """
    return 21.5


ROME = '{"city": "Rome", "degrees": 21.5}'
CALL = call("temperature", city="Rome")


def agent(
    *script: str, output_type: type[OutputT] | None = None, **options: Any
) -> ScriptedAgent[OutputT]:
    how: dict[str, Any] = {"tools": [temperature], "thinking": "off"}
    return ScriptedAgent(*script, output_type=output_type, **how | options)


@pytest.mark.parametrize("answer", [ROME, f"\n{ROME}\n", f"```json\n{ROME}\n```"])
async def test_an_answer_of_a_type_is_a_value(answer: str) -> None:
    asked = agent(call("temperature", city="Rome"), answer, output_type=Weather)
    result = await asked.run("How warm is it in Rome?")
    assert result.output == Weather(city="Rome", degrees=21.5)
    assert result.output_text == answer.strip()
    head = asked.prompts_text[0]
    assert "answer with JSON alone" in head
    assert '"degrees"' in head, "the model is told the schema"


async def test_a_bad_answer_goes_back_to_the_model_once() -> None:
    asked = agent("It is 21.5 degrees.", ROME, output_type=Weather)
    result = await asked.run("How warm is it in Rome?")
    assert result.output == Weather(city="Rome", degrees=21.5)
    assert len(result.steps) == 2
    before, after = asked.prompts_text
    told = after.removeprefix(before)
    assert "Your answer is not what was asked for: the answer: Invalid JSON" in told
    assert told != after, "append-only"


async def test_the_second_bad_answer_is_an_error_that_holds_what_there_is() -> None:
    asked = agent('{"city": "Rome"}', '{"city": "Rome", "degrees": "warm"}', output_type=Weather)
    with pytest.raises(
        InvalidAnswerError, match="degrees: Input should be a valid number"
    ) as caught:
        await asked.run("How warm is it in Rome?")
    assert caught.value.result.output == '{"city": "Rome", "degrees": "warm"}'


async def test_other_types_than_models() -> None:
    asked = agent("[1, 2]", output_type=list[int])
    assert (await asked.run("Count")).output == [1, 2]
    with pytest.raises(ValueError, match="output_type must be a pydantic model, or another type"):
        Agent(output_type=type("Opaque", (), {}))


async def test_output__without_a_type_is_the_text() -> None:
    asked = agent(ROME)
    result = await asked.run("How warm?")
    assert (result.output, result.output_text) == (ROME, ROME)


async def test_output__of_a_type_keeps_its_text() -> None:
    asked = agent(f"```json\n{ROME}\n```", output_type=Weather)
    result = await asked.run("How warm?")
    assert result.output == Weather(city="Rome", degrees=21.5)
    assert ROME in result.output_text
    assert result.to_json()["output"] == result.output_text


async def test_parsed__names_its_successor() -> None:
    asked = agent(ROME)
    result: Any = await asked.run("How warm?")
    with pytest.raises(AttributeError, match=r"RunResult\.parsed was removed: use output"):
        _ = result.parsed


async def test_output_type__can_be_given_for_one_run() -> None:
    asked = agent(ROME, ROME)
    typed = await asked.run("How warm?", output_type=Weather)
    assert typed.output.city == "Rome"
    assert (await asked.run("How warm?")).output == ROME


async def test_output_type__str_is_any_text() -> None:
    assert (await agent("Warm.", output_type=str).run("How warm?")).output == "Warm."
    typed = agent(ROME, "Warm.", output_type=Weather)
    assert (await typed.run("How warm?")).output.city == "Rome"
    assert (await typed.run("How warm?", output_type=str)).output == "Warm."


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic reads it from Python 3.12 on")
def test_output_type__a_typed_dict_that_pydantic_cannot_read_names_one_that_it_can() -> None:
    class Old(typing.TypedDict):
        degrees: float

    with pytest.raises(ValueError, match="Import TypedDict from typing_extensions"):
        agent(ROME, output_type=Old)


async def test_output_type__an_answer_cut_off_at_a_limit_is_an_error() -> None:
    asked = agent(CALL, "I do not know.", output_type=Weather, limits=Limits(steps=1))
    with pytest.raises(LimitExceededError, match="Its answer is not what was asked for") as caught:
        await asked.run("How warm?")
    assert caught.value.result.output == "I do not know."
    assert caught.value.problem


async def test_output_type__a_valid_answer_at_a_limit_is_the_result() -> None:
    asked = agent(CALL, ROME, output_type=Weather, limits=Limits(steps=1))
    result = await asked.run("How warm?")
    assert (result.limit, result.output) == ("steps", Weather(city="Rome", degrees=21.5))


@pytest.mark.parametrize("words", [ROME, "It is warm."])
async def test_output_type__holds_for_what_a_hook_answers(words: str) -> None:
    async def change(result: RunResult[Any]) -> str:
        return words

    asked = agent(ROME.replace("Rome", "Oslo"), output_type=Weather, hooks=Hooks(on_answer=change))
    if words == ROME:
        assert (await asked.run("How warm?")).output.city == "Rome"
    else:
        with pytest.raises(InvalidAnswerError):
            await asked.run("How warm?")


async def test_a_choice_that_names_no_tool() -> None:
    asked = agent("Hello.", tool_choice="humidity")
    with pytest.raises(ValueError, match=r'not "humidity"\. The tools are: temperature'):
        await asked.run("How humid is it?")


async def test_an_engine_that_cannot_be_held_to_a_choice() -> None:
    asked = agent("Hello.", tool_choice="required")
    with pytest.raises(ToolChoiceUnavailableError, match="leave constrain on"):
        await asked.run("How warm is it?")


@pytest.mark.model
@pytest.mark.parametrize("choice", ["required", "temperature"])
async def test_a_required_call_is_made_at_the_beginning_of_a_turn_and_then_there_is_an_answer(
    choice: str,
) -> None:
    asked = Agent("qwen3-tiny", tools=[temperature], tool_choice=choice, thinking="off")
    result = await asked.run("Say hello.")
    assert result.steps[0].tool_calls[0] == "temperature"
    assert result.output


async def test_no_tool_is_called_where_none_may_be() -> None:
    asked = agent(f"I look. {call('temperature', city='Rome')}", tool_choice="none")
    result = await asked.run("How warm is it in Rome?")
    assert result.steps[0].tool_calls == ()
    assert len(asked.engine.prompts) == 1
