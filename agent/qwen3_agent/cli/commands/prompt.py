"""`qwen3-agent prompt`: what the model would see."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..config.options import TracebackOption

if TYPE_CHECKING:
    from ...formats.chat_format import ChatFormat

THINK = {"on": True, "off": False, True: True, False: False, None: None}


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
        typer.Option(help="Let the model think. Default: as the model does by itself."),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="FOLDER|ID",
            help="Whose chat format and tokens. Default: the bundled model, whose format is that "
            "of the hybrid Qwen3 models, though its tokens are its own.",
        ),
    ] = "qwen3-tiny",
    ids: Annotated[bool, typer.Option("--ids", help="Token ids as well, as JSON.")] = False,
    jsonl: Annotated[
        bool,
        typer.Option(
            "--jsonl",
            help='In bulk: for each line {"messages": [...], "tools": [...], "think": "on"} on '
            'standard input, {"prompt": "..."}.',
        ),
    ] = False,
    verbose: TracebackOption = False,
) -> None:
    """Print exactly what the model would see.

    Messages and tools are shaped as in OpenAI's API. With --ids, text in them that looks like a
    control token has the ids of ordinary text, as in a run.
    """
    if jsonl and (messages or tools or think):
        raise typer.BadParameter("--jsonl takes messages, tools and think from each line.")
    if not jsonl and not messages:
        raise typer.BadParameter("name a file of messages.", param_hint="--messages")

    from ..json_input import answer_lines, read_json, write_json
    from ..outcome import exit_code_of

    request = {"messages": messages and read_json(messages, "--messages"), "think": think}
    request["tools"] = tools and read_json(tools, "--tools")

    def work() -> int:
        chat_format = _chat_format(model)
        if jsonl:
            return answer_lines(lambda line: answer(chat_format, line, ids=ids))
        try:
            reply = answer(chat_format, request, ids=ids)
        except ValueError as error:
            print(f"Error: {error}", file=sys.stderr)
            return 1
        if ids:
            write_json(reply)
        else:
            sys.stdout.buffer.write(reply["prompt"].encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
        return 0

    raise typer.Exit(exit_code_of(work, verbose=verbose))


def answer(chat_format: ChatFormat, request: Any, *, ids: bool = False) -> dict[str, Any]:
    """The prompt for `{"messages": [...], "tools": [...], "think": "on"}`, as `{"prompt": ...}`.

    Args:
        chat_format: of the model that would see it.
        request: `tools` and `think` may be missing.
        ids: add the token ids, as `"ids"`.

    Raises:
        ValueError: what is wrong with the request.
    """
    from ...errors import Qwen3AgentError

    if not isinstance(request, dict):
        raise ValueError('expected an object, {"messages": [...]}.')
    messages = _objects(request, "messages", "role")
    tools = _objects(request, "tools", None)
    think = request.get("think")
    if think not in ("on", "off", True, False, None):
        raise ValueError('"think" must be "on" or "off".')
    thinking = chat_format.thinks_by_default if think is None else THINK[think]
    try:
        opening = chat_format.generation_prompt(thinking=bool(thinking))
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
