"""Isolates the code from this machine: runs as its own process and uses only the stdlib.

The launcher (`main.py`) sets up the isolation, the supervisor (`supervisor.py`) watches from
outside, and the worker (`worker.py`, in the parent folder) runs inside. Modules import each other
relatively, since the launcher does not see the enclosing package.

Every session waits for these imports. Therefore the modules avoid `typing`, `dataclasses`,
`signal`, `contextlib` and `json`, which take 3 to 11 ms each: more than everything here.
"""
