"""`qwen3-agent parse`: what a model's raw text says."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..config.options import TracebackOption

FormatName = Literal["qwen3", "qwen3-coder"]
_END = re.compile(r"(?:<\|im_end\|>|<\|endoftext\|>)\s*\Z")


def parse(
    call_format: Annotated[
        FormatName,
        typer.Option(
            "--format", help="How calls are written: as JSON, or as Qwen3-Coder and Qwen3.5 do."
        ),
    ] = "qwen3",
    thinking_open: Annotated[
        bool,
        typer.Option("--thinking-open", help="The prompt opened the thought, as of 2507-Thinking."),
    ] = False,
    tools: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A JSON list of tool schemas, for the types of values in qwen3-coder's format.",
        ),
    ] = None,
    jsonl: Annotated[
        bool,
        typer.Option("--jsonl", help="In bulk: one JSON string a line, one object for each."),
    ] = False,
    verbose: TracebackOption = False,
) -> None:
    """Print what a model's raw text says, as a JSON object.

    The text is read from standard input.

    {"reasoning": "...", "content": "...", "tool_calls": [{"name": "...", "arguments": {...}}],
    "errors": ["..."]}
    """
    from ..json_input import answer_lines, read_json, write_json
    from ..outcome import exit_code_of

    schemas = read_json(tools, "--tools") if tools else []
    if not isinstance(schemas, list) or not all(isinstance(item, dict) for item in schemas):
        raise typer.BadParameter("must be a list of objects.", param_hint="--tools")

    def answer(text: Any) -> dict[str, Any]:
        if not isinstance(text, str):
            raise ValueError("expected a JSON string.")
        return read_message(text, call_format, thinking_open=thinking_open, tools=schemas)

    def work() -> int:
        if jsonl:
            return answer_lines(answer)
        write_json(answer(sys.stdin.buffer.read().decode("utf-8", "replace")))
        sys.stdout.buffer.flush()
        return 0

    raise typer.Exit(exit_code_of(work, verbose=verbose))


def read_message(
    text: str,
    call_format: FormatName = "qwen3",
    *,
    thinking_open: bool = False,
    tools: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """What a message says: reasoning, content, tool calls, and errors of malformed calls.

    Args:
        text: as sampled; an end-of-message token at its end is not part of it.
        call_format: how calls are written.
        thinking_open: the prompt opened the thought.
        tools: schemas.
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
