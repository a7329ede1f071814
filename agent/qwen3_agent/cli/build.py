"""The agent that the options of a command describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from qwen3_tools.mcp import McpServers, Person

from ..agent import Agent
from ..approvals import Approvals
from ..limits import AtLimit
from ..models.choose import EngineName, Hub, resolve
from ..thinking import Mode
from .servers import servers_of
from .settings_agent import described_agent, is_toml, thinking_of
from .work_folder import with_work_folder


def build_agent(
    *,
    file: tuple[Path, str] | None,
    model: str | None,
    base_url: str | None,
    engine: EngineName | None,
    engine_options: Mapping[str, Any],
    hub: Hub | None,
    mcp: Sequence[Path] | None,
    no_mcp: bool,
    person: Person | None,
    work_dir: Path | None,
    uploads: Sequence[Path],
    thinking: Mode | Literal["adaptive"] | None,
    thinking_total: int | None,
    max_steps: int | None,
    timeout: float | None,
    approvals: Callable[[Approvals], Approvals],
    max_calls: int | None = None,
    max_tokens: int | None = None,
    at_limit: AtLimit | None = None,
) -> Agent:
    """The agent that `file` or the settings describe, changed by what is given.

    `approvals` is given the policy of the agent, and says what it is to be.

    Raises:
        Qwen3AgentError: the file, the model's name or the servers' configuration cannot be used,
            or there is nothing to upload to.
    """
    agent, settings = described_agent(file)
    if model is not None and not (base_url or agent.base_url):
        resolve(model)  # A wrong name is told before any server has started.
    # What is no name cannot be asked of a server
    own = agent.model if base_url is None or isinstance(agent.model, str) else None
    tools = [tool for tool in agent.tools if not (no_mcp and isinstance(tool, McpServers))]
    tools = with_work_folder(tools, work_dir, uploads)
    if mcp or not (no_mcp or (file and not is_toml(file))):
        tools.append(servers_of(mcp, person, settings))
    limits = {
        "steps": max_steps,
        "seconds": timeout,
        "calls": max_calls,
        "tokens": max_tokens,
        "at_limit": at_limit,
    }
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    return Agent(
        model or own,
        base_url=base_url or agent.base_url,
        api_key=agent.api_key,
        # A server of the command line has an engine of its own
        engine=engine or ("auto" if base_url else agent.engine),
        engine_options={**({} if base_url else agent.engine_options), **engine_options},
        hub=hub or agent.hub,
        instructions=agent.instructions,
        tools=tools,
        thinking=thinking_of(agent.thinking, thinking, thinking_total),
        limits=replace(agent.limits, **given),
        approvals=approvals(agent.approvals),
        hooks=agent.hooks,
        sampling=agent.sampling,
        keep_thoughts=agent.keep_thoughts,
        logprobs=agent.logprobs,
        journal=agent.journal or False,
    )


def config_warnings(agent: Agent) -> list[str]:
    """What the agent's MCP configurations say that means nothing."""
    return [
        warning
        for tool in agent.tools
        if isinstance(tool, McpServers)
        for warning in tool.config.warnings
    ]
