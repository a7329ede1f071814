"""The code interpreter: runs cells of Python in a sandbox."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Self, get_args

import anyio
import anyio.lowlevel
import anyio.to_thread

from qwen3_tools.code_interpreter import folder
from qwen3_tools.code_interpreter import sandbox as sandbox_
from qwen3_tools.code_interpreter.jail.plan import Backend
from qwen3_tools.code_interpreter.pipes import Output
from qwen3_tools.code_interpreter.proxy import Proxy
from qwen3_tools.code_interpreter.result import (
    TIMEOUT_ERROR,
    CodeResult,
    Listener,
    Status,
    Stream,
    format_result,
)
from qwen3_tools.code_interpreter.session import Session, SessionEndedError, TimedOutError
from qwen3_tools.code_interpreter.sync_interface import SyncInterface, synchronous
from qwen3_tools.code_interpreter.worker import cut_middle
from qwen3_tools.code_interpreter.workspace import Workspace
from qwen3_tools.errors import Qwen3AgentError, SandboxUnavailableError, ToolError
from qwen3_tools.progress import report_progress
from qwen3_tools.source import RunResources, ToolSource
from qwen3_tools.tool import Tool, ToolResult

_NAME = "code_interpreter"
_DESCRIPTION = "Python code sandbox, which can be used to execute Python code."
_PARAMETERS = {
    "type": "object",
    "properties": {"code": {"description": "The python code.", "type": "string"}},
    "required": ["code"],
}
_CUT_NOTE_CHARS = 60
_FENCED = re.compile(r"\A\s*```[A-Za-z0-9_+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)


class CodeInterpreter(SyncInterface, ToolSource):
    """A Python interpreter that keeps its state between cells, in a sandbox without network.

    It is an async context manager, and a tool source that gives each conversation of an agent its
    own interpreter. The process is started by the first cell.

    Args:
        work_dir: Folder where cells run and leave files; by default a temporary one.
        sandbox: "bubblewrap", "namespaces", "landlock", or "auto" for the first that passes its
            self test. "none" runs code without a sandbox, with all permissions of the user.
        timeout: Seconds a cell may take.
        memory_mb: MiB of memory for all processes together.
        disk_mb: MiB of files that code may write.
        max_processes: Number of concurrent processes and threads.
        max_output_chars: Characters to keep of each of stdout, stderr, result and error.
        python: The interpreter to run; by default the running one.
        allow_domains: Domains that code may reach by HTTP and HTTPS while a cell runs, such as
            "pypi.org", or "*.example.com" for subdomains. Private addresses are always refused.
            Not available with "landlock".
        preload: Modules to import while a session waits for its first cell.

    Raises:
        ValueError: `sandbox` is unknown, or a limit is not a positive number.
        Qwen3AgentError: `allow_domains` contains an invalid domain.
        SandboxUnavailableError: No backend passes its self test. Raised by the first `run`.
    """

    name = _NAME

    def __init__(
        self,
        work_dir: str | os.PathLike[str] | None = None,
        *,
        sandbox: sandbox_.Sandbox = "auto",
        timeout: float = 30.0,
        memory_mb: int = 2048,
        disk_mb: int = 1024,
        max_processes: int = 64,
        max_output_chars: int = 20_000,
        python: str | None = None,
        allow_domains: Sequence[str] = (),
        preload: Sequence[str] = ("numpy", "pandas", "matplotlib.pyplot"),
    ) -> None:
        self.arguments: dict[str, Any] = {
            "work_dir": work_dir,
            "sandbox": sandbox,
            "timeout": timeout,
            "memory_mb": memory_mb,
            "disk_mb": disk_mb,
            "max_processes": max_processes,
            "max_output_chars": max_output_chars,
            "python": python,
            "allow_domains": allow_domains,
            "preload": preload,
        }
        if sandbox not in get_args(sandbox_.Sandbox):
            choices = ", ".join(get_args(sandbox_.Sandbox))
            raise ValueError(f"CodeInterpreter: sandbox must be one of {choices}, not {sandbox!r}.")
        sandbox_.check_limit("timeout", timeout, int, float)
        sandbox_.check_limit("max_output_chars", max_output_chars, int)
        self._choice: sandbox_.Sandbox = sandbox
        self._timeout = timeout
        self._max_output_chars = max_output_chars
        proxy = Proxy(allow_domains) if allow_domains else None
        self._requirements = sandbox_.Requirements(
            python, memory_mb, disk_mb, max_processes, proxy, tuple(preload)
        )
        self._workspace: Workspace | None = None
        self._session: Session | None = None
        self._waiting: Session | None = None
        self._backend: Backend | None = None
        self._state_lost = False
        self._had_state = False
        self._one_at_a_time = anyio.Lock(fast_acquire=True)
        self._keeps_spare = False
        self._spare: CodeInterpreter | None = None
        self._when_used: Callable[[], Awaitable[None]] | None = None

    def with_options(self, **arguments: Any) -> CodeInterpreter:
        """Return a new interpreter with the same `arguments`, except for those given."""
        interpreter = CodeInterpreter(**{**self.arguments, **arguments})
        interpreter._had_state = self._had_state
        return interpreter

    def bind(self, resources: RunResources) -> CodeInterpreter:
        """Return an interpreter for a recorded run: this one if it is open, else one like it.

        It works in the folder of the run unless it has its own. If the run used one before, its
        first result reports that the state is lost.
        """
        if resources.work_folder is None or self._workspace is not None:
            return self
        work_dir = self.arguments["work_dir"] or resources.work_folder
        interpreter = self.with_options(work_dir=work_dir)
        interpreter._had_state = _NAME in resources.tools_used
        return interpreter

    @property
    def work_dir(self) -> Path:
        """The folder where cells run."""
        return self._entered().work_dir

    @property
    def isolation(self) -> str:
        """Description of the sandbox in use; known once a cell has run."""
        return sandbox_.ISOLATION[self._backend] if self._backend else "not started"

    async def __aenter__(self) -> Self:
        if self._workspace is not None:
            raise Qwen3AgentError("This CodeInterpreter is already open.")
        self._workspace = Workspace(self.arguments["work_dir"])
        self._state_lost = self._had_state
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End all processes and remove the folder if it is temporary. Can be repeated."""
        with anyio.CancelScope(shield=True):
            await self._stop()
            workspace, self._workspace = self._workspace, None
            if workspace is not None:
                await anyio.to_thread.run_sync(workspace.close)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Sequence[Tool]]:
        """Provide the tool, using this interpreter if it is open, else a new one like it."""
        if self._workspace is not None:
            yield (self.tool(),)
            return
        interpreter = self._taken_spare() or await self.with_options().__aenter__()
        interpreter._when_used = self._keep_spare
        try:
            yield (interpreter.tool(),)
        finally:
            await interpreter.close()

    @contextlib.asynccontextmanager
    async def warm(self) -> AsyncIterator[None]:
        """During the block, keep one session ready for the next conversation."""
        self._keeps_spare = True
        try:
            await self._keep_spare()
            yield
        finally:
            self._keeps_spare = False
            if spare := self._taken_spare():
                await spare.close()

    async def _keep_spare(self) -> None:
        if self._keeps_spare and self._spare is None:
            self._spare = await self.with_options().__aenter__()
            self._spare._start_ahead()

    def _taken_spare(self) -> CodeInterpreter | None:
        spare, self._spare = self._spare, None
        return spare

    def tool(self) -> Tool:
        """Return the tool `code_interpreter`, which uses this interpreter."""

        async def run(arguments: dict[str, Any]) -> ToolResult:
            code = arguments.get("code")
            if not isinstance(code, str):
                raise ToolError("Invalid arguments for code_interpreter: code: a string is needed.")
            began = time.monotonic()

            def on_output(_: Stream, text: str) -> None:
                last_line = text.rstrip().rpartition("\n")[2]
                report_progress(round(time.monotonic() - began, 1), message=last_line)

            result = await self.run(code, on_output)
            return ToolResult(
                format_result(result),
                files=(*result.images, *(self.work_dir / name for name in result.files)),
            )

        return Tool(
            _NAME,
            _DESCRIPTION,
            _PARAMETERS,
            run,
            requires_approval=self._choice == "none",
            folder=self.work_dir,
        )

    async def run(self, code: str, on_output: Listener | None = None) -> CodeResult:
        """Run a cell. Errors of the code are part of the result.

        Args:
            code: Python code, optionally in a fenced block.
            on_output: Called with "stdout" or "stderr" and text as the cell writes it, up to
                `max_output_chars` of each.

        Raises:
            SandboxUnavailableError: No sandbox is available.
        """
        workspace = self._entered()
        code = _FENCED.sub(r"\1", code)
        await anyio.lowlevel.checkpoint()
        async with self._one_at_a_time:
            try:
                result = await self._run(workspace, code, on_output)
            except BaseException:
                # Cancelled: the state of the process is unknown.
                self._state_lost = self._session is not None
                await self._stop()
                raise
            when_used, self._when_used = self._when_used, None
            if when_used is not None:
                await when_used()
            return result

    async def interrupt(self) -> None:
        """Interrupt the running cell with KeyboardInterrupt; the state is kept."""
        if self._session is not None:
            self._session.interrupt()

    async def reset(self) -> None:
        """Discard the state. Files are kept."""
        async with self._one_at_a_time:
            await self._stop()
            self._start_ahead()

    async def upload(self, source: str | os.PathLike[str] | bytes, name: str | None = None) -> None:
        """Copy a file, or data under `name`, into the work folder.

        Raises:
            OSError: The source cannot be read.
            ValueError: `name` is missing or not a file name.
        """
        if name is None:
            if isinstance(source, bytes):
                raise ValueError("uploading bytes requires a name")
            name = Path(source).name
        workspace = self._entered()
        await anyio.to_thread.run_sync(
            folder.write, workspace.work_dir, name, source, workspace.uid
        )

    async def download(self, name: str) -> bytes:
        """Read a file, named relative to the work folder.

        Raises:
            OSError: There is no such file, or it is a link, with which code may expose others.
        """
        return await anyio.to_thread.run_sync(folder.read, self._entered().work_dir, name)

    async def list_files(self) -> list[str]:
        """List the files in the work folder, relative to it, except hidden ones."""
        return sorted(await anyio.to_thread.run_sync(folder.files_in, self._entered().work_dir))

    run_sync = synchronous(run)
    interrupt_sync = synchronous(interrupt)  # while another thread waits for `run_sync`
    reset_sync = synchronous(reset)
    upload_sync = synchronous(upload)
    download_sync = synchronous(download)
    list_files_sync = synchronous(list_files)
    close_sync = synchronous(close)

    async def _run(self, workspace: Workspace, code: str, on_output: Listener | None) -> CodeResult:
        began = time.monotonic()
        lost, self._state_lost = self._state_lost, False
        before = folder.files_in(workspace.work_dir)
        if self._session is not None and not self._session.is_fit():
            await self._stop()
            lost = True
        try:
            session = await self._started(workspace)
        except SandboxUnavailableError as unavailable:
            if self._backend is None:
                raise
            seconds = time.monotonic() - began
            return CodeResult("failed", error=str(unavailable), state_lost=True, seconds=seconds)
        stdout, stderr = (
            Output(
                self._max_output_chars, functools.partial(on_output, each) if on_output else None
            )
            for each in get_args(Stream)
        )
        status: Status = "ok"
        value = error = None
        images: tuple[Path, ...] = ()
        try:
            reply = await session.run(code, self._timeout, stdout, stderr, self._max_output_chars)
            if reply is None:
                status, error = "timeout", TIMEOUT_ERROR
            else:
                value, error = self._text(reply.get("result")), self._text(reply.get("error"))
                images = folder.figures(workspace.work_dir, reply.get("images"))
                status = "error" if error else "ok"
            files = folder.new_files(workspace.work_dir, before, images)
            await session.check()
        except SessionEndedError as ended:
            await self._stop()
            self._start_ahead()
            files = folder.new_files(workspace.work_dir, before, images)
            lost = True
            if status == "ok" and value is None:
                status = "timeout" if isinstance(ended, TimedOutError) else "killed"
                error = str(ended)
        return CodeResult(
            status,
            stdout=stdout.text(),
            stderr=stderr.text(),
            result=value,
            error=error,
            images=images,
            files=files,
            state_lost=lost,
            seconds=time.monotonic() - began,
        )

    def _start_ahead(self) -> None:
        """Start a session ahead of the next cell."""
        if self._waiting is None and self._workspace is not None:
            self._waiting = sandbox_.start_ahead(self._choice, self._requirements, self._workspace)

    async def _started(self, workspace: Workspace) -> Session:
        if self._session is None:
            waiting, self._waiting = self._waiting, None
            self._session = await sandbox_.start(
                self._choice, self._requirements, workspace, waiting
            )
            # Later sessions never use a weaker backend
            self._choice = self._backend = self._session.backend
        return self._session

    async def _stop(self) -> None:
        session, self._session = self._session, None
        waiting, self._waiting = self._waiting, None
        for each in (session, waiting):
            if each is not None:
                await each.close()

    def _entered(self) -> Workspace:
        if self._workspace is None:
            raise Qwen3AgentError(
                "The code interpreter is not open; use `async with CodeInterpreter() as ...:`."
            )
        return self._workspace

    def _text(self, value: object) -> str | None:
        """Clean a text of the worker, which is not trusted to have shortened it."""
        if not isinstance(value, str):
            return None
        text = value.encode(errors="replace").decode()
        return cut_middle(text, self._max_output_chars + _CUT_NOTE_CHARS)
