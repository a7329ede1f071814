"""The required output of a turn: its type, and the tools that have to be called."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import PydanticUserError, TypeAdapter, ValidationError

from ..grammar.tool_grammar import ToolChoice

_FENCED = re.compile(r"\A```\w*\n(.*)\n```\Z", re.DOTALL)
_INSTRUCTION = (
    "When you have what you need, answer with JSON alone, without any words around it, by this "
    "JSON Schema:\n{schema}"
)
_PROBLEM = "Your answer is not what was asked for: {why}. Answer again, with JSON by the schema."


class OutputType:
    """The type of the final answer.

    Args:
        output_type: A pydantic model, or any type that pydantic can validate.

    Raises:
        ValueError: Pydantic cannot validate the type.
    """

    def __init__(self, output_type: Any) -> None:
        try:
            self._adapter: TypeAdapter[Any] = TypeAdapter(output_type)
            self.schema: dict[str, Any] = self._adapter.json_schema()
        except Exception as error:  # pydantic raises many kinds
            is_old = isinstance(error, PydanticUserError) and error.code == "typed-dict-version"
            hint = " Import TypedDict from typing_extensions." if is_old else ""
            raise ValueError(
                f"output_type must be a pydantic model, or another type that pydantic can read "
                f"from JSON, not {output_type!r}.{hint}"
            ) from error
        schema = json.dumps(self.schema, ensure_ascii=False)
        self.instruction = _INSTRUCTION.format(schema=schema)

    def read(self, text: str) -> Any:
        """Return the value of an answer.

        Raises:
            ValueError: The answer is not of the type; the message is for the model.
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
    """The required output of one turn, and what the turn has reached of it.

    Args:
        tool_choice: Tools that the first step must call; "none" holds for all steps. A required
            call is made once, or the turn would never end.
        answer: The type of the answer. None: any text.
    """

    tool_choice: ToolChoice = "auto"
    answer: OutputType | None = None
    _read: tuple[str, Any] | None = field(default=None, init=False)
    """The last valid answer, and its value."""
    was_told: bool = field(default=False, init=False)

    def choice(self, *, first: bool) -> ToolChoice:
        """Return the tool choice of a step."""
        return self.tool_choice if first or self.tool_choice == "none" else "auto"

    def problem(self, output: str) -> str | None:
        """Return what is wrong with an answer, for the model. None: nothing.

        Raises:
            ValueError: The answer is wrong for the second time.
        """
        why = self.final_problem(output)
        if why is not None and self.was_told:
            raise ValueError(why)
        self.was_told = self.was_told or why is not None
        return None if why is None else _PROBLEM.format(why=why)

    def final_problem(self, output: str) -> str | None:
        """Return what is wrong with an answer that cannot be corrected any more, or None."""
        if self.answer is None:
            return None
        try:
            self._read = output, self.answer.read(output)
        except ValueError as why:
            return str(why)
        return None

    def value_of(self, text: str) -> Any:
        """Return the value of a text that was valid, else the text."""
        return self._read[1] if self._read and self._read[0] == text else text.strip()
