"""Tools for models: Python functions, MCP servers and a sandboxed code interpreter.

This package never imports the runtime. Modules with heavy imports (`qwen3_tools.mcp`,
`qwen3_tools.code_interpreter`) are not imported here.
"""

import logging

from .context import RunContext as RunContext
from .errors import MCPConfigError as MCPConfigError
from .errors import MCPServerError as MCPServerError
from .errors import Qwen3AgentError as Qwen3AgentError
from .errors import SandboxUnavailableError as SandboxUnavailableError
from .errors import ToolDefinitionError as ToolDefinitionError
from .errors import ToolError as ToolError
from .source import RunResources as RunResources
from .source import ToolSource as ToolSource
from .tool import Tool as Tool
from .tool import ToolResult as ToolResult
from .tool import tool as tool
from .toolbox import Toolbox as Toolbox

# Details for developers; discarded unless logging is configured.
logging.getLogger(__name__).addHandler(logging.NullHandler())
