"""Imports Qwen-Agent, which is optional."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...errors import Qwen3AgentError


def from_qwen_agent_package(module: str) -> Any:
    """Return a module of Qwen-Agent.

    Raises:
        Qwen3AgentError: Qwen-Agent is not installed.
    """
    try:
        return import_module(f"qwen_agent.{module}")
    except ImportError as error:
        raise Qwen3AgentError(
            f'This requires Qwen-Agent ({error}): pip install "qwen3-agent[qwen-agent]".'
        ) from error
