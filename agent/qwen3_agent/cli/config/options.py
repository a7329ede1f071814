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
from ..outcome import wrong_usage

if TYPE_CHECKING:
    from ...thinking import Mode

MCP_FILE = Path("mcp_servers.json")
"""The MCP servers of a project."""

BUNDLED_SERVERS = {"time": {"command": "mcp-server-time"}, "fetch": {"command": "mcp-server-fetch"}}

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
McpOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--mcp",
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="A file of MCP servers. May be repeated. Default: the files named in "
        "qwen3-agent.toml; otherwise ./mcp_servers.json if it exists; otherwise the bundled "
        "servers time and fetch.",
    ),
]
NoMcpOption = Annotated[bool, typer.Option("--no-mcp", help="Start no MCP servers.")]
AgentOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.py[:name]|FILE.toml",
        help="An agent with its own tools: defined in a Python file, as `agent` or under the "
        "given name, or described by a TOML file. Other options override it.",
    ),
]
WorkDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        file_okay=False,
        help="Where the code interpreter works and leaves files. Default: a temporary folder.",
    ),
]
UploadOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="A file to copy to the code interpreter's folder. May be repeated.",
    ),
]
ThinkOption = Annotated[str | None, _option("thinking")]
ThinkTotalOption = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Maximum number of thinking tokens in the whole run."),
]
MaxStepsOption = Annotated[int | None, _option("steps", min=1)]
TimeoutOption = Annotated[float | None, _option("seconds")]
MaxCallsOption = Annotated[int | None, _option("calls", min=1)]
MaxTokensOption = Annotated[int | None, _option("tokens", min=1)]
AtLimitOption = Annotated[AtLimit | None, _option("at_limit")]
YesOption = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Approve every call that would need approval, but none that is denied."
    ),
]
AllowOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATTERN",
        help="Run these tools without asking: files__*, 'files__*:read-only', '*:writes'. May be "
        "repeated. Default: tools that are read-only, sandboxed, or approved in the settings.",
    ),
]
DenyOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Never run these tools. May be repeated."),
]
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
    bool, typer.Option("--no-journal", help="Do not record the run, which then cannot be resumed.")
]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Show tool results and thoughts in full, the usage of each step, and tracebacks.",
    ),
]


def thinking_option(given: str | None) -> Mode | Literal["adaptive"] | None:
    """Convert a `--think` value to an `Agent(thinking=...)` argument.

    Raises:
        typer.BadParameter: The value is invalid.
    """
    with wrong_usage("--think"):
        return None if given is None else thinking_mode(given)


def thinking_mode(given: str) -> Mode | Literal["adaptive"]:
    """Convert the name of a thinking mode to an `Agent(thinking=...)` argument.

    Raises:
        ValueError: The name is invalid.
    """
    match given:
        case "on" | "off" | "adaptive":
            return given
        case "auto":
            return "adaptive"
        case _ if given.isdecimal():
            return int(given)
    raise ValueError(f"expected auto, on, off or a number of tokens, not {given!r}.")


def engine_options(given: Sequence[str] | None) -> dict[str, Any]:
    """Parse `--engine-option` values; a value that is not JSON is text.

    Raises:
        typer.BadParameter: An item is not of the form NAME=VALUE, or a value is out of range.
    """
    from ...engines.options import EngineOptions

    options: dict[str, Any] = {}
    with wrong_usage("--engine-option"):
        for name, value in split_pairs(given, "="):
            if not name.isidentifier():
                raise ValueError(f"{name!r} is not a name such as max_model_len.")
            try:
                options[name] = json.loads(value)
            except (ValueError, RecursionError):
                options[name] = value
        EngineOptions.of(options)
    return options


def split_pairs(given: Sequence[str] | None, sign: str) -> list[tuple[str, str]]:
    """Split items of the form NAME=VALUE, or with another sign.

    Raises:
        ValueError: An item has another form.
    """
    pairs = [each.partition(sign) for each in given or ()]
    for name, found, value in pairs:
        if not found or not name.strip():
            raise ValueError(f"expected NAME{sign}VALUE, not {name + found + value!r}.")
    return [(name.strip(), value) for name, _, value in pairs]


def agent_file(spec: str | None) -> tuple[Path, str] | None:
    """Split `--agent` into file and name.

    Raises:
        typer.BadParameter: The value is invalid.
    """
    from .agent_file import split_spec

    with wrong_usage("--agent"):
        return None if spec is None else split_spec(spec)


def check_url(base_url: str | None) -> None:
    """Check `--base-url`.

    Raises:
        typer.BadParameter: The URL is invalid.
    """
    if base_url is not None:
        from ...openai_http.client import ServerClient

        with wrong_usage("--base-url"):
            ServerClient(base_url)


def check_servers(files: Sequence[Path] | None, *, no_mcp: bool) -> None:
    """Raise typer.BadParameter if `--mcp` and `--no-mcp` are both given."""
    if files and no_mcp:
        raise typer.BadParameter("--mcp and --no-mcp cannot be used together.")


def check_patterns(option: str, patterns: Sequence[str] | None) -> None:
    """Check the patterns of `--allow` or `--deny`.

    Raises:
        typer.BadParameter: A pattern is invalid.
    """
    if patterns:
        from ...approvals import check_pattern

        with wrong_usage(option):
            for pattern in patterns:
                check_pattern(pattern)
