"""An interpreter as one writes it in an afternoon: `exec` in a child, lines of JSON over pipes.

It has no isolation and no limits, and trusts every reply. `unsandboxed.py` runs the hostile cells
in it to show that they are hostile.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from qwen3_tools.code_interpreter import CodeResult

SECONDS = 8.0
"""A cell that takes longer is one that never ends."""

_WORKER = """
import ast, json, os, sys, traceback

class Worker:
    def __init__(self):
        self.names = {'__name__': '__main__'}

    def _run(self, code):
        result = error = None
        images = []
        try:
            tree = ast.parse(code)
            last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
            exec(compile(tree, '<cell>', 'exec'), self.names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), '<cell>', 'eval'), self.names)
                result = None if value is None else repr(value)
        except Exception:
            error = traceback.format_exc()
        if 'matplotlib.pyplot' in sys.modules:
            pyplot = sys.modules['matplotlib.pyplot']
            for number in pyplot.get_fignums():
                images.append(f'figure-{number}.png')
                pyplot.figure(number).savefig(images[-1])
            pyplot.close('all')
        sys.stdout.flush()
        sys.stderr.flush()
        return {'result': result, 'error': error, 'images': images}

worker = Worker()
requests, replies = open(int(sys.argv[1])), open(int(sys.argv[2]), 'w')
for line in requests:
    print(json.dumps(worker._run(json.loads(line))), file=replies, flush=True)
"""


@contextlib.contextmanager
def opened() -> Iterator[Callable[[str], CodeResult]]:
    """Runs cells in it."""
    requests_in, requests = os.pipe()
    replies, replies_in = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(requests_in), str(replies_in)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(requests_in, replies_in),
            cwd=folder,
        )
        os.close(requests_in)
        os.close(replies_in)
        said = [bytearray(), bytearray()]
        for stream, data in zip((process.stdout, process.stderr), said, strict=True):
            threading.Thread(target=_read, args=(stream, data), daemon=True).start()

        stuck = False

        def run(code: str) -> CodeResult:
            nonlocal stuck
            if stuck:
                return CodeResult("failed")
            os.write(requests, json.dumps(code).encode() + b"\n")
            line = bytearray()
            while not line.endswith(b"\n"):
                if not select.select([replies], [], [], SECONDS)[0]:
                    stuck = True
                    return CodeResult("timeout")
                if not (data := os.read(replies, 1 << 20)):
                    return CodeResult("killed")
                line += data
            reply = json.loads(line)
            time.sleep(0.1)  # for what it printed
            stdout, stderr = (stream.decode() for stream in said)
            for stream in said:
                stream.clear()
            return CodeResult(
                "error" if reply["error"] else "ok",
                stdout,
                stderr,
                reply["result"],
                reply["error"],
                tuple(Path(folder, name) for name in reply["images"]),
                tuple(os.listdir(folder)),
            )

        try:
            yield run
        finally:
            process.kill()
            process.wait()


def _read(stream: IO[bytes], data: bytearray) -> None:
    while chunk := os.read(stream.fileno(), 1 << 16):
        data += chunk
