"""Which walls hold on this machine: tried from the strongest, and believed only when tested."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from qwen3_tools.code_interpreter.backends import bubblewrap, docker
from qwen3_tools.code_interpreter.jail.plan import LAUNCHER_OPTIONS, Plan, Walls
from qwen3_tools.code_interpreter.layout import layout_of
from qwen3_tools.code_interpreter.proxy import PORT, Proxy
from qwen3_tools.code_interpreter.session import Session, SessionEndedError
from qwen3_tools.code_interpreter.workspace import Room
from qwen3_tools.errors import SandboxUnavailableError

Sandbox = Literal["auto", "bubblewrap", "namespaces", "landlock", "docker"]

ISOLATION: dict[Walls, str] = {
    "namespaces": "namespaces (own files, network and processes), Landlock, seccomp, rlimits",
    "bubblewrap": "bubblewrap (own files, network and processes), Landlock, seccomp, rlimits",
    "landlock": "Landlock, seccomp (no sockets), rlimits; names and sizes of files can be seen",
    "docker": "a Docker container without network or capabilities, seccomp, rlimits",
    "none": "none: code runs as the user, with all that the user may do",
}
NEEDS_LINUX = (
    f"The code interpreter needs Linux: its walls are made of that kernel's parts, and this is "
    f"{sys.platform}. Run the agent in a Linux container or virtual machine."
)
_STRONGEST_FIRST: tuple[Walls, ...] = ("bubblewrap", "namespaces", "landlock", "docker")
_MOST_THREADS = 4
_START = "import sys; sys.path.insert(0, {folder!r}); from jail.container import start; start()"
_OWN_NETWORK: tuple[Walls, ...] = ("bubblewrap", "namespaces", "docker")
_CERTIFICATES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a session may use.

    Raises:
        ValueError: one is no whole number above 0.
    """

    memory_mb: int
    disk_mb: int
    max_processes: int

    def __post_init__(self) -> None:
        for each in fields(self):
            check_limit(each.name, getattr(self, each.name), int)


