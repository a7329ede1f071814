"""Between this machine and a container: handles go over a socket, since Docker passes on none.

`start` runs outside, in place of the launcher: it starts the container and hands its own handles
over. `receive` runs inside, before the launcher.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from typing import NoReturn

from . import kernel
from .handles import LISTENER, ORDERS, REPLIES, REPORTS
from .plan import Plan

_SECONDS = 50.0
_RECEIVE = (
    "import sys; sys.path.insert(0, {folder!r}); from jail.container import receive;"
    " receive({path!r}); sys.path.pop(0); "
)


def start() -> NoReturn:
    """Start a container for the plan in `argv[-1]`.

    `argv[-2]` says how, as JSON: a path for a socket and where it is seen inside, the folder inside
    that has the launcher, a command to which its program is added, and that command's environment.
    """
    plan = Plan.from_json(sys.argv[-1])
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != plan.host_pid:
        sys.exit(1)
    path, path_inside, folder, command, environment = json.loads(sys.argv[-2])
    places = (REPLIES, REPORTS, ORDERS, LISTENER)[: len(plan.handles)]
    inside = replace(plan, handles=places, entrances=())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen(1)
        container = subprocess.Popen(
            [*command, _RECEIVE.format(path=path_inside, folder=folder) + inside.program(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
        )
        listener.settimeout(_SECONDS)
        connection, _ = listener.accept()
        os.unlink(path)
    with connection:
        socket.send_fds(connection, [b"h"], [0, 1, 2, *plan.handles])
    for handle in (0, 1, 2, *plan.handles, *plan.entrances):
        os.close(handle)
    os._exit(container.wait())


def receive(path: str) -> None:
    """Take the handles that `start` sends, to where the launcher looks for them."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        _, handles, _, _ = socket.recv_fds(connection, 1, 7)
    places = (0, 1, 2, REPLIES, REPORTS, ORDERS, LISTENER)[: len(handles)]
    above = max(*handles, LISTENER) + 1
    for number, handle in enumerate(handles):
        os.dup2(handle, above + number)
    os.closerange(3, above)
    for number, place in enumerate(places):
        os.dup2(above + number, place)
        os.close(above + number)
