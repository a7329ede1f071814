"""A server process in its own group, and its reliable termination."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import anyio

from .stderr_log import StderrLog

# Time for a server to exit after it closed its stdout, after its stdin is closed, after TERM and
# after KILL; and time for its children after these two signals. The order is the specification's:
# https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#shutdown
_EXIT_SECONDS = 0.3
_LEAVE_SECONDS = 1.2
_TERM_SECONDS = 1.0
_KILL_SECONDS = 1.0
_GROUP_TERM_SECONDS = 0.5
_GROUP_KILL_SECONDS = 0.2
_POLL_SECONDS = 0.01
_GROUP_POLL_SECONDS = 0.05
_READ_BYTES = 65_536
_MOST_READS = 16

# Children inherit this variable with the server's own value. It identifies them even in another
# session (as for browsers) or after their parent has died.
_MARK = "QWEN3_AGENT_MCP_SERVER"

# Cleans up if we are killed: its stdin is a pipe that closes with us. It kills the whole group and
# all marked processes, which PR_SET_PDEATHSIG would not.
_WATCHER = """
read -r group
read -r _
end() {
  kill -"$1" "-$group"
  for each in $(grep -ls "$mark" /proc/[0-9]*/environ); do
    each=${each#/proc/}
    kill -"$1" "${each%/environ}"
  done
}
mark=$1
end TERM
sleep 0.25
end KILL
"""


class ServerProcess:
    """A running server process, from `ServerProcess.start` to `stop`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        watcher: subprocess.Popen[bytes],
        mark: bytes,
        stderr: StderrLog,
    ) -> None:
        self.stderr = stderr
        """The log of its stderr."""
        self.was_stopped = False
        """True if it was still running when `stop` was called."""
        self._process = process
        self._watcher = watcher
        self._mark = mark
        self._is_leaving = False
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    @classmethod
    def start(
        cls, command: Sequence[str], env: Mapping[str, str], cwd: Path | None, stderr: StderrLog
    ) -> ServerProcess:
        """Start `command` as the leader of its own session.

        Raises:
            OSError: The command cannot be executed.
        """
        pipe = subprocess.PIPE
        mark = secrets.token_hex(16)
        # Started first, so that the server is watched from the beginning.
        watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHER, "watcher", mark],
            bufsize=0,
            stdin=pipe,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Not our environment: we may be a marked server ourselves.
            env={"PATH": os.defpath},
            start_new_session=True,
        )
        assert watcher.stdin
        try:
            process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env={**env, _MARK: mark},
                cwd=cwd,
                start_new_session=True,
            )
        except BaseException:
            _dismiss(watcher)
            raise
        watcher.stdin.write(b"%d\n" % process.pid)
        return cls(process, watcher, mark.encode(), stderr)

    @property
    def pid(self) -> int:
        """The process ID, which is also the group ID."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, a negative signal number, or None while it is running."""
        return self._process.poll()

    @property
    def stderr_tail(self) -> str:
        """The end of its stderr output so far."""
        assert self._process.stderr
        with suppress(OSError, ValueError):  # nothing to read, or closed
            for _ in range(_MOST_READS):  # it may write faster than we read
                data = os.read(self._process.stderr.fileno(), _READ_BYTES)
                if not data:
                    break
                self.stderr.add(data)
        return self.stderr.tail

    async def read(self) -> bytes:
        """Return the next bytes of its stdout, or b"" at the end."""
        assert self._process.stdout
        data = await _read(self._process.stdout.fileno())
        self._is_leaving |= not data
        return data

    async def write(self, data: bytes) -> None:
        """Write all of `data` to its stdin.

        Raises:
            OSError: The pipe is closed.
        """
        assert self._process.stdin
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._process.stdin.fileno(), left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._process.stdin)

    async def collect_stderr(self) -> None:
        """Read its stderr until it is closed: a full pipe would block the server."""
        assert self._process.stderr
        while data := await _read(self._process.stderr.fileno()):
            self.stderr.add(data)

    async def exited(self) -> None:
        """Wait for the process itself to end; a child may still hold its pipes open."""
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
        """End it and its children within 5 seconds: close stdin, then TERM, then KILL.

        Cancellation is deferred until that is done.
        """
        with anyio.CancelScope(shield=True):
            if self._is_leaving:
                await self.ends_within(_EXIT_SECONDS)
            self.was_stopped = self.returncode is None
            self._close(self._process.stdin)
            if not await self.ends_within(_LEAVE_SECONDS):
                self._signal_all(signal.SIGTERM)
                await self.ends_within(_TERM_SECONDS)
            # Children do not notice the closed stdin. Zombies that nobody reaps, as in many
            # containers, still count, so the waits for them are short.
            if self.returncode is not None and self._signal_all(signal.SIGTERM):
                await self._all_end_within(_GROUP_TERM_SECONDS)
            if self._signal_all(signal.SIGKILL):
                await self.ends_within(_KILL_SECONDS)
                await self._all_end_within(_GROUP_KILL_SECONDS)
            self._close(self._process.stdout)
            self._close(self._process.stderr)
            _dismiss(self._watcher)

    async def ends_within(self, seconds: float) -> bool:
        """Wait for it to end. Return True if it has."""
        with anyio.move_on_after(seconds):
            while self._process.poll() is None:  # noqa: ASYNC110 - there is no event to wait for
                await anyio.sleep(_POLL_SECONDS)
        return self._process.poll() is not None

    async def _all_end_within(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while self._signal_all(0):  # noqa: ASYNC110
                await anyio.sleep(_GROUP_POLL_SECONDS)

    def _signal_all(self, number: int) -> bool:
        """Signal the group and marked processes. Return False if there are none."""
        found = False
        try:
            os.killpg(self.pid, number)
            found = True
        except ProcessLookupError:
            pass
        except PermissionError:  # what macOS raises for a group of zombies
            found = self._process.poll() is None
        for pid in _marked(self._mark):
            with suppress(OSError):
                os.kill(pid, number)
                found = True
        return found

    @staticmethod
    def _close(pipe: IO[bytes] | None) -> None:
        assert pipe
        anyio.notify_closing(pipe)
        with suppress(OSError):
            pipe.close()


async def _read(descriptor: int) -> bytes:
    while True:
        # Waiting first lets other tasks run while a server floods us.
        try:
            await anyio.wait_readable(descriptor)
            return os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            continue
        except (OSError, anyio.ClosedResourceError):
            return b""


def _dismiss(watcher: subprocess.Popen[bytes]) -> None:
    # Killed before its pipe closes, so that it does not signal a reused group ID.
    watcher.kill()
    watcher.wait()
    assert watcher.stdin
    watcher.stdin.close()


def _marked(mark: bytes) -> Iterator[int]:
    """Yield processes with the mark in their environment; none on systems without /proc."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or belongs to another user
            if mark in environ.read_bytes():
                yield int(environ.parent.name)
