"""Hostile cells, run one after another in one session, for each sandbox backend.

After each: nothing of the user's was read, changed, reached or killed; it took bounded time; the
next call works. After the last: nothing is left running.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import anyio.from_thread
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter, CodeResult, sandbox

from .conftest import MARKER, SECRET, Surroundings, left_behind
from .hostile import CELLS

pytestmark = pytest.mark.sandbox

TIMEOUT = 0.6
LONGEST = 60.0  # a busy machine's; the bound that holds is TIMEOUT and a second of grace

LIMITS: dict[str, Any] = {
    "timeout": TIMEOUT,
    "memory_mb": 256,
    "disk_mb": 64,
    "max_processes": 40,
    "max_output_chars": 5000,
    "preload": (),  # many cells end their session
}

Run = Callable[[str], CodeResult]


@pytest.fixture(scope="module")
def run(backend: sandbox.Sandbox) -> Iterator[Run]:
    with secret_in_environment(), opened(CodeInterpreter(sandbox=backend, **LIMITS)) as run:
        yield run
    assert left_behind() == []


@pytest.mark.parametrize("name", CELLS)
def test_a_hostile_cell_gets_nowhere(name: str, run: Run, surroundings: Surroundings) -> None:
    try_cell(name, run, surroundings)


@contextlib.contextmanager
def opened(interpreter: CodeInterpreter) -> Iterator[Run]:
    """Runs cells in it."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(interpreter),
    ):
        yield lambda code: portal.call(interpreter.run, code)


@contextlib.contextmanager
def secret_in_environment() -> Iterator[None]:
    os.environ["SECRET_OF_HOST"] = SECRET
    try:
        yield
    finally:
        del os.environ["SECRET_OF_HOST"]


def try_cell(name: str, run: Run, surroundings: Surroundings) -> None:
    """Raises AssertionError for a cell that got anywhere."""
    began = time.monotonic()
    result = run(prelude(surroundings) + CELLS[name].replace("98765", MARKER))
    assert time.monotonic() - began < LONGEST

    said = "\n".join(filter(None, (result.stdout, result.stderr, result.result, result.error)))
    assert "ESCAPED" not in said
    assert SECRET not in said
    assert len(said) < 4 * 5000 + 1000
    assert all(image.is_file() and not image.is_symlink() for image in result.images)
    assert all(name.isprintable() for name in result.files)

    again = run("1+1")
    while again.status == "timeout" and time.monotonic() - began < LONGEST:
        again = run("1+1")  # a busy machine, and a very short time-out
    assert (again.status, again.result) == ("ok", "2"), result
    assert surroundings.canary.read_text() == SECRET
    assert surroundings.bystander.poll() is None
    assert surroundings.heard == []
    assert surroundings.files_now() == surroundings.files
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", surroundings.free_port), 5).close()


def prelude(surroundings: Surroundings) -> str:
    names = {
        "CANARY": str(surroundings.canary),
        "PORT": surroundings.port,
        "UDP_PORT": surroundings.udp_port,
        "FREE_PORT": surroundings.free_port,
        "SOCKET": surroundings.unix_path,
        "DATAGRAMS": surroundings.datagram_path,
        "ABSTRACT": surroundings.abstract,
        "BYSTANDER": surroundings.bystander.pid,
        "HOST": os.getpid(),
    }
    return "".join(f"{name} = {value!r}\n" for name, value in names.items())
