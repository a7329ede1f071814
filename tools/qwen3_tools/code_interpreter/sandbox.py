"""Selects a sandbox backend: the strongest one that passes a self test on this machine."""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qwen3_tools.code_interpreter.backends import bubblewrap
from qwen3_tools.code_interpreter.jail.plan import LAUNCHER_OPTIONS, Backend, Plan
from qwen3_tools.code_interpreter.layout import layout_of
from qwen3_tools.code_interpreter.proxy import PORT, Proxy
from qwen3_tools.code_interpreter.session import Session, SessionEndedError
from qwen3_tools.code_interpreter.workspace import Workspace
from qwen3_tools.errors import SandboxUnavailableError

Sandbox = Literal["auto", Backend]

ISOLATION: dict[Backend, str] = {
    "namespaces": "namespaces (own files, network and processes), Landlock, seccomp, rlimits",
    "bubblewrap": "bubblewrap (own files, network and processes), Landlock, seccomp, rlimits",
    "landlock": "Landlock, seccomp (no sockets), rlimits; file names and sizes are visible",
    "none": "none: code runs with all permissions of the user",
}
NEEDS_LINUX = (
    f"The code interpreter requires Linux, not {sys.platform}. Run the agent in a Linux container "
    "or virtual machine."
)
_STRONGEST_FIRST: tuple[Backend, ...] = ("bubblewrap", "namespaces", "landlock")
_MOST_THREADS = 4
_OWN_NETWORK: tuple[Backend, ...] = ("bubblewrap", "namespaces")
_CERTIFICATES = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted")


def check_limit(name: str, value: object, *kinds: type) -> None:
    """Raise ValueError unless `value` is a positive number of one of `kinds`."""
    if isinstance(value, bool) or not (isinstance(value, int | float) and value > 0):
        raise ValueError(f"CodeInterpreter: {name} must be a positive number, not {value!r}.")
    if not isinstance(value, kinds):
        raise ValueError(f"CodeInterpreter: {name} must be an integer, not {value!r}.")


@dataclass(frozen=True, slots=True)
class Requirements:
    """The requirements of a session, for any backend.

    Raises:
        ValueError: A limit is not a positive integer.
    """

    python: str | None
    memory_mb: int
    disk_mb: int
    max_processes: int
    proxy: Proxy | None = None
    preload: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("memory_mb", "disk_mb", "max_processes"):
            check_limit(name, getattr(self, name), int)


async def start(
    sandbox: Sandbox,
    requirements: Requirements,
    workspace: Workspace,
    waiting: Session | None = None,
) -> Session:
    """Start a session with the strongest backend that passes its self test.

    Args:
        sandbox: The backend to use, or "auto".
        requirements: Python, limits and network of the session.
        workspace: Its folders.
        waiting: A session from `start_ahead`, used if its backend is the one to try.

    Raises:
        SandboxUnavailableError: No backend passed; the message says why and how to fix it.
    """
    if sys.platform != "linux":
        raise SandboxUnavailableError(NEEDS_LINUX)
    failures: dict[Backend, str] = {}
    for backend in backends_for(sandbox):
        if waiting and waiting.backend == backend:
            launched: Session | str = waiting
        else:
            launched = _launch(backend, requirements, workspace)
        if isinstance(launched, Session):
            failure = await _verify(launched, workspace)
            if failure is None:
                return launched
            launched = failure
        failures[backend] = launched
    raise SandboxUnavailableError(explain(failures))


def start_ahead(
    sandbox: Sandbox, requirements: Requirements, workspace: Workspace
) -> Session | None:
    """Start the session that `start` would try first; `start` reports failures, not this.

    Its isolation has not been tested yet, and it must not run code before.
    """
    if sys.platform != "linux":
        return None
    with contextlib.suppress(SandboxUnavailableError, OSError):
        for backend in backends_for(sandbox):
            session = _launch(backend, requirements, workspace)
            if isinstance(session, Session):
                session.preload(requirements.preload)
                return session
    return None


