"""Builds the agent that the options of a command describe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qwen3_tools.mcp import MCPServers, UserPrompter

from ...agent import Agent
from ...approvals import Approver
from ...journal import Runs
from ...models.choose import resolve
from .agent_options import AgentOptions
from .approval_options import approvals_of
from .options import agent_file, engine_options, thinking_option
from .servers import servers_of
from .settings_agent import described_agent, is_toml, thinking_of
from .work_folder import with_work_folder


def build_agent(
    options: AgentOptions, *, person: UserPrompter | None = None, approver: Approver | None = None
) -> Agent:
    """Return the agent described by a file or the settings, changed by the options.

    It journals its runs, unless that is not wanted; in its own folder if it has one.

    Args:
        options: as they were checked.
        person: answers what MCP servers ask.
        approver: is asked about calls, where the agent has nobody else to ask.

    Raises:
        Qwen3AgentError: the file, the model's name or the servers' configuration cannot be used,
            or there is nothing to upload to.
    """
    file = agent_file(options.agent)
    own_servers = not (options.no_mcp or (file and not is_toml(file)))
    agent, settings = described_agent(file, servers=own_servers and not options.mcp)
    spec = agent.spec
    model, base_url = options.model, options.base_url
    if model is not None and not (base_url or spec.base_url):
        resolve(model)  # A wrong name is told before any server has started.
    # What is no name cannot be asked of a server
    own = spec.model if base_url is None or isinstance(spec.model, str) else None
    tools = [tool for tool in spec.tools if not (options.no_mcp and isinstance(tool, MCPServers))]
    tools = with_work_folder(tools, options.work_dir, options.upload or ())
    if options.mcp or own_servers:
        tools.append(servers_of(options.mcp, person, settings))
    limits = {
        "steps": options.max_steps,
        "seconds": options.timeout,
        "calls": options.max_calls,
        "tokens": options.max_tokens,
        "at_limit": options.at_limit,
    }
    given: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    return agent.with_options(
        model=model or own,
        base_url=base_url or spec.base_url,
        # A server of the command line has an engine of its own
        engine=options.engine or ("auto" if base_url else spec.engine),
        engine_options={
            **({} if base_url else spec.engine_options),
            **engine_options(options.engine_option),
        },
        hub=options.hub or spec.hub,
        tools=tools,
        thinking=thinking_of(spec.thinking, thinking_option(options.think), options.think_total),
        limits=replace(spec.limits, **given),
        approvals=approvals_of(
            spec.approvals,
            yes=options.yes,
            allow=options.allow,
            deny=options.deny,
            approver=approver,
        ),
        journal=_journal(options, spec.journal),
    )


def _journal(options: AgentOptions, own: Runs | None) -> Runs | None:
    if options.no_journal:
        return None
    return Runs(options.runs or (own.folder if own else None), command=options.for_journal())


def config_warnings(agent: Agent) -> list[str]:
    """Return warnings about unknown entries in the agent's MCP configurations."""
    return [
        warning
        for tool in agent.tools
        if isinstance(tool, MCPServers)
        for warning in tool.config.warnings
    ]
