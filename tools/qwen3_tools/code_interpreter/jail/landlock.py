"""Landlock: restricts access to files and signals to outside processes.

Constants are from `include/uapi/linux/landlock.h`. The ABI versions are described in the kernel's
Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import os
import stat
import struct

from . import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_SYS_CREATE_RULESET, _SYS_ADD_RULE, _SYS_RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _RULE_PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 11
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = ((1 << 15) - 1) & ~(_MAKE_CHAR | _MAKE_BLOCK)
_NETWORK = 0b11  # bind and connect, TCP
_SCOPES = 0b11  # abstract unix sockets, signals

FIRST_ABI_WITH_SCOPES = 6
LEAST_ABI = 4


def abi() -> int:
    """Return the Landlock version of this kernel, or 0."""
    try:
        return kernel.syscall("landlock", _SYS_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    version: int, readable: Sequence[str], writable: Sequence[str], *, network: bool
) -> None:
    """Restrict this process to reading below `readable` and writing below `writable`.

    Paths that do not exist are ignored. `network=False` forbids TCP if the ABI supports that.
    """
    handled = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    attributes = struct.pack(
        "=QQQ",
        handled,
        _NETWORK if version >= 4 and not network else 0,
        _SCOPES if version >= FIRST_ABI_WITH_SCOPES else 0,
    )
    size = 8 if version < 4 else 16 if version < FIRST_ABI_WITH_SCOPES else 24
    ruleset = kernel.syscall("landlock_create_ruleset", _SYS_CREATE_RULESET, attributes, size, 0)
    for paths, rights in ((readable, _READ), (writable, _READ | _WRITE)):
        for path in paths:
            _allow(ruleset, path, rights & handled)
    kernel.syscall("landlock_restrict_self", _SYS_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    if not stat.S_ISDIR(os.fstat(handle).st_mode):
        rights &= _ON_FILES
    rule = struct.pack("=Qi", rights, handle)
    kernel.syscall("landlock_add_rule", _SYS_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    os.close(handle)
