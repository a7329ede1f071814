"""Tools for models: Python functions, MCP servers and a sandboxed code interpreter.

This package never imports the runtime. Modules with heavy imports (`qwen3_tools.mcp`,
`qwen3_tools.code_interpreter`) are not imported here.
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

# Details for developers; discarded unless logging is configured.
logging.getLogger(__name__).addHandler(logging.NullHandler())
