"""The agent that the options of a command describe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from qwen3_tools.code_interpreter import CodeInterpreter
from qwen3_tools.mcp import mcp_servers

from ..agent import Agent
from .agent_file import load_agent


def build_agent(
    *,
    file: str | None,
    model: str | None,
    mcp: Path | Mapping[str, Any] | None,
    think: Literal["on", "off"] | None,
    max_steps: int | None,
    timeout: float | None,
) -> Agent:
    """The agent of `file` (FILE.py:name), or the default one, changed by what is not None.

    Raises:
        Qwen3AgentError: the file or the servers' configuration cannot be used.
    """
    agent = load_agent(file) if file else Agent(tools=[CodeInterpreter()])
    limits = agent.limits
    if max_steps is not None:
        limits = replace(limits, steps=max_steps)
    if timeout is not None:
        limits = replace(limits, seconds=timeout)
    return Agent(
        model or agent.model,
        instructions=agent.instructions,
        tools=[*([mcp_servers(mcp)] if mcp else []), *agent.tools],
        thinking=think or agent.thinking,
        limits=limits,
        sampling=agent.sampling,
        keep_thoughts=agent.keep_thoughts,
        logprobs=agent.logprobs,
    )
