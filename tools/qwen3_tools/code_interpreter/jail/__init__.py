"""What runs between this machine and the code: started as its own process, needs only the stdlib.

The launcher (`main.py`) puts up the walls, a supervisor (`supervisor.py`) stays beside them, and
the worker (`worker.py`, in the folder above) runs inside. Modules here import each other
relatively, since the launcher does not see the package that this folder is part of.

Every session waits until they are imported. So they do without `typing`, `dataclasses`, `signal`,
`contextlib` and `json`, which take 3 to 11 ms each: more than all that is here.
"""
