"""One sandboxed process and the talk with it. Everything that it says is taken for hostile."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import anyio

from qwen3_tools.code_interpreter import pipes
from qwen3_tools.code_interpreter.backends import cgroup
from qwen3_tools.code_interpreter.jail import supervisor
from qwen3_tools.code_interpreter.jail.plan import Plan
from qwen3_tools.code_interpreter.proxy import Proxy
from qwen3_tools.code_interpreter.result import TIMEOUT_ERROR

_START_SECONDS = 60.0  # these three are for a machine that has no time to spare
_PRELOAD_SECONDS = 120.0
_CHECK_SECONDS = 20.0
_STILL_SECONDS = 3.0  # once the supervisor has answered, the machine has time for the worker too
_GRACE_SECONDS = 1.0
_SHORT_SECONDS = 0.02
_AT_ONCE_SECONDS = 0.001  # the event loop may stand still so long: a turn of it costs as much
_UNSEEN_SECONDS = 0.05  # what cells may take that nobody looks at, as a long one is looked at
_END_SECONDS = 5.0
_MOST_JUNK_BYTES = 1 << 20
_ROOM_FOR_NAMES = 1 << 16
_BYTES_OF_A_CHARACTER = 12  # in JSON: two \uXXXX at most
_ITS_OWN_CHANNEL = "The code wrote to the interpreter's own channel."


class SessionEndedError(Exception):
    """The process is gone, or it said what it should not; the message says how, for the model."""


class TimedOutError(SessionEndedError):
    """It did not answer in time, nor when it was interrupted."""


class Session:
    """A running worker. Any method but `close` may raise SessionEndedError; then only close it."""

    def __init__(
        self, plan: Plan, command: Callable[[Plan], list[str]], proxy: Proxy | None
    ) -> None:
        """Start the launcher. Takes milliseconds.

        plan: to which handles are added.
        command: the launcher's command line for that.
        proxy: serves what the plan's `proxy_port` lets out, while a cell runs.
        """
        self._proxy = proxy
        self._listener: socket.socket | None = None
        ours, listener_in = socket.socketpair() if proxy else (None, None)
        self._listener_out = ours
        requests_in, self._requests = os.pipe()
        self._stdout, stdout_in = os.pipe()
        self._stderr, stderr_in = os.pipe()
        self._replies, replies_in = os.pipe()
        self._reports, reports_in = os.pipe()
        orders_in, self._orders = os.pipe()
        theirs = [requests_in, stdout_in, stderr_in, replies_in, reports_in, orders_in]
        self._handles = [self._requests, self._stdout, self._stderr]
        self._handles += [self._replies, self._reports, self._orders]
        for handle in self._handles:
            os.set_blocking(handle, False)
        self._buffer = bytearray()
        self._was_short = False
        self._looked_at = -math.inf
        self._trial = "", ""
        self._said = b""
        self._began = self._preloads = False
        self._unsent = bytearray()
        handles = [replies_in, reports_in, orders_in]
        handles += [listener_in.fileno()] if listener_in else []
        self._memory_bytes = plan.memory_bytes
        self._group = cgroup.make(plan.memory_bytes, plan.max_processes)
        cgroups = self._group.cgroups() if self._group else []
        theirs += cgroups
        full = replace(plan, handles=tuple(handles), cgroups=tuple(cgroups))
        try:
            self._process = subprocess.Popen(
                command(full),
                stdin=requests_in,
                stdout=stdout_in,
                stderr=stderr_in,
                pass_fds=(*handles, *cgroups),
                env=dict(plan.environment),
                cwd="/",
                start_new_session=True,
            )
        except BaseException:
            for handle in self._handles:
                os.close(handle)
            if ours:
                ours.close()
            if self._group:
                self._group.remove()
            raise
        finally:
            for handle in theirs:
                os.close(handle)
            if listener_in:
                listener_in.close()

    async def find_escapes(self, canaries: dict[str, Any]) -> list[str]:
        """Wait for the worker, and let it try the walls from inside: what it could do after all."""
        silent, complaints = pipes.Output(0), pipes.Output(500)
        request = {"op": "escape", "canaries": canaries}
        seconds = _START_SECONDS + (_PRELOAD_SECONDS if self._preloads else 0)
        try:
            (number,) = self._ask(request)
            reply = await self._answer(number, seconds, silent, complaints, _ROOM_FOR_NAMES)
        except SessionEndedError as ended:
            raise SessionEndedError(f"{ended} {complaints.text()}".strip()) from None
        escaped = reply.get("escaped") if reply else None
        if not isinstance(escaped, list):
            raise SessionEndedError("the sandbox did not answer")
        if self._listener_out:
            self._listener = _received(self._listener_out)
        return [str(item) for item in escaped]

    def preload(self, modules: Sequence[str]) -> None:
        """Have the worker import these, until it is asked for something."""
        self._preloads = bool(modules)
        self._ask({"op": "preload", "modules": modules})

    async def run(
        self, code: str, seconds: float, stdout: pipes.Output, stderr: pipes.Output, most_chars: int
    ) -> dict[str, Any] | None:
        """The worker's reply to a cell, unchecked; None when the cell had to be interrupted.

        most_chars: of the result, and of an error.
        """
        one, other = secrets.randbelow(10**6), secrets.randbelow(10**6)
        number, trial = self._ask(
            {"op": "run", "code": code, "most_chars": most_chars},
            {"op": "check", "code": f"{one} * {other}"},
        )
        self._trial = trial, str(one * other)
        most_bytes = 2 * most_chars * _BYTES_OF_A_CHARACTER + _ROOM_FOR_NAMES
        began = time.monotonic()
        reply = await self._answer(number, seconds, stdout, stderr, most_bytes)
        self._was_short = time.monotonic() - began < _AT_ONCE_SECONDS
        return reply

    def interrupt(self) -> None:
        """As Ctrl-C does: the running cell ends with KeyboardInterrupt, if it lets itself."""
        self._order(supervisor.INTERRUPT)

    async def check(self) -> None:
        """After a cell.

        Raises SessionEndedError unless limits hold and the worker is as good as new.

        A cell that was answered at once had no time to use much. The supervisor is asked after
        such a one when it last was 50 ms ago: it looks at a long cell as often.
        """
        now = time.monotonic()
        if not self._was_short or now - self._looked_at > _UNSEEN_SECONDS:
            self._looked_at = now
            self._order(supervisor.IDLE)
            with anyio.move_on_after(_CHECK_SECONDS):
                await self._report("within_limits")
        number, product = self._trial
        rest = pipes.Output(0)
        try:
            reply = await self._answer(number, _STILL_SECONDS, rest, rest, _ROOM_FOR_NAMES)
        except TimedOutError:
            reply = None
        if not reply or reply.get("result") != product:
            raise SessionEndedError("The code broke the interpreter that it ran in.")
        if self._buffer:
            raise SessionEndedError(_ITS_OWN_CHANNEL)

    def is_fit(self) -> bool:
        """Whether it is running, and nothing of it writes to the channel without being asked."""
        self._buffer += pipes.read_now(self._replies)
        return self._process.poll() is None and not self._buffer

    async def close(self) -> None:
        """End every process of the session, however it is doing."""
        with anyio.CancelScope(shield=True):
            os.close(self._orders)
            self._handles.remove(self._orders)
            with anyio.move_on_after(_END_SECONDS):
                await self._ended()
            self._process.kill()
            self._process.wait()
            for handle in self._handles:
                os.close(handle)
            self._handles.clear()
            if self._group:
                self._group.remove()
            for connection in filter(None, (self._listener_out, self._listener)):
                connection.close()

    async def _ended(self) -> None:
        if self._process.poll() is not None:
            return
        handle = os.pidfd_open(self._process.pid)
        try:
            await anyio.wait_readable(handle)
        finally:
            os.close(handle)

    def _ask(self, *requests: dict[str, Any]) -> list[str]:
        """Send requests, as much of them as goes now; their numbers, which the replies carry."""
        numbers = [secrets.token_hex(8) for _ in requests]
        for number, request in zip(numbers, requests, strict=True):
            self._unsent += json.dumps({"id": number, **request}).encode() + b"\n"
        with contextlib.suppress(OSError):
            del self._unsent[: os.write(self._requests, self._unsent)]
        return numbers

    async def _answer(
        self,
        number: str,
        seconds: float,
        stdout: pipes.Output,
        stderr: pipes.Output,
        most_bytes: int,
    ) -> dict[str, Any] | None:
        """The reply to that request; None where it took an interrupt to get it."""
        reply = self._answer_at_once(number, most_bytes)
        if reply is not None:
            self._drain(stdout, stderr)
            return reply
        interrupted = False
        ended: SessionEndedError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pump, self._stdout, stdout)
            tasks.start_soon(_pump, self._stderr, stderr)
            if self._proxy and self._listener:
                tasks.start_soon(self._proxy.serve, self._listener)
            try:
                with anyio.move_on_after(min(seconds, _SHORT_SECONDS)):
                    reply = await self._reply(number, most_bytes)
                if reply is None and seconds > _SHORT_SECONDS:
                    self._order(supervisor.RUNNING)  # long enough to be worth watching
                    with anyio.move_on_after(seconds - _SHORT_SECONDS):
                        reply = await self._reply(number, most_bytes)
                if reply is None:
                    interrupted = True
                    self._order(supervisor.INTERRUPT)
                    with anyio.move_on_after(_GRACE_SECONDS):
                        reply = await self._reply(number, most_bytes)
            except SessionEndedError as error:
                ended = error  # raised below: a task group would wrap it
            tasks.cancel_scope.cancel()
        self._drain(stdout, stderr)
        if ended or reply is None:
            raise ended or TimedOutError(TIMEOUT_ERROR)
        return None if interrupted else reply

    def _drain(self, stdout: pipes.Output, stderr: pipes.Output) -> None:
        """What is in the pipes, and no more: a process left behind may be writing without end."""
        for handle, output in ((self._stdout, stdout), (self._stderr, stderr)):
            for _ in range(2):
                if not (data := pipes.read_now(handle)):
                    break
                output.add(data)

    def _answer_at_once(self, number: str, most_bytes: int) -> dict[str, Any] | None:
        """The reply, when it takes no longer than it would to wait for it as one should."""
        body = self._framed(number.encode(), most_bytes)
        if body is None and not self._unsent and pipes.is_readable(self._replies, _AT_ONCE_SECONDS):
            self._buffer += pipes.read_now(self._replies)
            body = self._framed(number.encode(), most_bytes)
        return None if body is None else _parsed(body)

    def _order(self, order: bytes) -> None:
        with contextlib.suppress(OSError):  # gone, or so busy that it does not read: close() kills
            os.write(self._orders, order)

    async def _reply(self, number: str, most_bytes: int) -> dict[str, Any]:
        try:
            await pipes.write(self._requests, self._unsent)
        except BrokenPipeError:
            raise await self._cause() from None
        while (body := self._framed(number.encode(), most_bytes)) is None:
            data = await pipes.read(self._replies)
            if not data:
                raise await self._cause()
            self._buffer += data
        return _parsed(body)

    def _framed(self, number: bytes, most_bytes: int) -> bytes | None:
        """What follows `number` in the buffer, or None as long as it is not all there.

        Nobody but the worker knows the number, so what stands before it is the code's junk.
        """
        junk = self._buffer.find(number)
        if max(junk, len(self._buffer) if junk < 0 else 0) > _MOST_JUNK_BYTES:
            raise SessionEndedError(_ITS_OWN_CHANNEL)
        start = junk + len(number) + 4
        if junk < 0 or len(self._buffer) < start:
            return None
        end = start + int.from_bytes(self._buffer[start - 4 : start], "big")
        if end - start > most_bytes:
            raise SessionEndedError(_ITS_OWN_CHANNEL)
        if len(self._buffer) < end:
            return None
        body = bytes(self._buffer[start:end])
        del self._buffer[:end]
        return body

    async def _report(self, wanted: str) -> dict[str, str]:
        """What the supervisor saw, which the code cannot forge, up to `wanted` or the end.

        Raises SessionEndedError when the end came first.
        """
        report: dict[str, str] = {}
        while wanted not in report:
            while b"\n" not in self._said:
                at_once = pipes.is_readable(self._reports, _AT_ONCE_SECONDS)
                data = pipes.read_now(self._reports) if at_once else await pipes.read(self._reports)
                if not data:
                    raise _cause_of(report, began=self._began)
                self._said += data
            line, _, self._said = self._said.partition(b"\n")
            what, _, detail = line.decode(errors="replace").partition(" ")
            report[what] = detail
            self._began |= "started" in report
        return report

    async def _cause(self) -> SessionEndedError:
        with anyio.move_on_after(_END_SECONDS):
            try:
                await self._report("nothing")
            except SessionEndedError as ended:
                if self._group and self._group.ran_out_of_memory():
                    mib = self._memory_bytes >> 20
                    return SessionEndedError(
                        f"The code was stopped: it used more than {mib} MiB of memory."
                    )
                return ended
        return SessionEndedError("The interpreter does not answer.")


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(body)
    except (ValueError, RecursionError):
        reply = None
    if not isinstance(reply, dict):
        raise SessionEndedError(_ITS_OWN_CHANNEL)
    return reply


def _received(connection: socket.socket) -> socket.socket:
    """The socket that the launcher has sent by now."""
    connection.setblocking(False)
    try:
        _, handles, _, _ = socket.recv_fds(connection, 1, 1)
    except OSError:
        handles = []
    if not handles:
        raise SessionEndedError("the sandbox gave no socket for its proxy")
    listener = socket.socket(fileno=handles[0])
    listener.setblocking(False)
    return listener


async def _pump(handle: int, output: pipes.Output) -> None:
    while data := await pipes.read(handle):
        output.add(data)


def _cause_of(report: dict[str, str], *, began: bool) -> SessionEndedError:
    if "failed" in report:
        return SessionEndedError(report["failed"])
    if "killed" in report:
        return SessionEndedError(f"The code was stopped: {report['killed']}.")
    if "exited" in report:
        code = int(report["exited"])
        if code < 0:
            return SessionEndedError(f"The interpreter was ended by {_signal_name(-code)}.")
        return SessionEndedError(f"The interpreter exited with code {code}.")
    if began:
        return SessionEndedError("The interpreter was killed from outside, with all its processes.")
    return SessionEndedError("The interpreter did not start.")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
