"""What a turn is to come to: which tools it has to call, and of what type its answer is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..grammar.tool_grammar import ToolChoice

__all__ = ["OutputSpec", "OutputType"]

_FENCED = re.compile(r"\A```\w*\n(.*)\n```\Z", re.DOTALL)
_INSTRUCTION = (
    "When you have what you need, answer with JSON alone, without any words around it, by this "
    "JSON Schema:\n{schema}"
)
_PROBLEM = "Your answer is not what was asked for: {why}. Answer again, with JSON by the schema."


class OutputType:
    """A type that the final answer has to be of.

    Args:
        type: a pydantic model, or any type that pydantic can validate.

    Raises:
        ValueError: pydantic cannot.
    """

    def __init__(self, type: Any) -> None:
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(type)
            self.schema: dict[str, Any] = self._adapter.json_schema()
        except Exception as error:  # pydantic's are of many kinds
            raise ValueError(
                f"output_type is a pydantic model, or another type that pydantic can read from "
                f"JSON, not {type!r}."
            ) from error
        schema = json.dumps(self.schema, ensure_ascii=False)
        self.instruction = _INSTRUCTION.format(schema=schema)

    def read(self, text: str) -> Any:
        """The value that an answer says.

        Raises:
            ValueError: it is not of the type; in words for the model.
        """
        text = text.strip()
        if (fenced := _FENCED.match(text)) is not None:
            text = fenced[1]
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            problems = [
                f"{'.'.join(str(step) for step in problem['loc']) or 'the answer'}: "
                f"{problem['msg']}"
                for problem in error.errors(include_url=False, include_context=False)
            ]
            raise ValueError("; ".join(problems)) from None


@dataclass(slots=True)
class OutputSpec:
    """What is wanted of one turn, and what of it has been got.

    Args:
        tool_choice: for the first step; "none" holds for all. A call that is required is made
            once, or the turn would never end.
        answer: None: any text.
    """

    tool_choice: ToolChoice = "auto"
    answer: OutputType | None = None
    parsed: Any = field(default=None, init=False)
    """The answer, if one is wanted of a type."""
    was_told: bool = field(default=False, init=False)

    def choice(self, *, first: bool) -> ToolChoice:
        """Which tools a step may call."""
        return self.tool_choice if first or self.tool_choice == "none" else "auto"

    def final_problem(self, output: str) -> str | None:
        """Return what is wrong with an answer that cannot be corrected any more, or None."""
        if self.answer is None:
            return None
        try:
            self.parsed = self.answer.read(output)
        except ValueError as why:
            return str(why)
        return None

    def problem(self, output: str) -> str | None:
        """What the model is to be told of its answer; None: it is what was wanted.

        Raises:
            ValueError: it was told already.
        """
        if self.answer is None:
            return None
        try:
            self.parsed = self.answer.read(output)
        except ValueError as why:
            if self.was_told:
                raise
            self.was_told = True
            return _PROBLEM.format(why=why)
        return None
