"""Command-line options, and their validation before anything starts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ...limits import AtLimit, Limits
from ...models.choose import EngineName, Hub
from ...option import options_of
from ...spec import AgentSpec

if TYPE_CHECKING:
    from ...thinking import Mode

_DESCRIBED = {**options_of(AgentSpec), **options_of(Limits)}


def _option(name: str, **arguments: Any) -> Any:
    """Return the command-line option of a field of `AgentSpec` or `Limits`."""
    each = _DESCRIBED[name]
    assert each.flag is not None, f"{name} has no option on the command line"
    return typer.Option(each.flag, metavar=each.metavar, help=each.help, **arguments)


ModelOption = Annotated[str | None, _option("model")]
BaseUrlOption = Annotated[str | None, _option("base_url")]
EngineOption = Annotated[EngineName | None, _option("engine")]
EngineSettingOption = Annotated[list[str] | None, _option("engine_options")]
HubOption = Annotated[Hub | None, _option("hub")]
NoMcpOption = Annotated[bool, typer.Option("--no-mcp", help="No MCP servers.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py[:name]|FILE.toml",
        help="An Agent that a Python file defines, with its own tools (the name is `agent` when "
        "none is given), or one that a TOML file describes; the other options change it.",
    ),
]
WorkDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Where the code interpreter works and files stay. Default: a temporary folder.",
    ),
]
UploadOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="Copy a file to where the code interpreter works. May be repeated.",
    ),
]
ThinkOption = Annotated[str | None, _option("thinking")]
ThinkTotalOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Think so many tokens in the whole run, at most."),
]
MaxStepsOption = Annotated[int | None, _option("steps", min=1)]
TimeoutOption = Annotated[float | None, _option("seconds")]
MaxCallsOption = Annotated[int | None, _option("calls", min=1)]
MaxTokensOption = Annotated[int | None, _option("tokens", min=1)]
AtLimitOption = Annotated[AtLimit | None, _option("at_limit")]
RunsOption = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        metavar="DIR",
        file_okay=False,
        help="The folder of recorded runs. Default: ~/.local/state/qwen3-agent/runs.",
    ),
]
NoJournalOption = Annotated[
    bool, typer.Option("--no-journal", help="Leave no record: the run cannot be resumed.")
]
TracebackOption = Annotated[bool, typer.Option("--verbose", "-v", help="Tracebacks.")]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Whole tool results, what each step cost, and tracebacks."
    ),
]


def thinking_option(given: str | None) -> Mode | Literal["adaptive"] | None:
    """Convert a `--think` value.

    Raises:
        typer.BadParameter: it is none of what may be typed.
    """
    try:
        return None if given is None else thinking_mode(given)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--think") from None


def thinking_mode(given: str) -> Mode | Literal["adaptive"]:
    """Convert a `--think` value to an `Agent(thinking=...)` argument.

    Raises:
        ValueError: it is none of what may be typed.
    """
    match given:
        case "on" | "off":
            return given
        case "auto":
            return "adaptive"
        case _ if given.isdecimal():
            return int(given)
    raise ValueError(f"{given!r} is none of auto, on, off and a number of tokens.")


def engine_options(given: Sequence[str] | None) -> dict[str, Any]:
    """Parse `--engine-option` values; a value that is not JSON is text.

    Raises:
        typer.BadParameter: one is no NAME=VALUE, or out of its range.
    """
    from ...engines.options import EngineOptions

    options: dict[str, Any] = {}
    try:
        for each in given or ():
            name, equals, value = each.partition("=")
            if not equals or not name.isidentifier():
                raise ValueError(f"{each!r} is not of the form NAME=VALUE.")
            try:
                options[name] = json.loads(value)
            except (ValueError, RecursionError):
                options[name] = value
        EngineOptions.of(options)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--engine-option") from None
    return options


def agent_file(spec: str | None) -> tuple[Path, str] | None:
    """Split `--agent` into file and name; raise typer.BadParameter if it is invalid."""
    from .agent_file import split_spec

    try:
        return split_spec(spec) if spec is not None else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--agent") from None


def check_url(base_url: str | None) -> None:
    """Raise typer.BadParameter if the URL is invalid."""
    from ...openai_http.client import ServerClient

    try:
        if base_url is not None:
            ServerClient(base_url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--base-url") from None
