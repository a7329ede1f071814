"""Runs cells. This file's source is given to the interpreter inside; it needs only the stdlib.

A request is a line of JSON, `{"id", "op", ...}`; the reply carries the same id. Output goes to file
descriptors 1 and 2, where it belongs. Whatever this process says may have been forged by the code
that it ran, so the host believes none of it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import json
import os
import select
import signal
import struct
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

CELL = "<cell>"
_REPLIES = 3
_TOP_LEVEL_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_READY_MODULES = ("json", "math", "os", "re")
# Imported when a cell first says the name: name -> (module, attribute of it)
_READY_ON_USE = {
    "np": ("numpy", None),
    "pd": ("pandas", None),
    "plt": ("matplotlib.pyplot", None),
    "Eq": ("sympy", "Eq"),
    "solve": ("sympy", "solve"),
    "symbols": ("sympy", "symbols"),
}


class Worker:
    """One namespace, and the cells that run in it."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._requests = os.dup(0)
        self._replies = os.dup(_REPLIES)
        os.close(_REPLIES)
        for handle in (self._requests, self._replies):
            os.set_inheritable(handle, False)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.close(nothing)
        self._main = types.ModuleType("__main__")
        sys.modules["__main__"] = self._main
        self._names: dict[str, Any] = self._main.__dict__
        self._names.update({name: __import__(name) for name in _READY_MODULES})
        self._interrupted = False
        self._loop: Any = None
        self._figures = 0
        builtins.input = _no_input
        # Figures are captured when the cell ends, so there is nothing for show() to warn about.
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        self._builtins = dict(builtins.__dict__)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._handles = tuple(_identity(handle) for handle in range(3))
        self._work_dir = os.getcwd()
        self._running = False
        signal.signal(signal.SIGINT, self._on_interrupt)

    def serve(self) -> None:
        buffer = b""
        while True:
            chunk = os.read(self._requests, 1 << 16)
            if not chunk:
                return
            buffer += chunk
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                self._answer(json.loads(line))

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == "preload":
            self._preload(request["modules"])
            return
        if request["op"] == "run":
            reply = self._run(request["code"])
        elif request["op"] == "check":
            # By way of a real cell: a cell may have replaced any part of what runs the next one.
            reply = self._run(request["code"]) if self._is_sound() else {}
        else:
            reply = {"escaped": _escapes(**request["bait"])}
        body = json.dumps({"id": request["id"], **reply}).encode()
        data = struct.pack(">I", len(body)) + body
        while data:
            data = data[os.write(self._replies, data) :]

    def _preload(self, modules: list[str]) -> None:
        """Import what the next cell may want, as long as nobody asks for anything."""
        for name in modules:
            if select.select([self._requests], [], [], 0)[0]:
                return
            with contextlib.suppress(Exception):
                __import__(name)

    def _run(self, code: str) -> dict[str, Any]:
        reply: dict[str, Any] = {"result": None, "error": None, "images": []}
        try:
            try:
                self._running = True
                value = self._execute(code)
                if value is not None:
                    reply["result"] = repr(value)
            except SystemExit as exit_:
                if exit_.code not in (None, 0):
                    reply["error"] = f"SystemExit: {exit_.code}"
            except BaseException as error:
                reply["error"] = _describe(error, self._work_dir)
            self._leave_if_forked()
            try:
                reply["images"] = list(self._save_figures())
            except BaseException as error:
                reply["error"] = reply["error"] or _describe(error, self._work_dir)
            _flush()
        except KeyboardInterrupt:
            reply["error"] = reply["error"] or "KeyboardInterrupt"
        finally:
            self._running = False
        self._repair()
        return reply

    def _execute(self, code: str) -> Any:
        tree = ast.parse(code, CELL)
        last: ast.expr | None = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            statement = tree.body.pop()
            assert isinstance(statement, ast.Expr)
            last = statement.value
        body = compile(tree, CELL, "exec", flags=_TOP_LEVEL_AWAIT)
        tail = None
        if last is not None:
            tail = compile(ast.Expression(last), CELL, "eval", flags=_TOP_LEVEL_AWAIT)
        for program in filter(None, (body, tail)):
            self._make_ready(program)
        if "multiprocessing" in code and "use_event_semaphores" in globals():
            globals()["use_event_semaphores"]()  # semaphore.py came along: there is no /dev/shm
        self._evaluate(body)
        value = self._evaluate(tail) if tail else None
        return None if code.rstrip().endswith(";") else value

    def _evaluate(self, program: types.CodeType) -> Any:
        if not program.co_flags & 0x80:  # CO_COROUTINE: it awaits
            return eval(program, self._names)
        import asyncio

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
        return self._loop.run_until_complete(eval(program, self._names))

    def _make_ready(self, program: types.CodeType) -> None:
        for name in program.co_names:
            if name in _READY_ON_USE and name not in self._names:
                module, attribute = _READY_ON_USE[name]
                try:
                    __import__(module)
                except ImportError:
                    continue
                found = sys.modules[module]
                self._names[name] = getattr(found, attribute) if attribute else found
        for constant in program.co_consts:
            if isinstance(constant, types.CodeType):
                self._make_ready(constant)

    def _save_figures(self) -> Iterator[str]:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            while True:
                self._figures += 1
                name = f"figure-{self._figures}.png"
                if not os.path.lexists(os.path.join(self._work_dir, name)):
                    break
            pyplot.figure(number).savefig(
                os.path.join(self._work_dir, name), format="png", bbox_inches="tight"
            )
            yield name
        pyplot.close("all")

    def _leave_if_forked(self) -> None:
        if os.getpid() != self._pid:
            _flush()
            os._exit(0)

    def _repair(self) -> None:
        """Put back what cells have in common, so that one that broke it harms itself alone."""
        if dict.__ne__(builtins.__dict__, self._builtins):
            builtins.__dict__.clear()
            builtins.__dict__.update(self._builtins)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.settrace(None)
        sys.setprofile(None)
        sys.modules["__main__"] = self._main
        signal.signal(signal.SIGINT, self._on_interrupt)

    def _is_sound(self) -> bool:
        """Nothing that the next cell stands on was destroyed by the last one."""
        return (
            self._handles == tuple(_identity(handle) for handle in range(3))
            and not any(stream.closed for stream in self._streams)
            and os.path.isdir(self._work_dir)
        )

    def _on_interrupt(self, *_: object) -> None:
        if self._running:
            raise KeyboardInterrupt


