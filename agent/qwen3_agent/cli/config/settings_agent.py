"""Agents described by settings files, and the settings' effect on agents from Python files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from qwen3_tools import Tool, ToolSource
from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.mcp import MCPServers, UserPrompter, mcp_servers

from ...agent import Agent
from ...approvals import Approvals
from ...errors import Qwen3AgentError
from ...limits import Limits
from ...option import options_of
from ...spec import AgentSpec
from ...thinking import Mode, Policy, Thinking
from .agent_file import load_agent, load_object
from .options import BUNDLED_SERVERS, MCP_FILE
from .saved_approvals import save_approval, saved_approvals
from .settings import Layers, load_settings


def described_agent(
    file: tuple[Path, str] | None, *, servers: bool = False
) -> tuple[Agent, Layers]:
    """Return the agent described by a file, or the default one, and the settings.

    Args:
        file: A Python file and a name in it, or a TOML file and any name.
        servers: Ask about the MCP servers of the project, see `load_settings`.

    Raises:
        Qwen3AgentError: A file is invalid.
    """
    if file is None or is_toml(file):
        settings = load_settings(file[0] if file else None, servers=servers)
        return _agent_of(settings), settings
    settings = load_settings(servers=servers)
    agent = load_agent(*file)
    spec = agent.spec
    changes: dict[str, Any] = {"approvals": _with_files(spec.approvals, settings)}
    if not spec.names_model:
        changes |= {"model": settings["model"], "base_url": settings["base_url"]}
        own_engine = spec.engine != "auto" or spec.engine_options
        if settings["base_url"] is None and not own_engine:
            changes |= {name: settings[name] for name in ("engine", "engine_options")}
        if settings.given("hub"):
            changes["hub"] = settings["hub"]
    if spec.thinking is None:
        changes["thinking"] = _thinking(settings)
    if spec.limits == Limits():
        changes["limits"] = Limits(**settings.table("limits"))
    return agent.with_options(**changes), settings


def is_toml(file: tuple[Path, str]) -> bool:
    """Return whether `--agent` names a TOML file."""
    return file[0].suffix == ".toml"


def servers_of(
    files: Sequence[Path] | None, user: UserPrompter | None, settings: Layers | None = None
) -> MCPServers:
    """Return the MCP servers of these files, or the default ones.

    Args:
        files: Config files.
        user: Answers requests from the servers.
        settings: Settings that name the default servers; by default those of this folder.

    Raises:
        MCPConfigError: A file is invalid, or two define a server of the same name.
        SettingsError: A settings file is invalid.
    """
    sources: Sequence[Path | Mapping[str, Any]] = files or _default_servers(
        settings or load_settings()
    )
    return mcp_servers(*sources, user=user)


def _default_servers(settings: Layers) -> Sequence[Path | Mapping[str, Any]]:
    if settings["mcp"] is not None:
        return [Path(file) for file in settings["mcp"]] or [{"mcpServers": {}}]
    if settings.starts_servers and MCP_FILE.exists():
        return [MCP_FILE]
    return [{"mcpServers": BUNDLED_SERVERS}]


def thinking_of(
    defined: Mode | Literal["adaptive"] | Policy | None,
    mode: Mode | Literal["adaptive"] | None,
    total: int | None,
) -> Mode | Literal["adaptive"] | Policy | None:
    """Return an agent's thinking policy, changed by `--think` and `--think-total`.

    Raises:
        Qwen3AgentError: The agent has a policy of its own, which cannot have a total.
    """
    chosen = defined if mode is None else mode
    if total is None:
        return chosen
    if chosen == "adaptive":
        return Thinking.adaptive(total=total)
    if isinstance(chosen, Thinking):
        return replace(chosen, total=total)
    if callable(chosen):
        raise Qwen3AgentError("--think-total does not apply to the agent's own thinking policy.")
    return Thinking("on" if chosen is None else chosen, total=total)


def _agent_of(settings: Layers) -> Agent:
    tools: list[Callable[..., Any] | Tool | ToolSource] = []
    interpreter = settings["tools.code_interpreter"]
    if interpreter:
        options = interpreter if isinstance(interpreter, dict) else {}
        tools.append(CodeInterpreter(settings["work_dir"], **options))
    for spec in settings["tools.functions"]:
        path, _, name = spec.rpartition(":")
        tools.append(load_object(Path(path), name))
    described = {
        name: settings[each.key] for name, each in options_of(AgentSpec).items() if each.key
    }
    if settings["base_url"] is not None:  # a server has its own engine
        del described["engine"], described["engine_options"]
    return Agent(
        **described
        | {
            "tools": tools,
            "thinking": _thinking(settings),
            "limits": Limits(**settings.table("limits")),
            "approvals": _with_files(Approvals(), settings),
        }
    )


def _thinking(settings: Layers) -> Mode | Literal["adaptive"] | Policy | None:
    think = settings["think"]
    return thinking_of(None, "adaptive" if think == "auto" else think, settings["think_total"])


def _with_files(own: Approvals, settings: Layers) -> Approvals:
    """Combine an agent's approvals with those of the files.

    A call that any of them denies is denied: a project must not allow what its user forbids.
    Next come the tools that the user approved with "always".
    """
    here = Path.cwd()
    denied = [*own.all_denied, *(p for each, _ in settings.all("approvals.deny") for p in each)]
    given = settings.given("approvals.default")
    policy = Approvals(
        deny=denied,
        default=settings["approvals.default"] if given else own.default,
        approver=own.approver,
        save=own.save or partial(_save, here),
    )
    policy = policy.over(Approvals(allow=saved_approvals(here))).over(own)
    for layer in settings.layers:
        asked, allowed = (layer.values.get(f"approvals.{name}", ()) for name in ("ask", "allow"))
        policy = policy.over(Approvals(ask=asked, allow=allowed))
    return policy


def _save(folder: Path, tool: str) -> None:
    """Save an approval. It holds for this run even if it cannot be saved."""
    try:
        save_approval(folder, tool)
    except (OSError, Qwen3AgentError) as error:
        print(f"Warning: the answer could not be saved: {error}", file=sys.stderr)
