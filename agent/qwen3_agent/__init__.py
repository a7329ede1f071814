"""Tool-calling agents on Qwen3 models that run on your own hardware."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qwen3_tools.code_interpreter import CodeInterpreter as CodeInterpreter
    from qwen3_tools.context import RunContext as RunContext
    from qwen3_tools.mcp import MCPServers as MCPServers
    from qwen3_tools.mcp import UserPrompter as UserPrompter
    from qwen3_tools.mcp import mcp_servers as mcp_servers
    from qwen3_tools.source import ToolSource as ToolSource
    from qwen3_tools.tool import Tool as Tool
    from qwen3_tools.tool import ToolResult as ToolResult
    from qwen3_tools.tool import tool as tool
    from qwen3_tools.usage import Usage as Usage

    from . import errors as errors
    from . import events as events
    from . import hooks as hooks
    from . import mcp as mcp
    from . import sandbox as sandbox
    from . import tools as tools
    from .agent import Agent as Agent
    from .approvals import Approval as Approval
    from .approvals import ApprovalRequest as ApprovalRequest
    from .approvals import Approvals as Approvals
    from .batch import BatchResult as BatchResult
    from .conversation import Conversation as Conversation
    from .errors import LimitExceededError as LimitExceededError
    from .errors import Qwen3AgentError as Qwen3AgentError
    from .errors import ToolError as ToolError
    from .hooks import Call as Call
    from .hooks import End as End
    from .hooks import Hooks as Hooks
    from .hooks import Refuse as Refuse
    from .integrations.mcp_server import serve_mcp as serve_mcp
    from .journal import Runs as Runs
    from .limits import Limits as Limits
    from .models.chat_api.connect import connect as connect
    from .models.session import Model as Model
    from .result import RunResult as RunResult
    from .sampling import Sampling as Sampling
    from .thinking import Plan as Plan
    from .thinking import StepState as StepState
    from .thinking import Thinking as Thinking

    __version__: str

_NAMES = {
    "qwen3_agent.agent": "Agent",
    "qwen3_agent.approvals": "Approval ApprovalRequest Approvals",
    "qwen3_agent.batch": "BatchResult",
    "qwen3_agent.conversation": "Conversation",
    "qwen3_agent.errors": "LimitExceededError Qwen3AgentError ToolError",
    "qwen3_agent.hooks": "Call End Hooks Refuse",
    "qwen3_agent.integrations.mcp_server": "serve_mcp",
    "qwen3_agent.journal": "Runs",
    "qwen3_agent.limits": "Limits",
    "qwen3_agent.models.chat_api.connect": "connect",
    "qwen3_agent.models.session": "Model",
    "qwen3_agent.result": "RunResult",
    "qwen3_agent.sampling": "Sampling",
    "qwen3_agent.thinking": "Plan StepState Thinking",
    "qwen3_tools.code_interpreter": "CodeInterpreter",
    "qwen3_tools.context": "RunContext",
    "qwen3_tools.mcp": "MCPServers UserPrompter mcp_servers",
    "qwen3_tools.source": "ToolSource",
    "qwen3_tools.tool": "Tool ToolResult tool",
    "qwen3_tools.usage": "Usage",
}
"""The public names by the module that defines them."""

_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

_MODULES = ("errors", "events", "hooks", "mcp", "sandbox", "tools")

__all__ = sorted([*_HOMES, *_MODULES])

RENAMED = {"LimitReached": "LimitExceededError", "Outcome": "BatchResult"}
"""Names of earlier versions, and the names that replace them."""


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