def _identity(handle: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(handle)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            continue


def _no_input(*_: object, **__: object) -> str:
    raise NotImplementedError("Python input() function is disabled.")


def _describe(error: BaseException, work_dir: str) -> str:
    """The traceback as Python 3.11 words it, with the user's own frames and no source lines."""
    described = traceback.TracebackException.from_exception(error, lookup_lines=False)
    seen: set[int] = set()
    waiting: list[Any] = [described]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        frames = [
            traceback.FrameSummary(frame.filename, frame.lineno, frame.name, line="")
            for frame in one.stack
            if frame.filename == CELL or frame.filename.startswith(work_dir + os.sep)
        ]
        one.stack = traceback.StackSummary.from_list(frames)
        if issubclass(one.exc_type, SyntaxError):
            one.offset = None  # without a place in the line, no line of carets
        waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]
    if isinstance(error, SyntaxError) and not described.stack:
        return "".join(described.format_exception_only()).rstrip("\n")
    return "".join(described.format()).rstrip("\n")


def _escapes(canary: str, port: int, abstract: str, host_pid: int) -> list[str]:
    """What this sandbox fails to forbid. The host sets the bait before any other code runs."""
    import ctypes
    import socket

    def connect(family: int, address: Any) -> None:
        with socket.socket(family) as connection:
            connection.settimeout(0.5)
            connection.connect(address)

    def unshare() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
            raise PermissionError

    attempts: dict[str, Callable[[], object]] = {
        "read a file of the user's": lambda: os.close(os.open(canary, os.O_RDONLY)),
        "write beside Python": lambda: os.close(
            os.open(os.path.join(sys.prefix, "lib", "escaped"), os.O_CREAT | os.O_WRONLY)
        ),
        "connect to a TCP port": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "connect to a unix socket": lambda: connect(socket.AF_UNIX, "\0" + abstract),
        "make a namespace": unshare,
        "become root": lambda: os.setuid(0),
    }
    if host_pid:  # 0: processes outside have no number in here
        attempts["signal the host"] = lambda: os.kill(host_pid, 0)
    escaped = []
    for what, attempt in attempts.items():
        try:
            attempt()
            escaped.append(what)
        except OSError:
            continue
    if os.getuid() == 0:
        escaped.append("run as root")
    return escaped


if __name__ == "__main__":
    Worker().serve()
