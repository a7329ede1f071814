"""The launcher: sets up the sandbox of a plan, then supervises the code in it."""

from __future__ import annotations

import gc
import os
import sys
import types
from _signal import SIGKILL  # type: ignore[import-not-found]

from . import filesystem, kernel, supervisor
from .handles import LISTENER, ORDERS, REPLIES, REPORTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .plan import Plan

_MOST_HANDLES = 1 << 16
_ANNOTATIONS = "from __future__ import annotations\n"


def main(fields: dict[str, Any]) -> None:
    """Run the worker for the plan with these fields."""
    plan: Any = types.SimpleNamespace(**fields)
    for handle in plan.cgroups:
        try:
            os.write(handle, b"0")
        except OSError:
            pass  # the watchdog remains
        os.close(handle)
    _move_handles(plan.handles)
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, SIGKILL)
        if plan.backend != "bubblewrap" and os.getppid() != plan.host_pid:
            return
        worker = _Worker(plan)
        if plan.backend == "namespaces":
            _enter_namespaces(plan)
        elif plan.backend == "landlock" and os.geteuid() == 0:
            filesystem.make_reachable((*plan.readable, plan.work_dir, plan.scratch))
        if plan.proxy_port:
            _send_listener(plan.proxy_port)
        supervisor.start_worker(plan)
    except OSError as error:
        supervisor.report("failed", error)
        os._exit(1)
    worker.start()


class _Worker:
    """The worker, loaded while its source is still accessible."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._is_ours = plan.python == sys.executable and supervisor.hides_our_program(plan)
        if self._is_ours:
            import worker  # type: ignore[import-not-found]

            if len(plan.sources) > 1:
                import semaphore  # type: ignore[import-not-found]

                worker.use_event_semaphores = semaphore.use_event_semaphores
            self._serve = worker.serve
        else:
            self._source = _ANNOTATIONS + "\n".join(_read(path) for path in plan.sources)

    def start(self) -> None:
        """Become the worker: in this process, or by executing another Python."""
        if not self._is_ours:
            python = self._plan.python
            arguments = [python, "-I", "-B", "-X", "utf8", "-c", self._source]
            try:
                os.execve(python, arguments, dict(self._plan.environment))
            except OSError as error:
                supervisor.report("failed", error)
                os._exit(1)
        import site

        os.closerange(REPLIES + 1, _MOST_HANDLES)  # descriptors of the supervisor
        sys.dont_write_bytecode = True
        folder = sys.path.pop(0)
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", "")).startswith(folder):
                del sys.modules[name]
        site.main()
        gc.freeze()  # existing objects are never garbage
        gc.enable()
        self._serve()
        os._exit(0)


def _move_handles(handles: tuple[int, ...]) -> None:
    above = max(*handles, LISTENER) + 1
    places = (REPLIES, REPORTS, ORDERS, LISTENER)[: len(handles)]
    for handle, place in zip(handles, places, strict=True):
        os.dup2(handle, above + place)
        os.close(handle)
    for place in places:
        os.dup2(above + place, place, inheritable=place == REPLIES)
        os.close(above + place)


def _enter_namespaces(plan: Plan) -> None:
    """Return as the first process of new namespaces, in the plan's file tree."""
    uid, gid = os.geteuid(), os.getegid()
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
    flags |= kernel.CLONE_NEWUTS | kernel.CLONE_NEWCGROUP
    kernel.unshare(flags if uid == 0 else flags | kernel.CLONE_NEWUSER)
    if uid != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{filesystem.UID_INSIDE} {uid} 1")
        _write("/proc/self/gid_map", f"{filesystem.UID_INSIDE} {gid} 1")
    first = os.fork()
    if first:
        os.closerange(0, ORDERS + 1)
        os.waitpid(first, 0)
        os._exit(0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, SIGKILL)
    filesystem.build(plan, plan.uid if uid == 0 else filesystem.UID_INSIDE)
    kernel.set_host_name("sandbox")
    kernel.raise_loopback()


def _send_listener(port: int) -> None:
    """Send the host a listening socket of this network namespace."""
    import socket

    with (
        socket.socket(fileno=LISTENER) as host,
        socket.create_server(("127.0.0.1", port)) as listener,
    ):
        socket.send_fds(host, [b"l"], [listener.fileno()])


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().replace(_ANNOTATIONS, "")  # allowed only once, at the top


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
