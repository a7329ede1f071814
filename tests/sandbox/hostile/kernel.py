"""Parts of the kernel that no cell has business with."""

from .calls import AS_ROOT_OF_ITS_OWN, CALLS

CELLS = {
    "mount": AS_ROOT_OF_ITS_OWN
    + """
must_fail(165, 40, b'none', b'/tmp', b'tmpfs', 0, None)
must_fail(165, 40, b'/', b'/tmp', None, 4096, None)
must_fail(166, 39, b'/proc', 2)
must_fail(155, 41, b'.', b'.')
must_fail(430, 430, b'tmpfs', 0)
must_fail(428, 428, -100, b'/', 1)
must_fail(442, 442, -100, b'/', 0, bytes(32), 32)
""",
    "unshare": CALLS
    + """
for flag in (0x20000, 0x80, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    must_fail(272, 97, flag)
""",
    "clone_namespaces": CALLS
    + """
for flag in (0x20000, 0x10000000, 0x20000000, 0x40000000):
    pid = call(56, 220, flag | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        print('ESCAPED')
import struct
arguments = struct.pack('=11Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
pid = call(435, 435, arguments, len(arguments))
if pid == 0:
    os._exit(0)
if pid > 0:
    print('ESCAPED')
""",
    "join_namespaces": CALLS
    + """
ready, told = os.pipe()
child = os.fork()
if child == 0:
    call(272, 97, 0x10000000)
    os.write(told, b'x')
    import time
    time.sleep(98765)
os.read(ready, 1)
try:
    must_fail(308, 268, os.open(f'/proc/{child}/ns/user', os.O_RDONLY), 0)
except OSError:
    pass
os.kill(child, 9)
for pid in ('self', HOST, 1):
    for kind in ('mnt', 'net', 'user', 'pid'):
        try:
            must_fail(308, 268, os.open(f'/proc/{pid}/ns/{kind}', os.O_RDONLY), 0)
        except OSError:
            pass
""",
    "change_root": AS_ROOT_OF_ITS_OWN + "must_fail(161, 51, b'/')\nmust_fail(161, 51, b'/tmp')\n",
    "become_someone": AS_ROOT_OF_ITS_OWN
    + """
must_fail(105, 146, 0)
must_fail(106, 144, 0)
must_fail(117, 147, 0, 0, 0)
must_fail(116, 159, 0, None)
for command in ('su', 'sudo', 'newgrp', 'passwd', 'pkexec', 'mount'):
    os.system(f'{command} root -c id 2>/dev/null </dev/null | grep uid=0 && echo ESCAPED')
""",
    "capabilities": AS_ROOT_OF_ITS_OWN
    + """
try:
    status = open('/proc/self/status').read()
except OSError:
    status = ''
for line in status.splitlines():
    if line.startswith(('CapEff', 'CapPrm', 'CapInh', 'CapAmb', 'CapBnd')):
        if int(line.split()[1], 16):
            print('ESCAPED', line)
    if line.startswith('NoNewPrivs') and line.split()[1] != '1':
        print('ESCAPED', line)
if 0 in (os.getuid(), os.geteuid(), os.getgid()) or 0 in os.getgroups():
    print('ESCAPED root')
""",
    "keys": CALLS
    + """
must_fail(248, 217, b'user', b'x', b'y', 1, -3)
must_fail(250, 219, 0, -3, 0)
must_fail(250, 219, 1, b'session')
must_fail(249, 218, b'user', b'x', None, -3)
""",
    "bpf": CALLS
    + "must_fail(321, 280, 0, bytes(128), 128)\nmust_fail(321, 280, 5, bytes(128), 128)\n",
    "io_uring": CALLS + "must_fail(425, 425, 8, bytearray(120) and bytes(120))\n",
    "perf_events": CALLS
    + """
import struct
# The clock of this very process, and nothing of the kernel's: any user may count that.
attributes = struct.pack('=IIQQQQQ', 1, 64, 0, 0, 0, 0, 1 << 5 | 1 << 6) + bytes(88)
must_fail(298, 241, attributes, 0, -1, -1, 0)
""",
    "ptrace": CALLS
    + """
must_fail(101, 117, 16, BYSTANDER, 0, 0)
must_fail(101, 117, 0x4206, os.getppid(), 0, 0)
must_fail(101, 117, 0, 0, 0, 0)
""",
    "memory_of_processes": CALLS
    + """
import struct
buffer = ctypes.create_string_buffer(8)
local = struct.pack('=QQ', ctypes.addressof(buffer), 8)
for pid in (HOST, BYSTANDER, os.getppid()):
    must_fail(310, 270, pid, local, 1, local, 1, 0)
    must_fail(311, 271, pid, local, 1, local, 1, 0)
    try:
        line = open(f'/proc/{pid}/maps').readline()
    except OSError:
        continue
    remote = struct.pack('=QQ', int(line.partition('-')[0], 16), 8)
    must_fail(310, 270, pid, local, 1, remote, 1, 0)
""",
    "steal_handles": CALLS
    + """
for pid in (HOST, BYSTANDER, os.getppid()):
    handle = call(434, 434, pid, 0)
    if handle >= 0:
        must_fail(438, 438, handle, 0, 0)
        must_fail(424, 424, handle, 9, None, 0)
""",
    "userfaultfd": CALLS + "must_fail(323, 282, 0)\nmust_fail(323, 282, 1)\n",
    "kernel_modules": CALLS
    + """
must_fail(175, 105, b'', 0, b'')
must_fail(313, 273, 0, b'', 0)
must_fail(246, 104, 0, 0, 0, 0)
must_fail(169, 142, 0xfee1dead, 672274793, 0)
""",
    "open_by_handle": CALLS
    + """
handle = (128).to_bytes(4, 'little') + bytes(252)
must_fail(303, 264, -100, b'/', handle, bytes(8), 0)
must_fail(303, 264, -100, CANARY.encode(), handle, bytes(8), 0)
must_fail(304, 265, -100, bytes(256), 0)
""",
    "terminal_injection": """
import fcntl, os, time
if os.fork() == 0:
    try:
        os.setsid()
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, 0x540E, 0)
        print('ESCAPED: a terminal', flush=True)
    except OSError:
        pass
    os._exit(0)
os.wait()
for handle in range(16):
    for request in (0x5412, 0x541C, 0x1_0000_5412):
        try:
            fcntl.ioctl(handle, request, b'x')
            print('ESCAPED', handle)
        except (OSError, OverflowError):
            pass
""",
    "signals_from_the_kernel": """
import fcntl, os
r, w = os.pipe()
for command in (8, 10, 15):
    try:
        fcntl.fcntl(r, command, BYSTANDER)
        print('ESCAPED')
    except (OSError, TypeError, ValueError):
        pass
""",
    "watch_files": CALLS
    + """
handle = call(294, 26, 0)
if handle >= 0 and call(254, 27, handle, os.path.dirname(CANARY).encode(), 0xfff) >= 0:
    print('ESCAPED')
must_fail(300, 262, 0, 0)
""",
    "personality": CALLS + "must_fail(135, 92, 0x0040000)\nmust_fail(135, 92, 0x0400000)\n",
    "x32_calls": """
import ctypes, os
if os.uname().machine == 'x86_64':
    if ctypes.CDLL(None).syscall(0x40000000 + 39) > 0:
        print('ESCAPED')
""",
    "clock_and_names": CALLS
    + """
must_fail(227, 112, 0, bytes(16))
must_fail(170, 161, b'evil', 4)
must_fail(164, 170, bytes(16), None)
must_fail(305, 266, 0, bytes(256))
""",
    "system_settings": AS_ROOT_OF_ITS_OWN
    + """
for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/hostname', '/proc/sysrq-trigger',
             '/sys/kernel/uevent_helper', '/proc/self/uid_map', '/proc/self/setgroups',
             '/proc/sys/net/ipv4/ip_forward', '/proc/sys/kernel/msgmax',
             '/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/memory/tasks'):
    try:
        with open(path, 'w') as file:
            file.write('0 0 1')
        print('ESCAPED', path)
    except OSError:
        pass
""",
    "loosen_the_filter": CALLS
    + """
must_fail(157, 167, 38, 0, 0, 0, 0)
must_fail(157, 167, 4, 1, 0, 0, 0)
must_fail(157, 167, 47, 2, 21, 0, 0)
must_fail(317, 277, 1, 0, None)
""",
    "calls_of_32_bits": """
import ctypes, mmap, os
if os.uname().machine == 'x86_64':
    # mov eax, 20 (getpid); int 0x80; ret
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex('b814000000cd80c3'))
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if ctypes.CFUNCTYPE(ctypes.c_long)(address)() > 0:
        print('ESCAPED')
""",
    "x32_numbers": CALLS
    + """
if X86:
    for number in (0, 41, 57, 101, 165, 272, 512, 520, 545):
        must_fail(0x40000000 + number, 0, 0, 0, 0, 0, 0)
""",
    "files_in_memory": CALLS + "must_fail(319, 279, b'x', 0)\nmust_fail(447, 447, 0)\n",
    "handles_of_processes": CALLS
    + """
handle = call(434, 434, os.getpid(), 0)
if handle >= 0:
    must_fail(438, 438, handle, 1, 0)
must_fail(440, 440, handle, bytes(16), 1, 21, 0)
must_fail(312, 272, os.getpid(), os.getpid(), 0, 0, 0)
""",
    "landlock_taken_back": CALLS
    + """
must_fail(444, 444, (1).to_bytes(8, 'little'), 8, 0)
must_fail(445, 445, 0, 1, bytes(16), 0)
must_fail(446, 446, 0, 0)
""",
    "queues": CALLS
    + """
must_fail(240, 180, b'/queue', 0o102, 0o600, None)
must_fail(68, 186, 0, 0o1600)
must_fail(64, 190, 0, 1, 0o1600)
""",
}
