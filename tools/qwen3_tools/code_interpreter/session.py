"""One sandboxed process, and communication with it. Everything it sends is untrusted."""

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

_START_SECONDS = 60.0  # these three are generous, for overloaded machines
_PRELOAD_SECONDS = 120.0
_CHECK_SECONDS = 20.0
_STILL_SECONDS = 3.0  # the supervisor has answered, so the machine is responsive
_GRACE_SECONDS = 1.0
_SHORT_SECONDS = 0.02
_AT_ONCE_SECONDS = 0.001  # may block the event loop: waiting asynchronously takes as long
_UNSEEN_SECONDS = 0.05  # maximum time between checks of short cells, as for a long one
_END_SECONDS = 5.0
_MOST_JUNK_BYTES = 1 << 20
_NAMES_BYTES = 1 << 16
_BYTES_OF_A_CHARACTER = 12  # in JSON: two \uXXXX at most
_ITS_OWN_CHANNEL = "The code wrote to the interpreter's own channel."


class SessionEndedError(Exception):
    """The process ended or violated the protocol; the message is for the model."""


class TimedOutError(SessionEndedError):
    """The process did not answer in time, even after an interrupt."""


class Session:
    """A running worker. After a SessionEndedError of any method, only `close` may be called."""

    def __init__(
        self, plan: Plan, command: Callable[[Plan], list[str]], proxy: Proxy | None
    ) -> None:
        """Start the launcher, which takes milliseconds.

        Args:
            plan: The plan, to which handles are added.
            command: Returns the launcher's command line for a plan.
            proxy: Serves the plan's `proxy_port` while a cell runs.
        """
        self.backend = plan.backend
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
        self._probe = "", ""
        self._report_data = b""
        self._began = self._preloads = False
        self._unsent = bytearray()
        handles = [replies_in, reports_in, orders_in]
        handles += [listener_in.fileno()] if listener_in else []
        self._memory_bytes = plan.memory_bytes
        self._group = cgroup.make(plan.memory_bytes, plan.max_processes)
        cgroups = self._group.open_procs() if self._group else []
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
        """Wait for the worker and have it test the sandbox. Return what it was able to do."""
        silent, complaints = pipes.Output(0), pipes.Output(500)
        request = {"op": "escape", "canaries": canaries}
        seconds = _START_SECONDS + (_PRELOAD_SECONDS if self._preloads else 0)
        try:
            (number,) = self._ask(request)
            reply = await self._answer(number, seconds, silent, complaints, _NAMES_BYTES)
        except SessionEndedError as ended:
            raise SessionEndedError(f"{ended} {complaints.text()}".strip()) from None
        escaped = reply.get("escaped") if reply else None
        if not isinstance(escaped, list):
            raise SessionEndedError("the sandbox did not respond")
        if self._listener_out:
            self._listener = _received(self._listener_out)
        return [str(item) for item in escaped]

    def preload(self, modules: Sequence[str]) -> None:
        """Have the worker import modules until it receives another request."""
        self._preloads = bool(modules)
        self._ask({"op": "preload", "modules": modules})

    async def run(
        self, code: str, seconds: float, stdout: pipes.Output, stderr: pipes.Output, most_chars: int
    ) -> dict[str, Any] | None:
        """Run a cell; return the unverified reply, or None if the cell had to be interrupted.

        `stdout` and `stderr` receive output; results and errors keep `most_chars` characters.
        """
        one, other = secrets.randbelow(10**6), secrets.randbelow(10**6)
        number, probe = self._ask(
            {"op": "run", "code": code, "most_chars": most_chars},
            {"op": "check", "code": f"{one} * {other}"},
        )
        self._probe = probe, str(one * other)
        most_bytes = 2 * most_chars * _BYTES_OF_A_CHARACTER + _NAMES_BYTES
        began = time.monotonic()
        reply = await self._answer(number, seconds, stdout, stderr, most_bytes)
        self._was_short = time.monotonic() - began < _AT_ONCE_SECONDS
        return reply

    def interrupt(self) -> None:
        """Interrupt the running cell with KeyboardInterrupt, which it may ignore."""
        self._order(supervisor.INTERRUPT)

    async def check(self) -> None:
        """Check after a cell; raise SessionEndedError if limits or the worker are broken.

        After short cells the supervisor checks at most every 50 ms, as often as in long ones.
        """
        now = time.monotonic()
        if not self._was_short or now - self._looked_at > _UNSEEN_SECONDS:
            self._looked_at = now
            self._order(supervisor.IDLE)
            with anyio.move_on_after(_CHECK_SECONDS):
                await self._report("within_limits")
        number, product = self._probe
        rest = pipes.Output(0)
        try:
            reply = await self._answer(number, _STILL_SECONDS, rest, rest, _NAMES_BYTES)
        except TimedOutError:
            reply = None
        if not reply or reply.get("result") != product:
            raise SessionEndedError("The code broke the interpreter that it ran in.")
        if self._buffer:
            raise SessionEndedError(_ITS_OWN_CHANNEL)

    def is_fit(self) -> bool:
        """Return True if it is running and has not written to the channel unasked."""
        self._buffer += pipes.read_now(self._replies)
        return self._process.poll() is None and not self._buffer

    async def close(self) -> None:
        """End every process of the session."""
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
        """Send requests without blocking. Return the IDs that their replies will carry."""
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
        """Return the reply to a request, or None if it came only after an interrupt."""
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
                    self._order(supervisor.RUNNING)  # long enough to be watched
                    with anyio.move_on_after(seconds - _SHORT_SECONDS):
                        reply = await self._reply(number, most_bytes)
                if reply is None:
                    interrupted = True
                    self._order(supervisor.INTERRUPT)
                    with anyio.move_on_after(_GRACE_SECONDS):
                        reply = await self._reply(number, most_bytes)
            except SessionEndedError as error:
                ended = error  # raised below, because a task group would wrap it
            tasks.cancel_scope.cancel()
        self._drain(stdout, stderr)
        if ended or reply is None:
            raise ended or TimedOutError(TIMEOUT_ERROR)
        return None if interrupted else reply

    def _drain(self, stdout: pipes.Output, stderr: pipes.Output) -> None:
        """Read what is in the pipes now: a remaining process may keep writing forever."""
        for handle, output in ((self._stdout, stdout), (self._stderr, stderr)):
            for _ in range(2):
                if not (data := pipes.read_now(handle)):
                    break
                output.add(data)

    def _answer_at_once(self, number: str, most_bytes: int) -> dict[str, Any] | None:
        """Return the reply if it arrives within the time that asynchronous waiting would cost."""
        body = self._framed(number.encode(), most_bytes)
        if body is None and not self._unsent and pipes.is_readable(self._replies, _AT_ONCE_SECONDS):
            self._buffer += pipes.read_now(self._replies)
            body = self._framed(number.encode(), most_bytes)
        return None if body is None else _parsed(body)

    def _order(self, order: bytes) -> None:
        with contextlib.suppress(OSError):  # gone or not reading; close() kills it
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
        """Return the frame that follows `number` in the buffer, or None while it is incomplete.

        Only the worker knows the number, so anything before it was written by the code.
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
        """Read reports of the supervisor, which code cannot forge, until `wanted` arrives.

        Raises:
            SessionEndedError: The process ended first.
        """
        report: dict[str, str] = {}
        while wanted not in report:
            while b"\n" not in self._report_data:
                at_once = pipes.is_readable(self._reports, _AT_ONCE_SECONDS)
                data = pipes.read_now(self._reports) if at_once else await pipes.read(self._reports)
                if not data:
                    raise _cause_of(report, began=self._began)
                self._report_data += data
            line, _, self._report_data = self._report_data.partition(b"\n")
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
    """Receive the socket that the launcher has sent."""
    connection.setblocking(False)
    try:
        _, handles, _, _ = socket.recv_fds(connection, 1, 1)
    except OSError:
        handles = []
    if not handles:
        raise SessionEndedError("the sandbox sent no socket for its proxy")
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
