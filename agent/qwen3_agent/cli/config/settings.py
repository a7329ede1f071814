"""`qwen3-agent.toml`: the settings of a user, a project and an agent.

All of them have one format. A value comes from the first that gives it: the agent's TOML file
(`--agent FILE.toml`), `./qwen3-agent.toml`, the user's file, and then the defaults. Command-line
options override all of them. Patterns of approvals are collected from all files. Some settings of
a project's file apply only if the user trusts its folder.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pydantic
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt

from qwen3_tools.state import xdg_folder

from ...approvals import Decision, check_pattern
from ...engines.options import EngineOptions
from ...errors import Qwen3AgentError
from ...limits import Limits
from ...option import options_of
from ...spec import AgentSpec
from ..terminal.user import can_ask
from .options import BUNDLED_SERVERS, MCP_FILE
from .trusted_folders import agreement, keys_that_wait, servers_in

FILE_NAME = "qwen3-agent.toml"
DEFAULT = "default"


class SettingsError(Qwen3AgentError):
    """A settings file is invalid. The message names file, line and key."""


def _checked(check: Callable[[Any], object]) -> AfterValidator:
    """Return a validator that accepts a value if `check` raises no ValueError."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)


_Pattern = Annotated[str, _checked(check_pattern)]


class _Table(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


class ApprovalSettings(_Table):
    """Which tool calls run; see `Approvals`."""

    allow: list[_Pattern] = []
    ask: list[_Pattern] = []
    deny: list[_Pattern] = []
    default: Decision = "ask"


class InterpreterSettings(_Table):
    """Arguments of `CodeInterpreter`. The sandbox can only be disabled from Python."""

    sandbox: Literal["auto", "bubblewrap", "namespaces", "landlock"] = "auto"
    timeout: PositiveFloat = 30
    memory_mb: PositiveInt = 2048
    disk_mb: PositiveInt = 1024
    max_processes: PositiveInt = 64
    max_output_chars: PositiveInt = 20_000
    python: str | None = None
    allow_domains: list[str] = []
    preload: list[str] = ["numpy", "pandas", "matplotlib.pyplot"]


class ToolSettings(_Table):
    """The tools other than those of MCP servers."""

    code_interpreter: bool | InterpreterSettings = True
    functions: list[Annotated[str, Field(pattern=r"\.py:\w+$")]] = []
    """Functions and tools of Python files, each as FILE.py:name."""


def _keys_of_agent() -> Iterator[tuple[str, Any]]:
    """Yield the keys of the options of an agent, each with its type and default."""
    for each in options_of(AgentSpec).values():
        match each.key:
            case None:
                continue
            case "engine_options":
                yield each.key, (Annotated[each.key_type, _checked(EngineOptions.of)], {})
            case "think":
                yield each.key, (Literal["auto", "on", "off"] | NonNegativeInt | None, None)
                yield "think_total", (PositiveInt | None, None)
            case _:
                yield each.key, (each.key_type, each.default)


_LIMITS: dict[str, Any] = {
    name: (hint, getattr(Limits(), name)) for name, hint in get_type_hints(Limits).items()
}
LimitSettings: type[_Table] = pydantic.create_model("LimitSettings", __base__=_Table, **_LIMITS)
_CheckedLimits: Any = Annotated[
    LimitSettings, _checked(lambda limits: Limits(**limits.model_dump()))
]

Settings: type[_Table] = pydantic.create_model(
    "Settings",
    __base__=_Table,
    **dict(_keys_of_agent()),
    work_dir=(str | None, None),
    mcp=(list[str] | None, None),
    limits=(_CheckedLimits, LimitSettings()),
    tools=(ToolSettings, ToolSettings()),
    approvals=(ApprovalSettings, ApprovalSettings()),
)
"""A settings file. `mcp` lists files of MCP servers; None: ./mcp_servers.json, else the bundled
ones."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The values of one file."""

    source: str
    values: Mapping[str, Any]
    """By dotted key, such as `limits.steps`; paths are absolute."""


@dataclass(frozen=True, slots=True)
class Layers:
    """Files one over the other: the first has priority, the last holds the defaults."""

    layers: Sequence[Layer]
    waiting: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the project's file that are ignored until its user agrees."""
    starts_servers: bool = True
    """Whether the MCP servers named in the project's files may be started."""

    def __getitem__(self, key: str) -> Any:
        """Return the effective value."""
        return next(value for value, _ in self.all(key))

    def given(self, key: str) -> bool:
        """Return whether a file sets it."""
        return next(source for _, source in self.all(key)) != DEFAULT

    def all(self, key: str) -> Iterator[tuple[Any, str]]:
        """Iterate over all values and their sources, the effective one first."""
        return ((layer.values[key], layer.source) for layer in self.layers if key in layer.values)

    @property
    def keys(self) -> Sequence[str]:
        """All keys, in the order in which they are described."""
        return list(self.layers[-1].values)

    def table(self, name: str) -> dict[str, Any]:
        """Return the values below a key such as `limits`."""
        prefix = f"{name}."
        return {key[len(prefix) :]: self[key] for key in self.keys if key.startswith(prefix)}


def load_settings(agent: Path | None = None, *, servers: bool = False, ask: bool = True) -> Layers:
    """Load the settings for this folder.

    Settings that need the user's approval are ignored until the user trusts the folder, see
    `trusted_folders`. At a terminal, the user is asked here; otherwise a warning is printed.

    Args:
        agent: A TOML file that describes an agent, and overrides all others.
        servers: Ask about the MCP servers of the project, too.
        ask: False: neither ask nor warn.

    Raises:
        SettingsError, MCPConfigError: A file is invalid.
    """
    default = Layer(DEFAULT, dict(_flat(Settings().model_dump())))
    above = [_read(agent)] if agent else []
    below = [*([_read(user_file())] if user_file().is_file() else []), default]
    path = Path(FILE_NAME)
    project = _read(path) if path.is_file() else Layer(FILE_NAME, {})
    waiting = keys_that_wait(
        project.values, default=Layers(below)["approvals.default"], folder=Path.cwd()
    )
    wants = [f"{path} sets {key} = {json.dumps(project.values[key])}" for key in waiting]
    if servers and ask and can_ask():
        files = Layers([*above, project, *below])["mcp"]
        if files is None or files == project.values.get("mcp"):
            wants += servers_in(map(Path, files or [MCP_FILE]), same_as=BUNDLED_SERVERS)
    agreed = agreement(Path.cwd(), wants, ask=ask)
    if agreed == "yes":
        waiting = []
    elif agreed == "no":
        waiting += ["mcp"] if ask and "mcp" in project.values else []
    elif waiting:
        print(
            f"Warning: {path} sets {', '.join(waiting)}, which is ignored until you trust "
            "this folder: qwen3-agent trust",
            file=sys.stderr,
        )
    left_out = {key: project.values[key] for key in waiting}
    counts = {key: value for key, value in project.values.items() if key not in left_out}
    layers = [*above, Layer(project.source, counts), *below]
    return Layers(layers, left_out, starts_servers=agreed != "no")


def user_file() -> Path:
    """Return the path of the user's settings: `$XDG_CONFIG_HOME/qwen3-agent/qwen3-agent.toml`."""
    return xdg_folder("XDG_CONFIG_HOME", ".config") / FILE_NAME


def _read(path: Path) -> Layer:
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsError(f"{path} cannot be read: {why}.") from None
    try:
        settings = Settings.model_validate(content)
    except pydantic.ValidationError as error:
        raise SettingsError(_explained(path, text, content, error)) from None
    given = _flat(settings.model_dump(exclude_unset=True))
    return Layer(str(path), dict(_located(path.absolute().parent, given)))


def _flat(tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in tables.items():
        if name in ("limits", "tools", "approvals"):
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _located(folder: Path, values: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the values, with paths relative to `folder` made absolute."""

    def absolute(path: str) -> str:
        return str(folder / os.path.expanduser(path))

    for key, value in values:
        match key, value:
            case (("mcp" | "tools.functions"), list()):
                yield key, [absolute(path) for path in value]
            case "work_dir", str():
                yield key, absolute(value)
            case "model", str() if value.startswith((".", "~", "/")):
                yield key, absolute(value)
            case _:
                yield key, value


def _explained(
    path: Path, text: str, content: Mapping[str, Any], error: pydantic.ValidationError
) -> str:
    """Return a message with file, line, key and problem."""
    # Of the members of a union, validation got furthest in the intended one
    problem = max(error.errors(include_url=False), key=lambda each: len(each["loc"]))
    keys = list(_in_file(problem["loc"], content))
    named, message = keys, problem["msg"].removeprefix("Value error, ").removeprefix("Limits: ")
    if problem["type"] == "extra_forbidden":
        named, message = keys[:-1], _unknown(str(keys[-1]), _known(keys[:-1]))
    elif problem["type"] == "model_type":
        message = "expected a table"
    key = f"{'.'.join(map(str, named))}: " if named else ""
    end = "" if message.endswith((".", "?")) else "."
    return f"{path}{_line(text, keys)}: {key}{message}{end}"


def _in_file(where: Sequence[str | int], content: Any) -> Iterator[str | int]:
    """Yield the keys of a location that are in the file; pydantic adds members of unions."""
    for step in where:
        there = isinstance(content, Mapping) and step in content
        if there or (isinstance(content, list) and isinstance(step, int)):
            content = content[step]
            yield step


def _known(keys: Sequence[str | int]) -> set[str]:
    tables: dict[tuple[str | int, ...], type[_Table]] = {
        (): Settings,
        ("tools",): ToolSettings,
        ("tools", "code_interpreter"): InterpreterSettings,
        ("approvals",): ApprovalSettings,
        ("limits",): LimitSettings,
    }
    return set(tables[tuple(keys)].model_fields)


def _unknown(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(sorted(known))}"
    return f"unknown setting {key!r}; {hint}"


def _line(text: str, keys: Sequence[str | int]) -> str:
    """Return `:LINE` of the last key, if it is found."""
    named = [re.escape(key) for key in keys if isinstance(key, str)]
    if not named:
        return ""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf'\s*\[?(?:[\w.-]+\.)?"?{named[-1]}"?\s*[=\].]', line):
            return f":{number}"
    return ""
