"""Builds the agent that the options of a command describe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qwen3_tools.mcp import MCPServers

from ...agent import Agent
from ...approvals import Approvals
from ...journal import Runs
from ...limits import Limits
from ...models.choose import resolve
from ...option import options_of
from ..terminal.approving import approve_all
from ..terminal.printable import echo
from ..terminal.user import TerminalUser
from .agent_options import AgentOptions
from .options import agent_file, engine_options, thinking_option
from .settings_agent import described_agent, is_toml, servers_of, thinking_of
from .work_folder import with_work_folder


def build_agent(
    options: AgentOptions, *, user: TerminalUser | None = None, quiet: bool = False
) -> Agent:
    """Return the agent described by a file or the settings, changed by the options.

    Args:
        options: The options, after their check.
        user: Answers requests of MCP servers, and approves calls if the agent has no approver.
        quiet: Do not print warnings about the configuration of MCP servers.

    Raises:
        Qwen3AgentError: The file, the model's name or the servers' configuration is invalid, or
            there is no code interpreter to upload files to.
    """
    file = agent_file(options.agent)
    own_servers = not (options.no_mcp or (file and not is_toml(file)))
    agent, settings = described_agent(file, servers=own_servers and not options.mcp)
    spec = agent.spec
    model, base_url = options.model, options.base_url
    if model is not None and not (base_url or spec.base_url):
        resolve(model)  # report a wrong name before any server starts
    # A server knows models by name only
    own = spec.model if base_url is None or isinstance(spec.model, str) else None
    tools = [tool for tool in spec.tools if not (options.no_mcp and isinstance(tool, MCPServers))]
    tools = with_work_folder(tools, options.work_dir, options.upload or ())
    if options.mcp or own_servers:
        tools.append(servers_of(options.mcp, user, settings))
    for warning in () if quiet else _warnings(tools):
        echo(f"Warning: {warning}", err=True)
    limits = {
        name: getattr(options, each.flag.removeprefix("--").replace("-", "_"))
        for name, each in options_of(Limits).items()
        if each.flag
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
        approvals=_approvals(options, spec.approvals, user),
        journal=_journal(options, spec.journal),
    )


def _approvals(options: AgentOptions, below: Approvals, user: TerminalUser | None) -> Approvals:
    """Return the policy of the options over another; that one's approver has priority."""
    approver = below.approver or (user.approve if user else None)
    return Approvals(
        allow=tuple(options.allow or ()),
        deny=tuple(options.deny or ()),
        default=below.default,
        approver=approve_all if options.yes else approver,
        save=below.save,
        below=below,
    )


def _journal(options: AgentOptions, own: Runs | None) -> Runs | None:
    if options.no_journal:
        return None
    return Runs(options.runs or (own.folder if own else None), command=options.for_journal())


def _warnings(tools: Sequence[object]) -> list[str]:
    """Return the warnings about unknown entries in the configuration of MCP servers."""
    return [
        warning
        for tool in tools
        if isinstance(tool, MCPServers)
        for warning in tool.config.warnings
    ]
