"""The tools of one conversation: what the model is shown, and what happens when it calls."""

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
    """The tools of one conversation, in a stable order."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        """Gather `tools`.

        Raises:
            ToolDefinitionError: Two of them have one name.
        """
        self.tools = tuple(tools)
        self._by_name = {tool.name: tool for tool in self.tools}
        if len(self._by_name) < len(self.tools):
            names = [tool.name for tool in self.tools]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ToolDefinitionError(
                f"two tools are named {', '.join(map(repr, twice))}: rename one of each"
            )

    def schemas(self) -> list[dict[str, Any]]:
        """All tools as the model sees them, always in one order: a prompt's prefix rests on it."""
        return [tool.schema() for tool in self.tools]

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        """Run one call that the model made.

        Whatever goes wrong comes back as an error result in words that the model can act on.
        Nothing is raised but cancellation. A text that is too long for the model is cut in the
        middle, and saved whole where the run has a folder.

        Args:
            name: What the model wrote as the tool's name.
            arguments: What it wrote as arguments, parsed.
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
    """What happened, without what is only for the developer: traces, and where files lie."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    words = " ".join(_FOLDERS.sub("", str(error)).split())
    kind = type(error).__name__
    return f"{kind}: {words}" if words else f"{kind}."
