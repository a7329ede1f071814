"""The code interpreter: cells in, results out, behind walls that were tested from inside."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from qwen3_tools.code_interpreter import folder
from qwen3_tools.code_interpreter import sandbox as sandbox_
from qwen3_tools.code_interpreter.jail.plan import Walls
from qwen3_tools.code_interpreter.pipes import Output
from qwen3_tools.code_interpreter.result import (
    TIMEOUT_ERROR,
    CodeResult,
    Status,
    cut_middle,
    format_result,
)
from qwen3_tools.code_interpreter.session import Session, SessionEnded
from qwen3_tools.errors import Qwen3AgentError, ToolError
from qwen3_tools.tool import Tool, ToolResult

_NAME = "code_interpreter"
_DESCRIPTION = "Python code sandbox, which can be used to execute Python code."
_PARAMETERS = {
    "type": "object",
    "properties": {"code": {"description": "The python code.", "type": "string"}},
    "required": ["code"],
}
_FENCED = re.compile(r"\s*```[A-Za-z0-9_+-]*[ \t]*\n(.*?)\n?```\s*", re.DOTALL)
_IMAGE_NAME = re.compile(r"figure-[0-9]{1,9}\.png")


class CodeInterpreter:
    """A Python that keeps its state from cell to cell, in a sandbox without network.

    An async context manager, and a source of the tool `code_interpreter` for an agent, where
    every conversation gets an interpreter of its own. The process starts with the first cell.

    Args:
        work_dir: the folder where cells run and leave files; by default a new one, which is
            removed at the end.
        sandbox: "auto" for the strongest that passes its test on this machine, or one by name:
            "bubblewrap", "namespaces", "landlock".
        timeout: seconds a cell may take.
        memory_mb: MiB of memory, for all processes of the interpreter together.
        disk_mb: MiB of files that it may write.
        max_processes: processes and threads at one time.
        max_output_chars: characters kept of each of stdout, stderr, result and error.
        python: the interpreter to run inside, by default the running one.
        unsafe_no_sandbox: run code as the user, with all that the user may do.

    Raises (by `async with` never, by the first `run`):
        SandboxUnavailable: no sandbox holds here; the message says what would mend it.
    """

    shared = False

    def __init__(
        self,
        work_dir: str | os.PathLike[str] | None = None,
        sandbox: sandbox_.Sandbox = "auto",
        timeout: float = 30.0,
        memory_mb: int = 2048,
        disk_mb: int = 1024,
        max_processes: int = 64,
        max_output_chars: int = 20_000,
        python: str | None = None,
        *,
        unsafe_no_sandbox: bool = False,
    ) -> None:
        self._arguments: dict[str, Any] = {
            "work_dir": work_dir,
            "sandbox": sandbox,
            "timeout": timeout,
            "memory_mb": memory_mb,
            "disk_mb": disk_mb,
            "max_processes": max_processes,
            "max_output_chars": max_output_chars,
            "python": python,
            "unsafe_no_sandbox": unsafe_no_sandbox,
        }
        self._choice: sandbox_.Sandbox | Literal["none"] = "none" if unsafe_no_sandbox else sandbox
        self._timeout = timeout
        self._max_output_chars = max_output_chars
        self._limits = sandbox_.Limits(memory_mb, disk_mb, max_processes)
        self._room: _Room | None = None
        self._session: Session | None = None
        self._walls: Walls | None = None
        self._state_lost = False
        self._one_at_a_time = anyio.Lock()
        self._portal: BlockingPortal
        self._sync_stack: contextlib.ExitStack

    @property
    def work_dir(self) -> Path:
        """The folder where cells run."""
        return self._entered().work_dir

    @property
    def isolation(self) -> str:
        """What holds the code in; known once a cell has run."""
        return sandbox_.ISOLATION[self._walls] if self._walls else "not started"

    async def __aenter__(self) -> Self:
        if self._room is not None:
            raise Qwen3AgentError("This CodeInterpreter is already open.")
        self._room = _Room(self._arguments["work_dir"])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()
        room, self._room = self._entered(), None
        room.close()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        """The tool, over this interpreter where it is open, else over a new one like it."""
        if self._room is not None:
            yield (self.tool(),)
            return
        async with CodeInterpreter(**self._arguments) as interpreter:
            yield (interpreter.tool(),)

    def tool(self) -> Tool:
        """The tool `code_interpreter`, over this interpreter."""

        async def run(arguments: dict[str, Any]) -> ToolResult:
            code = arguments.get("code")
            if not isinstance(code, str):
                raise ToolError("Invalid arguments for code_interpreter: code: a string is needed.")
            result = await self.run(code)
            return ToolResult(
                format_result(result),
                files=(*result.images, *(self.work_dir / name for name in result.files)),
            )

        return Tool(_NAME, _DESCRIPTION, _PARAMETERS, run)

    async def run(self, code: str) -> CodeResult:
        """Run a cell, given raw or as a fenced block, and say what came of it.

        What the code does wrong is in the result. Raises SandboxUnavailable when no sandbox holds.
        """
        room = self._entered()
        async with self._one_at_a_time:
            began = time.monotonic()
            try:
                result = await self._run(room, _unfenced(code))
            except BaseException:
                # Cancelled halfway: nobody knows what the process is doing.
                self._state_lost = self._session is not None
                await self._stop()
                raise
            return replace(result, seconds=time.monotonic() - began)

    def interrupt(self) -> None:
        """End the cell that is running with KeyboardInterrupt, as Ctrl-C would; the state stays."""
        if self._session is not None:
            self._session.interrupt()

    async def reset(self) -> None:
        """Forget all that cells defined. Files stay."""
        async with self._one_at_a_time:
            await self._stop()

    def upload(self, source: str | os.PathLike[str] | bytes, name: str | None = None) -> None:
        """Copy a file, or data under `name`, into the work folder.

        Raises OSError when the source cannot be read, ValueError when `name` is not a file's name.
        """
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        if name is None:
            if isinstance(source, bytes):
                raise ValueError("data needs a name to be uploaded under")
            name = Path(source).name
        room = self._entered()
        folder.write(room.work_dir, name, data, room.uid)

    def download(self, name: str) -> bytes:
        """What is in a file of the work folder, named relative to it.

        Raises OSError when there is no such file, or when it is a link or no regular file: code
        may have put it there to have something else read.
        """
        return folder.read(self._entered().work_dir, name)

    def list_files(self) -> list[str]:
        """The files in the work folder, relative to it; hidden ones are left out."""
        return sorted(folder.files_in(self._entered().work_dir))

    def __enter__(self) -> Self:
        """The door for code that is not async: then `run_sync` and the rest, from this thread."""
        with contextlib.ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            stack.enter_context(portal.wrap_async_context_manager(self))
            self._portal, self._sync_stack = portal, stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._sync_stack.close()

    def run_sync(self, code: str) -> CodeResult:
        """`run`, inside of a `with` statement instead of an `async with`."""
        return self._portal.call(self.run, code)

    def reset_sync(self) -> None:
        """`reset`, inside of a `with` statement instead of an `async with`."""
        self._portal.call(self.reset)

    async def _run(self, room: _Room, code: str) -> CodeResult:
        lost, self._state_lost = self._state_lost, False
        before = folder.files_in(room.work_dir)
        if self._session is not None and self._session.ended():
            await self._stop()
            lost = True
        session = await self._started(room)
        stdout, stderr = Output(self._max_output_chars), Output(self._max_output_chars)
        status: Status = "ok"
        value = error = None
        images: tuple[Path, ...] = ()
        try:
            reply = await session.run(code, self._timeout, stdout, stderr)
            if reply is None:
                status, error = "timeout", TIMEOUT_ERROR
            else:
                value, error = self._text(reply.get("result")), self._text(reply.get("error"))
                images = folder.figures(room.work_dir, reply.get("images"))
                status = "error" if error else "ok"
            await session.check()
        except SessionEnded as ended:
            await self._stop()
            lost = True
            if status == "ok" and value is None:
                status = "timeout" if str(ended) == TIMEOUT_ERROR else "killed"
                error = str(ended)
        names = {image.name for image in images}
        return CodeResult(
            status,
            stdout=stdout.text(),
            stderr=stderr.text(),
            result=value,
            error=error,
            images=images,
            files=folder.new_files(room.work_dir, before, besides=names),
            state_lost=lost,
        )

    async def _started(self, room: _Room) -> Session:
        if self._session is None:
            self._walls, self._session = await sandbox_.start(
                self._choice,
                python=self._arguments["python"],
                work_dir=str(room.work_dir),
                scratch=str(room.scratch),
                limits=self._limits,
                uid=room.uid,
            )
        return self._session

    async def _stop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _entered(self) -> _Room:
        if self._room is None:
            raise Qwen3AgentError(
                "The code interpreter is not open: `async with CodeInterpreter() as interpreter:`"
            )
        return self._room

    def _text(self, said: object) -> str | None:
        return cut_middle(said, self._max_output_chars) if isinstance(said, str) else None


class _Room:
    """The folders of one interpreter, and the user that they are handed over to."""

    def __init__(self, work_dir: str | os.PathLike[str] | None) -> None:
        self._stack = contextlib.ExitStack()
        self.uid = sandbox_.spare_uid()
        self.scratch = self._temporary()
        if work_dir is None:
            self.work_dir = self._temporary()
        else:
            self.work_dir = Path(work_dir).resolve()
            self.work_dir.mkdir(parents=True, exist_ok=True)
        for path in (self.scratch, self.work_dir):
            folder.hand_over(path, self.uid)

    def close(self) -> None:
        self._stack.close()

    def _temporary(self) -> Path:
        made = tempfile.TemporaryDirectory(prefix="qwen3-agent-", ignore_cleanup_errors=True)
        return Path(self._stack.enter_context(made)).resolve()


def _unfenced(code: str) -> str:
    match = _FENCED.fullmatch(code)
    return match[1] if match else code
