"""The pipes between the worker and us, and what the next cell stands on."""

_PIPES = """
import os, stat
pipes = []
for handle in range(3, 64):
    try:
        if stat.S_ISFIFO(os.fstat(handle).st_mode):
            pipes.append(handle)
    except OSError:
        pass
def say(data):
    for handle in pipes:
        try:
            os.set_blocking(handle, False)
            os.write(handle, data)
        except OSError:
            pass
"""

CELLS = {
    "garbage_reply": _PIPES + "say(b'garbage that is no frame at all' * 10)\n",
    "huge_frame": _PIPES + "say(b'\\xff\\xff\\xff\\xff' + b'x' * 1000)\n",
    "unfinished_frame": _PIPES + "say(b'\\x00\\x00\\x10\\x00{')\n",
    "forged_reply": _PIPES
    + """
import json, struct
body = json.dumps({'id': '0' * 16, 'result': 'ESCAPED', 'error': None, 'images': []}).encode()
say(struct.pack('>I', len(body)) + body)
""",
    "forged_shapes": _PIPES
    + """
import struct
for body in (b'null', b'[]', b'1', b'"x"', b'{}', b'{"id": {}}', b'[' * 1000, b'\\xff\\xfe'):
    say(struct.pack('>I', len(body)) + body)
""",
    "deeply_nested_reply": _PIPES
    + """
import struct
body = b'[' * 60000
say(struct.pack('>I', len(body)) + body)
""",
    "close_every_handle": "import os; os.closerange(0, 1024)",
    "close_output": "import os; os.close(1); os.close(2)",
    "replace_every_handle": """
import os
nothing = os.open('/dev/null', os.O_RDWR)
for handle in range(64):
    if handle != nothing:
        os.dup2(nothing, handle)
""",
    "flood_output": """
import os
while True:
    os.write(1, b'flood ' * 10000)
""",
    "flood_from_a_child": """
import os
if os.fork() == 0:
    while True:
        os.write(1, b'flood ' * 1000)
""",
    "huge_result": "'x' * (80 << 20)",
    "huge_result_of_small_things": "list(range(3_000_000))",
    "huge_error": "raise ValueError('x' * (80 << 20))",
    "fake_images": """
import sys, types, os
os.symlink(CANARY, 'figure-1.png')
fake = types.ModuleType('matplotlib.pyplot')
fake.get_fignums = lambda: [1]
class Figure:
    def savefig(self, path, **_):
        os.symlink(CANARY, path)
fake.figure = lambda number: Figure()
fake.close = lambda which: None
sys.modules['matplotlib.pyplot'] = fake
""",
    "lying_errors": """
class Liar(Exception):
    def __str__(self):
        raise RuntimeError
    __repr__ = __str__
raise Liar
""",
    "error_that_exits": """
import os
class Evil(BaseException):
    def __str__(self):
        os._exit(0)
raise Evil
""",
    "break_builtins": """
import builtins
for name in list(vars(builtins)):
    if not name.startswith('__'):
        delattr(builtins, name)
""",
    "replace_builtins": """
import builtins
builtins.compile = builtins.eval = builtins.len = builtins.print = lambda *a, **k: 'ESCAPED'
""",
    "break_modules": """
import sys
for name in list(sys.modules):
    sys.modules[name] = None
""",
    "break_json": """
import json
json.dumps = json.loads = lambda *a, **k: 1 / 0
json.JSONEncoder.encode = None
""",
    "break_streams": """
import sys
sys.stdout = sys.stderr = sys.stdin = None
sys.__stdout__ = None
""",
    "close_streams": "import sys; sys.stdout.close(); sys.stderr.close()",
    "trace_everything": """
import sys, threading
def trace(*_):
    raise RuntimeError('traced')
sys.settrace(trace)
sys.setprofile(trace)
threading.settrace(trace)
""",
    "break_recursion": "import sys; sys.setrecursionlimit(50)",
    "find_the_worker": """
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == 'Worker':
        thing._run = lambda code: {'result': 'ESCAPED', 'error': None, 'images': []}
""",
    "unwind_the_stack": """
import sys
frame = sys._getframe()
while frame:
    frame.f_globals.clear()
    frame = frame.f_back
""",
    "threads_that_interrupt": """
import _thread, threading, time
def nag():
    while True:
        time.sleep(0.01)
        _thread.interrupt_main()
threading.Thread(target=nag, daemon=True).start()
""",
    "child_that_goes_on": "import os; os.fork(); 'ESCAPED' if False else 1",
    "control_characters": r"""
print('\x1b[2J\x00\x07' * 10, '\ud800'.encode('utf8', 'surrogatepass'))
""",
    "not_utf8": "import os; os.write(1, bytes(range(256)))",
    "fake_module_in_work_dir": """
for name in ('json', 'traceback', 'os', 'numpy'):
    open(f'{name}.py', 'w').write('raise SystemError("ESCAPED")')
""",
    "junk_without_end": _PIPES
    + """
import threading
def babble():
    while True:
        say(b'junk' * 1000)
threading.Thread(target=babble, daemon=True).start()
""",
    "junk_from_a_child": _PIPES
    + """
if os.fork() == 0:
    while True:
        say(b'junk' * 1000)
""",
    "read_the_requests": _PIPES
    + """
import threading
def steal(handle):
    while True:
        os.read(handle, 65536)
for handle in pipes:
    threading.Thread(target=steal, args=(handle,), daemon=True).start()
""",
    "child_reads_the_requests": _PIPES
    + """
if os.fork() == 0:
    while True:
        for handle in pipes:
            try:
                os.set_blocking(handle, False)
                os.read(handle, 65536)
            except OSError:
                pass
""",
    "lie_with_the_right_words": """
import os, json
real = os.write
os.write = lambda handle, data: real(handle, data.replace(b'"2"', b'"ESCAPED"'))
json.dumps = lambda *_, **__: '{"result": "ESCAPED", "error": null, "images": []}'
""",
    "half_characters": r"""
class Half:
    def __repr__(self):
        return '\ud800\udfff\ud800'
print('\ud800'.encode('utf8', 'surrogatepass'))
Half()
""",
    "error_of_half_characters": r"raise ValueError('\ud800' * 100)",
    "exit_with_a_trap": """
class Trap:
    def __str__(self):
        raise RuntimeError
    __repr__ = __str__
raise SystemExit(Trap())
""",
    "groups_of_errors": """
error = ValueError()
for _ in range(20_000):
    error = ExceptionGroup('group', [error])
raise error
""",
    "causes_in_a_circle": """
one, other = ValueError(1), ValueError(2)
one.__cause__, other.__cause__ = other, one
one.__context__, other.__context__ = one, other
raise one
""",
    "thousands_of_causes": """
error = ValueError()
for n in range(3000):
    error, error.__cause__ = ValueError(n), error
raise error
""",
    "text_that_lies_about_its_length": """
class Text(str):
    def __len__(self):
        return 1
    def __getitem__(self, _):
        return self
class Thing:
    def __repr__(self):
        return Text('x' * (4 << 20))
Thing()
""",
    "a_thousand_images": _PIPES
    + """
import struct
names = ','.join('"figure-%d.png"' % n for n in range(4000))
body = ('{"result": null, "error": null, "images": [%s]}' % names).encode()
say(b'0' * 16 + struct.pack('>I', len(body)) + body)
""",
    "numbers_without_end": """
import sys
sys.set_int_max_str_digits(0)
1 << (1 << 26)
""",
}
