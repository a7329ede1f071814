"""The walls of a Docker container, where a daemon is there and nothing stronger holds.

The image is empty: the system and Python of this machine are shown inside, read-only, as behind
the other walls, so nothing is downloaded and code finds the same packages.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from qwen3_tools.code_interpreter.backends.bubblewrap import OURS, fill_etc, parents
from qwen3_tools.code_interpreter.jail.filesystem import SYSTEM, SYSTEM_SETTINGS, TEMPORARY_MIB
from qwen3_tools.code_interpreter.jail.plan import LAUNCHER_OPTIONS, Plan
from qwen3_tools.errors import SandboxUnavailableError

_HANDOVER = "/run/handover"
_SECONDS = 30.0
_OF_THE_CLIENT = ("HOME", "PATH", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG")


def why_not() -> str | None:
    """What is wrong with Docker on this machine, or None."""
    if shutil.which("docker") is None:
        return "docker is not installed"
    done = _docker("version", "--format", "{{.Server.Os}}")
    if done.returncode != 0:
        return done.stderr.decode(errors="replace").strip() or "the Docker daemon does not answer"
    return None if done.stdout.strip() == b"linux" else "Docker's containers are not Linux here"


def command(plan: Plan, scratch: Path) -> str:
    """What `jail.container.start` needs to run the launcher behind the plan's walls, as JSON.

    Args:
        plan: what is asked for.
        scratch: an empty folder for what the container is shown.

    Raises SandboxUnavailableError when Docker does not take the empty image.
    """
    etc, handover = scratch / "etc", scratch / "handover"
    fill_etc(plan, etc, plan.uid)
    for name in ("hostname", "resolv.conf"):
        (etc / name).touch()  # Docker mounts its own there
    handover.mkdir(mode=0o711, exist_ok=True)
    arguments = [
        str(shutil.which("docker")),
        "run",
        "--rm",
        "--pull=never",
        "--network=none",
        "--read-only",
    ]
    arguments += ["--cap-drop=ALL", "--security-opt=no-new-privileges", "--ipc=private"]
    arguments += ["--cgroupns=private", "--hostname=sandbox", "--log-driver=none"]
    arguments += [f"--user={plan.uid}:{plan.uid}", "--workdir=/", "--ulimit=core=0"]
    arguments += [f"--memory={plan.memory_bytes + (64 << 20)}", f"--shm-size={TEMPORARY_MIB}m"]
    arguments += [f"--pids-limit={plan.max_processes + 8}"]
    arguments += [f"--tmpfs=/tmp:rw,exec,nosuid,nodev,mode=1777,size={TEMPORARY_MIB}m"]
    shown = [(path, path) for path in (*SYSTEM, *plan.readable) if os.path.exists(path)]
    shown += [(path, path) for path in SYSTEM_SETTINGS if os.path.exists(path)]
    shown += [(str(Path(__file__).parents[1]), OURS), (str(handover), _HANDOVER)]
    for source, target in ((str(etc), "/etc"), *shown):
        arguments += [f"--mount=type=bind,src={os.path.realpath(source)},dst={target},readonly"]
    arguments += [f"--mount=type=bind,src={plan.work_dir},dst={plan.work_dir}"]
    for name, value in plan.environment:
        arguments += [f"--env={name}={value}"]
    arguments += [_empty_image(plan), plan.python, *LAUNCHER_OPTIONS]
    environment = {name: os.environ[name] for name in _OF_THE_CLIENT if name in os.environ}
    return json.dumps(
        [str(handover / "socket"), f"{_HANDOVER}/socket", OURS, arguments, environment]
    )


def _empty_image(plan: Plan) -> str:
    """An image with nothing but the plan's links and places to mount its folders on; its name."""
    places = [*plan.readable, *(path for path, _ in plan.links)]
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for folder in dict.fromkeys(parent for place in places for parent in parents(place)):
            entry = tarfile.TarInfo(folder.lstrip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        for path, target in plan.links:
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    name = f"qwen3-agent-empty:{hashlib.sha256(data.getvalue()).hexdigest()[:16]}"
    if _docker("image", "inspect", name).returncode != 0:
        done = _docker("import", "-", name, stdin=data.getvalue())
        if done.returncode != 0:
            raise SandboxUnavailableError(
                f"Docker does not take an empty image: {done.stderr.decode(errors='replace')}"
            )
    return name


def _docker(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["docker", *arguments], input=stdin, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        return subprocess.CompletedProcess(arguments, 1, b"", str(error).encode())
