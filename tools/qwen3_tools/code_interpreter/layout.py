"""Determines which Python runs in the sandbox, and which folders it requires."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qwen3_tools.code_interpreter.jail.filesystem import SYSTEM
from qwen3_tools.errors import SandboxUnavailableError

_PARTS_OF_A_PREFIX = ("bin", "lib", "lib64", "pyvenv.cfg")
_PREFIXES = "sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix"
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Layout:
    """A Python interpreter and the folders it reads."""

    python: str
    readable: tuple[str, ...]
    """Its folders, as real paths, except those of the system."""
    links: tuple[tuple[str, str], ...]
    """Symbolic links (path, target) that lead to them."""


@functools.cache
def layout_of(python: str | None) -> Layout:
    """Return the layout of `python`, or of the running interpreter.

    Raises:
        SandboxUnavailableError: The interpreter cannot be started.
    """
    if python is None or python == sys.executable:
        python = sys.executable
        prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix]
    else:
        prefixes = _prefixes_of(python)
    if not python:
        raise SandboxUnavailableError("The path of the running Python is unknown; pass python=.")
    wanted = [os.path.join(prefix, part) for prefix in prefixes for part in _PARTS_OF_A_PREFIX]
    links = {link: target for path in (python, *wanted) for link, target in _links_on(path)}
    real = dict.fromkeys(os.path.realpath(path) for path in wanted if os.path.exists(path))
    readable = [path for path in real if not _is_below(path, SYSTEM)]
    shown = (*readable, *SYSTEM)
    return Layout(
        python=python,
        readable=tuple(readable),
        links=tuple((link, to) for link, to in links.items() if not _is_below(link, shown)),
    )


def _prefixes_of(python: str) -> list[str]:
    program = f"import json, sys; print(json.dumps([{_PREFIXES}]))"
    command = [python, "-I", "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=20)
        return [str(Path(prefix)) for prefix in json.loads(done.stdout)]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise SandboxUnavailableError(
            f"The interpreter {python} does not start: {error}"
        ) from error


def _is_below(path: str, folders: tuple[str, ...]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


def _links_on(path: str) -> list[tuple[str, str]]:
    """List the symbolic links that the kernel follows to resolve `path`."""
    found: list[tuple[str, str]] = []
    current, parts = "/", path.split("/")[::-1]
    while parts and len(found) < _MOST_LINKS:
        part = parts.pop()
        candidate = os.path.normpath(os.path.join(current, part))
        if not os.path.islink(candidate):
            current = candidate
            continue
        target = os.readlink(candidate)
        found.append((candidate, target))
        if target.startswith("/"):
            current = "/"
        parts += target.split("/")[::-1]
    return found