def check_limit(name: str, value: object, *kinds: type) -> None:
    """Raises ValueError for what is no limit of an interpreter."""
    if isinstance(value, bool) or not (isinstance(value, int | float) and value > 0):
        raise ValueError(f"CodeInterpreter: {name} must be a number above 0, not {value!r}.")
    if not isinstance(value, kinds):
        raise ValueError(f"CodeInterpreter: {name} must be a whole number, not {value!r}.")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a session has to have, whatever the walls."""

    python: str | None
    limits: Limits
    proxy: Proxy | None = None
    preload: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Untested:
    """A session that was started already; code may run in it once its walls have been tried."""

    walls: Walls
    session: Session


async def start(
    sandbox: Sandbox | Walls, needs: Needs, room: Room, waiting: Untested | None = None
) -> tuple[Walls, Session]:
    """A session behind the strongest walls that hold, which were tried from inside.

    Raises SandboxUnavailableError with what failed, and what would mend it.
    """
    if sys.platform != "linux":
        raise SandboxUnavailableError(NEEDS_LINUX)
    failures: dict[Walls, str] = {}
    for walls in walls_of(sandbox):
        if waiting and waiting.walls == walls:
            launched: Session | str = waiting.session
        else:
            launched = _launched(walls, needs, room)
        if isinstance(launched, Session):
            failure = await _failure_of(launched, walls, room)
            if failure is None:
                return walls, launched
            launched = failure
        failures[walls] = launched
    raise SandboxUnavailableError(explain(failures))


def start_ahead(sandbox: Sandbox | Walls, needs: Needs, room: Room) -> Untested | None:
    """Start what `start` would try first. What fails here fails there, and is told there."""
    if sys.platform != "linux":
        return None
    with contextlib.suppress(SandboxUnavailableError, OSError):
        for walls in walls_of(sandbox):
            session = _launched(walls, needs, room)
            if isinstance(session, Session):
                session.preload(needs.preload)
                return Untested(walls, session)
    return None


async def survey() -> dict[Walls, str | None]:
    """Each kind of walls, strongest first, and why it does not hold on this machine, or None."""
    needs = Needs(python=None, limits=Limits(memory_mb=1024, disk_mb=64, max_processes=16))
    found: dict[Walls, str | None] = {}
    if sys.platform != "linux":
        return dict.fromkeys(_STRONGEST_FIRST, NEEDS_LINUX)
    for walls in _STRONGEST_FIRST:
        room = Room(None)
        try:
            launched = _launched(walls, needs, room)
            if isinstance(launched, Session):
                found[walls] = await _failure_of(launched, walls, room)
                await launched.close()
            else:
                found[walls] = launched
        finally:
            room.close()
    return found


def _launched(walls: Walls, needs: Needs, room: Room) -> Session | str:
    """A session whose walls nobody has tried yet, or why there can be none."""
    if walls == "bubblewrap" and (reason := bubblewrap.why_not()):
        return reason
    if walls == "docker" and (reason := docker.why_not()):
        return reason
    if needs.proxy and walls not in _OWN_NETWORK:
        return "it has no network of its own, which allow_domains needs"
    plan = make_plan(walls, needs, room)
    return Session(plan, functools.partial(_command, room.scratch), needs.proxy)


async def _failure_of(session: Session, walls: Walls, room: Room) -> str | None:
    """What the walls fail to hold, tried from inside; the session is closed then."""
    try:
        if walls == "none":
            return None
        with bait(walls, room) as baited:
            escaped = await session.find_escapes(baited)
        if not escaped:
            return None
        failure = f"code inside could {', '.join(escaped)}"
    except SessionEndedError as ended:
        failure = str(ended)
    except BaseException:
        await session.close()
        raise
    await session.close()
    return failure


def walls_of(sandbox: Sandbox | Walls) -> Sequence[Walls]:
    return _STRONGEST_FIRST if sandbox == "auto" else (sandbox,)


def make_plan(walls: Walls, needs: Needs, room: Room) -> Plan:
    layout = layout_of(needs.python)
    own_tree = walls in _OWN_NETWORK
    readable = list(layout.readable)
    if needs.proxy:
        readable += [path for path in _CERTIFICATES if os.path.realpath(path) == path]
    home = "/tmp" if own_tree else str(room.scratch)
    sources = ("worker",) if walls != "landlock" else ("semaphore", "worker")
    paths = [str(Path(__file__).parent / f"{name}.py") for name in sources]
    inside = walls in ("bubblewrap", "docker")  # the launcher runs behind the walls already
    return Plan(
        walls=walls,
        host_pid=os.getpid(),
        host_uid=os.geteuid(),
        python=layout.python,
        sources=tuple(map(bubblewrap.source_inside, paths) if inside else paths),
        work_dir=str(room.work_dir),
        scratch="" if own_tree else str(room.scratch),
        readable=tuple(filter(os.path.exists, readable)),
        links=layout.links,
        uid=room.uid,
        memory_bytes=needs.limits.memory_mb << 20,
        disk_bytes=needs.limits.disk_mb << 20,
        max_processes=needs.limits.max_processes,
        environment=_environment(layout.python, home, proxy=needs.proxy is not None),
        proxy_port=PORT if needs.proxy else 0,
        handles=(),
        entrances=(),
    )


def _environment(python: str, home: str, *, proxy: bool) -> tuple[tuple[str, str], ...]:
    """Everything that the code finds in its environment; nothing of ours passes through."""
    threads = str(min(_MOST_THREADS, os.cpu_count() or 1))
    there = f"http://127.0.0.1:{PORT}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY") if proxy else ()
    return (
        *((name, there) for name in names),
        ("PATH", f"{os.path.dirname(python)}:/usr/local/bin:/usr/bin:/bin"),
        ("HOME", home),
        ("TMPDIR", home),
        ("USER", "user"),
        ("LOGNAME", "user"),
        ("LANG", "C.UTF-8"),
        ("MPLBACKEND", "Agg"),
        ("MPLCONFIGDIR", f"{home}/matplotlib"),
        ("OMP_NUM_THREADS", threads),
        ("OPENBLAS_NUM_THREADS", threads),
        ("MALLOC_ARENA_MAX", "2"),
    )


def _command(scratch: Path, plan: Plan) -> list[str]:
    folder = str(Path(__file__).parent)
    if plan.walls == "bubblewrap":
        return bubblewrap.command(plan, scratch / "etc")
    if plan.walls == "docker":
        start, described = _START.format(folder=folder), docker.command(plan, scratch)
        return [sys.executable, "-I", "-S", "-c", start, described, plan.to_json()]
    return [sys.executable, *LAUNCHER_OPTIONS, plan.program(folder)]


@contextlib.contextmanager
def bait(walls: Walls, room: Room) -> Iterator[dict[str, Any]]:
    """Things that code inside must not reach, real while the context lasts."""
    name = f"qwen3-agent-{secrets.token_hex(8)}"
    with (
        tempfile.NamedTemporaryFile(prefix="canary-", dir=room.base) as canary,
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


def explain(failures: dict[Walls, str]) -> str:
    """Why no code can be run here, and what would mend it."""
    if sys.platform != "linux":
        return NEEDS_LINUX
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
