"""Starts the worker, watches its resources, and ends all of its processes.

It reports to the host on a pipe that the code cannot access, so that reports cannot be forged.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import os
import resource
import select
import time

from . import kernel, landlock, seccomp
from .filesystem import DEVICES, SYSTEM, SYSTEM_SETTINGS
from .handles import LISTENER, ORDERS, REPLIES, REPORTS
from .usage import Usage, descendants

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .plan import Plan

INTERRUPT, RUNNING, IDLE = b"i", b"r", b"s"
_TICK_RUNNING_MS, _TICK_IDLE_MS = 50, 1000
_OPEN_FILES = 1024
_PENDING_SIGNALS = 4096
_OUR_OPEN_FILES = 1 << 16  # enough to count files in deep folders
_SWEEPS = 1000


def report(what: str, detail: object = "") -> None:
    """Send the host a line: a word, a space, and details."""
    line = f"{what} {detail}".replace("\n", " ")
    os.write(REPORTS, line.encode(errors="replace") + b"\n")


def start_worker(plan: Plan) -> None:
    """Fork and return in the worker. The parent watches it until it ends, exceeds a limit, or the
    host is gone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _OUR_OPEN_FILES), most))
    usage = Usage(plan)
    parent = _outlived_by_none() if os.getpid() != 1 else 0
    if plan.backend != "none":
        _drop_privileges(plan.uid)
    if os.getpid() != 1:
        signal.signal(signal.SIGTERM, lambda *_: _end())
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            _end()
    pid = os.fork()
    if not pid:
        _become_worker(plan)
        return
    os.closerange(0, REPLIES + 1)
    report("started", pid)
    _watch(pid, usage)


def _outlived_by_none() -> int:
    """Continue in a child. If that is killed, this process inherits and ends its descendants."""
    ours = os.getpid()
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if not child:
        return ours
    os.closerange(0, LISTENER + 1)
    os.waitpid(child, 0)
    _end()


def _watch(pid: int, usage: Usage) -> NoReturn:
    poll = select.poll()
    poll.register(os.pidfd_open(pid), select.POLLIN)
    poll.register(ORDERS, select.POLLIN)
    tick, finished = _TICK_IDLE_MS, False
    while True:
        ready = {handle for handle, _ in poll.poll(tick)}
        if ORDERS in ready:
            orders = os.read(ORDERS, 64)
            if not orders:
                _end()
            if INTERRUPT in orders:
                _interrupt(pid)
            if RUNNING in orders:
                tick = _TICK_RUNNING_MS
            if IDLE in orders:
                tick, finished = _TICK_IDLE_MS, True
            elif len(ready) == 1:
                continue  # nothing to check yet
            ready.discard(ORDERS)
        if ready:
            _, status = os.waitpid(pid, 0)
            report("exited", os.waitstatus_to_exitcode(status))
            _end()
        if broken := usage.broken_limit(thorough=finished):
            report("killed", broken)
            _end()
        if finished:
            report("within_limits")
            finished = False
        _reap(pid)


def _interrupt(worker: int) -> None:
    """Interrupt the worker and its process group, like Ctrl-C."""
    try:
        os.killpg(worker, signal.SIGINT)
    except ProcessLookupError:
        pass


def _reap(worker: int) -> None:
    """Reap orphans, which are reparented to us; leave the worker to `_watch`."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid == worker:
            return
        os.waitpid(ended.si_pid, 0)


def _end() -> NoReturn:
    """Kill everything: by exiting, as the first process of a namespace, else process by process."""
    if os.getpid() != 1:
        for sweep in range(_SWEEPS):
            pids = descendants()
            if not pids:
                break
            for pid in pids:
                _send(pid, signal.SIGSTOP if sweep < 2 else signal.SIGKILL)
            while _reaped_one():
                pass
            time.sleep(0.001)
    os._exit(0)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _reaped_one() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _drop_privileges(uid: int) -> None:
    kernel.drop_capability_bounds()
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _become_worker(plan: Plan) -> None:
    try:
        os.setsid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _prefer_to_die()
        os.chdir(plan.work_dir)
        _limit_resources(plan)
        if plan.backend != "none":
            _restrict(plan)
    except OSError as error:
        report("failed", error)
        os._exit(1)


def hides_our_program(plan: Plan) -> bool:
    """Return True if code cannot change the program file of this process.

    `/proc/self/exe` refers to the mount that it was started from, which for "namespaces" is outside
    of the sandbox. Landlock protects it, except its mode, which only its owner can change.
    """
    if plan.backend != "namespaces":
        return True
    owner = os.stat("/proc/self/exe").st_uid
    return owner != plan.uid and landlock.abi() >= landlock.LEAST_ABI


def _prefer_to_die() -> None:
    """Make the kernel kill the code first when memory runs out."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else the file belongs to root; execve resets it
    with open("/proc/self/oom_score_adj", "w", encoding="utf-8") as file:
        file.write("1000")


def _restrict(plan: Plan) -> None:
    version = landlock.abi()
    own_tree = plan.backend != "landlock"
    if not own_tree and version < landlock.LEAST_ABI:
        raise OSError(f"Landlock ABI {landlock.LEAST_ABI} is required, not {version}")
    devices = [f"/dev/{name}" for name in DEVICES]
    if own_tree:
        readable, writable = ["/"], [plan.work_dir, "/tmp", "/dev/shm", "/proc", *devices]
    else:
        readable = [*SYSTEM, *SYSTEM_SETTINGS, *plan.readable]
        writable = [plan.work_dir, plan.scratch, *devices]
    rules = seccomp.policy(
        own_tree=own_tree,
        own_user=plan.uid != plan.host_uid,
        own_processes=own_tree or version >= landlock.FIRST_ABI_WITH_SCOPES,
        pid=os.getpid(),
    )
    program = seccomp.assemble(rules, kernel.architecture())
    if version:
        landlock.restrict(version, readable, writable, network=own_tree)
    seccomp.install(program)


def _limit_resources(plan: Plan) -> None:
    processes = plan.max_processes
    if plan.backend == "landlock" and plan.uid == plan.host_uid:
        processes += _tasks_of(plan.uid)  # the limit counts all processes of the user
    for limit, value in (
        (resource.RLIMIT_AS, plan.memory_bytes),
        (resource.RLIMIT_FSIZE, plan.disk_bytes),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, _PENDING_SIGNALS),
    ):
        _, most = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            value = min(value, most)
        resource.setrlimit(limit, (value, value))


def _tasks_of(uid: int) -> int:
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == uid:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue
    return count
