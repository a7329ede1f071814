"""A BPF filter of the system calls that code may make, for x86_64 and aarch64.

Calls that are not listed fail with ENOSYS, including those of newer kernels. Numbers are from the
kernel's `arch/x86/entry/syscalls/syscall_64.tbl` and `asm-generic/unistd.h`.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from . import kernel

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD, _JUMP, _JUMP_EQUAL, _JUMP_AT_LEAST, _AND, _RETURN = 0x20, 0x05, 0x15, 0x35, 0x54, 0x06
_SECCOMP_MODE_FILTER, _PR_SET_SECCOMP = 2, 22

# name -> number on (x86_64, aarch64)
# fmt: off
_CALLS: dict[str, tuple[int | None, int | None]] = {
    # files
    "read": (0, 63), "write": (1, 64), "open": (2, None), "close": (3, 57), "stat": (4, None),
    "fstat": (5, 80), "lstat": (6, None), "poll": (7, None), "lseek": (8, 62), "pread64": (17, 67),
    "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "preadv": (295, 69),
    "pwritev": (296, 70), "preadv2": (327, 286), "pwritev2": (328, 287), "access": (21, None),
    "pipe": (22, None), "pipe2": (293, 59), "select": (23, None), "pselect6": (270, 72),
    "ppoll": (271, 73), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "fcntl": (72, 25),
    "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "sync_file_range": (277, 84),
    "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47), "getdents": (78, None),
    "getdents64": (217, 61), "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50),
    "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "rmdir": (84, None),
    "creat": (85, None), "link": (86, None), "linkat": (265, 37), "unlink": (87, None),
    "unlinkat": (263, 35), "symlink": (88, None), "symlinkat": (266, 36), "readlink": (89, None),
    "readlinkat": (267, 78), "umask": (95, 166), "statfs": (137, 43), "fstatfs": (138, 44),
    "statx": (332, 291), "newfstatat": (262, 79), "faccessat": (269, 48), "faccessat2": (439, 439),
    "openat": (257, 56), "sendfile": (40, 71), "copy_file_range": (326, 285),
     "fadvise64": (221, 223), "readahead": (187, 213), "close_range": (436, 436),
    "mkdir": (83, None), "mkdirat": (258, 34), "getxattr": (191, 8), "lgetxattr": (192, 9),
    "fgetxattr": (193, 10), "listxattr": (194, 11), "llistxattr": (195, 12),
    "flistxattr": (196, 13), "epoll_create": (213, None), "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "eventfd": (284, None), "eventfd2": (290, 19),
    "timerfd_create": (283, 85), "timerfd_settime": (286, 86), "timerfd_gettime": (287, 87),
    "signalfd": (282, None), "signalfd4": (289, 74),
    # memory
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "mremap": (25, 216), "msync": (26, 227), "mincore": (27, 232), "madvise": (28, 233),
    "mlock": (149, 228), "munlock": (150, 229), "membarrier": (324, 283), "pkey_alloc": (330, 289),
    "pkey_free": (331, 290), "pkey_mprotect": (329, 288),
    # processes
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "exit": (60, 93), "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148),
    "getresgid": (120, 150), "getgroups": (115, 158), "getpgid": (121, 155),
    "getpgrp": (111, None), "getsid": (124, 156), "setpgid": (109, 154), "setsid": (112, 157),
    "getrlimit": (97, 163), "setrlimit": (160, 164), "getrusage": (98, 165), "times": (100, 153),
    "sysinfo": (99, 179), "uname": (63, 160), "getpriority": (140, 141), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "sched_rr_get_interval": (148, 127),
    "getcpu": (309, 168), "arch_prctl": (158, None), "set_tid_address": (218, 96),
    "set_robust_list": (273, 99), "get_robust_list": (274, 100), "rseq": (334, 293),
    "futex": (202, 98), "futex_waitv": (449, 449), "capget": (125, 90),
    # signals
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "pause": (34, None), "alarm": (37, None), "getitimer": (36, 102),
    "setitimer": (38, 103), "restart_syscall": (219, 128),
    # time
    "time": (201, None), "gettimeofday": (96, 169), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "timer_create": (222, 107), "timer_settime": (223, 110), "timer_gettime": (224, 108),
    "timer_getoverrun": (225, 109), "timer_delete": (226, 111), "getrandom": (318, 278),
    # sockets
    "accept": (43, 202), "accept4": (288, 242), "listen": (50, 201), "getsockname": (51, 204),
    "getpeername": (52, 205), "shutdown": (48, 210), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "recvfrom": (45, 207), "recvmmsg": (299, 243), "sendmmsg": (307, 269), "getsockopt": (55, 209),
    "setsockopt": (54, 208),
    # special
    "clone": (56, 220), "socket": (41, 198), "socketpair": (53, 199),
    "connect": (42, 203), "bind": (49, 200), "sendto": (44, 206), "ioctl": (16, 29),
    "prctl": (157, 167), "prlimit64": (302, 261), "setpriority": (141, 140),
    "sched_setaffinity": (203, 122), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "mknod": (133, None), "mknodat": (259, 33),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "chown": (92, None), "lchown": (94, None), "fchown": (93, 55),
    "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None), "utimensat": (280, 88),
    "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}
# fmt: on

_NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW*
_SET_ID_BITS = 0o6000
_FILE_TYPE_BITS, _FIFO = 0o170000, 0o010000
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCKET_TYPE_BITS, _SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET = 0xF, 1, 2, 5
_SET_OWNER_COMMANDS = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals sent by the kernel
# TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, FICLONE
_IOCTLS = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x40049409)
# pdeathsig (set, get), get dumpable, name (set, get), seccomp, bounding set, timer slack (set,
# get), no_new_privs, transparent huge pages (set, get), name of a mapping
_PRCTLS = (1, 2, 3, 15, 16, 21, 23, 29, 30, 39, 41, 42, 0x53564D41)


class _Check:
    """A check of one argument: its low 32 bits under `mask` must (or must not) be in `values`."""

    def __init__(
        self,
        argument: int,
        values: tuple[int, ...],
        mask: int = 0xFFFFFFFF,
        *,
        allowed: bool = True,
        error: int = errno.EPERM,
        high_half: bool = False,
    ) -> None:
        self.argument, self.values, self.mask = argument, values, mask
        self.allowed, self.error, self.high_half = allowed, error, high_half


def _no_bits(argument: int, mask: int) -> _Check:
    return _Check(argument, (0,), mask)


_Rules = dict[str, tuple[_Check, ...]]

_ALWAYS: _Rules = {
    "clone": (_no_bits(0, _NEW_NAMESPACES),),  # clone3 hides its flags in memory: not listed
    "ioctl": (_Check(1, _IOCTLS, error=errno.ENOTTY),),
    "prctl": (_Check(0, _PRCTLS, error=errno.EINVAL),),
    "fcntl": (_Check(1, _SET_OWNER_COMMANDS, allowed=False),),
    "prlimit64": (_Check(0, (0,)),),
    "setpriority": (_Check(0, (0,)), _Check(1, (0,))),
    "sched_setaffinity": (_Check(0, (0,)),),
    # A set-uid program in the work folder would outlive the sandbox.
    "open": (_no_bits(2, _SET_ID_BITS),),
    "openat": (_no_bits(3, _SET_ID_BITS),),
    "creat": (_no_bits(1, _SET_ID_BITS),),
    "mkdir": (_no_bits(1, _SET_ID_BITS),),
    "mkdirat": (_no_bits(2, _SET_ID_BITS),),
    "chmod": (_no_bits(1, _SET_ID_BITS),),
    "fchmod": (_no_bits(1, _SET_ID_BITS),),
    "fchmodat": (_no_bits(2, _SET_ID_BITS),),
    "fchmodat2": (_no_bits(2, _SET_ID_BITS),),
    "mknod": (_Check(1, (_FIFO,), _FILE_TYPE_BITS), _no_bits(1, _SET_ID_BITS)),
    "mknodat": (_Check(2, (_FIFO,), _FILE_TYPE_BITS), _no_bits(2, _SET_ID_BITS)),
}

# With its own network namespace, code may use local sockets.
_OWN_NETWORK: _Rules = {
    "socket": (
        _Check(0, (_AF_UNIX, _AF_INET, _AF_INET6), error=errno.EAFNOSUPPORT),
        _Check(1, (_SOCK_STREAM, _SOCK_DGRAM, _SOCK_SEQPACKET), _SOCKET_TYPE_BITS),
    ),
    "socketpair": (_Check(0, (_AF_UNIX,), error=errno.EAFNOSUPPORT),),
}

# Without one, only connected pairs of sockets are allowed.
_NO_NETWORK: _Rules = {
    "socket": (_Check(0, (), error=errno.EAFNOSUPPORT),),
    "connect": (_Check(0, ()),),
    "bind": (_Check(0, ()),),
    "sendto": (_Check(4, (0,)), _Check(4, (0,), high_half=True)),
    "socketpair": (
        _Check(0, (_AF_UNIX,), error=errno.EAFNOSUPPORT),
        _Check(1, (_SOCK_STREAM, _SOCK_SEQPACKET), _SOCKET_TYPE_BITS),
    ),
}

_NOT_SUPPORTED = (_Check(0, (), error=errno.ENOTSUP),)

# Landlock does not cover the attributes of files that may not be opened.
_NO_ATTRIBUTES: _Rules = dict.fromkeys(
    ("getxattr", "lgetxattr", "listxattr", "llistxattr"), _NOT_SUPPORTED
)

# Nor changes to a file's mode and times by path: they are ignored.
_NO_METADATA: _Rules = {
    name: (_Check(0, (), error=0),)
    for name in ("chmod", "fchmodat", "fchmodat2", "utime", "utimes", "futimesat")
} | {"utimensat": (_Check(1, (0,), error=0), _Check(1, (0,), error=0, high_half=True))}


def _own_signals(pid: int) -> _Rules:
    """Allow signals only to the process itself, for kernels whose Landlock cannot scope them."""
    rules: _Rules = dict.fromkeys(("kill", "tgkill"), (_Check(0, (0, pid)),))
    refused = ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
    return rules | dict.fromkeys(refused, (_Check(0, ()),))


_UNSUPPORTED: _Rules = {
    **dict.fromkeys(("setxattr", "lsetxattr", "fsetxattr"), _NOT_SUPPORTED),
    **dict.fromkeys(("removexattr", "lremovexattr", "fremovexattr"), _NOT_SUPPORTED),
    **dict.fromkeys(("chown", "lchown", "fchown", "fchownat"), (_Check(0, ()),)),
    # Fills a disk faster than the watchdog can react; the C library writes zeros instead.
    "fallocate": _NOT_SUPPORTED,
}


def policy(*, own_tree: bool, own_user: bool, own_processes: bool, pid: int) -> _Rules:
    """Return the rules for what the other layers do not cover.

    Args:
        own_tree: The code has its own file tree and network.
        own_user: The code runs as an unused user.
        own_processes: The code has its own process namespace or signal scope.
        pid: The process to filter.
    """
    rules = _ALWAYS | _UNSUPPORTED | (_OWN_NETWORK if own_tree else _NO_NETWORK | _NO_ATTRIBUTES)
    if not own_tree and not own_user:
        rules |= _NO_METADATA
    if not own_processes:
        rules |= _own_signals(pid)
    return rules


def assemble(rules: _Rules, architecture: str) -> bytes:
    """Return the BPF program. Raise OSError for unsupported architectures."""
    if architecture not in _ARCHITECTURES:
        raise OSError(errno.ENOTSUP, f"no system call table for {architecture}")
    column = list(_ARCHITECTURES).index(architecture)
    program = [
        _load(4),
        _instruction(_JUMP_EQUAL, _ARCHITECTURES[architecture], if_true=1),
        _instruction(_RETURN, _KILL_PROCESS),
        _load(0),
        _instruction(_JUMP_AT_LEAST, _X32_BIT, if_false=1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    for name, numbers in _CALLS.items():
        number = numbers[column]
        if number is None:
            continue
        body = b"".join(_check(check) for check in rules.get(name, ()))
        body += _instruction(_RETURN, _ALLOW)
        program += [_instruction(_JUMP_EQUAL, number, if_false=len(body) // 8), body]
    program.append(_instruction(_RETURN, _ERRNO | errno.ENOSYS))
    return b"".join(program)


def install(program: bytes) -> None:
    """Install the filter. Requires no_new_privs."""
    filters = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(filters))
    address = ctypes.create_string_buffer(header, len(header))
    kernel.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(address))


def _check(check: _Check) -> bytes:
    refuse = _instruction(_RETURN, _ERRNO | check.error)
    parts = [_load(16 + 8 * check.argument + (4 if check.high_half else 0))]
    if check.mask != 0xFFFFFFFF:
        parts.append(_instruction(_AND, check.mask))
    count = len(check.values)
    for index, value in enumerate(check.values):
        # A match skips the remaining comparisons and one instruction: the refusal or its jump.
        parts.append(_instruction(_JUMP_EQUAL, value, if_true=count - index))
    parts += [refuse] if check.allowed else [_instruction(_JUMP, 1), refuse]
    return b"".join(parts)


def _instruction(code: int, value: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)
