"""Ordinary programs must run in every sandbox backend as they do outside."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator

import anyio.from_thread
import pytest

from qwen3_tools.code_interpreter import CodeInterpreter, CodeResult, sandbox

pytestmark = pytest.mark.sandbox

Run = Callable[[str], CodeResult]


@pytest.fixture(scope="module")
def run(backend: sandbox.Sandbox) -> Iterator[Run]:
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(CodeInterpreter(sandbox=backend)) as interpreter,
    ):
        yield lambda code: portal.call(interpreter.run, code)


# name -> (what it needs installed, cell, its last expression's repr)
PROGRAMS: dict[str, tuple[str | None, str, str]] = {
    "process_pool": (
        None,
        """
import multiprocessing
def square(x):
    return x * x
with multiprocessing.Pool(3) as pool:
    answer = pool.map(square, range(5))
answer
""",
        "[0, 1, 4, 9, 16]",
    ),
    "process_queue_and_lock": (
        None,
        """
import multiprocessing
def put(queue, lock):
    with lock:
        queue.put('from a child')
queue, lock = multiprocessing.Queue(), multiprocessing.Lock()
child = multiprocessing.Process(target=put, args=(queue, lock))
child.start()
answer = queue.get(timeout=10)
child.join()
answer
""",
        "'from a child'",
    ),
    "process_executor": (
        None,
        """
from concurrent.futures import ProcessPoolExecutor
def double(x):
    return 2 * x
with ProcessPoolExecutor(2) as executor:
    answer = list(executor.map(double, [1, 2, 3]))
answer
""",
        "[2, 4, 6]",
    ),
    "shared_value": (
        None,
        """
import multiprocessing
value = multiprocessing.Value('i', 40)
def add():
    with value.get_lock():
        value.value += 1
children = [multiprocessing.Process(target=add) for _ in range(2)]
[child.start() for child in children]
[child.join() for child in children]
value.value
""",
        "42",
    ),
    "threads": (
        None,
        """
import threading
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as executor:
    answer = sum(executor.map(lambda x: x, range(100)))
answer
""",
        "4950",
    ),
    "subprocess": (
        None,
        """
import subprocess, sys
one = subprocess.run(['sh', '-c', 'echo hello | tr a-z A-Z'], capture_output=True, text=True)
two = subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True)
(one.stdout, two.stdout, one.returncode)
""",
        "('HELLO\\n', '42\\n', 0)",
    ),
    "asyncio": (
        None,
        """
import asyncio
async def wait(n):
    await asyncio.sleep(0.01)
    return n
async def main():
    return await asyncio.gather(*(wait(n) for n in range(3)))
asyncio.run(main())
""",
        "[0, 1, 2]",
    ),
    "top_level_await": (
        None,
        """
import asyncio
answer = await asyncio.wait_for(asyncio.sleep(0.01, 'slept'), 5)
answer
""",
        "'slept'",
    ),
    "asyncio_subprocess": (
        None,
        """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec('echo', 'hi', stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return out
asyncio.run(main())
""",
        "b'hi\\n'",
    ),
    "large_file": (
        None,
        """
import os
with open('large.bin', 'wb') as file:
    for _ in range(64):
        file.write(os.urandom(1 << 20))
size = os.path.getsize('large.bin')
os.remove('large.bin')
size
""",
        "67108864",
    ),
    "copies_and_archives": (
        None,
        """
import os, shutil, tempfile, zipfile
os.makedirs('tree/branch', exist_ok=True)
open('tree/branch/leaf.txt', 'w').write('green')
shutil.copytree('tree', 'copy', dirs_exist_ok=True)
shutil.copy2('copy/branch/leaf.txt', 'leaf.txt')
with zipfile.ZipFile('leaf.zip', 'w') as archive:
    archive.write('leaf.txt')
shutil.unpack_archive('leaf.zip', 'out')
with tempfile.TemporaryDirectory() as folder:
    shutil.move('out/leaf.txt', folder)
    answer = open(os.path.join(folder, 'leaf.txt')).read()
shutil.rmtree('tree')
answer
""",
        "'green'",
    ),
    "sqlite": (
        None,
        """
import sqlite3
base = sqlite3.connect('base.db')
base.execute('create table if not exists t (x)')
base.executemany('insert into t values (?)', [(n,) for n in range(10)])
base.commit()
base.execute('select sum(x) from t').fetchone()
""",
        "(45,)",
    ),
    "time_zones": (
        None,
        """
from datetime import datetime
from zoneinfo import ZoneInfo
datetime(2024, 7, 1, 12, tzinfo=ZoneInfo('UTC')).astimezone(ZoneInfo('Asia/Tokyo')).hour
""",
        "21",
    ),
    "dataclasses_and_pickle": (
        None,
        """
import pickle
from dataclasses import dataclass
@dataclass
class Point:
    x: int
pickle.loads(pickle.dumps(Point(3)))
""",
        "Point(x=3)",
    ),
    "exact_arithmetic": (None, "48213 * 977", "47104101"),
    "ready_modules": (
        None,
        "math.floor(2.5), json.dumps([1]), re.sub('a', 'b', 'a')",
        "(2, '[1]', 'b')",
    ),
    "numpy": ("numpy", "np.linalg.det(np.eye(200)).item()", "1.0"),
    "numpy_large": ("numpy", "(np.ones((600, 600)) @ np.ones((600, 600)))[0, 0].item()", "600.0"),
    "pandas": (
        "pandas",
        """
frame = pd.DataFrame({'town': ['a', 'b', 'a'], 'n': [1, 2, 3]})
frame.to_csv('frame.csv')
pd.read_csv('frame.csv').groupby('town').n.sum().to_dict()
""",
        "{'a': 4, 'b': 2}",
    ),
    "sympy": ("sympy", "x = symbols('x'); solve(Eq(x**2, 4), x)", "[-2, 2]"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_honest_program_runs(name: str, run: Run) -> None:
    needed, code, expected = PROGRAMS[name]
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    result = run(code)
    assert (result.status, result.result) == ("ok", expected), result


def test_another_python_runs_inside(backend: sandbox.Sandbox) -> None:
    python = os.path.realpath(sys.executable)
    with CodeInterpreter(sandbox=backend, python=python, preload=()) as interpreter:
        for _ in range(2):
            assert interpreter.run_sync("import sys; sys.executable").result == repr(python)
            assert interpreter.run_sync(PROGRAMS["process_pool"][1]).result == "[0, 1, 4, 9, 16]"
            interpreter.reset_sync()


def test_figures_become_images(run: Run) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed")
    result = run("plt.plot([1, 4, 9]); plt.show(); plt.figure(); plt.plot([1, 2])")
    assert [image.read_bytes()[:4] for image in result.images] == [b"\x89PNG"] * 2
    assert result.stderr == ""
    assert result.files == ()
