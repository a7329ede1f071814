"""An interpreter for each sandbox backend, and files of the user that no cell may touch."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from qwen3_tools.code_interpreter.backends import bubblewrap

MARKER = f"{os.getpid()}.98765"
"""Seconds that what a cell leaves behind would sleep: other tests that run now have others."""
SECRET = "the-secret-of-the-user-4711"
SANDBOXES = ("bubblewrap", "namespaces", "landlock")


@pytest.fixture(scope="module", params=SANDBOXES)
def backend(request: pytest.FixtureRequest) -> str:
    """A sandbox backend of this machine; two of them require only the kernel."""
    return installed(str(request.param))


def installed(backend: str) -> str:
    """The name of the backend; skips the test if its program is not installed."""
    if backend == "bubblewrap" and (reason := bubblewrap.why_not()):
        pytest.skip(reason)
    return backend


def left_behind(host: int | None = None) -> list[str]:
    """Command lines of processes that cells or sessions left.

    Args:
        host: the process that opened the sessions; this one if not given.
    """
    ours = f"'host_pid': {host or os.getpid()},"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (OSError, UnicodeError):
                continue
            if f" {MARKER} " in f"{line} " or ours in line:
                found.append(line[:200])
    return found


@dataclass
class Surroundings:
    """What lies around a sandbox on a user's machine."""

    canary: Path
    port: int
    udp_port: int
    free_port: int
    """Nobody listens there, and nobody shall."""
    unix_path: str
    datagram_path: str
    abstract: str
    bystander: subprocess.Popen[bytes]
    heard: list[bytes]
    """What arrived at the listeners; nothing ever should."""
    files: list[Path]
    """All that is in the user's folder; nothing is added, nothing is lost."""

    def files_now(self) -> list[Path]:
        return sorted(self.canary.parent.rglob("*"))


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with laid_out(tmp_path_factory.mktemp("home")) as around:
        yield around


@contextlib.contextmanager
def laid_out(home: Path) -> Iterator[Surroundings]:
    canary = home / "canary.txt"
    canary.write_text(SECRET)
    (home / ".ssh").mkdir()
    (home / ".ssh" / "id_ed25519").write_text(SECRET)
    with contextlib.suppress(OSError):  # not every file system has them
        os.setxattr(canary, "user.secret", SECRET.encode())
    heard: list[bytes] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
        socket.create_server(("127.0.0.1", 0)) as free,
        subprocess.Popen(["sleep", "600"]) as bystander,
    ):
        udp.bind(("127.0.0.1", 0))
        free_port = free.getsockname()[1]
        free.close()
        path, datagram_path = str(home / "listener.sock"), str(home / "datagrams.sock")
        unix.bind(path)
        datagrams.bind(datagram_path)
        name = f"qwen3-agent-test-{home.name}-{tcp.getsockname()[1]}"
        abstract.bind("\0" + name)
        for server in (unix, abstract):
            server.listen()
        for listener in (tcp, udp, unix, abstract, datagrams):
            threading.Thread(target=_listen, args=(listener, heard), daemon=True).start()
        try:
            yield Surroundings(
                canary=canary,
                port=tcp.getsockname()[1],
                udp_port=udp.getsockname()[1],
                free_port=free_port,
                unix_path=path,
                datagram_path=datagram_path,
                abstract=name,
                bystander=bystander,
                heard=heard,
                files=sorted(home.rglob("*")),
            )
        finally:
            bystander.kill()
            for listener in (tcp, udp, unix, abstract):
                if listener is not udp:
                    listener.shutdown(socket.SHUT_RDWR)


def _listen(listener: socket.socket, heard: list[bytes]) -> None:
    try:
        while True:
            if listener.type == socket.SOCK_DGRAM:
                heard.append(listener.recv(100))
            else:
                connection, _ = listener.accept()
                connection.close()
                heard.append(b"a connection")
    except OSError:
        return
