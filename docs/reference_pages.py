"""The reference pages, generated from the code when the documentation is built."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import mkdocs_gen_files
import typer

import qwen3_agent
from qwen3_agent.cli.app import app
from qwen3_agent.option import options_of
from qwen3_agent.spec import AgentSpec

PARTS = ("errors", "events", "hooks")  # modules whose members are documented one by one
OPTIONS = {qwen3_agent.Agent: AgentSpec, qwen3_agent.Limits: qwen3_agent.Limits}


def command_page() -> Iterator[str]:
    yield "# The command\n\nGenerated from the code of `qwen3-agent`.\n"
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
        yield "| | |\n| --- | --- |"
        for each in parameters:
            yield f"| {_names(each)} | {_help(each)} |"
        yield ""
    for name, sub in subcommands.items():
        yield from _command(sub, f"{path} {name}")


def _options(owner: Any) -> Iterator[str]:
    """Yield a table of the options that a dataclass declares."""
    yield "| argument | default | command line | `qwen3-agent.toml` | |"
    yield "| --- | --- | --- | --- | --- |"
    for name, each in options_of(owner).items():
        places = (f"`{place}`" if place else "" for place in (each.flag, each.key))
        yield f"| `{name}` | `{each.default!r}` | {' | '.join(places)} | {each.description} |"
    yield ""


def _usage(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper()
    return name if parameter.required else f"[{name.strip('[]')}]"


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_usage(parameter)}`"
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if not parameter.is_bool_flag:
        names += f" {parameter.metavar or parameter.name.upper()}"
    return f"`{names}`" if "|" not in names else f"<code>{names.replace('|', '&#124;')}</code>"


def _help(parameter: Any) -> str:
    text = (getattr(parameter, "help", None) or "").replace("\n", " ")
    return "".join(f"&#{ord(sign)};" if sign in "|*_<`" else sign for sign in text)


def python_page() -> Iterator[str]:
    yield "# Python\n\nAll that is public, as it stands in the code.\n"
    for name in qwen3_agent.__all__:
        if name in PARTS:
            continue
        public = getattr(qwen3_agent, name)
        if isinstance(public, ModuleType):
            continue
        yield f"::: {public.__module__}.{public.__qualname__}\n"
        if public in OPTIONS:
            yield from _options(OPTIONS[public])
    for part in PARTS:
        module = getattr(qwen3_agent, part)
        yield f"## qwen3_agent.{part}\n"
        yield f"```text\n{(module.__doc__ or '').strip()}\n```\n"
        for name in module.__all__:
            public = getattr(module, name)
            yield f"::: {public.__module__}.{public.__qualname__}"
            yield "    options:\n      heading_level: 3\n"


for path, page in (("reference/command.md", command_page), ("reference/python.md", python_page)):
    with mkdocs_gen_files.open(path, "w") as file:
        file.write("\n".join(page()))
