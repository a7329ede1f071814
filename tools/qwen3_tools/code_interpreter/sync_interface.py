"""The synchronous interface of the code interpreter."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from qwen3_tools.code_interpreter.result import CodeResult, Stream
from qwen3_tools.threads import LoopThread

Listener = Callable[[Stream, str], None]


class SyncInterface(ABC):
    """Adds `with CodeInterpreter() as interpreter:` and methods whose names end in `_sync`.

    They can be called from any thread.
    """

    _loop_thread: LoopThread

    @abstractmethod
    async def run(self, code: str, on_output: Listener | None = None) -> CodeResult: ...
    @abstractmethod
    async def upload(
        self, source: str | os.PathLike[str] | bytes, name: str | None = None
    ) -> None: ...
    @abstractmethod
    async def download(self, name: str) -> bytes: ...
    @abstractmethod
    async def list_files(self) -> list[str]: ...
    @abstractmethod
    async def interrupt(self) -> None: ...
    @abstractmethod
    async def reset(self) -> None: ...
    @abstractmethod
    async def close(self) -> None: ...
    @abstractmethod
    async def __aenter__(self) -> Self: ...
    @abstractmethod
    async def __aexit__(self, *_: object) -> None: ...

    def __enter__(self) -> Self:
        """Open the interpreter on its own event loop, in a thread."""
        self._loop_thread = LoopThread(self, "The code interpreter")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop_thread.close()

    def run_sync(self, code: str, on_output: Listener | None = None) -> CodeResult:
        """Like `run`; `on_output` is called in the thread of the event loop."""
        return self._loop_thread.portal.call(self.run, code, on_output)

    def upload_sync(self, source: str | os.PathLike[str] | bytes, name: str | None = None) -> None:
        """Like `upload`."""
        self._loop_thread.portal.call(self.upload, source, name)

    def download_sync(self, name: str) -> bytes:
        """Like `download`."""
        return self._loop_thread.portal.call(self.download, name)

    def list_files_sync(self) -> list[str]:
        """Like `list_files`."""
        return self._loop_thread.portal.call(self.list_files)

    def interrupt_sync(self) -> None:
        """Like `interrupt`, for use while another thread waits for `run_sync`."""
        self._loop_thread.portal.call(self.interrupt)

    def reset_sync(self) -> None:
        """Like `reset`."""
        self._loop_thread.portal.call(self.reset)

    def close_sync(self) -> None:
        """Like `close`."""
        self._loop_thread.portal.call(self.close)
