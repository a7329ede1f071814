"""The arguments of an agent, checked before anything starts: each mistake is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from qwen3_tools.qwen_agent_tools import from_qwen_agent, is_qwen_agent_tool
from qwen3_tools.source import ToolSource
from qwen3_tools.tool import Tool, tool

from .approvals import Approvals
from .engines.options import EngineOptions
from .errors import ToolDefinitionError
from .hooks import Hooks
from .journal import Runs
from .limits import Limits
from .models.choose import EngineName, Hub
from .openai_http.client import ServerClient
from .sampling import Sampling

__all__ = ["as_runs", "as_tools", "check_arguments"]

_WANTED: dict[str, tuple[tuple[type, ...], str]] = {
    "base_url": ((str,), 'a URL, such as "http://localhost:8000/v1"'),
    "api_key": ((str, SecretStr), "a string"),
    "engine_options": ((Mapping,), 'a mapping, such as {"max_model_len": 65536}'),
    "instructions": ((str,), "a string"),
    "limits": ((Limits,), "Limits, such as Limits(steps=8)"),
    "approvals": ((Approvals,), 'Approvals, such as Approvals(allow=["notes__*"])'),
    "hooks": ((Hooks,), "Hooks, such as Hooks(on_answer=check)"),
    "sampling": ((Sampling,), "a Sampling, such as Sampling(temperature=0)"),
    "tool_choice": ((str,), '"auto", "none", "required" or the name of a tool'),
    "journal": ((bool, str, Path, Runs), "a folder, True or False"),
}


def check_arguments(given: Mapping[str, Any]) -> None:
    """Look at what was given to `Agent`, by name; None is left out.

    Raises:
        TypeError: one is of a type that it cannot have.
        ValueError: one has a value that it cannot have, or two do not go together.
    """
    for name, (types, words) in _WANTED.items():
        value = given.get(name)
        if value is not None and not isinstance(value, types):
            shown = f"of type {type(value).__name__}" if name == "api_key" else repr(value)
            raise TypeError(f"Agent: {name} must be {words}, not {shown}.")
    model, base_url = given.get("model"), given.get("base_url")
    if not (model is None or isinstance(model, str | Path) or hasattr(model, "chat")):
        raise TypeError(f"Agent: model must be a folder, a hub id or a Model, not {model!r}.")
    for name, known in (("engine", EngineName), ("hub", Hub)):
        if given[name] not in get_args(known):
            raise ValueError(f"{name}={given[name]!r} is none of {', '.join(get_args(known))}.")
    EngineOptions.of(given["engine_options"])
    if base_url is not None:
        _check_server(base_url, model)
        if given["engine"] != "auto" or given["engine_options"]:
            raise ValueError(f"The engine at {base_url} has its own settings: give none here.")


def _check_server(base_url: str, model: object) -> None:
    """Raises ValueError for what cannot be asked of a server."""
    ServerClient(base_url)
    if not (model is None or isinstance(model, str)):
        raise ValueError(
            f"With base_url, model is its name on the server, not {model!r}: for a folder with its "
            "tokenizer there is qwen3_agent.models.chat_api.connect.connect(base_url, folder=...)."
        )


def as_tools(
    given: Iterable[Callable[..., Any] | Tool | ToolSource],
) -> tuple[Tool | ToolSource, ...]:
    """What was given as `tools`, each as a tool or a source of tools.

    Raises:
        ToolDefinitionError: one can be neither.
        TypeError: they are no list.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"Agent: tools must be a list, such as [{_shown(given)}].")
    return tuple(_as_tool(each) for each in given)


def _as_tool(given: Any) -> Tool | ToolSource:
    if isinstance(given, type) and issubclass(given, ToolSource):
        raise ToolDefinitionError(f"{given.__name__} is a class: pass {given.__name__}().")
    if isinstance(given, Tool | ToolSource):
        return given
    if is_qwen_agent_tool(given):
        return from_qwen_agent(given)
    if callable(given):
        made: Tool = tool(given)
        return made
    raise ToolDefinitionError(
        f"{given!r} is not a tool: pass a function, a Tool, or a tool source such as "
        "CodeInterpreter()."
    )


def _shown(value: object) -> str:
    return getattr(value, "__name__", None) or f"{type(value).__name__}(...)"


def as_runs(journal: bool | str | Path | Runs | None) -> Runs | None:
    """Where the runs of an agent are recorded; None: nowhere."""
    if journal is None or isinstance(journal, bool):
        return Runs() if journal else None
    return journal if isinstance(journal, Runs) else Runs(journal)
