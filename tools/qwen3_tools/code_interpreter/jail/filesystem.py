"""The file tree of the sandbox: system and Python read-only, the work folder, nothing else.

It is built in its own mount namespace.
"""

from __future__ import annotations

import os

from . import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .plan import Plan

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SYSTEM_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts")
DEVICES = ("null", "zero", "full", "random", "urandom")
UID_INSIDE = 1000
TEMPORARY = ("/tmp", "/dev/shm")
TEMPORARY_MIB, MOST_TEMPORARY_FILES = 256, 20_000
_TREE_MIB = 1


def build(plan: Plan, uid_inside: int) -> None:
    """Build the file tree and enter it; the tree of the machine is no longer accessible."""
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=8m")
    os.mkdir("/tmp/new")
    os.mkdir("/tmp/old")
    kernel.mount("tmpfs", "/tmp/new", "tmpfs", kernel.MS_NOSUID, f"mode=755,size={_TREE_MIB}m")
    kernel.pivot_root("/tmp", "/tmp/old")
    os.chdir("/")

    _temporary("/new/tmp", uid_inside)
    _devices(uid_inside)
    _etc(uid_inside)
    _proc()
    for path in (*SYSTEM, *SYSTEM_SETTINGS, *plan.readable):
        _show(path, read_only=True)
    for path, target in plan.links:
        _link(path, target)
    _show(plan.work_dir, read_only=False)

    os.chdir("/new")
    kernel.pivot_root(".", ".")
    kernel.unmount(".")
    os.chdir("/")
    kernel.restrict_mount("/", read_only=True, recursive=False)


def make_reachable(folders: Iterable[str]) -> None:
    """Make `folders` accessible to a user without permission (such as a Python below /root).

    Each inaccessible parent is covered by an empty folder that contains only the path to them, in
    a separate mount namespace, so that other processes are not affected.
    """
    closed: dict[str, list[str]] = {}
    for folder in folders:
        if barrier := _first_closed_parent(folder):
            closed.setdefault(barrier, []).append(folder)
    if not closed:
        return
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    for barrier, behind in closed.items():
        handles = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in behind}
        kernel.mount("tmpfs", barrier, "tmpfs", kernel.MS_NOSUID, "mode=755,size=1m")
        for folder, handle in handles.items():
            os.makedirs(folder, exist_ok=True)
            flags = kernel.MS_BIND | kernel.MS_REC
            kernel.mount(f"/proc/self/fd/{handle}", folder, "", flags)
            os.close(handle)


def _first_closed_parent(folder: str) -> str | None:
    parts = folder.split("/")[1:-1]
    for depth in range(1, len(parts) + 1):
        parent = "/" + "/".join(parts[:depth])
        if not os.stat(parent).st_mode & 0o001:
            return parent
    return None


def _show(path: str, *, read_only: bool) -> None:
    source, target = "/old" + path, "/new" + path
    if os.path.islink(source):
        _link(path, os.readlink(source))
        return
    if not os.path.exists(source):
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        _empty_file(target)
    kernel.mount(source, target, "", kernel.MS_BIND | kernel.MS_REC)
    kernel.restrict_mount(target, read_only=read_only)


def _empty_file(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _link(path: str, target: str) -> None:
    os.makedirs("/new" + os.path.dirname(path), exist_ok=True)
    if not os.path.lexists("/new" + path):
        os.symlink(target, "/new" + path)


def etc_files(uid_inside: int) -> dict[str, str]:
    """The generated files of /etc."""
    user = f"user:x:{uid_inside}:"
    return {
        "passwd": f"{user}{uid_inside}::/tmp:/bin/sh\nroot:x:0:0::/:/bin/false\n",
        "group": f"{user}\nroot:x:0:\n",
        "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    }


def _etc(uid_inside: int) -> None:
    os.makedirs("/new/etc", exist_ok=True)
    for name, text in etc_files(uid_inside).items():
        with open(f"/new/etc/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def _devices(uid_inside: int) -> None:
    os.mkdir("/new/dev")
    for name in DEVICES:
        _empty_file(f"/new/dev/{name}")
        kernel.mount(f"/old/dev/{name}", f"/new/dev/{name}", "", kernel.MS_BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink("/proc/self/fd" + target, f"/new/dev/{name}")
    _temporary("/new/dev/shm", uid_inside)


def _proc() -> None:
    os.mkdir("/new/proc")
    flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/new/proc", "proc", flags, "subset=pid")


def _temporary(path: str, uid_inside: int) -> None:
    os.makedirs(path, exist_ok=True)
    options = f"mode=700,uid={uid_inside},gid={uid_inside},size={TEMPORARY_MIB}m"
    options += f",nr_inodes={MOST_TEMPORARY_FILES}"
    kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
