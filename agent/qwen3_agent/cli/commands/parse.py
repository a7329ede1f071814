"""`qwen3-agent parse`: parse the raw text of a model."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..json_io import answer_lines, read_json, write_json
from ..outcome import command

FormatName = Literal["qwen3", "qwen3-coder"]
_END = re.compile(r"(?:<\|im_end\|>|<\|endoftext\|>)\s*\Z")


@command
def parse(
    call_format: Annotated[
        FormatName,
        typer.Option(
            "--format", help="The format of tool calls: JSON, or that of Qwen3-Coder and Qwen3.5."
        ),
    ] = "qwen3",
    thinking_open: Annotated[
        bool, typer.Option("--thinking-open", help="The prompt opened the thought (2507-Thinking).")
    ] = False,
    tools: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A JSON list of tool schemas, for the types of values in the qwen3-coder format.",
        ),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="Read JSON strings, one a line; print an object for each."),
    ] = False,
) -> int:
    """Parse a model's raw text on standard input; print it as JSON.

    {"reasoning": "...", "content": "...", "tool_calls": [{"name": "...", "arguments": {...}}],
    "errors": ["..."]}
    """
    schemas = read_json(tools, "--tools") if tools else []
    if not isinstance(schemas, list) or not all(isinstance(item, dict) for item in schemas):
        raise typer.BadParameter("must be a list of objects.", param_hint="--tools")

    def answer(text: Any) -> dict[str, Any]:
        if not isinstance(text, str):
            raise ValueError("expected a JSON string.")
        return read_message(text, call_format, thinking_open=thinking_open, tools=schemas)

    if jsonl:
        return answer_lines(answer)
    write_json(answer(sys.stdin.buffer.read().decode("utf-8", "replace")))
    return 0


def read_message(
    text: str,
    call_format: FormatName = "qwen3",
    *,
    thinking_open: bool = False,
    tools: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the reasoning, content, tool calls, and errors of malformed calls in a message.

    Args:
        text: The sampled text. An end-of-message token at its end is ignored.
        call_format: The format of tool calls.
        thinking_open: Whether the prompt opened the thought.
        tools: Tool schemas.
    """
    from ...messages import Content, MalformedCall, Reasoning, ToolCall
    from ...parsing.parser import Parser

    parser = Parser(
        "json" if call_format == "qwen3" else "xml", thinking_open=thinking_open, tools=tools or ()
    )
    parser.feed(_END.sub("", text))
    parser.finish()
    parts = parser.parts
    return {
        "reasoning": "\n".join(p.text for p in parts if isinstance(p, Reasoning) and p.text),
        "content": "\n".join(p.text for p in parts if isinstance(p, Content) and p.text),
        "tool_calls": [
            {"name": part.name, "arguments": part.arguments}
            for part in parts
            if isinstance(part, ToolCall)
        ],
        "errors": [part.error for part in parts if isinstance(part, MalformedCall)],
    }
