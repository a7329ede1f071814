"""`qwen3-agent prompt`: print the prompt that a model would see."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..json_io import answer_lines, read_json, write_json
from ..outcome import command
from ..terminal.printable import echo

if TYPE_CHECKING:
    from ...formats.chat_format import ChatFormat


@command
def prompt(
    messages: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A JSON list of messages; - reads standard input."),
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A JSON list of tool schemas.")
    ] = None,
    think: Annotated[
        Literal["on", "off"] | None,
        typer.Option(help="Let the model think. Default: the model's own."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="FOLDER|ID",
            help="The model whose chat format and tokens to use. Default: the bundled model, which "
            "has the format of the hybrid Qwen3 models, but its own tokens.",
        ),
    ] = "qwen3-tiny",
    ids: Annotated[bool, typer.Option("--ids", help="Print JSON with the token ids, too.")] = False,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help='For each line {"messages": [...], "tools": [...], "think": "on"} on standard '
            'input, print {"prompt": "..."}.',
        ),
    ] = False,
) -> int:
    """Print the exact prompt that the model would see.

    Messages and tools have the format of OpenAI's API. With --ids, text in them that looks like a
    control token has the ids of ordinary text, as in a run.
    """
    if jsonl and (messages or tools or think):
        raise typer.BadParameter(
            "--jsonl reads messages, tools and think from each line, not from options."
        )
    if not jsonl and not messages:
        raise typer.BadParameter("either --messages FILE or --jsonl is required.")

    request = {"messages": messages and read_json(messages, "--messages"), "think": think}
    request["tools"] = tools and read_json(tools, "--tools")

    chat_format = _chat_format(model)
    if jsonl:
        return answer_lines(lambda line: answer(chat_format, line, ids=ids))
    try:
        reply = answer(chat_format, request, ids=ids)
    except ValueError as error:
        echo(f"Error: {error}", err=True)
        return 1
    if ids:
        write_json(reply)
    else:
        sys.stdout.buffer.write(reply["prompt"].encode("utf-8", "replace"))
    return 0


def answer(chat_format: ChatFormat, request: Any, *, ids: bool = False) -> dict[str, Any]:
    """Return `{"prompt": ...}` for `{"messages": [...], "tools": [...], "think": "on"}`.

    Args:
        chat_format: The chat format of the model.
        request: `tools` and `think` are optional.
        ids: Add the token ids, as `"ids"`.

    Raises:
        ValueError: The request is invalid.
    """
    from ...errors import Qwen3AgentError

    if not isinstance(request, dict):
        raise ValueError('expected an object, {"messages": [...]}.')
    messages = _objects(request, "messages", "role")
    tools = _objects(request, "tools", None)
    think = request.get("think")
    if think not in ("on", "off", True, False, None):
        raise ValueError('"think" must be "on" or "off".')
    thinking = chat_format.thinks_by_default if think is None else think in ("on", True)
    try:
        opening = chat_format.generation_prompt(thinking=thinking)
        text = chat_format.render(messages, tools, thinking=thinking, generation_prompt=True)
        if not ids:
            return {"prompt": text}
        return {"prompt": text, "ids": [*chat_format.head(messages, tools), *opening]}
    except Qwen3AgentError as error:
        raise ValueError(str(error)) from error


def _objects(request: dict[str, Any], key: str, needs: str | None) -> list[dict[str, Any]]:
    value = request.get(key)
    if value is None and needs is None:
        return []
    if not isinstance(value, list) or (needs and not value):
        raise ValueError(f'"{key}" must be a list of objects.')
    for index, item in enumerate(value):
        if not isinstance(item, dict) or (needs and not isinstance(item.get(needs), str)):
            like = f', with a "{needs}"' if needs else ""
            raise ValueError(f'"{key}" must be a list of objects{like}; see number {index + 1}.')
    return value


def _chat_format(model: str) -> ChatFormat:
    from ...formats.chat_format import ChatFormat
    from ...models.choose import resolve

    folder = Path(os.path.expanduser(model))
    return ChatFormat.from_folder(
        folder if folder.is_dir() else resolve(model).folder(weights=False)
    )
