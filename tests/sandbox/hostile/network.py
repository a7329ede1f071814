"""Reaching anything at all."""

from .calls import AS_ROOT_OF_ITS_OWN

CELLS = {
    # First: later cells leave sockets of their own open.
    "inherited_handles": """
import os, socket, stat
for handle in range(1024):
    try:
        mode = os.fstat(handle).st_mode
    except OSError:
        continue
    if stat.S_ISSOCK(mode) or stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and handle > 2):
        print('ESCAPED', handle)
""",
    "tcp_to_host": """
import socket
for host in ('127.0.0.1', 'localhost', '0.0.0.0', '::1', '::ffff:127.0.0.1'):
    try:
        with socket.create_connection((host, PORT), 1) as connection:
            connection.send(b'hello')
        print('ESCAPED', host)
    except OSError:
        pass
""",
    "tcp_outside": """
import socket
for host in ('1.1.1.1', '8.8.8.8', '169.254.169.254', '10.0.0.1', '2606:4700:4700::1111'):
    for port in (80, 443, 53):
        try:
            socket.create_connection((host, port), 0.2)
            print('ESCAPED', host)
        except OSError:
            pass
""",
    "udp_to_host": """
import socket
for host in ('127.0.0.1', '255.255.255.255'):
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'ESCAPED', (host, UDP_PORT))
    except OSError:
        pass
""",
    "tcp_fast_open": """
import socket
s = socket.socket()
s.sendto(b'ESCAPED', 0x20000000, ('127.0.0.1', PORT))
""",
    "resolve_names": """
import socket
try:
    print('ESCAPED', socket.getaddrinfo('example.com', 80))
except OSError:
    pass
""",
    "unix_socket": """
import socket
s = socket.socket(socket.AF_UNIX)
s.connect(SOCKET)
s.send(b'hello')
print('ESCAPED')
""",
    "abstract_socket": r"""
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    try:
        s = socket.socket(socket.AF_UNIX, kind)
        s.connect('\0' + ABSTRACT)
        s.send(b'hello')
        print('ESCAPED')
    except OSError:
        pass
""",
    "datagram_pair_to_path": r"""
import socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
for address in (DATAGRAMS, SOCKET, '\0' + ABSTRACT, '/dev/log', '/run/systemd/notify'):
    try:
        a.sendto(b'hello', address)
        print('ESCAPED', address)
    except OSError:
        pass
""",
    "well_known_sockets": """
import socket
import glob
others = glob.glob('/tmp/.*/*') + glob.glob('/run/*.sock') + glob.glob('/tmp/*.sock')
for path in (*others, '/var/run/docker.sock', '/run/dbus/system_bus_socket', '/run/systemd/private',
             '/tmp/.X11-unix/X0', '/run/containerd/containerd.sock'):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        print('ESCAPED', path)
    except OSError:
        pass
""",
    "raw_socket": AS_ROOT_OF_ITS_OWN
    + """
import socket
for family, kind, protocol in ((2, 3, 1), (2, 3, 255), (10, 3, 58), (17, 3, 0x300), (17, 2, 0x300)):
    try:
        socket.socket(family, kind, protocol)
        print('ESCAPED', family, kind)
    except OSError:
        pass
""",
    "vsock": """
import socket
for cid in (0, 1, 2, 3):
    try:
        s = socket.socket(40, socket.SOCK_STREAM)
        s.settimeout(0.5)
        s.connect((cid, 1024))
        print('ESCAPED')
    except OSError:
        pass
try:
    socket.socket(40, socket.SOCK_STREAM)
    print('ESCAPED')
except OSError:
    pass
""",
    "netlink": """
import socket
for protocol in range(23):
    try:
        socket.socket(16, socket.SOCK_RAW, protocol)
        print('ESCAPED', protocol)
    except OSError:
        pass
""",
    "odd_families": """
import socket
for family in range(3, 46):
    if family == socket.AF_INET6:
        continue
    for kind in (1, 2, 3, 5):
        try:
            socket.socket(family, kind)
            print('ESCAPED', family)
        except OSError:
            pass
""",
    "listen_for_host": """
import os, socket
ready, told = os.pipe()
if os.fork() == 0:
    try:
        server = socket.create_server(('0.0.0.0', FREE_PORT))
        os.write(told, b'x')
        server.settimeout(10)
        server.accept()
    except OSError:
        pass
    os._exit(0)
os.close(told)
os.read(ready, 1);
""",
    "other_programs": """
import subprocess
for command in (['curl', '-m', '1', '-s', f'http://127.0.0.1:{PORT}'],
                ['ping', '-c1', '-W1', '1.1.1.1'],
                ['bash', '-c', f'echo ESCAPED > /dev/tcp/127.0.0.1/{PORT}']):
    try:
        done = subprocess.run(command, capture_output=True, timeout=3)
        if done.returncode == 0:
            print('ESCAPED', command)
    except OSError:
        pass
""",
}
