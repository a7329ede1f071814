"""The bubblewrap backend: the launcher runs inside a sandbox made by `bwrap`."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from qwen3_tools.code_interpreter.jail.filesystem import (
    DEVICES,
    SYSTEM,
    SYSTEM_SETTINGS,
    TEMPORARY_MIB,
    UID_INSIDE,
    etc_files,
)
from qwen3_tools.code_interpreter.jail.plan import LAUNCHER_OPTIONS, Plan

_LEAST_VERSION = (0, 8)  # the first with --disable-userns
OURS = "/run/code_interpreter"


def why_not() -> str | None:
    """Return why `bwrap` cannot be used on this machine, or None."""
    program = shutil.which("bwrap")
    if program is None:
        return "bwrap is not installed"
    if os.stat(program).st_mode & stat.S_ISUID:
        return f"{program} is set-uid root, which is unsafe"
    try:
        said = subprocess.run([program, "--version"], capture_output=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"{program} cannot be executed: {error}"
    found = re.search(rb"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < _LEAST_VERSION:
        return f"{program} is older than {'.'.join(map(str, _LEAST_VERSION))}"
    return None


def command(plan: Plan, etc: Path) -> list[str]:
    """Return the command line that runs the launcher inside the sandbox.

    Args:
        plan: The plan of the session.
        etc: An empty folder, to be filled with the content of /etc.
    """
    root = os.geteuid() == 0
    uid = plan.uid if root else UID_INSIDE
    fill_etc(plan, etc, uid)
    arguments = [
        str(shutil.which("bwrap")),
        "--unshare-pid",
        "--unshare-net",
        "--unshare-ipc",
        "--unshare-uts",
    ]
    arguments += ["--unshare-cgroup-try", "--hostname", "sandbox", "--as-pid-1", "--new-session"]
    arguments += ["--die-with-parent", "--clearenv"]
    if root:  # bwrap would map root into a user namespace; the launcher drops privileges instead
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        arguments += ["--cap-add", "CAP_SETPCAP"]
    else:
        arguments += ["--unshare-user", "--disable-userns", "--uid", str(uid), "--gid", str(uid)]
    for folder in ("/tmp", "/dev/shm"):
        arguments += ["--perms", "1777", "--size", str(TEMPORARY_MIB << 20), "--tmpfs", folder]
    arguments += ["--proc", "/proc", "--ro-bind", str(etc), "/etc"]
    for name in DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    arguments += ["--symlink", "/proc/self/fd", "/dev/fd"]
    places = (*plan.readable, *(path for path, _ in plan.links), plan.work_dir, OURS)
    for folder in dict.fromkeys(parent for place in places for parent in parents(place)):
        arguments += ["--perms", "0755", "--dir", folder]  # bwrap's default is for root only
    for path in (*SYSTEM, *plan.readable):
        arguments += _shown(path)
    for path in SYSTEM_SETTINGS:
        if os.path.exists(path):
            arguments += ["--ro-bind", os.path.realpath(path), path]
    for path, target in plan.links:
        arguments += ["--symlink", target, path]
    arguments += ["--ro-bind", str(Path(__file__).parents[1]), OURS]
    arguments += ["--bind", plan.work_dir, plan.work_dir, "--remount-ro", "/", "--chdir", "/"]
    for name, value in plan.environment:
        arguments += ["--setenv", name, value]
    return [*arguments, "--", plan.python, *LAUNCHER_OPTIONS, plan.program(OURS)]


def fill_etc(plan: Plan, etc: Path, uid: int) -> None:
    """Write the content of /etc, with mount points, since it is mounted read-only."""
    etc.mkdir(exist_ok=True)
    for name, text in etc_files(uid).items():
        (etc / name).write_text(text)
    for path in (*SYSTEM_SETTINGS, *plan.readable):
        if path.startswith("/etc/") and os.path.exists(path):
            place = etc / path.removeprefix("/etc/")
            if os.path.isdir(path):
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.touch()


def source_inside(path: str) -> str:
    """The path of a source file of this package inside the sandbox."""
    return f"{OURS}/{os.path.basename(path)}"


def parents(path: str) -> list[str]:
    """The parent folders of `path`, from the top, except the root."""
    return [str(parent) for parent in reversed(Path(path).parents)][1:]


def _shown(path: str) -> list[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path] if os.path.exists(path) else []
