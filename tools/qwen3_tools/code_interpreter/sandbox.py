"""Which walls hold on this machine: tried from the strongest, and believed only when tested."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from qwen3_tools.code_interpreter import bubblewrap
from qwen3_tools.code_interpreter.folder import hand_over
from qwen3_tools.code_interpreter.jail.plan import Plan, Walls
from qwen3_tools.code_interpreter.layout import layout_of
from qwen3_tools.code_interpreter.session import Session, SessionEnded
from qwen3_tools.errors import SandboxUnavailable

Sandbox = Literal["auto", "bubblewrap", "namespaces", "landlock"]

ISOLATION: dict[Walls, str] = {
    "namespaces": "namespaces (own files, network and processes), Landlock, seccomp, rlimits",
    "bubblewrap": "bubblewrap (own files, network and processes), Landlock, seccomp, rlimits",
    "landlock": "Landlock, seccomp (no sockets), rlimits",
    "none": "none: code runs as the user, with all that the user may do",
}
_STRONGEST_FIRST: tuple[Walls, ...] = ("bubblewrap", "namespaces", "landlock")
_LAUNCH = "import sys; sys.path.insert(0, {folder!r}); from jail.main import main; main()"
_SPARE_UIDS = ((0x70000000, 0x7FFFFFF0), (61184, 65519))  # nobody's; then systemd's dynamic users
_MOST_THREADS = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may use."""

    memory_mb: int
    disk_mb: int
    max_processes: int


async def start(
    sandbox: Sandbox | Literal["none"],
    *,
    python: str | None,
    work_dir: str,
    scratch: str,
    limits: Limits,
    uid: int,
) -> tuple[Walls, Session]:
    """A session behind the strongest walls that hold, which were tried from inside.

    Raises SandboxUnavailable with what failed, and what would mend it.
    """
    failures: dict[Walls, str] = {}
    for walls in walls_of(sandbox):
        plan = make_plan(
            walls, python=python, work_dir=work_dir, scratch=scratch, limits=limits, uid=uid
        )
        session = await _tested(plan, scratch)
        if isinstance(session, Session):
            return walls, session
        failures[walls] = session
    raise SandboxUnavailable(_explain(failures))


async def survey() -> dict[Walls, str | None]:
    """Each kind of walls, strongest first, and why it does not hold on this machine, or None."""
    found: dict[Walls, str | None] = {}
    uid = spare_uid()
    for walls in _STRONGEST_FIRST:
        with tempfile.TemporaryDirectory() as work_dir, tempfile.TemporaryDirectory() as scratch:
            for folder in (work_dir, scratch):
                hand_over(Path(folder), uid)
            limits = Limits(memory_mb=1024, disk_mb=64, max_processes=16)
            plan = make_plan(
                walls, python=None, work_dir=work_dir, scratch=scratch, limits=limits, uid=uid
            )
            session = await _tested(plan, scratch)
            found[walls] = None if isinstance(session, Session) else session
            if isinstance(session, Session):
                await session.close()
    return found


async def _tested(plan: Plan, scratch: str) -> Session | str:
    """A session whose walls hold, or why they do not."""
    if plan.walls == "bubblewrap" and (reason := bubblewrap.why_not()):
        return reason
    session = Session(plan, _command(plan, scratch))
    try:
        if plan.walls == "none":
            return session
        with bait(plan.walls) as baited:
            escaped = await session.find_escapes(baited)
        if not escaped:
            return session
        failure = f"code inside could {', '.join(escaped)}"
    except SessionEnded as ended:
        failure = str(ended)
    except BaseException:
        await session.close()
        raise
    await session.close()
    return failure


def walls_of(sandbox: Sandbox | Literal["none"]) -> Sequence[Walls]:
    if sandbox == "auto":
        return _STRONGEST_FIRST
    if sandbox != "none" and sandbox not in get_args(Sandbox):
        choices = ", ".join(get_args(Sandbox))
        raise SandboxUnavailable(f'There is no sandbox "{sandbox}". The choices are: {choices}.')
    return (sandbox,)


