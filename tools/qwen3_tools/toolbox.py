"""The tools of a conversation."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio

from .artifacts import shortened
from .errors import ToolDefinitionError, ToolError
from .tool import Tool, ToolResult

logger = logging.getLogger(__name__)

# The folders of an absolute path, but not those of a URL: /home/me/data.csv -> data.csv
_FOLDERS = re.compile(r"(?<![\w:/.~])~?(?:/[^\s'\":,/]+)+/(?=[^\s'\":,/])")


class Toolbox:
    """Describes the tools to the model, in a stable order, and runs its calls."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Initialize the toolbox.

        Raises:
            ToolDefinitionError: Two tools have the same name.
        """
        self.tools = tuple(tools)
        self._by_name = {tool.name: tool for tool in self.tools}
        if len(self._by_name) < len(self.tools):
            names = [tool.name for tool in self.tools]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ToolDefinitionError(
                f"two tools are named {', '.join(map(repr, twice))}: rename one of them"
            )

    def schemas(self) -> list[dict[str, Any]]:
        """Return all tools as the model sees them. The order never changes, for prefix caching."""
        return [tool.schema() for tool in self.tools]

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Run a call of the model.

        Errors are returned as results that help the model, and never raised. A text that is too
        long is shortened in the middle, and saved in a file if the run has a folder.

        Args:
            name: The name of the tool according to the model.
            arguments: The arguments according to the model, parsed.
        """
        tool = self._by_name.get(name)
        if tool is None:
            return ToolResult(self._no_such_tool(name), is_error=True)
        result = await self._call(tool, arguments)
        text, saved = shortened(result.text, tool.max_result_chars, name)
        return replace(result, text=text, files=(*result.files, *([saved] if saved else ())))

    async def _call(self, tool: Tool, arguments: dict[str, Any]) -> ToolResult:
        deadline = anyio.move_on_after(tool.timeout)
        try:
            with deadline:
                return await tool.run(arguments)
        except ToolError as error:
            return ToolResult(str(error) or f"{tool.name} failed.", is_error=True)
        except Exception as error:
            logger.exception("tool %s failed", tool.name)
            return ToolResult(f"{tool.name} failed: {_in_one_line(error)}", is_error=True)
        return ToolResult(
            f"{tool.name} did not answer within {tool.timeout:g} seconds and was stopped.",
            is_error=True,
        )

    def _no_such_tool(self, name: str) -> str:
        if not self.tools:
            return f'There is no tool named "{name}". There are no tools.'
        near = difflib.get_close_matches(name, self._by_name, n=1)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        return f'There is no tool named "{name}".{hint} The tools are: {", ".join(self._by_name)}.'


def _in_one_line(error: BaseException) -> str:
    """Return the error without details for developers: traces, and the folders of files."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    words = " ".join(_FOLDERS.sub("", str(error)).split())
    kind = type(error).__name__
    return f"{kind}: {words}" if words else f"{kind}."
