"""Everything a model can call: Python functions, MCP servers, a sandboxed code interpreter.

This package never imports the runtime. What needs a heavy import (`qwen3_tools.mcp`,
`qwen3_tools.code_interpreter`) is a module of its own, imported by those who want it.
"""

import logging

from .context import RunContext
from .errors import (
    MCPConfigError,
    MCPServerError,
    Qwen3AgentError,
    SandboxUnavailableError,
    ToolDefinitionError,
    ToolError,
)
from .source import RunResources, ToolSource
from .tool import Tool, ToolResult, tool
from .toolbox import Toolbox

__all__ = [
    "MCPConfigError",
    "MCPServerError",
    "Qwen3AgentError",
    "RunContext",
    "RunResources",
    "SandboxUnavailableError",
    "Tool",
    "ToolDefinitionError",
    "ToolError",
    "ToolResult",
    "ToolSource",
    "Toolbox",
    "tool",
]

# Details for the developer go to this logger, and nowhere unless logging is set up.
logging.getLogger(__name__).addHandler(logging.NullHandler())
