"""`@tool`: what a model is shown of a function, and what comes of its call."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import threading
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwen3_tools import Tool, Toolbox, ToolDefinitionError, ToolError, ToolResult, tool


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Node(pydantic.BaseModel):
    title: str
    children: list[Node] = []


def power(base: int, exponent: int) -> int:
    return int(base**exponent)


def call(a_tool: Tool, **arguments: Any) -> ToolResult:
    return anyio.run(Toolbox([a_tool]).call, a_tool.name, arguments)


def test_a_function_becomes_the_schema_that_qwen3_has_seen() -> None:
    @tool
    def exchange_rate(base: str, quote: str = "USD") -> float:
        """Today's exchange rate.

        From the central bank.

        Args:
            base: ISO 4217 code,
                such as EUR.
            quote (str): ISO 4217 code.

        Returns:
            The rate.
        """
        return 1.5

    assert exchange_rate.schema() == {
        "type": "function",
        "function": {
            "name": "exchange_rate",
            "description": "Today's exchange rate.\n\nFrom the central bank.",
            "parameters": {
                "type": "object",
                "properties": {
                    "base": {"type": "string", "description": "ISO 4217 code, such as EUR."},
                    "quote": {
                        "type": "string",
                        "description": "ISO 4217 code.",
                        "default": "USD",
                    },
                },
                "required": ["base"],
            },
        },
    }
    parameters = exchange_rate.parameters
    assert list(parameters) == ["type", "properties", "required"]
    assert exchange_rate("EUR") == 1.5


def test_types_are_described_without_generated_titles() -> None:
    @tool
    def draw(
        unit: Unit,
        point: Point,
        mode: Literal["fast", "fine"] = "fast",
        note: str | None = None,
        sizes: list[int] | None = None,
        title: str = "",
    ) -> None: ...

    properties = draw.parameters["properties"]
    assert properties["unit"] == {"type": "string", "enum": ["celsius", "fahrenheit"]}
    assert properties["point"]["properties"]["y"] == {"type": "integer", "default": 0}
    assert properties["mode"]["enum"] == ["fast", "fine"]
    assert properties["note"] == {"type": "string"}
    assert properties["sizes"] == {"type": "array", "items": {"type": "integer"}}
    assert properties["title"] == {"type": "string", "default": ""}
    assert draw.parameters["required"] == ["unit", "point"]


def test_a_recursive_model_keeps_its_definition_and_others_are_inlined() -> None:
    @tool
    def grow(tree: Node, at: Point) -> None: ...

    text = json.dumps(grow.parameters)
    assert "#/$defs/Node" in text
    assert "#/$defs/Point" not in text
    assert set(grow.parameters["$defs"]) == {"Node"}
    assert "title" in grow.parameters["properties"]["tree"]["properties"]


def test_a_tool_without_parameters() -> None:
    @tool(name="roll-dice", description="Rolls.", timeout=2, read_only=True)
    def roll() -> int:
        """Not this."""
        return 4

    assert roll.parameters == {"type": "object", "properties": {}}
    assert (roll.name, roll.description, roll.timeout, roll.read_only) == (
        *("roll-dice", "Rolls.", 2),
        True,
    )
    assert call(roll).text == "4"


def test_arguments_arrive_as_the_types_they_were_declared() -> None:
    seen: list[Any] = []

    @tool
    def take(unit: Unit, point: Point, node: Node, zip_code: str, n: int = 3) -> None:
        seen.extend([unit, point, node, zip_code, n])

    result = call(take, unit="celsius", point={"x": "1"}, node={"title": "a"}, zip_code=12345)
    assert not result.is_error
    assert seen == [Unit.CELSIUS, Point(1, 0), Node(title="a"), "12345", 3]


def test_wrong_arguments_are_named_in_words_that_a_model_can_act_on() -> None:
    @tool
    def exchange_rate(base: str, unit: Unit, amount: float = 1) -> float:
        return amount

    assert call(exchange_rate, unit="kelvin", amount="many", bsae="EUR") == ToolResult(
        "Invalid arguments for exchange_rate: base: Field required; "
        "unit: Input should be 'celsius' or 'fahrenheit', got \"kelvin\"; "
        "amount: Input should be a valid number, unable to parse string as a number, "
        'got "many"; '
        "bsae: No such argument (the arguments are: base, unit, amount).",
        is_error=True,
    )


def test_parameter_names_that_pydantic_models_would_refuse() -> None:
    @tool
    def odd(schema: str, _private: int, model_config: bool, json: str) -> str:
        return f"{schema} {_private} {model_config} {json}"

    assert call(odd, schema="s", _private=1, model_config=True, json="j").text == "s 1 True j"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "The tool finished and returned nothing."),
        (True, "true"),
        (1.5, "1.5"),
        ({"city": "東京", "n": [1, 2]}, '{"city":"東京","n":[1,2]}'),
        (Point(1, 2), '{"x":1,"y":2}'),
        (Node(title="a"), '{"title":"a","children":[]}'),
        ([Unit.CELSIUS], '["celsius"]'),
        ({"where": Path("a/b")}, '{"where":"a/b"}'),
        ("", ""),
    ],
)
def test_what_a_function_returns_becomes_text(value: Any, text: str) -> None:
    @tool
    def answer() -> Any:
        return value

    result = call(answer)
    assert (result.text, result.is_error) == (text, False)


def test_structured_data_is_kept_beside_the_text_and_a_result_is_left_alone() -> None:
    @tool
    def point() -> Point:
        return Point(1, 2)

    whole = ToolResult("done", files=(Path("chart.png"),))

    @tool
    def result() -> ToolResult:
        return whole

    assert call(point).structured == {"x": 1, "y": 2}
    assert call(result) == whole


def test_sync_functions_leave_the_event_loop_free_and_async_ones_run_in_it() -> None:
    @tool
    def blocking() -> bool:
        return threading.current_thread() is threading.main_thread()

    @tool
    async def waiting() -> bool:
        await anyio.lowlevel.checkpoint()
        return threading.current_thread() is threading.main_thread()

    class Callable:
        async def __call__(self, n: int) -> int:
            return n + 1

    assert call(blocking).text == "false"
    assert call(waiting).text == "true"
    assert call(tool(name="plus_one")(Callable()), n=1).text == "2"
    assert call(tool(name="power_of_two")(functools.partial(power, 2)), exponent=3).text == "8"


def test_partial__has_the_name_and_the_description_of_its_function() -> None:
    def scale(factor: int, number: int) -> int:
        """Scale a number.

        Args:
            factor: how much.
            number: the number.
        """
        return factor * number

    made = tool(functools.partial(scale, 3))
    assert (made.name, made.description) == ("scale", "Scale a number.")
    assert made.parameters["properties"] == {
        "number": {"type": "integer", "description": "the number."}
    }
    assert call(made, number=2).text == "6"


def test_bound_methods_are_tools() -> None:
    class Counter:
        def __init__(self) -> None:
            self.count = 0

        def add(self, amount: int) -> int:
            """Count on."""
            self.count += amount
            return self.count

    counter = Counter()
    add = tool(counter.add)
    assert list(add.parameters["properties"]) == ["amount"]
    assert call(add, amount=2).text == "2"
    assert counter.count == 2


def star(*parts: str) -> None: ...
def double_star(**parts: str) -> None: ...
def bare(city) -> None: ...  # type: ignore[no-untyped-def]
def positional(city: str, /) -> None: ...
def method(self: object, city: str) -> None: ...
def unresolved(city: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def not_json(city: threading.Thread) -> None: ...


def typo(city: str) -> None:
    """Weather.

    Args:
        town: Where.
    """


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (star, "tool star: parameter 'parts' is *parts: models pass arguments by name"),
        (double_star, "parameter 'parts' is **parts: name each argument"),
        (bare, "tool bare: parameter 'city' does not have a type hint: write city: str"),
        (positional, "parameter 'city' is positional-only"),
        (unresolved, "a type hint cannot be resolved (name 'Nowhere' is not defined)"),
        (
            not_json,
            "tool not_json: parameter 'city' is threading.Thread, which is not JSON; use str",
        ),
        (
            typo,
            "the docstring describes 'town', which is not a parameter; the parameters are: city",
        ),
        (lambda: None, "tool name '<lambda>' is invalid"),
    ],
)
def test_an_unusable_signature_is_refused_with_what_would_be_right(
    function: Any, says: str
) -> None:
    with pytest.raises(ToolDefinitionError) as caught:
        tool(function)
    assert says in str(caught.value)


def test_an_unbound_method_and_a_senseless_timeout_are_refused() -> None:
    class Weather:
        def at(self, city) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(ToolDefinitionError, match="is not bound: use the bound method"):
        tool(Weather.at)
    with pytest.raises(ToolDefinitionError, match="timeout must be a positive number, not 0"):
        tool(timeout=0)(method)


def test_a_tool_error_reaches_the_model_as_it_was_written() -> None:
    @tool
    def rate(code: str) -> None:
        raise ToolError(f"No currency {code}: use an ISO 4217 code.")

    assert call(rate, code="XX") == ToolResult(
        "No currency XX: use an ISO 4217 code.", is_error=True
    )


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=8)))
def test_whatever_a_model_writes_as_arguments_it_gets_a_result(arguments: dict[str, Any]) -> None:
    @tool
    async def add(a: int, b: int = 0) -> int:
        return a + b

    result = call(add, **arguments) if "a_tool" not in arguments else None
    assert result is None or isinstance(result.text, str)


def test_approved__error_names_requires_approval() -> None:
    with pytest.raises(ToolDefinitionError, match="use requires_approval=True"):
        tool(approved=False)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        tool(nope=1)  # type: ignore[call-overload]
