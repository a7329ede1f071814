"""A server's process: its own group, its pipes, the end of its stderr, and its certain end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import anyio

# Seconds that a server gets to leave after its stdin closes, after TERM, and after KILL, and
# that what it started gets after each of these two. The order is the specification's:
# https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#shutdown
_LEAVE_SECONDS = 1.5
_TERM_SECONDS = 1.5
_KILL_SECONDS = 1.0
_GROUP_TERM_SECONDS = 0.5
_GROUP_KILL_SECONDS = 0.2
_POLL_SECONDS = 0.01
_STDERR_TAIL_BYTES = 8_192
_READ_BYTES = 65_536

# Outlives us for the moment in which we were killed: its stdin is a pipe whose other end dies
# with us. It takes the whole group, which PR_SET_PDEATHSIG would not.
_WATCHER = 'read -r _; kill -TERM "-$1" 2>/dev/null; sleep 0.4; kill -KILL "-$1" 2>/dev/null'


class ServerProcess:
    """A running server process. Made by `ServerProcess.start`, ended by `stop`."""

    def __init__(self, process: subprocess.Popen[bytes], watcher: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._watcher = watcher
        self._stderr: deque[bytes] = deque()
        self._stderr_bytes = 0
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    @classmethod
    def start(
        cls, command: Sequence[str], env: Mapping[str, str], cwd: Path | None
    ) -> ServerProcess:
        """Start `command` as the leader of its own session.

        Raises:
            OSError: It cannot be executed.
        """
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=env,
            cwd=cwd,
            start_new_session=True,
        )
        try:
            watcher = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHER, "watcher", str(process.pid)],
                stdin=pipe,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:
            process.kill()
            process.wait()
            raise
        return cls(process, watcher)

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended: an exit status, minus a signal's number, or None while it runs."""
        return self._process.poll()

    @property
    def stderr_tail(self) -> str:
        """The end of what it wrote on stderr."""
        return b"".join(self._stderr)[-_STDERR_TAIL_BYTES:].decode(errors="replace").strip()

    async def read(self) -> bytes:
        """The next bytes of its stdout; none at its end."""
        assert self._process.stdout
        return await _read(self._process.stdout.fileno())

    async def write(self, data: bytes) -> None:
        """Write all of `data` to its stdin.

        Raises:
            OSError: It no longer reads.
        """
        assert self._process.stdin
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._process.stdin.fileno(), left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._process.stdin)

    async def collect_stderr(self) -> None:
        """Keep the end of its stderr until that closes: a full pipe would stop the server."""
        assert self._process.stderr
        while data := await _read(self._process.stderr.fileno()):
            self._stderr.append(data)
            self._stderr_bytes += len(data)
            while self._stderr_bytes - len(self._stderr[0]) >= _STDERR_TAIL_BYTES:
                self._stderr_bytes -= len(self._stderr.popleft())

    async def exited(self) -> None:
        """Wait until it has ended, though a child of its own may hold its pipes open."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):  # not Linux, or a kernel before 5.3
            while self.returncode is None:  # noqa: ASYNC110
                await anyio.sleep(0.2)
            return
        try:
            await anyio.wait_readable(descriptor)
        finally:
            os.close(descriptor)

    async def stop(self) -> None:
        """End it and all that it started: stdin closed, then TERM, then KILL. Under 5 seconds.

        Cancellation is held back until that is done.
        """
        with anyio.CancelScope(shield=True):
            self._close(self._process.stdin)
            if not await self._ends_within(_LEAVE_SECONDS):
                self._signal_group(signal.SIGTERM)
                await self._ends_within(_TERM_SECONDS)
            # What it started was told nothing by its closed stdin. Where nobody reaps orphans,
            # as in many containers, dead ones still count, so the waits for them are short.
            if self.returncode is not None and self._signal_group(signal.SIGTERM):
                await self._group_ends_within(_GROUP_TERM_SECONDS)
            if self._signal_group(signal.SIGKILL):
                await self._ends_within(_KILL_SECONDS)
                await self._group_ends_within(_GROUP_KILL_SECONDS)
            self._close(self._process.stdout)
            self._close(self._process.stderr)
            # Killed before its pipe closes, lest it signal a group that is no longer ours.
            self._watcher.kill()
            self._watcher.wait()
            self._close(self._watcher.stdin)

    async def _ends_within(self, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            while self._process.poll() is None:  # noqa: ASYNC110 - nobody would set an event
                await anyio.sleep(_POLL_SECONDS)
        return self._process.poll() is not None

    async def _group_ends_within(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while self._signal_group(0):  # noqa: ASYNC110
                await anyio.sleep(_POLL_SECONDS)

    def _signal_group(self, number: int) -> bool:
        """Whether there was anyone to signal."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # macOS says so of a group of zombies
            return self._process.poll() is None
        return True

    @staticmethod
    def _close(pipe: object) -> None:
        assert hasattr(pipe, "close")
        anyio.notify_closing(pipe)  # type: ignore[arg-type]
        with suppress(OSError):
            pipe.close()


async def _read(descriptor: int) -> bytes:
    while True:
        # Waiting first also lets the others run while a server floods us.
        try:
            await anyio.wait_readable(descriptor)
            return os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            continue
        except (OSError, anyio.ClosedResourceError):
            return b""
