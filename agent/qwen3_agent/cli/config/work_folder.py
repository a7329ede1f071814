"""`--work-dir` and `--upload`: the folder of the code interpreter, and files for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from qwen3_tools import RunResources, Tool, ToolSource
from qwen3_tools.code_interpreter import CodeInterpreter

from ...errors import Qwen3AgentError


def with_work_folder(
    tools: Sequence[Tool | ToolSource], work_dir: Path | None, uploads: Sequence[Path]
) -> list[Tool | ToolSource]:
    """Return the tools, with a code interpreter that works in `work_dir` on copies of `uploads`.

    Raises:
        Qwen3AgentError: There is no code interpreter, or two uploads have the same name.
    """
    if work_dir is None and not uploads:
        return list(tools)
    if not any(isinstance(tool, CodeInterpreter) for tool in tools):
        raise Qwen3AgentError(
            "--work-dir and --upload need the code interpreter, which this agent does not have."
        )
    names = [path.name for path in uploads]
    for name in names:
        if names.count(name) > 1:
            raise Qwen3AgentError(f"Two uploads are named {name}; rename one.")
    return [
        _InWorkFolder(tool, work_dir, uploads) if isinstance(tool, CodeInterpreter) else tool
        for tool in tools
    ]


class _InWorkFolder(ToolSource):
    """A code interpreter with uploaded files in its folder."""

    def __init__(
        self, interpreter: CodeInterpreter, work_dir: Path | None, uploads: Sequence[Path]
    ) -> None:
        self._interpreter = interpreter.with_options(work_dir=work_dir) if work_dir else interpreter
        self._uploads = uploads

    def bind(self, resources: RunResources) -> _InWorkFolder:
        return _InWorkFolder(self._interpreter.bind(resources), None, self._uploads)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        async with self._interpreter.with_options() as interpreter:
            for path in self._uploads:
                await interpreter.upload(path)
            yield (interpreter.tool(),)