async def survey() -> dict[Backend, str | None]:
    """Test every backend, strongest first: None if it passed, else the reason."""
    requirements = Requirements(None, memory_mb=1024, disk_mb=64, max_processes=16)
    found: dict[Backend, str | None] = {}
    if sys.platform != "linux":
        return dict.fromkeys(_STRONGEST_FIRST, NEEDS_LINUX)
    for backend in _STRONGEST_FIRST:
        workspace = Workspace(None)
        try:
            launched = _launch(backend, requirements, workspace)
            if isinstance(launched, Session):
                found[backend] = await _verify(launched, workspace)
                await launched.close()
            else:
                found[backend] = launched
        finally:
            workspace.close()
    return found


def _launch(backend: Backend, requirements: Requirements, workspace: Workspace) -> Session | str:
    """Launch an untested session, or return why the backend cannot be used."""
    if backend == "bubblewrap" and (reason := bubblewrap.why_not()):
        return reason
    if requirements.proxy and backend not in _OWN_NETWORK:
        return "it has no network namespace, which allow_domains requires"
    plan = make_plan(backend, requirements, workspace)
    return Session(plan, functools.partial(_command, workspace.scratch), requirements.proxy)


async def _verify(session: Session, workspace: Workspace) -> str | None:
    """Test a session from inside. Return what it fails to prevent (and close it), or None."""
    try:
        if session.backend == "none":
            return None
        with canaries(session.backend, workspace) as planted:
            escaped = await session.find_escapes(planted)
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


def backends_for(sandbox: Sandbox) -> Sequence[Backend]:
    return _STRONGEST_FIRST if sandbox == "auto" else (sandbox,)


def make_plan(backend: Backend, requirements: Requirements, workspace: Workspace) -> Plan:
    layout = layout_of(requirements.python)
    own_tree = backend in _OWN_NETWORK
    readable = list(layout.readable)
    if requirements.proxy:
        readable += [path for path in _CERTIFICATES if os.path.realpath(path) == path]
    home = "/tmp" if own_tree else str(workspace.scratch)
    sources = ("worker",) if backend != "landlock" else ("semaphore", "worker")
    paths = [str(Path(__file__).parent / f"{name}.py") for name in sources]
    inside = backend == "bubblewrap"  # the launcher itself runs inside
    return Plan(
        backend=backend,
        host_pid=os.getpid(),
        host_uid=os.geteuid(),
        python=layout.python,
        sources=tuple(map(bubblewrap.source_inside, paths) if inside else paths),
        work_dir=str(workspace.work_dir),
        scratch="" if own_tree else str(workspace.scratch),
        readable=tuple(filter(os.path.exists, readable)),
        links=layout.links,
        uid=workspace.uid,
        memory_bytes=requirements.memory_mb << 20,
        disk_bytes=requirements.disk_mb << 20,
        max_processes=requirements.max_processes,
        environment=_environment(layout.python, home, proxy=requirements.proxy is not None),
        proxy_port=PORT if requirements.proxy else 0,
        handles=(),
        cgroups=(),
    )


def _environment(python: str, home: str, *, proxy: bool) -> tuple[tuple[str, str], ...]:
    """The complete environment of the code; no variable of the host is passed on."""
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
    if plan.backend == "bubblewrap":
        return bubblewrap.command(plan, scratch / "etc")
    return [sys.executable, *LAUNCHER_OPTIONS, plan.program(folder)]


@contextlib.contextmanager
def canaries(backend: Backend, workspace: Workspace) -> Iterator[dict[str, Any]]:
    """Create a file and listeners that code inside must not reach; the self test tries them."""
    name = f"qwen3-agent-{secrets.token_hex(8)}"
    with (
        tempfile.NamedTemporaryFile(prefix="canary-", dir=workspace.base) as canary,
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
            "host_pid": os.getpid() if backend == "landlock" else 0,
        }


def explain(failures: dict[Backend, str]) -> str:
    """Explain why no sandbox is available and how to fix it."""
    if sys.platform != "linux":
        return NEEDS_LINUX
    lines = ["No sandbox is available on this machine, so code is not run. Backends tried:"]
    lines += [f"  {backend}: {reason}" for backend, reason in failures.items()]
    lines += [
        "To fix this, do one of the following:",
        "  enable user namespaces: sudo sysctl -w user.max_user_namespaces=15000"
        " kernel.apparmor_restrict_unprivileged_userns=0",
        "  enable Landlock (Linux 6.7 or newer): boot with lsm=landlock,... on the kernel command"
        " line; in a container, use a seccomp profile that allows the landlock_* system calls",
    ]
    return "\n".join(lines)
