"""Everything that this package raises.

Exception
├── Qwen3AgentError           for the caller: raised, and says what would be right
│   ├── ToolDefinitionError   a function that cannot be a tool, or two tools of one name
│   ├── MCPConfigError        a config file that cannot be used: file, line, server and key
│   ├── MCPServerError        a server or tool that is not there, asked for by name
│   └── SandboxUnavailable    no isolation on this machine, and the lines that would mend it
└── ToolError                 for the model: becomes an error result that it can act on
"""

from __future__ import annotations


class Qwen3AgentError(Exception):
    """Base of all that is raised to the caller."""


class ToolDefinitionError(Qwen3AgentError):
    """A function whose signature cannot be a tool's, or two tools of one name."""


class MCPConfigError(Qwen3AgentError):
    """An MCP config that cannot be used. The message names file, line, server and key."""


class MCPServerError(Qwen3AgentError):
    """An MCP server or one of its tools was asked for by name and is not there."""


class SandboxUnavailable(Qwen3AgentError):  # noqa: N818 - a state, not a fault
    """This machine offers no isolation. The message has the lines that would mend it."""


class ToolError(Exception):
    """Raised by a tool to tell the model what went wrong.

    The message becomes an error result. It is never raised to the caller.
    """
