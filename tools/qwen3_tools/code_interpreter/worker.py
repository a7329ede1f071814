"""Runs cells, in the launcher's process or as source code for another Python; uses only the stdlib.

A request is a line of JSON, `{"id", "op", ...}`. The reply is that ID, the length of the rest (four
bytes, big-endian), and JSON. Output goes to file descriptors 1 and 2. Code that ran here may forge
anything, so the host does not trust this process.

Code may replace any function of any module. Therefore everything that serves the next cell is bound
here by name, at import. The first cell waits for these imports, so they are few, mostly C modules;
the others follow after that cell.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
import warnings
from _ast import Expr, Expression, Module, PyCF_ALLOW_TOP_LEVEL_AWAIT, PyCF_ONLY_AST
from _json import encode_basestring_ascii, make_scanner
from _signal import (  # type: ignore[import-not-found]  # faster than `signal`
    ITIMER_PROF,
    ITIMER_REAL,
    ITIMER_VIRTUAL,
    SIG_BLOCK,
    SIG_SETMASK,
    SIGINT,
    pthread_sigmask,
    setitimer,
    signal,
)
from os import read, write
from select import select as ready
from struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

CELL = "<cell>"
_REPLIES = 3
_TIMERS = (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF)
_JSON: Any = types.SimpleNamespace(strict=True, object_hook=None, object_pairs_hook=None)
_JSON.parse_float, _JSON.parse_int, _JSON.parse_constant = float, int, None
_decode = make_scanner(_JSON)
_READY_MODULES = ("json", "math", "os", "re")  # all available from the second cell on
_WORDS_FOR_ALL = (*_READY_MODULES, "show")  # available in the first one if it contains any of these
# Imported when a cell first uses the name: name -> (module, attribute)
_READY_ON_USE = {
    "np": ("numpy", None),
    "pd": ("pandas", None),
    "plt": ("matplotlib.pyplot", None),
    "Eq": ("sympy", "Eq"),
    "solve": ("sympy", "solve"),
    "symbols": ("sympy", "symbols"),
}


class Worker:
    """A namespace and the cells that run in it."""

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
        self._names["os"] = os
        self._traceback: Any = None
        self._is_complete = False
        self._loop: Any = None
        self._figures = 0
        builtins.input = _no_input
        self._builtins = dict(builtins.__dict__)
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._handles = tuple(_identity(handle) for handle in range(3))
        self._work_dir = os.getcwd()
        self._running = self._is_check = False
        signal(SIGINT, self._on_interrupt)
        self._mask = pthread_sigmask(SIG_BLOCK, ())
        os.register_at_fork(after_in_child=self._close_channel)

    def serve(self) -> None:
        buffer = b""
        while True:
            try:
                chunk = read(self._requests, 1 << 16)
            except BlockingIOError:  # set by a cell
                ready([self._requests], [], [])
                continue
            if not chunk:
                return
            buffer += chunk
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                request = _decode(line.decode(), 0)[0]
                self._answer(request)
                if request["op"] != "escape" and not buffer:
                    self._finish_start()

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == "preload":
            self._preload(request["modules"])
            return
        self._is_check = request["op"] == "check"  # sent with a cell, and not interruptible
        if request["op"] == "run":
            reply = self._run(request["code"], request["most_chars"])
        elif self._is_check:
            # Run as a cell, since a cell may have replaced anything that runs the next one.
            reply = self._run(request["code"], 100) if self._is_sound() else {}
        else:
            reply = {"escaped": _escapes(**request["canaries"])}
        body = "{" + ",".join(f'"{key}":{_encoded(value)}' for key, value in reply.items()) + "}"
        data = request["id"].encode() + pack(">I", len(body)) + body.encode()
        while data:
            try:
                data = data[write(self._replies, data) :]
            except BlockingIOError:
                ready([], [self._replies], [])

    def _preload(self, modules: list[str]) -> None:
        """Import modules until a request arrives."""
        for name in modules:
            if ready([self._requests], [], [], 0)[0]:
                return
            try:
                __import__(name)
            except Exception:
                continue

    def _finish_start(self) -> None:
        """Import what the first cell may not need; a cell may have broken it already."""
        if self._is_complete:
            return
        try:
            self._traceback = __import__("traceback")
            for name in _READY_MODULES:
                self._names.setdefault(name, __import__(name))
            # Figures are saved when the cell ends, so show() need not warn.
            warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        except Exception:
            pass
        self._is_complete = True

    def _run(self, code: str, most_chars: int) -> dict[str, Any]:
        result = error = None
        images: list[str] = []
        try:
            try:
                self._running = True
                value = self._execute(code)
                if value is not None:
                    result = cut_middle("".join((repr(value),)), most_chars)
            except BaseException as raised:
                error = self._described(raised, most_chars)
            self._leave_if_forked()
            try:
                images += self._save_figures()
            except BaseException as raised:
                error = error or self._described(raised, most_chars)
            _flush()
        except KeyboardInterrupt:
            error = error or "KeyboardInterrupt"
        finally:
            self._running = False
        self._repair()
        return {"result": result, "error": error or None, "images": images}

    def _described(self, error: BaseException, most_chars: int) -> str:
        """Describe an error, even if its methods fail; "" for an exit."""
        try:
            if isinstance(error, SystemExit):
                text = "" if error.code in (None, 0) else f"SystemExit: {error.code}"
            else:
                text = _describe(error, self._work_dir, self._traceback or __import__("traceback"))
            return cut_middle("".join((text,)), most_chars)
        except BaseException as another:
            name = type.__repr__(type(another))
            text = f"An error that cannot be shown, because of another: {name}"
            return cut_middle(text, most_chars)

    def _execute(self, code: str) -> Any:
        tree = compile(code, CELL, "exec", PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, Module)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], Expr) else None
        body = compile(tree, CELL, "exec", PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        tail = None
        if isinstance(last, Expr):
            shown = Expression(last.value)
            tail = compile(shown, CELL, "eval", PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if not self._is_complete and any(word in code for word in _WORDS_FOR_ALL):
            self._finish_start()
        for program in filter(None, (body, tail)):
            self._make_ready(program)
        if "multiprocessing" in code and "use_event_semaphores" in globals():
            globals()["use_event_semaphores"]()  # from semaphore.py, if there is no /dev/shm
        self._evaluate(body)
        value = self._evaluate(tail) if tail else None
        return None if code.rstrip().endswith(";") else value

    def _evaluate(self, program: types.CodeType) -> Any:
        if not program.co_flags & 0x80:  # CO_COROUTINE
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

    def _close_channel(self) -> None:
        """Close the channel in forked children."""
        for handle in (self._requests, self._replies):
            try:
                os.close(handle)
            except OSError:
                continue

    def _leave_if_forked(self) -> None:
        if os.getpid() != self._pid:
            _flush()
            os._exit(0)

    def _repair(self) -> None:
        """Restore global state, so that a cell that broke it does not affect the next one."""
        if dict.__ne__(builtins.__dict__, self._builtins):
            builtins.__dict__.clear()
            builtins.__dict__.update(self._builtins)
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.settrace(None)
        sys.setprofile(None)
        sys.modules["__main__"] = self._main
        signal(SIGINT, self._on_interrupt)
        pthread_sigmask(SIG_SETMASK, self._mask)
        for timer in _TIMERS:
            setitimer(timer, 0)

    def _is_sound(self) -> bool:
        """Return False if a cell destroyed what the next one requires."""
        return (
            self._handles == tuple(_identity(handle) for handle in range(3))
            and not any(stream.closed for stream in self._streams)
            and os.path.isdir(self._work_dir)
        )

    def _on_interrupt(self, *_: object) -> None:
        if self._running and not self._is_check:
            raise KeyboardInterrupt


def cut_middle(text: str, limit: int) -> str:
    """Shorten `text` to about `limit` characters: its beginning, a note, its end."""
    if len(text) <= limit:
        return text
    head, tail = limit - limit // 2, limit // 2
    return (
        f"{text[:head]}\n... [{len(text) - head - tail} characters left out] ...\n"
        f"{text[len(text) - tail :]}"
    )


def _encoded(value: str | list[str] | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    return "[" + ",".join(map(encode_basestring_ascii, value)) + "]"


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


def _describe(error: BaseException, work_dir: str, traceback: Any) -> str:
    """Format a traceback like Python 3.11, with frames of user code only and no source lines."""
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
            one.offset = None  # omits the line of carets
        waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]
    if isinstance(error, SyntaxError) and not described.stack:
        return "".join(described.format_exception_only()).rstrip("\n")
    return "".join(described.format()).rstrip("\n")


def _escapes(canary: str, port: int, abstract: str, host_pid: int) -> list[str]:
    """List what this sandbox fails to prevent. Runs before any other code."""
    import _socket as socket
    import ctypes

    def connect(family: int, address: Any) -> None:
        connection = socket.socket(family)
        try:
            connection.settimeout(0.5)
            connection.connect(address)
        finally:
            connection.close()

    def unshare() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(0x10000000) != 0:
            raise PermissionError

    attempts: dict[str, Callable[[], object]] = {
        "read a file of the user": lambda: os.close(os.open(canary, os.O_RDONLY)),
        "write next to Python": lambda: os.close(
            os.open(os.path.join(sys.prefix, "lib", "escaped"), os.O_CREAT | os.O_WRONLY)
        ),
        "connect to a TCP port": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "connect to a unix socket": lambda: connect(socket.AF_UNIX, "\0" + abstract),
        "create a namespace": unshare,
        "become root": lambda: os.setuid(0),
    }
    if host_pid:  # 0: outside processes are not visible
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


def serve() -> None:
    Worker().serve()


if __name__ == "__main__":
    serve()
