"""What cells that make system calls begin with."""

CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
X86 = os.uname().machine == 'x86_64'
def call(x86, arm, *arguments):
    values = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return libc.syscall(ctypes.c_long(x86 if X86 else arm), *values)
def must_fail(x86, arm, *arguments):
    if call(x86, arm, *arguments) >= 0:
        print('ESCAPED')
"""

AS_ROOT_OF_ITS_OWN = (
    CALLS
    + """
# A user namespace makes any user root in it: mounts, other users and raw sockets are to be had.
user, group = os.getuid(), os.getgid()
if call(272, 97, 0x7C020000) == 0:
    maps = {'setgroups': 'deny', 'uid_map': f'0 {user} 1', 'gid_map': f'0 {group} 1'}
    for name, text in maps.items():
        with open(f'/proc/self/{name}', 'w') as file:
            file.write(text)
"""
)
