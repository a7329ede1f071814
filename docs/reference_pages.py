"""Generate the reference pages from the code when the documentation is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import fields
from types import ModuleType
from typing import Any

import mkdocs_gen_files
import typer

import qwen3_agent
from qwen3_agent.cli.app import app
from qwen3_agent.limits import Limits
from qwen3_agent.option import options_of
from qwen3_agent.spec import AgentSpec

TOP_LEVEL = [
    name
    for name in qwen3_agent.__all__
    if not isinstance(getattr(qwen3_agent, name), ModuleType) and name != "ToolError"
]
MODULES = ("errors", "events", "hooks", "tools", "mcp", "sandbox")


def options_page() -> Iterator[str]:
    yield "# Options\n"
    yield (
        "The arguments of `Agent` and `Limits`, with the option of the command line and the key of "
        "the [settings file](../configuration.md) for each. Empty cells mean that there is none.\n"
    )
    for title, owner in (("Agent", AgentSpec), ("Limits", Limits)):
        yield f"## {title}\n"
        yield "| argument | type | default | command line | settings file | description |"
        yield "| --- | --- | --- | --- | --- | --- |"
        types = {each.name: str(each.type) for each in fields(owner)}
        for name, each in options_of(owner).items():
            flag = f"{each.flag} {each.metavar or ''}".strip() if each.flag else ""
            cells = (name, types[name], repr(each.default), flag, each.key or "")
            yield f"| {' | '.join(map(_code, cells))} | {_description(each.description)} |"
        yield ""


def command_page() -> Iterator[str]:
    yield "# Command line\n"
    yield from _command(typer.main.get_command(app), "qwen3-agent")


def _command(command: Any, path: str) -> Iterator[str]:
    if path != "qwen3-agent":
        yield f"## {path}\n"
    yield f"{(command.help or '').strip()}\n"
    parameters = [each for each in command.params if "--help" not in each.opts]
    arguments = " ".join(_usage(each) for each in parameters if each.param_type_name == "argument")
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        yield f"```text\n{path} [OPTIONS] {arguments}".rstrip() + "\n```\n"
    if parameters:
        yield "| option | description |\n| --- | --- |"
        for each in parameters:
            yield f"| {_code(_names(each))} | {_description(getattr(each, 'help', None) or '')} |"
        yield ""
    for name, sub in subcommands.items():
        yield from _command(sub, f"{path} {name}")


def _usage(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name.strip('[]')}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return _usage(parameter)
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return (
        names
        if parameter.is_bool_flag
        else f"{names} {parameter.metavar or parameter.name.upper()}"
    )


def python_page() -> Iterator[str]:
    yield "# Python API\n"
    yield "[Options](options.md) describes the arguments of `Agent` and `Limits`.\n"
    for name in TOP_LEVEL:
        yield from _entry(f"qwen3_agent.{name}", getattr(qwen3_agent, name), level=2)
    for name in MODULES:
        module = getattr(qwen3_agent, name)
        yield f"## qwen3_agent.{name}\n"
        heading, _, more = (inspect.getdoc(module) or "").partition("\n\n")
        yield f"{heading}\n"
        if more:
            yield f"```text\n{more}\n```\n"
        also = [each for each in module.__all__ if each in TOP_LEVEL]
        if also:
            yield f"Also here: {', '.join(f'`{each}`' for each in also)}.\n"
        for each in module.__all__:
            if each not in TOP_LEVEL:
                yield from _entry(f"qwen3_agent.{name}.{each}", getattr(module, each), level=3)


def _entry(title: str, public: Any, *, level: int) -> Iterator[str]:
    yield f"::: {public.__module__}.{public.__qualname__}"
    yield f"    options:\n      heading_level: {level}\n      heading: {title}\n"


def _code(text: str) -> str:
    return f"<code>{_escaped(text)}</code>" if text else ""


def _description(text: str) -> str:
    """Return the text for a cell of a table. Text in backticks becomes code."""
    pieces = enumerate(" ".join(text.split()).split("`"))
    return "".join(_code(piece) if place % 2 else _escaped(piece) for place, piece in pieces)


def _escaped(text: str) -> str:
    """Escape what Markdown tables and HTML would interpret."""
    return "".join(f"&#{ord(sign)};" if sign in "|*_<`" else sign for sign in text)


PAGES: dict[str, Callable[[], Iterator[str]]] = {
    "reference/options.md": options_page,
    "reference/command.md": command_page,
    "reference/python.md": python_page,
}
for path, page in PAGES.items():
    with mkdocs_gen_files.open(path, "w") as file:
        file.write("\n".join(page()))
