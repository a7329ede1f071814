"""Tool-calling agents on Qwen3 models that run on your own hardware."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3_tools.code_interpreter import CodeInterpreter
    from qwen3_tools.mcp import mcp_servers
    from qwen3_tools.tool import Tool, ToolResult, tool

    from . import errors, events, hooks
    from .agent import Agent
    from .approvals import Approval, ApprovalRequest, Approvals
    from .batch import Outcome
    from .conversation import Conversation
    from .errors import LimitExceededError, Qwen3AgentError, ToolError
    from .hooks import Hooks
    from .journal import Runs
    from .limits import Limits
    from .result import RunResult
    from .sampling import Sampling
    from .thinking import Thinking

__all__ = [
    "Agent",
    "Approval",
    "ApprovalRequest",
    "Approvals",
    "CodeInterpreter",
    "Conversation",
    "Hooks",
    "LimitExceededError",
    "Limits",
    "Outcome",
    "Qwen3AgentError",
    "RunResult",
    "Runs",
    "Sampling",
    "Thinking",
    "Tool",
    "ToolError",
    "ToolResult",
    "errors",
    "events",
    "hooks",
    "mcp_servers",
    "tool",
]

_HOMES = {
    "Agent": "qwen3_agent.agent",
    "Approval": "qwen3_agent.approvals",
    "ApprovalRequest": "qwen3_agent.approvals",
    "Approvals": "qwen3_agent.approvals",
    "CodeInterpreter": "qwen3_tools.code_interpreter",
    "Conversation": "qwen3_agent.conversation",
    "Hooks": "qwen3_agent.hooks",
    "LimitExceededError": "qwen3_agent.errors",
    "Limits": "qwen3_agent.limits",
    "Outcome": "qwen3_agent.batch",
    "Qwen3AgentError": "qwen3_agent.errors",
    "RunResult": "qwen3_agent.result",
    "Runs": "qwen3_agent.journal",
    "Sampling": "qwen3_agent.sampling",
    "Thinking": "qwen3_agent.thinking",
    "Tool": "qwen3_tools.tool",
    "ToolError": "qwen3_agent.errors",
    "ToolResult": "qwen3_tools.tool",
    "mcp_servers": "qwen3_tools.mcp",
    "tool": "qwen3_tools.tool",
}

RENAMED = {"LimitReached": "LimitExceededError"}
"""What the names of earlier versions are called today."""


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that `import qwen3_agent` costs nothing."""
    if name in ("errors", "events", "hooks"):
        return import_module(f"qwen3_agent.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    from qwen3_tools.renamed import missing_name

    raise missing_name(__name__, name, RENAMED)


def __dir__() -> list[str]:
    return __all__
