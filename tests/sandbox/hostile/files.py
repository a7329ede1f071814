"""Reading what is the user's, writing what is the system's, filling the disk."""

from .calls import AS_ROOT_OF_ITS_OWN

CELLS = {
    "open_canary": "print('ESCAPED', open(CANARY).read())",
    "cat_canary": "import subprocess; print(subprocess.getoutput(f'cat {CANARY}'))",
    "canary_through_parent_links": """
import os
print('ESCAPED', open(os.path.relpath(CANARY)).read())
""",
    "canary_through_symlink": """
import os
os.symlink(CANARY, 'innocent.txt')
print('ESCAPED', open('innocent.txt').read())
""",
    "canary_hard_link": """
import os
os.link(CANARY, 'linked.txt')
print('ESCAPED', open('linked.txt').read())
""",
    "canary_renamed_here": """
import os
os.rename(CANARY, 'mine.txt')
print('ESCAPED')
""",
    "canary_deleted": "import os; os.unlink(CANARY); print('ESCAPED')",
    "canary_truncated": "import os; os.truncate(CANARY, 0); print('ESCAPED')",
    "canary_appended": "open(CANARY, 'a').write('x'); print('ESCAPED')",
    "canary_by_root_of_parent": """
import os
for pid in [HOST, BYSTANDER, os.getppid(), 1]:
    try:
        print('ESCAPED', open(f'/proc/{pid}/root{CANARY}').read())
    except OSError:
        pass
""",
    "canary_by_exec": """
import subprocess
print(subprocess.run(['/bin/sh', '-c', f'read x < {CANARY}; echo $x'], capture_output=True))
""",
    "list_home": """
import os, pathlib
folder = os.path.dirname(CANARY)
print('ESCAPED', [name for name in os.listdir(folder) if 'canary' in name])
""",
    "shadow_and_keys": """
import glob, os
for path in ['/etc/shadow', '/etc/gshadow', '/etc/ssl/private', '/root/.bashrc']:
    try:
        print('ESCAPED', path, len(open(path).read()))
    except OSError:
        pass
home = os.path.dirname(CANARY)
for path in glob.glob(f'{home}/.ssh/*') + glob.glob('/home/*/.ssh/*') + glob.glob('/root/.ssh/*'):
    print('ESCAPED', path)
""",
    "write_system": """
import os, sys
for folder in ['/usr/bin', '/usr/lib', '/etc', '/bin', sys.prefix, sys.base_prefix,
               os.path.dirname(os.__file__), '/', '/dev', '/root', '/home', '/var/tmp']:
    try:
        with open(f'{folder}/evil-98765', 'w') as file:
            file.write('x')
        print('ESCAPED', folder)
    except OSError:
        pass
""",
    "write_python_files": """
import os, sys
site = f'.local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages'
mine = os.path.join(os.path.dirname(CANARY), site)
try:
    os.makedirs(mine, exist_ok=True)
    open(f'{mine}/usercustomize.py', 'w').close()
except OSError:
    pass
with open(os.__file__, 'a') as file:
    file.write('#')
print('ESCAPED')
""",
    "write_what_a_shell_reads": """
import os
with open(os.path.join(os.path.dirname(CANARY), '.profile'), 'a') as file:
    file.write('echo evil')
""",
    "change_the_running_program": """
import os
program = '/proc/self/exe'
for flags in (os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
    try:
        os.open(program, flags)
        print('ESCAPED', flags)
    except OSError:
        pass
handle = os.open(program, os.O_PATH)
for path in (program, f'/proc/self/fd/{handle}'):
    before = os.stat(path)
    for change in (lambda: os.chmod(path, before.st_mode ^ 0o020), lambda: os.utime(path, (1, 1))):
        try:
            change()
        except OSError:
            pass
    if os.stat(path).st_ctime_ns != before.st_ctime_ns:
        print('ESCAPED', path)
""",
    "make_device": """
import os, stat
for kind, number in ((stat.S_IFBLK, os.makedev(254, 0)), (stat.S_IFCHR, 0)):
    try:
        os.mknod('device', 0o660 | kind, number)
        print('ESCAPED')
    except OSError:
        pass
""",
    "open_raw_disks": """
for name in ['vda', 'sda', 'nvme0n1', 'mem', 'kmem', 'port', 'kvm', 'fuse', 'loop-control', 'tty',
             'ptmx', 'pts/0', 'net/tun', 'vhost-vsock', 'kmsg']:
    try:
        open(f'/dev/{name}', 'rb')
        print('ESCAPED', name)
    except OSError:
        pass
""",
    "set_uid_program": """
import os, shutil
shutil.copyfile('/bin/sh', 'shell')
for mode in (0o4755, 0o2755, 0o6755):
    try:
        os.chmod('shell', mode)
    except OSError:
        pass
    try:
        handle = os.open('shell', os.O_RDONLY)
        os.fchmod(handle, mode)
    except OSError:
        pass
    if os.stat('shell').st_mode & 0o6000:
        print('ESCAPED', oct(mode))
os.unlink('shell')
""",
    "set_uid_at_creation": """
import os
for make in (lambda: os.open('a', os.O_CREAT | os.O_WRONLY, 0o6755),
             lambda: os.mkdir('b', 0o2777), lambda: os.mknod('c', 0o6755)):
    try:
        make()
    except OSError:
        pass
import glob
for path in glob.glob('*'):
    if os.stat(path).st_mode & 0o6000:
        print('ESCAPED', path)
""",
    "file_capability": AS_ROOT_OF_ITS_OWN
    + """
import struct
open('program', 'w').close()
os.setxattr('program', 'security.capability', struct.pack('<5I', 0x02000001, 0xffffffff, 0, 0, 0))
print('ESCAPED')
""",
    "huge_file": """
with open('huge', 'wb') as file:
    while True:
        file.write(bytes(1 << 22))
        file.flush()
        if file.tell() > 1 << 28:
            print('ESCAPED')
            break
""",
    "sparse_file": """
with open('sparse', 'wb') as file:
    file.truncate(1 << 45)
print('ESCAPED')
""",
    "many_big_files": """
import time
end = time.monotonic() + 3
n = 0
while time.monotonic() < end:
    n += 1
    with open(f'part-{n % 12}', 'wb') as file:
        file.write(bytes(8 << 20))
    if n >= 12:
        time.sleep(0.5)
if n >= 12:
    print('ESCAPED')
""",
    "fill_tmp": """
import tempfile, os
total = 0
for n in range(100):
    with open(f'{tempfile.gettempdir()}/fill-{n}', 'wb') as file:
        file.write(bytes(1 << 22))
    total += 1 << 22
print('ESCAPED', total)
""",
    "delete_everything": """
import os, shutil
for path in [os.path.dirname(CANARY), '/usr', '/bin', '/etc', '/home', '/root', '/var', '/']:
    shutil.rmtree(path, ignore_errors=True)
print('ESCAPED' if not os.path.exists('/usr/bin') else 'safe')
""",
    "remove_work_dir": """
import os, shutil
shutil.rmtree(os.getcwd(), ignore_errors=True)
""",
    "work_dir_to_link": """
import os
here = os.getcwd()
os.rename(here, here + '-moved')
os.symlink('/etc', here)
print('ESCAPED')
""",
    "deep_folders": """
import os
for n in range(3000):
    os.mkdir('d')
    os.chdir('d')
""",
    "folders_too_deep_to_count": """
import os, time
for n in range(60):
    os.mkdir('d' * 200)
    os.chdir('d' * 200)
end = time.monotonic() + 20
n = 0
while time.monotonic() < end:
    n += 1
    with open(f'part-{n}', 'wb') as file:
        file.write(bytes(8 << 20))
    if n > 20:
        time.sleep(0.1)
    if n > 40:
        print('ESCAPED')
        break
""",
    "deleted_files_that_stay_open": """
import os, time
files = []
while len(files) < 40:
    files.append(open('gone', 'wb'))
    os.unlink('gone')
    files[-1].write(bytes(8 << 20))
    files[-1].flush()
    if len(files) > 16:
        time.sleep(0.1)
print('ESCAPED')
""",
    "closed_folder_of_big_files": """
import os, time
os.mkdir('closed')
here = os.open('closed', os.O_RDONLY)
for n in range(40):
    os.chmod('closed', 0o700)
    handle = os.open(f'part-{n}', os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.chmod('closed', 0)
    os.write(handle, bytes(8 << 20))
    os.close(handle)
    if n > 16:
        time.sleep(0.1)
print('ESCAPED')
""",
    "strange_names": r"""
for name in ['a\nb', '\x1b[31mred', '../up', 'x' * 255, '\udcff\udcfe', '<|im_end|>']:
    try:
        open(name, 'w').close()
    except OSError:
        pass
""",
    "attributes_of_canary": """
import os
for get in (lambda: os.getxattr(CANARY, 'user.secret'), lambda: os.listxattr(CANARY)):
    try:
        print(get())
    except OSError:
        pass
""",
    "allocate_a_disk": """
import os
for n in range(8):
    handle = os.open(f'part-{n}', os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(handle, 0, 60 << 20)
    os.close(handle)
print('ESCAPED')
""",
    "small_files_in_tmp": """
import os, tempfile
for n in range(100_000):
    os.close(os.open(f'{tempfile.gettempdir()}/small-{n}', os.O_CREAT | os.O_WRONLY))
print('ESCAPED')
""",
    "secrets_beside_the_environment": """
import os, sys
for name in ('.env', '.git/config', 'README.md', 'mcp_servers.json', 'pyproject.toml'):
    folder = sys.prefix
    while folder != '/':
        folder = os.path.dirname(folder)
        try:
            print('ESCAPED', open(os.path.join(folder, name)).read()[:10])
        except OSError:
            pass
""",
    "many_small_files": """
import os, time
for n in range(60_000):
    os.close(os.open(f'small-{n}', os.O_CREAT | os.O_WRONLY))
time.sleep(1)
print('ESCAPED')
""",
    "long_links": """
import os, time
for n in range(30_000):
    os.symlink('x' * 4000, f'link-{n}')
time.sleep(1)
print('ESCAPED')
""",
}
