"""Tool-calling agents on Qwen3 models that run on your own hardware."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3_tools.code_interpreter import CodeInterpreter
    from qwen3_tools.context import RunContext
    from qwen3_tools.mcp import MCPServers, UserPrompter, mcp_servers
    from qwen3_tools.source import ToolSource
    from qwen3_tools.tool import Tool, ToolResult, tool
    from qwen3_tools.usage import Usage

    from . import errors, events, hooks, mcp, sandbox, tools
    from .agent import Agent
    from .approvals import Approval, ApprovalRequest, Approvals
    from .batch import BatchResult
    from .conversation import Conversation
    from .errors import LimitExceededError, Qwen3AgentError, ToolError
    from .hooks import Call, End, Hooks, Refuse
    from .integrations.mcp_server import serve_mcp
    from .journal import Runs
    from .limits import Limits
    from .models.chat_api.connect import connect
    from .models.session import Model
    from .result import RunResult
    from .sampling import Sampling
    from .thinking import Plan, StepState, Thinking

    __version__: str

__all__ = [
    "Agent",
    "Approval",
    "ApprovalRequest",
    "Approvals",
    "BatchResult",
    "Call",
    "CodeInterpreter",
    "Conversation",
    "End",
    "Hooks",
    "LimitExceededError",
    "Limits",
    "MCPServers",
    "Model",
    "Plan",
    "Qwen3AgentError",
    "Refuse",
    "RunContext",
    "RunResult",
    "Runs",
    "Sampling",
    "StepState",
    "Thinking",
    "Tool",
    "ToolError",
    "ToolResult",
    "ToolSource",
    "Usage",
    "UserPrompter",
    "connect",
    "errors",
    "events",
    "hooks",
    "mcp",
    "mcp_servers",
    "sandbox",
    "serve_mcp",
    "tool",
    "tools",
]

_HOMES = {
    "Agent": "qwen3_agent.agent",
    "Approval": "qwen3_agent.approvals",
    "ApprovalRequest": "qwen3_agent.approvals",
    "Approvals": "qwen3_agent.approvals",
    "BatchResult": "qwen3_agent.batch",
    "Call": "qwen3_agent.hooks",
    "CodeInterpreter": "qwen3_tools.code_interpreter",
    "Conversation": "qwen3_agent.conversation",
    "End": "qwen3_agent.hooks",
    "Hooks": "qwen3_agent.hooks",
    "LimitExceededError": "qwen3_agent.errors",
    "Limits": "qwen3_agent.limits",
    "MCPServers": "qwen3_tools.mcp",
    "Model": "qwen3_agent.models.session",
    "Plan": "qwen3_agent.thinking",
    "Qwen3AgentError": "qwen3_agent.errors",
    "Refuse": "qwen3_agent.hooks",
    "RunContext": "qwen3_tools.context",
    "RunResult": "qwen3_agent.result",
    "Runs": "qwen3_agent.journal",
    "Sampling": "qwen3_agent.sampling",
    "StepState": "qwen3_agent.thinking",
    "Thinking": "qwen3_agent.thinking",
    "Tool": "qwen3_tools.tool",
    "ToolError": "qwen3_agent.errors",
    "ToolResult": "qwen3_tools.tool",
    "ToolSource": "qwen3_tools.source",
    "Usage": "qwen3_tools.usage",
    "UserPrompter": "qwen3_tools.mcp",
    "connect": "qwen3_agent.models.chat_api.connect",
    "mcp_servers": "qwen3_tools.mcp",
    "serve_mcp": "qwen3_agent.integrations.mcp_server",
    "tool": "qwen3_tools.tool",
}

_MODULES = ("errors", "events", "hooks", "mcp", "sandbox", "tools")

RENAMED = {"LimitReached": "LimitExceededError", "Outcome": "BatchResult"}
"""What the names of earlier versions are called today."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import qwen3_agent` costs nothing."""
    if name in _MODULES:
        return import_module(f"qwen3_agent.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("qwen3-agent")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    from qwen3_tools.renamed import missing_name

    raise missing_name(__name__, name, RENAMED)


def __dir__() -> list[str]:
    return __all__