def spare_uid() -> int:
    """Whom the code runs as: the user, but for root a user that owns nothing."""
    if os.geteuid() != 0:
        return os.geteuid()
    with open("/proc/self/uid_map", encoding="ascii") as file:
        mapped = [(int(line.split()[0]), int(line.split()[2])) for line in file]
    for low, high in _SPARE_UIDS:
        if any(first <= low and high < first + count for first, count in mapped):
            return random.randint(low, high)
    raise SandboxUnavailable(
        "Root would run code as a user that owns nothing, and this container has none to spare. "
        "Start it as an ordinary user."
    )


def make_plan(
    walls: Walls, *, python: str | None, work_dir: str, scratch: str, limits: Limits, uid: int
) -> Plan:
    layout = layout_of(python)
    own_tree = walls in ("namespaces", "bubblewrap")
    sources = ("worker",) if walls != "landlock" else ("semaphore", "worker")
    paths = [str(Path(__file__).parent / f"{name}.py") for name in sources]
    return Plan(
        walls=walls,
        host_pid=os.getpid(),
        host_uid=os.geteuid(),
        python=layout.python,
        sources=tuple(map(bubblewrap.source_inside, paths) if walls == "bubblewrap" else paths),
        work_dir=work_dir,
        scratch="" if own_tree else scratch,
        readable=layout.readable,
        links=layout.links,
        uid=uid,
        memory_bytes=limits.memory_mb << 20,
        disk_bytes=limits.disk_mb << 20,
        max_processes=limits.max_processes,
        environment=_environment(layout.python, "/tmp" if own_tree else scratch),
        handles=(0, 0, 0),
    )


def _environment(python: str, home: str) -> tuple[tuple[str, str], ...]:
    """Everything that the code finds in its environment; nothing of ours passes through."""
    threads = str(min(_MOST_THREADS, os.cpu_count() or 1))
    return (
        ("PATH", f"{os.path.dirname(python)}:/usr/local/bin:/usr/bin:/bin"),
        ("HOME", home),
        ("TMPDIR", home),
        ("LANG", "C.UTF-8"),
        ("MPLBACKEND", "Agg"),
        ("MPLCONFIGDIR", f"{home}/matplotlib"),
        ("OMP_NUM_THREADS", threads),
        ("OPENBLAS_NUM_THREADS", threads),
        ("MALLOC_ARENA_MAX", "2"),
    )


def _command(plan: Plan, scratch: str) -> list[str]:
    if plan.walls == "bubblewrap":
        return bubblewrap.command(plan, _LAUNCH, Path(scratch) / "etc")
    launch = _LAUNCH.format(folder=str(Path(__file__).parent))
    return [sys.executable, "-I", "-S", "-c", launch]


@contextlib.contextmanager
def bait(walls: Walls) -> Iterator[dict[str, Any]]:
    """Things that code inside must not reach, real while the context lasts."""
    name = f"qwen3-agent-{secrets.token_hex(8)}"
    with (
        tempfile.NamedTemporaryFile(prefix="qwen3-agent-canary-") as canary,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        os.chmod(canary.name, 0o644)
        unix.bind("\0" + name)
        unix.listen()
        yield {
            "canary": canary.name,
            "port": tcp.getsockname()[1],
            "abstract": name,
            "host_pid": os.getpid() if walls == "landlock" else 0,
        }


def _explain(failures: dict[Walls, str]) -> str:
    lines = ["No sandbox holds on this machine, so no code is run. What was tried:"]
    lines += [f"  {walls}: {reason}" for walls, reason in failures.items()]
    lines += [
        "Either of these mends it:",
        "  user namespaces: sudo sysctl -w user.max_user_namespaces=15000"
        " kernel.apparmor_restrict_unprivileged_userns=0",
        "  Landlock (Linux 6.7 or newer): boot with lsm=landlock,... on the kernel command line;"
        " in a container, one whose seccomp profile allows the landlock_* calls",
    ]
    return "\n".join(lines)
