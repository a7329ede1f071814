"""The errors of tools, MCP servers and the sandbox.

Exception
├── Qwen3AgentError                  for the caller; the message says how to fix it
│   ├── ToolDefinitionError          a function cannot be a tool, or two tools share a name
│   ├── MCPConfigError               an MCP configuration is invalid
│   ├── MCPServerError               an MCP server or one of its tools is not available
│   └── SandboxUnavailableError      this machine offers no isolation for the code interpreter
└── ToolError                        for the model; becomes an error result
"""

from __future__ import annotations

import copyreg
from typing import Any

from .renamed import missing_name

RENAMED = {"SandboxUnavailable": "SandboxUnavailableError"}


class Qwen3AgentError(Exception):
    """Base class of all errors raised to the caller."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own would call __init__ with the message alone.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ToolDefinitionError(Qwen3AgentError):
    """A function's signature cannot be that of a tool, or two tools have the same name."""


class MCPConfigError(Qwen3AgentError):
    """An MCP configuration is invalid. The message names the file, line, server and key."""


class MCPServerError(Qwen3AgentError):
    """An MCP server, or one of its tools, was requested by name and is not available."""


class SandboxUnavailableError(Qwen3AgentError):
    """This machine offers no isolation. The message has the commands that fix it."""


class ToolError(Exception):
    """Raised by a tool to tell the model what went wrong.

    The message becomes an error result. It is never raised to the caller.
    """


def __getattr__(name: str) -> Any:
    raise missing_name(__name__, name, RENAMED)
