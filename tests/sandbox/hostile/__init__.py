"""Cells that try to get out, one idea each. A cell prints ESCAPED when it got what it wanted.

These names are set before a cell runs: CANARY (a file of the user's, which holds a secret), PORT (a
TCP server of the user's), FREE_PORT (nobody listens there), UDP_PORT, SOCKET and DATAGRAMS (paths
of unix sockets), ABSTRACT (an abstract one's name), BYSTANDER (another process of the user's), HOST
(the process that opened the interpreter).
"""

from . import channel, files, kernel, network, processes

CELLS: dict[str, str] = {
    f"{module.__name__.rpartition('.')[2]}/{name}": code
    for module in (network, processes, kernel, channel, files)  # the last leaves its folder full
    for name, code in module.CELLS.items()
}
