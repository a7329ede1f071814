"""Other processes, too many of them, too much memory, too long."""

CELLS = {
    "kill_bystander": """
import os
for number in (15, 9, 1, 2, 19):
    try:
        os.kill(BYSTANDER, number)
    except OSError:
        pass
""",
    "kill_host": """
import os
os.kill(HOST, 9)
""",
    "kill_all": "import os; os.kill(-1, 9)",
    "kill_parent": """
import os, signal
for number in (9, 15, 19, 2):
    os.kill(os.getppid(), number)
print('ESCAPED')
""",
    "kill_parents_group": """
import os
os.killpg(os.getpgid(os.getppid()), 9)
""",
    "kill_self": "import os; os.kill(os.getpid(), 9)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "abort": "import os; os.abort()",
    "exit_hard": "import os; os._exit(3)",
    "stop_self": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "spin_ignoring_interrupts": """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
while True:
    pass
""",
    "spin_catching_everything": """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
    "uninterruptible_arithmetic": "x = 7 ** (10 ** 9)",
    "sleep_forever": "import time; time.sleep(1e6)",
    "catastrophic_pattern": "import re; re.match(r'(a+)+$', 'a' * 64 + 'b')",
    "hang_in_repr": """
class Slow:
    def __repr__(self):
        import time
        time.sleep(1e6)
Slow()
""",
    "fork_bomb": """
import os
try:
    while True:
        os.fork()
except BaseException:
    pass
""",
    "fork_bomb_of_sleepers": """
import os, time
count = 0
try:
    while count < 5000:
        if os.fork() == 0:
            time.sleep(98765)
        count += 1
except OSError:
    pass
if count > 100:
    print('ESCAPED', count)
""",
    "thread_bomb": """
import threading, time
count = 0
try:
    while count < 5000:
        threading.Thread(target=time.sleep, args=(98765,), daemon=True).start()
        count += 1
except RuntimeError:
    pass
if count > 100:
    print('ESCAPED', count)
""",
    "daemon_in_its_own_session": """
import os, subprocess
subprocess.Popen(['sleep', '98765'], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        import time
        os.execvp('sleep', ['sleep', '98765'])
    os._exit(0)
""",
    "orphans_that_fork_on": """
import os, time
if os.fork() == 0:
    os.setsid()
    end = time.monotonic() + 98765
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
        time.sleep(0.001)
""",
    "allocate": """
data = []
while True:
    data.append(bytearray(1 << 24))
    if len(data) > 40:
        print('ESCAPED')
        break
""",
    "allocate_in_children": """
import os, time
for _ in range(20):
    if os.fork() == 0:
        data = bytearray(b'x') * (30 << 20)
        time.sleep(98765)
time.sleep(3)
print('ESCAPED')
""",
    "memory_files": """
import os
handles = []
for n in range(40):
    handles.append(os.memfd_create('x'))
    os.write(handles[-1], bytes(1 << 24))
print('ESCAPED')
""",
    "shared_memory": """
import os
for n in range(300):
    with open(f'/dev/shm/fill-{n}', 'wb') as file:
        file.write(bytes(1 << 22))
print('ESCAPED')
""",
    "system_v_memory": """
import ctypes
libc = ctypes.CDLL(None)
made = [libc.shmget(0, 1 << 24, 0o1600) for _ in range(100)]
if any(number >= 0 for number in made):
    print('ESCAPED')
""",
    "raise_own_limits": """
import resource
for limit in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
    try:
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print('ESCAPED', limit)
    except (OSError, ValueError):
        pass
""",
    "limits_of_bystander": """
import resource
resource.prlimit(BYSTANDER, resource.RLIMIT_CPU, (0, 0))
print('ESCAPED')
""",
    "priority_of_bystander": """
import os
for change in (lambda: os.setpriority(os.PRIO_PROCESS, BYSTANDER, 19),
               lambda: os.setpriority(os.PRIO_USER, 0, 19),
               lambda: os.sched_setaffinity(BYSTANDER, {0})):
    try:
        change()
        print('ESCAPED')
    except OSError:
        pass
""",
    "environment_of_others": """
import glob
for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):
    try:
        data = open(path, 'rb').read()
    except OSError:
        continue
    if b'SECRET_OF_HOST' in data:
        print('ESCAPED', path)
import os
if 'SECRET_OF_HOST' in os.environ:
    print('ESCAPED')
""",
    "memory_of_others": """
import os
for pid in (HOST, BYSTANDER, os.getppid(), 1):
    for name in ('mem', 'maps', 'environ', 'fd'):
        try:
            path = f'/proc/{pid}/{name}'
            os.listdir(path) if name == 'fd' else open(path, 'rb').read(1)
            print('ESCAPED', path)
        except OSError:
            pass
""",
    "ignore_children": """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
import time
time.sleep(1)
""",
    "exit_handlers": """
import atexit, time, threading
atexit.register(lambda: time.sleep(98765))
threading.Thread(target=time.sleep, args=(98765,)).start()
raise SystemExit
""",
    "program_that_nobody_may_read": """
import os, shutil, sys, time
shutil.copy(os.path.realpath(sys.executable), 'program')
os.chmod('program', 0o111)
for _ in range(8):
    if os.fork() == 0:
        take = "import time; x = bytearray(b'x') * (100 << 20); time.sleep(98765)"
        os.execv('./program', ['program', '-c', take])
time.sleep(3)
print('ESCAPED')
""",
    "memory_of_socket_buffers": """
import os, socket, time
def fill():
    pairs = []
    while True:
        pairs.append(socket.socketpair())
        for end in pairs[-1]:
            end.setblocking(False)
            try:
                while True:
                    end.send(bytes(65536))
            except BlockingIOError:
                pass
for _ in range(3):
    if os.fork() == 0:
        try:
            fill()
        except OSError:
            time.sleep(98765)
time.sleep(4)
print('ESCAPED')
""",
    "thread_that_keeps_the_lock": """
import re, threading
threading.Thread(target=re.match, args=(r'(a+)+$', 'a' * 64 + 'b'), daemon=True).start()
""",
    "block_all_signals": """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
""",
    "sibling_of_the_worker": """
import ctypes, os, time
clone = 56 if os.uname().machine == 'x86_64' else 220
CLONE_PARENT = 0x8000
for _ in range(3):
    if ctypes.CDLL(None).syscall(clone, CLONE_PARENT | 17, 0, 0, 0, 0) == 0:
        os.setsid()
        os.execvp('sleep', ['sleep', '98765'])
""",
    "vfork_bomb_of_programs": """
import subprocess
try:
    while True:
        subprocess.Popen(['sleep', '98765'])
except OSError:
    pass
""",
    "ask_to_be_killed_last": """
import os
with open('/proc/self/oom_score_adj', 'w') as file:
    file.write('-1000')
print('ESCAPED')
""",
    "deep_recursion": """
import sys
sys.setrecursionlimit(1 << 30)
def down():
    return down() + 1
down()
""",
    "deep_recursion_in_c": """
import sys
sys.setrecursionlimit(1 << 30)
class Down:
    def __getattr__(self, name):
        return getattr(self, name + 'x')
    def __repr__(self):
        return repr(self)
Down()
""",
}
